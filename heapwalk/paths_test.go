package heapwalk

import (
	"context"
	"strings"
	"testing"
)

// TestPaths: ways to named things read as the source has them.
func TestPaths(t *testing.T) {
	ctx := context.Background()
	l := walked(t, "heapwaste", Options{}, nil)
	r, err := l.Retain(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		typ  string
		many bool
		want []string
	}{
		{"main.session", false, []string{"main.sessions[...]", "main.jobs[#]"}},
		{"main.sample", true, []string{"main.rows[#]", "main.shorter", "main.longer"}},
		{"main.link", false, []string{"main.list"}},
		{"chan [64]uint8", false, []string{"main.queue"}},
		{"map[int]*main.session", false, []string{"main.sessions"}},
	} {
		paths, err := r.Shortest(ctx, func(o Object) bool {
			in, many, _ := l.TypeOf(o)
			return l.Has(o) && in.Name == c.typ && many == c.many
		}, 10)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for i := range paths {
			got[spelled(&paths[i])] = true
		}
		for _, want := range c.want {
			if !got[want] {
				t.Errorf("%s: no way %s among %v", c.typ, want, got)
			}
		}
	}
}

// spelled writes a path with "#" for each index.
func spelled(p *Path) string {
	var b strings.Builder
	b.WriteString(p.Root.Function + "." + p.Root.Name)
	for _, s := range p.Steps {
		switch s.Kind {
		case StepIndex:
			b.WriteString("[#]")
		case StepField, StepCaptured:
			b.WriteString("." + s.Name)
		case StepKey:
			b.WriteString("[key]")
		case StepElem:
			b.WriteString("[...]")
		}
	}
	return b.String()
}

// TestNoPath: to garbage there is no way, and none is made up.
func TestNoPath(t *testing.T) {
	l := walked(t, "heapwaste", Options{}, nil)
	for o := range Object(l.h.n) {
		if !l.h.Allocated(o) || l.Has(o) {
			continue
		}
		ways, err := l.PathsTo(context.Background(), []Object{o})
		if err != nil || len(ways) != 1 || !ways[0].None || len(ways[0].Steps) > 0 {
			t.Errorf("%+v, %v", ways, err)
		}
		return
	}
	t.Error("no garbage")
}
