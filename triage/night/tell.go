package night

import (
	"context"
	"errors"

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
	always, differ, err := x.Compare(ctx, g)
	if err != nil {
		return t, err
	}
	t.Always = append(t.Always, always[:min(len(always), maxAlways)]...)
	t.Differ = append(t.Differ, differ[:min(len(differ), maxDiffer)]...)
	return t, nil
}
