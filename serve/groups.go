package serve

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/safedump/sdcore/triage/index"
)

const (
	pageSize  = 50
	maxOffset = 1_000_000
	maxAsked  = 1000 // of an answer to a script
)

// asked is what a visitor wants to see of the groups.
type asked struct {
	Search, Kind, Status, Version, Sort string
	From, Limit                         int
}

// readAsked reads the question of a list.
func readAsked(v url.Values) (asked, error) {
	a := asked{Search: v.Get("q"), Kind: v.Get("kind"), Status: v.Get("status"), Version: v.Get("version"), Sort: v.Get("sort"), Limit: pageSize}
	for name, n := range map[string]struct {
		to        *int
		low, high int
	}{"from": {&a.From, 0, maxOffset}, "limit": {&a.Limit, 1, maxAsked}} {
		text := v.Get(name)
		if text == "" {
			continue
		}
		i, err := strconv.Atoi(text)
		if err != nil || i < n.low || i > n.high {
			return a, badQuestion(name + " is a number from " + strconv.Itoa(n.low) + " to " + strconv.Itoa(n.high) + ".")
		}
		*n.to = i
	}
	if !slices.Contains([]string{"", "open", "new", "known", "fixed", "regressed"}, a.Status) {
		return a, badQuestion("status is open, new, known, fixed or regressed.")
	}
	if !slices.Contains([]string{"", "last", "first", "count"}, a.Sort) {
		return a, badQuestion("sort is last, first or count.")
	}
	return a, nil
}

func badQuestion(why string) error {
	return &trouble{status: http.StatusBadRequest, what: "That can't be asked.", why: why, remedy: "The list of all groups is a good place to begin again."}
}

// filter is the question as the index takes it, for one group more than are
// shown.
func (a asked) filter() index.Filter {
	f := index.Filter{Search: a.Search, Kind: a.Kind, Version: a.Version, Order: index.Order(a.Sort), Offset: a.From, Limit: a.Limit + 1}
	if a.Status == "open" {
		f.Open = true
	} else {
		f.Status = index.Status(a.Status)
	}
	return f
}

// at is the query of another page of the same question.
func (a asked) at(from int) string {
	v := url.Values{}
	for name, value := range map[string]string{"q": a.Search, "kind": a.Kind, "status": a.Status, "version": a.Version, "sort": a.Sort} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if from > 0 {
		v.Set("from", strconv.Itoa(from))
	}
	return "?" + v.Encode()
}

// Narrowed reports whether anything is left out.
func (a asked) Narrowed() bool {
	return a.Search != "" || a.Kind != "" || a.Status != "" || a.Version != ""
}

// groupsPage is the list of groups.
type groupsPage struct {
	Asked                 asked
	Now                   time.Time
	None                  bool // there is no index, or nothing in it
	Crashes, Groups, Open int64
	Kinds, Versions       []index.Count
	Files                 []index.Count // without a report, by state
	Rows                  []groupRow
	Before, After         string
	Saved                 bool
}

type groupRow struct {
	index.Group
	index.Spread
}

// maxChoices bounds the choices of a filter.
const maxChoices = 200

func (s *Server) groups(q *request) error {
	a, err := readAsked(q.r.URL.Query())
	if err != nil {
		return err
	}
	p := groupsPage{Asked: a, Now: s.o.Now(), Saved: s.o.Saved != ""}
	x, err := s.open(q.ctx())
	switch {
	case errors.Is(err, index.ErrNone):
		p.None = true
	case err != nil:
		return err
	default:
		defer x.Close()
		if err := p.read(q, x.Index); err != nil {
			return err
		}
	}
	f := q.frame("Crashes")
	f.Page = &p
	s.views.write(q.w, http.StatusOK, "groups", f)
	return nil
}

func (p *groupsPage) read(q *request, x *index.Index) error {
	ctx := q.ctx()
	var err error
	if p.Crashes, p.Groups, p.Open, err = x.Totals(ctx); err != nil {
		return err
	}
	p.None = p.Groups == 0
	list, err := x.Groups(ctx, p.Asked.filter())
	if err != nil {
		return err
	}
	if len(list) > p.Asked.Limit {
		list = list[:p.Asked.Limit]
		p.After = p.Asked.at(p.Asked.From + p.Asked.Limit)
	}
	if p.Asked.From > 0 {
		p.Before = p.Asked.at(max(0, p.Asked.From-p.Asked.Limit))
	}
	spreads, err := x.Spreads(ctx, list)
	if err != nil {
		return err
	}
	for i := range list {
		p.Rows = append(p.Rows, groupRow{list[i], spreads[list[i].ID]})
	}
	if p.Kinds, err = x.Kinds(ctx); err != nil {
		return err
	}
	if p.Versions, err = x.Counts(ctx, 0, "version"); err != nil {
		return err
	}
	p.Kinds, p.Versions = p.Kinds[:min(len(p.Kinds), maxChoices)], p.Versions[:min(len(p.Versions), maxChoices)]
	p.Files, err = x.States(ctx)
	return err
}
