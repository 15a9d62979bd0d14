package waits

import (
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

const (
	// maxLocalNames bounds the objects for which the variables of a waiter are
	// looked at, and maxAsked how many waiters of each.
	maxLocalNames = 256
	maxAsked      = 3
	// maxAskedFrames is how many frames of the program are looked at.
	maxAskedFrames = 8
)

// name finds ways to the objects with most waiters: from package variables, and
// from variables of the frames that wait.
func (a *analysis) name() {
	a.places = newPlaces(a, a.ranked[:min(len(a.ranked), a.o.MaxObjects)])
	if len(a.places.byAt) == 0 {
		return
	}
	a.globals()
	for i, n := range a.ranked {
		if i >= maxLocalNames || a.ctx.Err() != nil {
			return
		}
		if a.objects[n].addr != 0 {
			a.locals(n)
		}
	}
}

// globals finds ways from package variables.
func (a *analysis) globals() {
	if a.in.Finder == nil {
		return
	}
	list, err := a.in.Finder.Globals()
	if err != nil {
		a.problem(0, "package variables: %v", err)
		return
	}
	var roots []node
	for _, own := range []bool{true, false} { // the program's before those of the standard library
		for i := range list {
			g := &list[i]
			if g.Type == nil || g.Type.Err != nil || g.Type.Size <= 0 || own == machinery(g.Package+".") || strings.HasPrefix(g.Package, "internal/runtime/") {
				continue
			}
			roots = append(roots, node{addr: g.Addr, typ: g.Type, root: &report.WaitName{Kind: "global", Package: g.Package, Variable: g.Name}})
		}
	}
	a.places.search(roots, maxGlobalNodes, maxGlobalHops, func(o int, f found) {
		if len(a.objects[o].names) < 1 {
			a.objects[o].names = append(a.objects[o].names, f)
		}
	})
}

// locals finds ways from variables of frames that wait for an object, innermost
// frame first. Goroutines on equal stacks know it by the same name.
func (a *analysis) locals(n int) {
	asked := map[int]bool{}
	for _, i := range a.objects[n].waits {
		g := int(a.waits[i].g)
		shape := a.in.Goroutines[g].Shape
		if asked[shape] {
			continue
		}
		if asked[shape] = true; len(asked) > maxAsked {
			return
		}
		st, err := a.in.Stack(a.ctx, g)
		if err != nil {
			continue
		}
		if f, ok := a.local(n, g, &st, a.ops[shape].at); ok {
			a.objects[n].names = append(a.objects[n].names, f)
			return
		}
	}
}

// local finds a way to an object from the frames of one goroutine, beginning at one
// frame.
func (a *analysis) local(n, g int, st *corefile.Stack, from int) (best found, ok bool) {
	only := newPlaces(a, []int{n})
	only.types = a.places.types
	for i := max(from, 0); i < len(st.Frames) && i < max(from, 0)+maxAskedFrames && !ok; i++ {
		fr := &st.Frames[i]
		only.search(a.roots(g, fr), maxLocalNodes, maxLocalHops, func(_ int, f found) {
			if !ok || f.name.Stale == best.name.Stale && f.hops < best.hops || best.name.Stale && !f.name.Stale {
				best, ok = f, true
			}
		})
	}
	return best, ok
}

// roots are the variables of a frame.
func (a *analysis) roots(g int, fr *corefile.Frame) []node {
	var out []node
	for _, v := range a.variables(fr) {
		if strings.HasPrefix(v.name, "~") || strings.HasPrefix(v.name, ".") {
			continue
		}
		out = append(out, node{
			addr: v.addr, typ: v.typ, word: v.value, known: v.known,
			root: &report.WaitName{Kind: "local", Function: fr.Function, Goroutine: a.in.Goroutines[g].ID, Variable: v.name, Stale: v.stale},
		})
	}
	return out
}
