package serve

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/safedump/sdcore/triage/index"
)

// Bounds of the page of a group.
const (
	maxCompared  = 20   // variables of each sort
	maxHours     = 2000 // crashes that are sorted into hours
	crashesShown = 20
)

// groupPage is what is known of a group.
type groupPage struct {
	Group        index.Group
	Now          time.Time
	Exemplar     *index.Occurrence // whose report is kept, nil when there is none
	Days         []index.Count
	Timeline     *timeline
	Hosts        []index.Count
	Versions     []index.Count
	Always       []index.Variable
	Differ       []index.Varying
	MoreCompared int
	Variants     []variantRow
	Similar      []index.Group
	Changes      []index.Change
	Crashes      []index.Occurrence
	Older        string // the query of older crashes
	Newer        bool   // it does not begin with the newest
	MarkedFixed  bool
}

type variantRow struct {
	index.Variant
	Crash string // the name of its newest
}

// openGroup opens the index and finds a group by its name.
func (s *Server) openGroup(q *request) (*lease, *index.Group, error) {
	name := q.r.PathValue("name")
	if !groupName.MatchString(name) {
		return nil, nil, notFound("group")
	}
	x, err := s.open(q.ctx())
	if err != nil {
		return nil, nil, err
	}
	g, _, err := x.Find(q.ctx(), name)
	if err == nil && g == nil {
		err = notFound("group")
	}
	if err != nil {
		x.Close()
		return nil, nil, err
	}
	return x, g, nil
}

func (s *Server) group(q *request) error {
	before := int64(0)
	if text := q.r.URL.Query().Get("before"); text != "" {
		var err error
		if before, err = strconv.ParseInt(text, 10, 64); err != nil || before < 1 {
			return badQuestion("before is the number of a crash.")
		}
	}
	x, g, err := s.openGroup(q)
	if err != nil {
		return err
	}
	defer x.Close()
	p, err := s.readGroup(q.ctx(), x.Index, g, before, crashesShown)
	if err != nil {
		return err
	}
	f := q.frame(g.Title)
	f.Page = p
	s.views.write(q.w, http.StatusOK, "group", f)
	return nil
}

// readGroup asks the index for all that a page shows.
func (s *Server) readGroup(ctx context.Context, x *index.Index, g *index.Group, before int64, limit int) (*groupPage, error) {
	p := &groupPage{Group: *g, Now: s.o.Now(), Newer: before != 0, MarkedFixed: g.Status == index.Fixed}
	var err error
	for _, part := range []struct {
		to   *[]index.Count
		what string
	}{{&p.Days, "day"}, {&p.Hosts, "host"}, {&p.Versions, "version"}} {
		if *part.to, err = x.Counts(ctx, g.ID, part.what); err != nil {
			return nil, err
		}
	}
	if p.Always, p.Differ, err = x.Compare(ctx, g); err != nil {
		return nil, err
	}
	p.MoreCompared = max(0, len(p.Always)-maxCompared) + max(0, len(p.Differ)-maxCompared)
	p.Always, p.Differ = p.Always[:min(len(p.Always), maxCompared)], p.Differ[:min(len(p.Differ), maxCompared)]
	if p.Similar, err = x.Similar(ctx, g); err != nil {
		return nil, err
	}
	if p.Changes, err = x.Changes(ctx, g.ID); err != nil {
		return nil, err
	}
	if err := p.readVariants(ctx, x); err != nil {
		return nil, err
	}
	if err := p.readCrashes(ctx, x, before, limit); err != nil {
		return nil, err
	}
	p.Timeline, err = s.timeline(ctx, x, g, p.Days)
	return p, err
}

func (p *groupPage) readVariants(ctx context.Context, x *index.Index) error {
	list, err := x.Variants(ctx, p.Group.ID)
	if err != nil {
		return err
	}
	for _, v := range list {
		o, err := x.Occurrence(ctx, v.Newest)
		if errors.Is(err, index.ErrNotFound) { // cleaned meanwhile
			continue
		}
		if err != nil {
			return err
		}
		p.Variants = append(p.Variants, variantRow{v, o.Name()})
	}
	return nil
}

func (p *groupPage) readCrashes(ctx context.Context, x *index.Index, before int64, limit int) error {
	o, err := x.Occurrence(ctx, p.Group.Exemplar)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return err
	}
	if err == nil && o.Report != "" {
		p.Exemplar = &o
	}
	list, err := x.Occurrences(ctx, index.Filter{Group: p.Group.ID, Before: before, Limit: limit + 1})
	if err != nil {
		return err
	}
	if len(list) > limit {
		list = list[:limit]
		p.Older = "?before=" + strconv.FormatInt(list[limit-1].ID, 10) + "#crashes"
	}
	p.Crashes = list
	return nil
}

// mark changes where a group stands, from a form.
func (s *Server) mark(q *request) error {
	if err := q.mayChange(); err != nil {
		return err
	}
	g, err := s.change(q)
	if err != nil {
		return err
	}
	http.Redirect(q.w, q.r, s.base+"/group/"+g.Name, http.StatusSeeOther)
	return nil
}

const (
	maxVersion = 100
	maxReason  = 500
)

// change reads what a form says of a group and records it.
func (s *Server) change(q *request) (*index.Group, error) {
	c := index.Change{At: s.o.Now(), Reason: q.r.PostForm.Get("reason")}
	switch fixedIn := q.r.PostForm.Get("fixed_in"); q.r.PostForm.Get("status") {
	case "fixed":
		if fixedIn == "" || len(fixedIn) > maxVersion {
			return nil, &trouble{status: http.StatusUnprocessableEntity, what: "In which version is it fixed?",
				why: "A crash of that version, or a later one, brings the group back.", remedy: "Go back and give the version, such as v1.4.0."}
		}
		c.Status, c.FixedIn = index.Fixed, fixedIn
	case "open":
		c.Status = index.Known
	default:
		return nil, &trouble{status: http.StatusUnprocessableEntity, what: "A group is marked fixed or open.", why: "Nothing was changed."}
	}
	if len(c.Reason) > maxReason {
		return nil, &trouble{status: http.StatusUnprocessableEntity, what: "The reason is too long.", remedy: "Say it in 500 bytes."}
	}
	x, g, err := s.openGroup(q)
	if err != nil {
		return nil, err
	}
	defer x.Close()
	if err := x.Mark(q.ctx(), g.ID, c); err != nil {
		return nil, err
	}
	g.Status, g.FixedIn = c.Status, c.FixedIn
	return g, nil
}
