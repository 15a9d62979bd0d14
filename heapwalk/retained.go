package heapwalk

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/heapwalk/dominator"
	"github.com/safedump/sdcore/heapwalk/shape"
)

// Retained tells what is kept alive by what: by single objects, by roots, by
// goroutines, by all objects of a type.
type Retained struct {
	l       *Live
	graph   *graph
	tree    *dominator.Tree
	weights *dominator.Weights
}

// graph is the heap with its roots as nodes of their own: first the objects by
// their numbers, then the roots in the order in which they are given, then the
// goroutines, each of which leads to its roots.
type graph struct {
	h *Heap
	// targets are the objects that root i points to, from starts[i] to starts[i+1].
	starts  []uint32
	targets []Object
	order   []uint32 // which of all roots root i is, by the order in which they come
	// goroutines have their roots from first to end.
	goroutines []goroutineRoots
	entries    []uint32
}

type goroutineRoots struct {
	id         uint64
	first, end uint32
}

func (g *graph) roots() int { return len(g.starts) - 1 }

// Len is the number of nodes.
func (g *graph) Len() int { return int(g.h.n) + g.roots() + len(g.goroutines) }

// Successors lists what a node leads to.
func (g *graph) Successors(node uint32, buf []uint32) []uint32 {
	n := g.h.n
	if node < n {
		return g.h.appendTargets(Object(node), buf)
	}
	node -= n
	if roots := uint32(g.roots()); node >= roots {
		r := &g.goroutines[node-roots]
		for i := r.first; i < r.end; i++ {
			buf = append(buf, n+i)
		}
		return buf
	}
	for _, o := range g.targets[g.starts[node]:g.starts[node+1]] {
		buf = append(buf, uint32(o))
	}
	return buf
}

// appendTargets appends the objects that o points to.
func (h *Heap) appendTargets(o Object, buf []uint32) []uint32 {
	s := h.spanOf(o)
	var m pointerMap
	if !h.pointersOf(&m, s, uint32(o-s.first)) {
		return buf
	}
	m.each(func(_, p uint64) {
		if to, ok := h.target(p); ok {
			buf = append(buf, uint32(to))
		}
	})
	return buf
}

