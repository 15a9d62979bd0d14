package heapwalk

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/safedump/sdcore/heapwalk/dominator"
	"github.com/safedump/sdcore/heapwalk/shape"
)

// SuspectOptions say what looks like a leak. The zero value is the default.
type SuspectOptions struct {
	Share float64 // of the live bytes that a suspect keeps alive at least; 0: a tenth
	Max   int     // suspects at most; 0: 20
	// Elements are what a container has at least to be called one; 0: 100.
	Elements uint64
}

func (o SuspectOptions) withDefaults() SuspectOptions {
	if o.Share <= 0 {
		o.Share = 0.1
	}
	if o.Max <= 0 {
		o.Max = 20
	}
	if o.Elements == 0 {
		o.Elements = 100
	}
	return o
}

// ContainerKind says what holds many elements.
type ContainerKind uint8

// The kinds of containers.
const (
	NoContainer ContainerKind = iota
	ContainerSlice
	ContainerMap
	ContainerChan
	ContainerList // objects of one type, each of which holds the next
)

// Container is what holds the parts of a suspect: a map of 120 000 entries.
type Container struct {
	Kind ContainerKind
	// Object is the array of a slice, the header of a map or channel, the first
	// element of a list.
	Object Object
	Type   string // "map[string]*main.session", "[]*main.job"; the element's of a list
	// Len and Cap are as the program has them; of a list both are the length of the
	// part that was followed.
	Len, Cap uint64
}

// Suspect is a place where much of the memory accumulates: one object, or one
// root, keeps it alive, in many parts.
type Suspect struct {
	// Object is where the chain of owners ends, each of which holds little but the
	// next; InRoot means that it is a root itself.
	Object Object
	InRoot bool
	// Root is the root that keeps it alive when there is a single one, HasRoot:
	// with Root.Goroutine and nothing else, the stack of that goroutine.
	Root    Root
	HasRoot bool
	// Container is the one that the parts are in, as far as there is one.
	Container Container
	Retained  Count
	Share     float64 // of all live bytes, 0 to 1
	// Within is the index of the suspect that this one is a part of, -1 for none.
	Within int
}

// Suspects are the places where memory accumulates, largest first.
func (r *Retained) Suspects(ctx context.Context, o SuspectOptions) ([]Suspect, error) {
	o = o.withDefaults()
	total := r.weights.Total()
	found := r.weights.Suspects(dominator.SuspectOptions{Share: o.Share, Max: o.Max})
	out := make([]Suspect, len(found))
	roots := map[int]uint32{}
	for i := range found {
		chain := r.toEnd(r.chain(found[i].Owner.Node, found[i].Node))
		at := r.spot(chain)
		s := Suspect{Retained: r.of(at), Within: found[i].Within}
		if s.InRoot = at >= r.l.h.n; !s.InRoot {
			s.Object = Object(at)
		}
		if total > 0 {
			s.Share = float64(s.Retained.Bytes) / float64(total)
		}
		s.Container = r.container(at, chain)
		if root, ok := r.rootAbove(at); ok {
			roots[i] = root
		}
		out[i] = s
	}
	r.nameRoots(out, roots)
	if err := r.l.measureArrays(ctx, out); err != nil {
		return nil, err
	}
	for i := range out {
		if out[i].Container.Len < o.Elements {
			out[i].Container = Container{}
		}
	}
	return bySuspect(joined(out)), nil
}

// joined leaves out parts of suspects that are in the same container as the whole:
// each table of a large map.
func joined(list []Suspect) []Suspect {
	now := make([]int, len(list))
	kept := list[:0:0]
	for i, s := range list { // a whole comes before its parts
		if s.Within >= 0 {
			s.Within = now[s.Within]
			if s.Container.Kind != NoContainer && s.Container == kept[s.Within].Container {
				now[i] = s.Within
				continue
			}
		}
		now[i] = len(kept)
		kept = append(kept, s)
	}
	return kept
}

// nameRoots says which roots keep suspects alive.
func (r *Retained) nameRoots(out []Suspect, roots map[int]uint32) {
	end := r.l.h.n + uint32(r.graph.roots())
	var owners []Owner
	var of []int // whose owners they are
	for i := range out {
		node, ok := roots[i]
		switch out[i].HasRoot = ok; {
		case !ok:
		case node < end:
			owners, of = append(owners, Owner{node: node}), append(of, i)
		default:
			out[i].Root = Root{Kind: RootGoroutine, Goroutine: r.graph.goroutines[node-end].id, Frame: -1}
		}
	}
	r.describeAll(owners)
	for i, at := range of {
		out[at].Root = owners[i].Root
	}
}

// bySuspect sorts suspects; what they are within keeps its place in front of them,
// since it keeps at least as much alive.
func bySuspect(list []Suspect) []Suspect {
	order := make([]int, len(list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(list[b].Retained.Bytes, list[a].Retained.Bytes) })
	now := make([]int, len(list))
	for to, from := range order {
		now[from] = to
	}
	sorted := make([]Suspect, len(list))
	for to, from := range order {
		sorted[to] = list[from]
		if w := list[from].Within; w >= 0 {
			sorted[to].Within = now[w]
		}
	}
	return sorted
}

