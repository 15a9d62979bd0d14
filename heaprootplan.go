package sdcore

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk"
)

// frameRoots is what the frames at one place have in common: their roots, from
// the frame address, found once.
type frameRoots struct {
	live    []rootAt
	objects [][]rootAt // by the index of the object in the frame's map
}

// rootAt is a root at an offset from the frame address.
type rootAt struct {
	off     int64
	size    uint64
	depth   int // of the inlined call that the variable is of
	name    string
	typ     *gotype.Type
	generic *goscope.Var // its type is another one in each frame
	deferBy int          // 1 + the number of the open-coded defer whose slot it is
	kind    heapwalk.RootKind
}

// placed is a variable, or a part of one, that lies in one place in a frame.
type placed struct {
	off, size int64
	words     []int64 // those that are pointers, from the frame address
	depth     int
	v         *goscope.Var
	at        int64        // of the part in the variable
	typ       *gotype.Type // of what lies there, nil when there is none for just that
	whole     bool
}

// plan finds the roots of the frames that a map is of. fr is one of them.
func (r *stackRoots) plan(m *goruntime.FrameMap) *frameRoots {
	for len(r.plans) <= m.ID {
		r.plans = append(r.plans, nil)
	}
	p := r.plans[m.ID]
	if p == nil {
		p = r.makePlan(m)
		r.plans[m.ID] = p
	}
	return p
}

func (r *stackRoots) makePlan(m *goruntime.FrameMap) *frameRoots {
	p := &frameRoots{objects: make([][]rootAt, len(m.Objects))}
	vs := r.fixed(m)
	c := claims{r: r}
	for _, w := range m.Live {
		for i := 0; i < w.N && len(c.words) < maxRootWords; i++ {
			c.words = append(c.words, w.Off+8*int64(i))
		}
	}
	c.taken = make([]bool, len(c.words))
	for i := range vs {
		c.claim(&vs[i])
	}
	p.live = append(c.roots, c.rest(m)...)
	slices.SortStableFunc(p.live, func(a, b rootAt) int { return cmp.Compare(a.off, b.off) })
	for i := range m.Objects {
		p.objects[i] = objectRoots(&m.Objects[i], vs)
	}
	return p
}

// fixed are the variables that lie in memory in every frame of a map, those of
// outer calls first.
func (r *stackRoots) fixed(m *goruntime.FrameMap) []placed {
	scopes, err := r.e.finder.Scopes(m.PC, m.CallPC)
	if err != nil {
		return nil // assembly, C: it has no variables
	}
	var out []placed
	for i := range scopes {
		for j := range scopes[i].Vars {
			v := &scopes[i].Vars[j]
			if loc, ok := v.Fixed(); ok && !loc.Stale {
				out = r.place(out, v, loc, scopes[i].Depth)
			}
		}
	}
	return out
}

// place adds the parts of a variable that lie in memory and hold pointers.
func (r *stackRoots) place(to []placed, v *goscope.Var, loc corefile.Location, depth int) []placed {
	t := v.SlotType()
	if t == nil || t.Err != nil || t.Size <= 0 {
		return to
	}
	var at int64 // in the variable
	for i := 0; i < len(loc.Pieces) && len(to) < maxPlaced; i++ {
		piece := &loc.Pieces[i]
		n := bytesOf(piece, t.Size-at)
		for ; piece.Kind == corefile.PieceMemory && i+1 < len(loc.Pieces); i++ { // what lies together is one
			next := &loc.Pieces[i+1]
			if next.Kind != corefile.PieceMemory || next.Addr != piece.Addr+uint64(n) {
				break
			}
			n += bytesOf(next, t.Size-at-n)
		}
		if n <= 0 {
			break
		}
		if p := (placed{off: int64(piece.Addr), size: n, depth: depth, v: v, at: at, whole: n == t.Size}); piece.Kind == corefile.PieceMemory {
			if p.fill(r.wordsOf(t)); len(p.words) > 0 {
				p.typ = r.part(t, at, n)
				to = append(to, p)
			}
		}
		at += n
	}
	return to
}

// bytesOf is the size of a piece where left bytes of the variable are left.
func bytesOf(p *corefile.Piece, left int64) int64 {
	if p.Size <= 0 || p.Size > left {
		return left
	}
	return p.Size
}

// maxPlaced bounds the variables of a frame that are looked at.
const maxPlaced = 1 << 12

// wordsOf is pointerWords, once per type; none where they are not known.
func (r *stackRoots) wordsOf(t *gotype.Type) []int64 {
	words, known := r.words[t]
	if !known {
		var ok bool
		if words, ok = pointerWords(t); !ok {
			words = nil
		}
		r.words[t] = words
	}
	return words
}

// fill finds the pointers of a part of a variable that has them at the offsets
// all.
func (p *placed) fill(all []int64) {
	for _, w := range all {
		if w += p.off - p.at; w >= p.off && w+8 <= p.off+p.size {
			p.words = append(p.words, w)
		}
	}
}

