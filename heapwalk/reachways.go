package heapwalk

import (
	"context"
	"slices"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// Questions to a Reach: what is kept alive by some roots alone, and how a package
// variable leads to what it keeps.

// Alone tells for each of some groups of roots what only that group keeps alive:
// what is reached neither from what was added before nor from another group.
// roots gives the roots of a group.
func (r *Reach) Alone(ctx context.Context, groups int, roots func(group int, yield func(*Root))) ([]Count, error) {
	const none, several = 0, ^uint16(0)
	if groups >= int(several)-1 {
		groups = int(several) - 2
	}
	of := make([]uint16, r.h.n)
	var todo []found
	label := uint16(none)
	take := func(p uint64) {
		s, i := r.h.find(p)
		if s == nil {
			return
		}
		o := s.first + Object(i)
		if !r.h.alloc.has(o) || r.seen.has(o) || of[o] == label || of[o] == several {
			return
		}
		if of[o] != none {
			of[o] = several // and what it points to: it is looked at once more
		} else {
			of[o] = label
		}
		if s.flags&noPointers == 0 {
			todo = append(todo, found{s, i})
		}
	}
	edge := func(e *shape.Edge) { take(e.Ptr) }
	for group := range groups {
		label = uint16(group + 1)
		roots(group, func(root *Root) { r.reader.each(root, edge) })
		for n := 0; len(todo) > 0; n++ {
			if n&0xffff == 0 && ctx.Err() != nil {
				return nil, ctx.Err()
			}
			f := todo[len(todo)-1]
			todo = todo[:len(todo)-1]
			label = of[f.object()]
			r.pointers(f, take)
		}
	}
	out := make([]Count, groups)
	for i := range r.h.spans {
		s := &r.h.spans[i]
		for j := range s.n {
			if g := of[s.first+Object(j)]; g != none && g != several {
				out[g-1].plus(Count{1, s.elem})
			}
		}
	}
	return out, nil
}

// Way is a way from a root over objects; None: there is none. Without objects what was
// asked for is a part of the root.
type Way struct {
	Root    Root
	Objects []Object
	None    bool
}

// Ways finds a shortest way to each of some addresses from the package variables that
// are no roots, over what is not among the marked.
func (r *Reach) Ways(ctx context.Context, without Marked, addrs []uint64) ([]Way, error) {
	w := waySearch{r: r, without: without, parents: make([]uint32, r.h.n), left: map[Object]bool{}}
	for _, addr := range addrs {
		if o, ok := r.h.target(addr); ok {
			w.left[o] = true
		}
	}
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	out := make([]Way, len(addrs))
	for i, addr := range addrs {
		out[i] = w.to(addr)
	}
	return out, nil
}

// waySearch is a breadth-first search from package variables.
type waySearch struct {
	r       *Reach
	without Marked
	// parents are by object: 0 for one that was not seen, else 1 + another object, or
	// behind those a root.
	parents []uint32
	from    uint32
	roots   []*Root
	queue   []found
	left    map[Object]bool
}

func (w *waySearch) run(ctx context.Context) error {
	h := w.r.h
	edge := func(e *shape.Edge) { w.take(e.Ptr) }
	for i, g := range w.r.statics {
		root := w.r.rootOf(g)
		if root == nil || w.without.statics[i] || uint64(h.n)+uint64(len(w.roots))+2 > 1<<32-1 {
			continue
		}
		n := len(w.queue)
		w.from = h.n + 1 + uint32(len(w.roots))
		w.r.reader.each(root, edge)
		if len(w.queue) > n {
			w.roots = append(w.roots, root)
		}
	}
	for n := 0; n < len(w.queue) && len(w.left) > 0; n++ {
		if n&0xffff == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		f := w.queue[n]
		w.from = 1 + uint32(f.object())
		if f.s.flags&noPointers == 0 {
			w.r.pointers(f, w.take)
		}
	}
	return ctx.Err()
}

// take notes what a pointer leads to.
func (w *waySearch) take(p uint64) {
	h := w.r.h
	s, i := h.find(p)
	if s == nil {
		return
	}
	o := s.first + Object(i)
	if !h.alloc.has(o) || w.without.seen.has(o) || w.parents[o] != 0 {
		return
	}
	w.parents[o] = w.from
	delete(w.left, o)
	w.queue = append(w.queue, found{s, i})
}

// to is the way to an address.
func (w *waySearch) to(addr uint64) Way {
	n := w.r.h.n
	o, ok := w.r.h.target(addr)
	if !ok {
		if i := w.r.staticAt(addr); i >= 0 && !w.without.statics[i] {
			g := w.r.statics[i]
			return Way{Root: Root{Kind: RootGlobal, Frame: -1, Function: g.pkg, Name: g.name, Addr: g.addr, Size: g.size, Type: g.typ}}
		}
		return Way{None: true}
	}
	at := w.parents[o]
	if at == 0 {
		return Way{None: true}
	}
	way := Way{Objects: []Object{o}}
	for ; at <= n; at = w.parents[at-1] {
		way.Objects = append(way.Objects, Object(at-1))
	}
	slices.Reverse(way.Objects)
	way.Root = *w.roots[at-n-1]
	return way
}

// Path names a way.
func (l *Live) Path(w *Way) Path {
	if w.None || len(w.Objects) == 0 {
		return Path{Root: w.Root, None: w.None}
	}
	way := make([]uint32, len(w.Objects))
	for i, o := range w.Objects {
		way[i] = uint32(o)
	}
	return l.path(&w.Root, way)
}
