package night

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/safedump/sdcore/triage/index"
)

// Bounds of what is told of the variables of a group.
const (
	maxAlways = 8
	maxDiffer = 8
)

// Tell fills in what the index knows of groups.
func Tell(ctx context.Context, x *index.Index, groups []index.Group) ([]Group, error) {
	out := []Group{}
	for i := range groups {
		g, err := tell(ctx, x, &groups[i])
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

func tell(ctx context.Context, x *index.Index, g *index.Group) (Group, error) {
	t := Group{
		Name: g.Name, Status: g.Status, Title: g.Title, Type: g.Type, Site: g.Site, Program: g.Program,
		Count: g.Count, First: g.First, Last: g.Last, FixedIn: g.FixedIn,
		Always: []index.Variable{}, Differ: []index.Varying{}, Similar: []string{},
	}
	o, err := x.Occurrence(ctx, g.Exemplar)
	if err != nil && !errors.Is(err, index.ErrNotFound) {
		return t, err
	}
	t.Message, t.Report = o.Message, o.Report
	if t.Hosts, err = x.Counts(ctx, g.ID, "host"); err != nil {
		return t, err
	}
	if t.Versions, err = x.Counts(ctx, g.ID, "version"); err != nil {
		return t, err
	}
	similar, err := x.Similar(ctx, g)
	if err != nil {
		return t, err
	}
	for i := range similar {
		t.Similar = append(t.Similar, similar[i].Name)
	}
	vars, err := x.Variables(ctx, g.ID)
	if err != nil || g.Count < 2 { // once nothing is always so
		return t, err
	}
	slices.SortStableFunc(vars, func(a, b index.Varying) int { return cmp.Compare(interest(&a, g), interest(&b, g)) })
	for _, v := range vars {
		switch {
		case v.Always(g.Count) && len(t.Always) < maxAlways:
			t.Always = append(t.Always, index.Variable{Path: v.Path, Value: v.Values[0].Value})
		case !v.Always(g.Count) && len(v.Values) > 1 && len(t.Differ) < maxDiffer:
			t.Differ = append(t.Differ, v)
		}
	}
	return t, nil
}

// interest orders variables: those of the crash site first, and there what was
// said in words before numbers, and numbers before lengths.
func interest(v *index.Varying, g *index.Group) int {
	rank := 0
	function, _, _ := strings.Cut(g.Site, " ")
	path := strings.TrimPrefix(v.Path, "len(")
	if !strings.HasPrefix(path, function+".") {
		rank = 3
	}
	switch {
	case path != v.Path:
		return rank + 2
	case len(v.Values) > 0 && strings.HasPrefix(v.Values[0].Value, `"`):
		return rank
	}
	return rank + 1
}