// part is the type of a part of a variable that the compiler took apart. The
// pointer of a slice or string is one to its elements.
func (r *stackRoots) part(t *gotype.Type, off, size int64) *gotype.Type {
	if off == 0 && size == t.Size {
		return t
	}
	inner, at := descend(t, off, size)
	switch {
	case inner == nil || at != 0:
		return nil
	case inner.Size == size:
		return inner
	case inner.Kind == reflect.String && size == 8:
		return r.pointerTo("uint8", nil)
	case inner.Kind == reflect.Slice && size == 8 && inner.Elem != nil:
		return r.pointerTo(inner.Elem.Name, inner.Elem)
	}
	return nil
}

// pointerTo finds the type of pointers to a type; nil where the program has none.
func (r *stackRoots) pointerTo(name string, elem *gotype.Type) *gotype.Type {
	p, err := r.e.types.ByName("*" + name)
	if err != nil || p.Kind != reflect.Pointer || p.Elem == nil || elem != nil && p.Elem != elem {
		return nil
	}
	return p
}

// claims gives the live words of a frame to its variables.
type claims struct {
	r      *stackRoots
	words  []int64 // in order
	taken  []bool
	roots  []rootAt
	owners []placed // of roots
}

// claim makes a root of a variable whose words are alive. The first of those
// that contradict each other wins, and of equal places with different types
// nobody knows what is there.
func (c *claims) claim(p *placed) {
	first, alive := -1, 0
	for _, w := range p.words {
		if i, ok := slices.BinarySearch(c.words, w); ok {
			if alive++; first < 0 {
				first = i
			}
		}
	}
	if alive == 0 {
		return
	}
	for i := range c.owners {
		o := &c.owners[i]
		if o.off >= p.off+p.size || p.off >= o.off+o.size {
			continue
		}
		if o.off == p.off && o.size == p.size && !sameType(o.typ, p.typ) && c.roots[i].typ != nil && slices.Equal(o.words, p.words) {
			c.roots[i].typ, c.roots[i].generic = nil, nil
		}
		return
	}
	if alive == len(p.words) && p.typ != nil {
		c.add(p.root(), p)
		for _, w := range p.words {
			c.take(w)
		}
		return
	}
	// A part of it is alive: the compiler keeps the parts of some variables
	// apart, and has no pointers where the program said that there are none.
	for _, w := range p.words {
		if !c.take(w) {
			continue
		}
		one := c.r.word(p, w)
		c.add(one.root(), &one)
	}
}

// word is the part of a variable that is one word.
func (r *stackRoots) word(p *placed, w int64) placed {
	one := placed{off: w, size: 8, words: []int64{w}, depth: p.depth, v: p.v, at: p.at + w - p.off}
	one.typ = r.part(p.v.SlotType(), one.at, 8)
	return one
}

func (c *claims) add(root rootAt, p *placed) {
	c.roots, c.owners = append(c.roots, root), append(c.owners, *p)
}

// take marks a word as spoken for; ok is false where it is not alive.
func (c *claims) take(w int64) bool {
	i, ok := slices.BinarySearch(c.words, w)
	if ok {
		c.taken[i] = true
	}
	return ok
}

// rest makes roots of the words that no variable covers.
func (c *claims) rest(m *goruntime.FrameMap) []rootAt {
	var out []rootAt
	for i, w := range c.words {
		if c.taken[i] {
			continue
		}
		root := rootAt{off: w, size: 8, kind: heapwalk.RootStack}
		if slot := (w - m.DeferSlots) / 8; m.DeferSlots != 0 && w >= m.DeferSlots && slot < maxOpenDefers {
			root.deferBy = int(slot) + 1
		}
		if n := len(out); n > 0 && root.deferBy == 0 && out[n-1].deferBy == 0 && out[n-1].off+int64(out[n-1].size) == w {
			out[n-1].size += 8
			continue
		}
		out = append(out, root)
	}
	named := 0
	for _, w := range m.Live {
		if named += w.N; named > len(c.words) { // more than are named
			out = append(out, rootAt{off: w.Off, size: 8 * uint64(w.N), kind: heapwalk.RootStack})
		}
	}
	return out
}

// maxOpenDefers is how many open-coded defers a function can have.
const maxOpenDefers = 8

// root is the root that a whole variable is.
func (p *placed) root() rootAt {
	root := rootAt{off: p.off, size: uint64(p.size), depth: p.depth, name: p.v.Name, typ: p.typ, kind: heapwalk.RootLocal}
	if p.whole && !p.v.Escaped && !p.v.FixedType() {
		root.generic = p.v
	}
	return root
}

func sameType(a, b *gotype.Type) bool {
	return a == b || a != nil && b != nil && a.Name == b.Name && a.Kind == b.Kind && a.Size == b.Size
}

// objectRoots are the roots that a stack object is, when it is alive: the
// variable, or what a variable does not explain.
func objectRoots(o *goruntime.FrameObject, vs []placed) []rootAt {
	var words []int64
	for _, w := range o.Pointers {
		for i := 0; i < w.N && len(words) < maxRootWords; i++ {
			words = append(words, w.Off+8*int64(i))
		}
	}
	for i := range vs {
		if p := &vs[i]; p.whole && p.off == o.Off && p.size == o.Size && slices.Equal(p.words, words) {
			return []rootAt{p.root()}
		}
	}
	out := make([]rootAt, len(o.Pointers))
	for i, w := range o.Pointers {
		out[i] = rootAt{off: w.Off, size: 8 * uint64(w.N), kind: heapwalk.RootStack}
	}
	return out
}
