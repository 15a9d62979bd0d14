package heapwalk

import (
	"cmp"
	"context"
	"slices"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// Reach marks what can be reached from roots that are added one after the other,
// by nothing but the words that the collector takes for pointers. It is made for
// questions like "what if this goroutine were gone?" and not safe for concurrent
// use.
type Reach struct {
	h      *Heap
	own    *ownRoots
	reader *rootReader
	visit  func(*shape.Edge) // r.edge, made once
	seen   bitset
	todo   []found
	m      pointerMap

	watched bitset
	hits    []Watched

	// statics are the package variables that are no roots but reached like objects,
	// ascending by address.
	statics       []*static
	staticSeen    []bool
	staticWatched map[int]bool
	staticTodo    []int
	// hidden are the addresses of words that count as no pointers, hiding the
	// objects that have some.
	hidden map[uint64]bool
	hiding bitset
	lost   Lost
}

// found is an object by its span.
type found struct {
	s *span
	i uint32
}

func (f found) object() Object { return f.s.first + Object(f.i) }

// Watched is an object, or a package variable that is reached like one.
type Watched uint64

// firstStatic is the first of package variables.
const firstStatic = Watched(1 << 32)

// Lost counts what could not be followed: what was reached may then be too little.
type Lost struct {
	Roots, Objects int
	Example        uint64 // the address of one of them
}

// Any reports whether there is something.
func (l *Lost) Any() bool { return l.Roots+l.Objects > 0 }

func (l *Lost) add(count *int, addr uint64) {
	if *count++; l.Example == 0 {
		l.Example = addr
	}
}

// Reach begins with nothing.
func (h *Heap) Reach() (*Reach, error) {
	table, own, err := h.sources()
	if err != nil {
		return nil, err
	}
	r := &Reach{
		h: h, own: own, reader: newRootReader(h, table), seen: newBitset(h.n), watched: newBitset(h.n),
		hidden: map[uint64]bool{}, hiding: newBitset(h.n), staticWatched: map[int]bool{},
	}
	r.visit = r.edge
	return r, nil
}

// Restart forgets all that was reached, and what was lost on the way.
func (r *Reach) Restart() {
	clear(r.seen)
	clear(r.watched)
	clear(r.staticSeen)
	clear(r.staticWatched)
	r.todo, r.staticTodo, r.hits, r.lost = r.todo[:0], r.staticTodo[:0], nil, Lost{}
}

// Demote lets the package variables of some packages be no roots: they are reached
// when something points to them, and by AddStatics.
func (r *Reach) Demote(pkg func(string) bool) {
	r.statics = nil
	for i := range r.own.globals {
		if g := &r.own.globals[i]; pkg(g.pkg) {
			r.statics = append(r.statics, g)
		}
	}
	r.staticSeen = make([]bool, len(r.statics))
}

// AddStatics adds the package variables that are no roots.
func (r *Reach) AddStatics() {
	for i := range r.statics {
		r.static(i)
	}
}

// static marks a package variable.
func (r *Reach) static(i int) {
	if r.staticSeen[i] {
		return
	}
	r.staticSeen[i] = true
	if r.staticWatched[i] {
		r.hits = append(r.hits, firstStatic+Watched(i))
	}
	r.staticTodo = append(r.staticTodo, i)
}

// staticAt is the package variable at an address that is no root, -1 for none.
func (r *Reach) staticAt(addr uint64) int {
	n := len(r.statics)
	if n == 0 || addr < r.statics[0].addr || addr >= r.statics[n-1].addr+r.statics[n-1].size {
		return -1
	}
	i, ok := slices.BinarySearchFunc(r.statics, addr, func(g *static, a uint64) int { return cmp.Compare(g.addr, a) })
	if !ok {
		i--
	}
	if i >= 0 && addr-r.statics[i].addr < r.statics[i].size {
		return i
	}
	return -1
}

// rootOf is what the collector looks at of a package variable; nil for nothing.
func (r *Reach) rootOf(g *static) *Root {
	s := r.own.segmentOf(g.addr)
	if s == nil || g.size > s.End-g.addr || !anyPointer(s, g.addr, g.addr+g.size) {
		return nil
	}
	return &Root{Kind: RootGlobal, Frame: -1, Function: g.pkg, Name: g.name, Addr: g.addr, Size: g.size, Type: g.typ, segment: s}
}

// Hide lets the word at an offset of the object that begins at base count as no
// pointer. It does nothing where there is no such object of about size bytes: a
// damaged record hides nothing else.
func (r *Reach) Hide(base, size, off uint64) {
	s, i := r.h.find(base)
	if s == nil || s.flags&noPointers != 0 {
		return
	}
	start := s.start + uint64(i)*s.elem
	if s.flags&hasHeader != 0 {
		start += headerSize
	}
	if start != base || s.elem < size || s.elem > 2*size+headerSize || off > s.elem {
		return
	}
	r.hidden[base+off] = true
	r.hiding.set(s.first + Object(i))
}

// Watch lets Follow tell when what holds an address is reached. It returns false
// where that is neither an object of the heap nor a package variable that is no root.
func (r *Reach) Watch(addr uint64) (Watched, bool) {
	if o, ok := r.h.target(addr); ok {
		r.watched.set(o)
		return Watched(o), true
	}
	if i := r.staticAt(addr); i >= 0 {
		r.staticWatched[i] = true
		return firstStatic + Watched(i), true
	}
	return 0, false
}

// AddOwn adds package variables and what the runtime keeps, but for the variables
// that are no roots. Handles of weak pointers keep nothing and are none of them.
func (r *Reach) AddOwn() {
	r.own.each(func(root *Root) bool {
		if root.Kind != RootWeak && !(root.Kind == RootGlobal && r.staticAt(root.Addr) >= 0) {
			r.Add(root)
		}
		return true
	})
}

// Add adds a root.
func (r *Reach) Add(root *Root) {
	if root.Addr != 0 && !root.object && root.Size > 0 {
		if _, _, ok := r.h.mem.View(root.Addr, int(min(root.Size, maxRoot))); !ok {
			r.lost.add(&r.lost.Roots, root.Addr)
		}
	}
	r.reader.each(root, r.visit)
}

func (r *Reach) edge(e *shape.Edge) { r.pointer(e.Ptr) }

// pointer marks what a pointer leads to.
func (r *Reach) pointer(p uint64) {
	s, i := r.h.find(p)
	if s == nil {
		if i := r.staticAt(p); i >= 0 {
			r.static(i)
		}
		return
	}
	o := s.first + Object(i)
	if !r.h.alloc.has(o) || r.seen.has(o) {
		return
	}
	r.seen.set(o)
	if r.watched.has(o) {
		r.hits = append(r.hits, Watched(o))
	}
	if s.flags&noPointers == 0 {
		r.todo = append(r.todo, found{s, i})
	}
}

// Follow goes on from what was added until there is nothing new, and returns what of
// the watched was reached since it was called last.
func (r *Reach) Follow(ctx context.Context) ([]Watched, error) {
	for n := 0; len(r.todo)+len(r.staticTodo) > 0; n++ {
		if n&0xffff == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if last := len(r.staticTodo) - 1; last >= 0 {
			root := r.rootOf(r.statics[r.staticTodo[last]])
			r.staticTodo = r.staticTodo[:last]
			if root != nil {
				r.Add(root)
			}
			continue
		}
		f := r.todo[len(r.todo)-1]
		r.todo = r.todo[:len(r.todo)-1]
		r.pointers(f, r.pointer)
	}
	hits := r.hits
	r.hits = nil
	return hits, nil
}

// pointers calls visit with the pointers of an object that are not hidden.
func (r *Reach) pointers(f found, visit func(p uint64)) {
	m := &r.m
	ok := r.h.pointersOf(m, f.s, f.i)
	switch {
	case m.data == nil, m.typ != 0 && m.mask == nil:
		r.lost.add(&r.lost.Objects, f.s.start+uint64(f.i)*f.s.elem)
	case ok && r.hiding.has(f.object()):
		m.each(func(off, p uint64) {
			if !r.hidden[m.base+off] {
				visit(p)
			}
		})
	case ok:
		m.each(func(_, p uint64) { visit(p) })
	}
}

// Lost is what could not be followed so far.
func (r *Reach) Lost() Lost { return r.lost }

// Problems are those of the package variables and of what the runtime keeps.
func (r *Reach) Problems() bool { return len(r.own.problems) > 0 }

// Marked is what was reached at some time.
type Marked struct {
	seen    bitset
	statics []bool
}

// Marked remembers what was reached until now.
func (r *Reach) Marked() Marked { return Marked{slices.Clone(r.seen), slices.Clone(r.staticSeen)} }