// chain are the nodes from one to another that it dominates.
func (r *Retained) chain(from, to uint32) []uint32 {
	chain := []uint32{to}
	for to != from {
		parent, ok := r.tree.Parent(to)
		if !ok || parent == dominator.Root {
			break
		}
		to = parent
		chain = append(chain, to)
	}
	slices.Reverse(chain)
	return chain
}

// toEnd follows a chain that is a list to its end: the last elements keep less
// alive than a chain of owners has to.
func (r *Retained) toEnd(chain []uint32) []uint32 {
	if _, n := r.repeated(chain); n == 0 {
		return chain
	}
	for {
		top := r.weights.Top(chain[len(chain)-1], 1)
		if len(top) == 0 {
			return chain
		}
		chain = append(chain, top[0].Node)
	}
}

// spot is the node of a chain that is told: the last one that keeps most of what
// the first one does. Of a long list, which loses a little with each element, it is
// the first element.
func (r *Retained) spot(chain []uint32) uint32 {
	if first, n := r.repeated(chain); n > 0 {
		return first
	}
	const most = 0.7
	last := chain[0]
	for _, node := range chain {
		if float64(r.weights.Retained(node)) < most*float64(r.weights.Retained(chain[0])) {
			break
		}
		last = node
	}
	return last
}

// listLength is how often a type comes in a chain that is called a list.
const listLength = 32

// repeated finds the type that comes most often in a chain: its first object, and
// how many there are.
func (r *Retained) repeated(chain []uint32) (first uint32, n uint64) {
	if len(chain) < listLength {
		return 0, 0
	}
	type seen struct {
		first uint32
		n     uint64
	}
	by := map[typing]*seen{}
	var best *seen
	for _, node := range chain {
		if node >= r.l.h.n {
			continue
		}
		t := r.l.typing(Object(node))
		if t == 0 {
			continue
		}
		t = newTyping(t.id(), t.many(), Weak)
		s := by[t]
		if s == nil {
			s = &seen{first: node}
			by[t] = s
		}
		if s.n++; best == nil || s.n > best.n {
			best = s
		}
	}
	if best == nil || best.n < listLength {
		return 0, 0
	}
	return best.first, best.n
}

// rootAbove is the root, or the goroutine, that dominates a node.
func (r *Retained) rootAbove(node uint32) (root uint32, ok bool) {
	for node < r.l.h.n {
		if node, ok = r.tree.Parent(node); !ok || node == dominator.Root {
			return 0, false
		}
	}
	return node, true
}

// maxAbove is how far above an object its container is looked for: a group of a map
// is below a table, a directory and the header.
const maxAbove = 4

// container finds what holds the parts of a node: a list that the chain goes
// through, else the node itself or the header above it. The length of a slice is
// found later.
func (r *Retained) container(node uint32, chain []uint32) Container {
	if first, n := r.repeated(chain); n > 0 && first == node {
		in, many, _ := r.l.TypeOf(Object(first))
		return Container{Kind: ContainerList, Object: Object(first), Type: TypeName(in, many), Len: n, Cap: n}
	}
	for range maxAbove {
		if node >= r.l.h.n {
			break
		}
		o := Object(node)
		in, many, _ := r.l.TypeOf(o)
		c := Container{Object: o, Type: in.Name}
		switch in.Kind {
		case shape.KindMap, shape.KindChan:
			if c.Kind = ContainerMap; in.Kind == shape.KindChan {
				c.Kind = ContainerChan
			}
			room, ok := newRoomReader(r.l).of(o)
			if !ok {
				return Container{}
			}
			c.Len, c.Cap = room.Len, room.Cap
			return c
		}
		parent, ok := r.tree.Parent(node)
		if !ok || in.Kind != shape.KindMapGroup && in.Kind != shape.KindMapTable && !r.isHeader(parent) {
			if in.Kind == shape.KindValue && many {
				c.Kind, c.Type = ContainerSlice, TypeName(in, true)
				return c
			}
			break
		}
		node = parent
	}
	return Container{}
}

// isHeader reports whether a node is the header of a map or channel: what it holds
// alone is a part of that.
func (r *Retained) isHeader(node uint32) bool {
	if node >= r.l.h.n {
		return false
	}
	k := r.l.table.Info(r.l.typing(Object(node)).id()).Kind
	return k == shape.KindMap || k == shape.KindChan
}

// measureArrays finds the length and capacity of slices that are containers, by
// the longest of those that point to them.
func (l *Live) measureArrays(ctx context.Context, out []Suspect) error {
	want := map[Object]*Container{}
	for i := range out {
		if c := &out[i].Container; c.Kind == ContainerSlice {
			want[c.Object] = c
		}
	}
	if len(want) == 0 {
		return ctx.Err()
	}
	var mu sync.Mutex
	if err := l.eachEdge(ctx, func(int) func(holdingKey, *shape.Edge) {
		return func(_ holdingKey, e *shape.Edge) {
			o, ok := l.h.target(e.Ptr)
			if !ok || want[o] == nil {
				return
			}
			if o, _, ok := l.slice(e); ok {
				mu.Lock()
				want[o].Len, want[o].Cap = max(want[o].Len, e.Len), max(want[o].Cap, e.Count)
				mu.Unlock()
			}
		}
	}); err != nil {
		return err
	}
	for i := range out { // several may be of one array
		if c := &out[i].Container; c.Kind == ContainerSlice {
			c.Len, c.Cap = want[c.Object].Len, want[c.Object].Cap
		}
	}
	return nil
}
