package heapwalk

import (
	"context"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk/shape"
)

// Step leads from a value to a part of it.
type Step struct {
	shape.Step
	// Word means that the type of the value is not known: Index is the offset of the
	// word in bytes.
	Word bool
	// KeyType and KeyAddr are the key of a map's element, which is contents; nil
	// when it is not known.
	KeyType *gotype.Type
	KeyAddr uint64
	// Leads means that the part points to the object To.
	Leads bool
	To    Object
}

// Path is a way from a root to an object.
type Path struct {
	Root  Root
	Steps []Step
}

// noNode is the parent of what was not reached.
const noNode = ^uint32(0)

// breadthFirst goes through the graph level by level in a fixed order and calls
// found when it comes to an object for the first time: parent is the object or
// root that points to it. It ends when found returns false.
func (g *graph) breadthFirst(ctx context.Context, found func(parent uint32, o Object) bool) error {
	seen := newBitset(g.h.n)
	var level, next []Object
	more := true
	add := func(parent uint32, o Object) {
		if more && !seen.has(o) {
			seen.set(o)
			more = found(parent, o)
			next = append(next, o)
		}
	}
	for i := range uint32(g.roots()) {
		for _, o := range g.targets[g.starts[i]:g.starts[i+1]] {
			add(g.h.n+i, o)
		}
	}
	var buf []uint32
	for more && len(next) > 0 {
		level, next = next, level[:0]
		for i, o := range level {
			if i%(1<<16) == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			buf = g.h.appendTargets(o, buf[:0])
			for _, to := range buf {
				add(uint32(o), Object(to))
			}
		}
	}
	return ctx.Err()
}

// Shortest finds shortest paths from the roots to the objects that want selects:
// to the n nearest ones, each of which begins at another root or goroutine than
// those before as long as there are such.
func (r *Retained) Shortest(ctx context.Context, want func(Object) bool, n int) ([]Path, error) {
	parents := make([]uint32, r.l.h.n)
	for i := range parents {
		parents[i] = noNode
	}
	var targets []Object
	err := r.graph.breadthFirst(ctx, func(parent uint32, o Object) bool {
		parents[o] = parent
		if want(o) && len(targets) < maxTargets {
			targets = append(targets, o)
		}
		return len(targets) < maxTargets
	})
	if err != nil {
		return nil, err
	}
	return r.paths(choose(targets, parents, r.l.h.n, n), parents), nil
}

// maxTargets bounds the objects among which paths are chosen.
const maxTargets = 1 << 16

// choose picks n of the targets, which are in the order of their distance, such
// that they begin at as many roots as possible.
func choose(targets []Object, parents []uint32, objects uint32, n int) []Object {
	var chosen, others []Object
	begun := map[uint32]bool{}
	for _, o := range targets {
		at := uint32(o)
		for at < objects {
			at = parents[at]
		}
		if begun[at] {
			others = append(others, o)
			continue
		}
		begun[at] = true
		chosen = append(chosen, o)
	}
	chosen = append(chosen, others...)
	return chosen[:min(n, len(chosen))]
}

// paths describes the ways to objects by the parents of a search.
func (r *Retained) paths(targets []Object, parents []uint32) []Path {
	n := r.l.h.n
	owners := make([]Owner, len(targets))
	ways := make([][]Object, len(targets))
	for i, o := range targets {
		at := uint32(o)
		for ; at < n; at = parents[at] {
			ways[i] = append(ways[i], Object(at))
		}
		owners[i].node = at
	}
	r.describeAll(owners)
	out := make([]Path, len(targets))
	for i := range out {
		out[i] = r.l.path(&owners[i].Root, ways[i])
	}
	return out
}

// path names the way from a root over objects, the last one first.
func (l *Live) path(root *Root, way []Object) Path {
	p := Path{Root: *root}
	reader := newRootReader(l.h, l.table)
	first := way[len(way)-1]
	done := false
	reader.each(root, func(e *shape.Edge) {
		if o, ok := l.h.target(e.Ptr); ok && o == first && !done {
			done = true
			p.Steps = l.steps(p.Steps, l.table.Of(root.Type), root.Addr, e.Off, first)
		}
	})
	for i := len(way) - 1; i > 0; i-- {
		p.Steps = l.link(p.Steps, way[i], way[i-1])
	}
	return p
}

// link appends the steps from one object to the next.
func (l *Live) link(steps []Step, from, to Object) []Step {
	s := l.h.spanOf(from)
	var m pointerMap
	if !l.h.pointersOf(&m, s, uint32(from-s.first)) {
		return steps
	}
	off := noOffset
	if m.find(l.h, to, &off); off != noOffset {
		steps = l.steps(steps, l.types[from].id(), m.base, off, to)
	}
	return steps
}

const noOffset = ^uint64(0)

// steps appends what the word at off of a value is called. Parts that the language
// has no name for are left out: the object is then that of the step before.
func (l *Live) steps(steps []Step, id shape.ID, base, off uint64, to Object) []Step {
	if id == shape.Unknown {
		return append(steps, Step{Step: shape.Step{Kind: shape.StepHidden, Index: off}, Word: true, Leads: true, To: to})
	}
	named, _ := l.table.Path(id, off)
	from := len(steps)
	for _, s := range named {
		if s.Kind == shape.StepHidden {
			continue
		}
		st := Step{Step: s}
		if s.Kind == shape.StepMapElem || s.Kind == shape.StepMapKey {
			if key, at, ok := l.table.MapKey(id, off); ok {
				st.KeyType, st.KeyAddr = key, base+at
			}
		}
		steps = append(steps, st)
	}
	if n := len(steps); n > 0 {
		steps[n-1].Leads, steps[n-1].To = true, to
	} else if from == 0 {
		steps = append(steps, Step{Step: shape.Step{Kind: shape.StepHidden}, Leads: true, To: to})
	}
	return steps
}
