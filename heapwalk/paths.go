package heapwalk

import (
	"context"
	"slices"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk/dominator"
	"github.com/safedump/sdcore/heapwalk/shape"
)

// StepKind says what a step of a path is.
type StepKind uint8

// The kinds of steps.
const (
	StepField    StepKind = iota // a field of a struct, by its Name
	StepIndex                    // an element of an array, by its Index
	StepCaptured                 // a variable that a closure captured, by its Name
	StepKey                      // a key of a map
	StepElem                     // the element of a map that belongs to a key
	StepWord                     // the word at offset Index of a value of unknown type
	StepHidden                   // a part that the language has no name for
)

// Step leads from a value to a part of it.
type Step struct {
	Kind  StepKind
	Name  string // of the source, never contents
	Index uint64
	// KeyType and KeyAddr are the key of a map's element, which is contents; nil
	// when it is not known.
	KeyType *gotype.Type
	KeyAddr uint64
	// Struct is the type that a field is one of, Field its number there.
	Struct *gotype.Type
	Field  int
	// Leads means that the part points to the object To.
	Leads bool
	To    Object
}

// Path is a way from a root to an object.
type Path struct {
	Root  Root
	Steps []Step
	// None means that no root is known to lead there: Root says nothing.
	None bool
}

// Shortest finds at most n shortest paths from the roots to objects that want
// selects, each to the nearest one from another goroutine or variable than those
// before; the shortest first.
func (r *Retained) Shortest(ctx context.Context, want func(Object) bool, n int) ([]Path, error) {
	objects := r.l.h.n
	found, err := dominator.Paths(ctx, r.graph, r.graph.entries, func(node uint32) bool { return node < objects && want(Object(node)) }, n,
		dominator.Options{Workers: r.l.h.options.Workers, Progress: r.l.h.options.Progress})
	if err != nil {
		return nil, err
	}
	owners := make([]Owner, len(found))
	for i, nodes := range found {
		for len(nodes) > 1 && nodes[1] >= objects {
			nodes = nodes[1:] // a goroutine before its root
		}
		owners[i].node, found[i] = nodes[0], nodes[1:]
	}
	r.describeAll(owners)
	out := make([]Path, len(found))
	for i := range out {
		out[i] = r.l.path(&owners[i].Root, found[i])
	}
	return out, nil
}

// PathsTo finds a shortest path to each of some live objects, by one search for
// all. To what no root reaches there is None.
func (l *Live) PathsTo(ctx context.Context, targets []Object) ([]Path, error) {
	g, err := l.newGraph(ctx)
	if err != nil {
		return nil, err
	}
	r := &Retained{l: l, graph: g} // no dominators are needed
	n := l.h.n
	left := map[Object]bool{}
	for _, o := range targets {
		left[o] = true
	}
	parents := make([]uint32, n)
	if err := r.graph.breadthFirst(ctx, func(parent uint32, _ uint64, o Object) bool {
		parents[o] = parent
		delete(left, o)
		return len(left) > 0
	}); err != nil {
		return nil, err
	}
	out := make([]Path, len(targets))
	var owners []Owner
	ways, found := make([][]uint32, len(targets)), []int(nil)
	for i, o := range targets {
		if left[o] {
			out[i].None = true
			continue
		}
		at := uint32(o)
		for ; at < n; at = parents[at] {
			ways[i] = append(ways[i], at)
		}
		slices.Reverse(ways[i])
		owners, found = append(owners, Owner{node: at}), append(found, i)
	}
	r.describeAll(owners)
	for j, i := range found {
		out[i] = r.l.path(&owners[j].Root, ways[i])
	}
	return out, nil
}

// path names the way from a root over objects.
func (l *Live) path(root *Root, way []uint32) Path {
	p := Path{Root: *root}
	reader := newRootReader(l.h, l.table)
	first := Object(way[0])
	done := false
	reader.each(root, func(e *shape.Edge) {
		if o, ok := l.h.target(e.Ptr); ok && o == first && !done {
			done = true
			p.Steps = l.steps(p.Steps, reader.typeOf(root), false, root.Addr, e.Off, first)
		}
	})
	for i := range way[1:] {
		p.Steps = l.link(p.Steps, Object(way[i]), Object(way[i+1]))
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
		t := l.types.of(s, from)
		steps = l.steps(steps, t.id(), t.many(), m.base, off, to)
	}
	return steps
}

const noOffset = ^uint64(0)

// steps appends what the word at off of a value is called. Parts that the language
// has no name for are left out: the object is then that of the step before.
func (l *Live) steps(steps []Step, id shape.ID, many bool, base, off uint64, to Object) []Step {
	if id == shape.Unknown {
		return append(steps, Step{Kind: StepWord, Index: off, Leads: true, To: to})
	}
	named, _ := l.table.Path(id, off)
	from := len(steps)
	if in := l.table.Info(id); many && off < in.Size && l.table.Indexed(in) {
		steps = append(steps, Step{Kind: StepIndex}) // the first of several
	}
	for _, s := range named {
		if s.Kind == shape.StepHidden {
			continue
		}
		st := Step{Kind: stepKinds[s.Kind], Name: s.Name, Index: s.Index, Struct: s.Struct, Field: s.Field}
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
		steps = append(steps, Step{Kind: StepHidden, Leads: true, To: to})
	}
	return steps
}

// stepKinds are the kinds of steps by those of shape.
var stepKinds = [...]StepKind{
	shape.StepField: StepField, shape.StepIndex: StepIndex, shape.StepCaptured: StepCaptured,
	shape.StepMapKey: StepKey, shape.StepMapElem: StepElem, shape.StepHidden: StepHidden,
}