// newGraph collects the roots that lead to objects.
func (l *Live) newGraph(ctx context.Context) (*graph, error) {
	g := &graph{h: l.h, starts: []uint32{0}}
	reader := newRootReader(l.h, l.table)
	from, count := 0, uint32(0)
	l.eachRoot(func(r *Root) bool {
		from = len(g.targets)
		if r.object && l.keeps(r.Addr) {
			count++ // its object does
			return true
		}
		reader.each(r, func(e *shape.Edge) {
			if o, ok := l.h.target(e.Ptr); ok && !slices.Contains(g.targets[from:], o) {
				g.targets = append(g.targets, o)
			}
		})
		if len(g.targets) > from {
			g.addRoot(r, count)
		}
		count++
		return ctx.Err() == nil && len(g.targets) < maxRootEdges
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(g.targets) >= maxRootEdges || uint64(g.h.n)+uint64(len(g.starts))+uint64(len(g.goroutines)) > dominator.MaxNodes {
		return nil, fmt.Errorf("%d objects and %d roots: %w", g.h.n, len(g.starts)-1, dominator.ErrTooLarge)
	}
	roots := uint32(g.roots())
	for i := range g.goroutines {
		g.entries = append(g.entries, g.h.n+roots+uint32(i))
	}
	return g, nil
}

// keeps reports whether the object at an address is live: what it points to is then
// not held by its finalizer.
func (l *Live) keeps(addr uint64) bool {
	o, ok := l.h.target(addr)
	return ok && l.live.has(o)
}

// maxRootEdges bounds the pointers from roots into the heap.
const maxRootEdges = 1 << 31

// addRoot ends the targets of a root.
func (g *graph) addRoot(r *Root, order uint32) {
	i := uint32(g.roots())
	g.starts = append(g.starts, uint32(len(g.targets)))
	g.order = append(g.order, order)
	if r.Goroutine == 0 {
		g.entries = append(g.entries, g.h.n+i)
		return
	}
	if n := len(g.goroutines); n > 0 && g.goroutines[n-1].id == r.Goroutine && g.goroutines[n-1].end == i {
		g.goroutines[n-1].end++
		return
	}
	g.goroutines = append(g.goroutines, goroutineRoots{r.Goroutine, i, i + 1})
}

// Retain computes what is kept alive by what.
func (l *Live) Retain(ctx context.Context) (*Retained, error) {
	l.h.progress("collecting roots", 0, 0)
	g, err := l.newGraph(ctx)
	if err != nil {
		return nil, err
	}
	o := dominator.Options{Workers: l.h.options.Workers, Progress: l.h.options.Progress}
	r := &Retained{l: l, graph: g}
	if r.tree, err = dominator.Build(ctx, g, g.entries, o); err != nil {
		return nil, fmt.Errorf("dominators: %w", err)
	}
	r.weights, err = r.tree.Weigh(ctx, func(node uint32) uint64 {
		if node >= l.h.n {
			return 0
		}
		return l.h.spanOf(Object(node)).elem
	}, o)
	if err != nil {
		return nil, fmt.Errorf("retained sizes: %w", err)
	}
	return r, nil
}

// Of is what would be free without an object: itself and what only it keeps alive.
func (r *Retained) Of(o Object) Count { return r.of(uint32(o)) }

func (r *Retained) of(node uint32) Count {
	n := uint64(r.tree.Count(node))
	if node >= r.l.h.n && n > 0 {
		n-- // the root itself
		if roots := r.l.h.n + uint32(r.graph.roots()); node >= roots {
			g := &r.graph.goroutines[node-roots]
			n -= uint64(g.end - g.first)
		}
	}
	return Count{n, r.weights.Retained(node)}
}

// Owner is a root, or with Goroutine set and no name all roots of a goroutine.
type Owner struct {
	Root Root // its Type may be nil
	// All means that it stands for all roots of the goroutine.
	All      bool
	Retained Count
	node     uint32
}

// Owners are the n roots that keep most alive, goroutines as a whole when
// goroutines is set, else single variables and what else roots are.
func (r *Retained) Owners(n int, goroutines bool) []Owner {
	var list []Owner
	add := func(node uint32, goroutine uint64) {
		if c := r.of(node); c.Objects > 0 {
			list = append(list, Owner{Root: Root{Goroutine: goroutine, Frame: -1}, All: goroutine != 0, Retained: c, node: node})
		}
	}
	roots := uint32(r.graph.roots())
	if goroutines {
		for i := range r.graph.goroutines {
			add(r.l.h.n+roots+uint32(i), r.graph.goroutines[i].id)
		}
	} else {
		for i := range roots {
			add(r.l.h.n+i, 0)
		}
	}
	slices.SortFunc(list, func(a, b Owner) int {
		return cmp.Or(cmp.Compare(b.Retained.Bytes, a.Retained.Bytes), cmp.Compare(a.node, b.node))
	})
	list = list[:min(n, len(list))]
	r.describe(list)
	return list
}

// Holding counts the roots, or goroutines, that keep something alive on their own.
func (r *Retained) Holding(roots, goroutines bool) (n int) {
	first, count := r.l.h.n, uint32(r.graph.roots())
	if roots {
		for i := range count {
			if r.of(first+i).Objects > 0 {
				n++
			}
		}
	}
	if goroutines {
		for i := range r.graph.goroutines {
			if r.of(first+count+uint32(i)).Objects > 0 {
				n++
			}
		}
	}
	return n
}

// describeAll is describe where several stand for the same root.
func (r *Retained) describeAll(list []Owner) {
	first := map[uint32]int{}
	var unique []Owner
	for i := range list {
		if _, ok := first[list[i].node]; !ok {
			first[list[i].node] = len(unique)
			unique = append(unique, Owner{node: list[i].node})
		}
	}
	r.describe(unique)
	for i := range list {
		list[i].Root = unique[first[list[i].node]].Root
	}
}

// describe says which roots those are that nodes stand for: roots are not kept
// but given once more.
func (r *Retained) describe(list []Owner) {
	want := map[uint32]*Owner{}
	for i := range list {
		if o := &list[i]; !o.All {
			want[r.graph.order[o.node-r.l.h.n]] = o
		}
	}
	if len(want) == 0 {
		return
	}
	count := uint32(0)
	r.l.eachRoot(func(root *Root) bool {
		if o := want[count]; o != nil {
			o.Root = *root
			delete(want, count)
		}
		count++
		return len(want) > 0
	})
}

// Holder is an object with what it keeps alive.
type Holder struct {
	Object   Object
	Retained Count
}

// Objects are the n objects that keep most alive among those that no other object
// keeps alive on its own.
func (r *Retained) Objects(n int) []Holder {
	var list []Holder
	for node, parent := range r.tree.All() {
		if node < r.l.h.n && (parent == dominator.Root || parent >= r.l.h.n) {
			list = append(list, Holder{Object(node), r.Of(Object(node))})
		}
	}
	slices.SortFunc(list, func(a, b Holder) int {
		return cmp.Or(cmp.Compare(b.Retained.Bytes, a.Retained.Bytes), cmp.Compare(a.Object, b.Object))
	})
	return list[:min(n, len(list))]
}

// ByType is what all objects of a type keep alive together, at least: by the
// index of the type in list, which is a histogram.
func (r *Retained) ByType(list []TypeCount) []uint64 {
	type key struct {
		id   shape.ID
		many bool
	}
	classes, sizes := map[key]int{}, map[uint64]int{}
	for i := range list {
		if t := list[i].Type; t != nil {
			classes[key{t.ID, list[i].Many}] = i
		} else {
			sizes[list[i].Size] = i
		}
	}
	sums := r.weights.ByClass(len(list), func(node uint32) int {
		if node >= r.l.h.n {
			return -1
		}
		s := r.l.h.spanOf(Object(node))
		t := r.l.types.of(s, Object(node))
		if t == 0 {
			return sizes[s.elem]
		}
		return classes[key{t.id(), t.many()}]
	})
	out := make([]uint64, len(list))
	for i := range sums {
		out[i] = sums[i].Retained
	}
	return out
}
