package serve

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/safedump/sdcore/triage/index"
)

func writeJSON(w http.ResponseWriter, status int, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil { // < and > are escaped: nothing sniffs a page
		return err
	}
	send(w, status, "application/json", b.Bytes())
	return nil
}

// listAnswer is a part of a list. Next is the query of the rest, "" at its end.
type listAnswer[T any] struct {
	List []T    `json:"list"`
	Next string `json:"next,omitempty"`
}

func (s *Server) apiGroups(q *request) error {
	a, err := readAsked(q.r.URL.Query())
	if err != nil {
		return err
	}
	x, err := s.open(q.ctx())
	if err != nil {
		return err
	}
	defer x.Close()
	list, err := x.Groups(q.ctx(), a.filter())
	if err != nil {
		return err
	}
	out := listAnswer[index.Group]{List: append([]index.Group{}, list...)}
	if len(list) > a.Limit {
		out.List = out.List[:a.Limit]
		out.Next = a.at(a.From+a.Limit) + "&limit=" + strconv.Itoa(a.Limit)
	}
	return writeJSON(q.w, http.StatusOK, out)
}

// groupAnswer is all that is known of a group.
type groupAnswer struct {
	index.Group
	Hosts    []index.Count    `json:"hosts"`
	Versions []index.Count    `json:"versions"`
	Days     []index.Count    `json:"days"`
	Always   []index.Variable `json:"always"`
	Differ   []index.Varying  `json:"differ"`
	Variants []index.Variant  `json:"variants"`
	Changes  []index.Change   `json:"changes"`
	Similar  []string         `json:"similar"`
	Crashes  []index.Listed   `json:"crashes"` // the newest ones
}

func (s *Server) apiGroup(q *request) error {
	x, g, err := s.openGroup(q)
	if err != nil {
		return err
	}
	defer x.Close()
	p, err := s.readGroup(q.ctx(), x.Index, g, 0, pageSize)
	if err != nil {
		return err
	}
	out := groupAnswer{Group: *g, Hosts: list(p.Hosts), Versions: list(p.Versions), Days: list(p.Days), Always: list(p.Always), Differ: list(p.Differ),
		Variants: []index.Variant{}, Changes: list(p.Changes), Similar: []string{}, Crashes: index.List(p.Crashes)}
	for i := range p.Variants {
		out.Variants = append(out.Variants, p.Variants[i].Variant)
	}
	for i := range p.Similar {
		out.Similar = append(out.Similar, p.Similar[i].Name)
	}
	return writeJSON(q.w, http.StatusOK, out)
}

// list is never null in JSON.
func list[T any](l []T) []T { return append([]T{}, l...) }

func (s *Server) apiMark(q *request) error {
	if err := q.mayChange(); err != nil {
		return err
	}
	g, err := s.change(q)
	if err != nil {
		return err
	}
	return writeJSON(q.w, http.StatusOK, g)
}

// apiCrashes lists crashes, the newest first.
func (s *Server) apiCrashes(q *request) error {
	v := q.r.URL.Query()
	a, err := readAsked(v)
	if err != nil {
		return err
	}
	f := index.Filter{Search: a.Search, Status: index.Status(a.Status), Limit: a.Limit + 1}
	if a.Status == "open" || a.Kind != "" || a.Version != "" || a.Sort != "" || a.From != 0 {
		return badQuestion("crashes are asked for by q, status, group, before and limit.")
	}
	if text := v.Get("before"); text != "" {
		if f.Before, err = strconv.ParseInt(text, 10, 64); err != nil || f.Before < 1 {
			return badQuestion("before is the number of a crash.")
		}
	}
	x, err := s.open(q.ctx())
	if err != nil {
		return err
	}
	defer x.Close()
	if name := v.Get("group"); name != "" {
		g, _, err := x.Find(q.ctx(), name)
		if err != nil {
			return err
		}
		if g == nil {
			return notFound("group")
		}
		f.Group = g.ID
	}
	found, err := x.Occurrences(q.ctx(), f)
	if err != nil {
		return err
	}
	out := listAnswer[index.Listed]{List: index.List(found)}
	if len(found) > a.Limit {
		out.List = out.List[:a.Limit]
		next := url.Values{"before": {strconv.FormatInt(found[a.Limit-1].ID, 10)}, "limit": {strconv.Itoa(a.Limit)}}
		for _, name := range []string{"q", "status", "group"} {
			if value := v.Get(name); value != "" {
				next.Set(name, value)
			}
		}
		out.Next = "?" + next.Encode()
	}
	return writeJSON(q.w, http.StatusOK, out)
}

func (s *Server) apiStats(q *request) error {
	x, err := s.open(q.ctx())
	if err != nil {
		return err
	}
	defer x.Close()
	st, err := x.Stats(q.ctx())
	if err != nil {
		return err
	}
	return writeJSON(q.w, http.StatusOK, st)
}
