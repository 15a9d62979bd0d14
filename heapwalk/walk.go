package heapwalk

import (
	"context"
	"encoding/binary"
	"math/bits"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// walk finds what is reachable and of which type it is, level by level from the
// roots: first what roots point to, then what that points to. Within a level it
// does not matter who looks at what first, so that the result is the same with
// any number of workers:
//
//   - what is found gets the best of the types that this level offers;
//   - of what was found before only the type that it had at the start of the level
//     counts, and a better one is noted and taken at the end of the level. What
//     then has a better type is looked at once more.
type walk struct {
	h     *Heap
	table *shape.Table
	types *typings
	// live are the objects of the levels before and of this one, next those that
	// are found now.
	live, next bitset
	spare      bitset // empty, nil until there was a dense level
	workers    []walker
	list       []Object // of the level, while they are few
	// refused counts the types that did not fit an object: two that offer each
	// other wrong ones would else never end.
	refused map[Object]uint8
}

const maxRefused = 4

// walker is one worker's part of a walk.
type walker struct {
	w     *walk
	edges *shape.Walker
	visit func(*shape.Edge)      // w.edge, made once
	rank  func(a, b typing) bool // w.better, likewise
	// found are the objects that this worker has added to the next level, while
	// they are few: a long list has millions of levels with one object each.
	found []Object
	many  bool // they are not: the next level is where the bits of next are
	// changes are better types, or worse ones, for what was found before.
	changes []change
	room    int         // of changes, before they are gone through
	plain   []plainness // by type
	m       pointerMap  // of the object at hand
	e       shape.Edge  // of a plain pointer in it
	// only, when set, says which words of the object at hand the collector looks at;
	// all of them were marked already.
	only *pointerMap
}

// plainness says whether the words of a type are all that the collector looks at.
type plainness uint8

const (
	notLooked plainness = iota
	isPlain
	onlyPointers // plain, and each word points to one value of a known type
	notPlain
)

const (
	fewFound   = 1 << 14 // objects of a level that are kept as a list, of each worker
	aloneFound = 1 << 9  // a level that is not worth waking others
	levelShare = 1 << 9  // words of the bits that a worker takes at a time
	listShare  = 1 << 8  // objects of a list
)

func newWalk(h *Heap, table *shape.Table) *walk {
	w := &walk{h: h, table: table, types: newTypings(h), refused: map[Object]uint8{}, live: newBitset(h.n), next: newBitset(h.n), workers: make([]walker, h.options.Workers)}
	for i := range w.workers {
		wk := &w.workers[i]
		wk.w, wk.edges = w, table.Walker()
		wk.visit, wk.rank = wk.edge, wk.better
	}
	return w
}

// mark adds an object to the next level, unless it is in one already.
func (w *walker) mark(o Object) {
	if w.w.live.has(o) || !w.w.next.add(o) || w.many {
		return
	}
	if len(w.found) == fewFound {
		w.many = true
		return
	}
	w.found = append(w.found, o)
}

// pointer adds what a pointer leads to.
func (w *walker) pointer(p uint64) {
	if o, ok := w.w.h.target(p); ok {
		w.mark(o)
	}
}

// edge adds what a pointer of known type leads to, and offers the type.
func (w *walker) edge(e *shape.Edge) {
	if w.only != nil && !w.only.has(e.Off) {
		return
	}
	h := w.w.h
	s, i := h.find(e.Ptr)
	if s == nil {
		return
	}
	o := s.first + Object(i)
	if !h.alloc.has(o) {
		return
	}
	known := w.w.live.has(o)
	if t := w.typeOf(s, e.Ptr-s.start-uint64(i)*s.elem, e); t != 0 {
		switch {
		case !known || s.flags&noPointers != 0:
			w.w.types.offer(s, o, t, w.rank)
		case t.confidence() > w.w.types.of(s, o).confidence():
			w.note(change{o: o, to: t})
		}
	}
	if !known {
		w.mark(o)
	}
}

// hint offers a type to what a pointer leads to, which may not be reachable.
func (w *walker) hint(e *shape.Edge) {
	h := w.w.h
	s, i := h.find(e.Ptr)
	if s == nil {
		return
	}
	if o := s.first + Object(i); h.alloc.has(o) && (s.flags&noPointers != 0 || !w.w.live.has(o)) {
		w.w.types.offer(s, o, w.typeOf(s, e.Ptr-s.start-uint64(i)*s.elem, e), w.rank)
	}
}

// run goes through the levels, after the roots were added.
func (w *walk) run(ctx context.Context) error {
	for {
		dense := w.collect()
		if !dense && len(w.list) == 0 {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if dense {
			if err := w.denseLevel(ctx); err != nil {
				return err
			}
			continue
		}
		for _, o := range w.list {
			w.live.set(o)
			w.next[o>>6] = 0
		}
		list := w.list
		if len(list) < aloneFound {
			for _, o := range list {
				w.workers[0].scan(o)
			}
			continue
		}
		if err := w.h.parallel(ctx, (len(list)+listShare-1)/listShare, func(worker, chunk int) {
			for _, o := range list[chunk*listShare : min((chunk+1)*listShare, len(list))] {
				w.workers[worker].scan(o)
			}
		}); err != nil {
			return err
		}
	}
}

// collect ends a level: it takes the changes and gathers the next one, as a list
// unless it is dense.
func (w *walk) collect() (dense bool) {
	again := w.change()
	w.list = w.list[:0]
	for i := range w.workers {
		wk := &w.workers[i]
		dense = dense || wk.many
		w.list = append(w.list, wk.found...)
		wk.found, wk.many = wk.found[:0], false
	}
	if !dense {
		w.list = append(w.list, again...)
		return false
	}
	return true
}

// denseLevel looks at the objects of a level in the order of their addresses.
func (w *walk) denseLevel(ctx context.Context) error {
	level := w.next
	if w.next = w.spare; w.next == nil {
		w.next = newBitset(w.h.n)
	}
	for i, v := range level {
		w.live[i] |= v
	}
	err := w.h.parallel(ctx, (len(level)+levelShare-1)/levelShare, func(worker, chunk int) {
		w.workers[worker].scanLevel(level, chunk*levelShare, min((chunk+1)*levelShare, len(level)))
	})
	clear(level)
	w.spare = level
	return err
}

// scanLevel looks at the objects of the words from to to of a level.
func (w *walker) scanLevel(level bitset, from, to int) {
	spans := w.w.h.spans
	at := w.w.h.spanIndex(Object(from << 6))
	for i := from; i < to; i++ {
		for v := level[i]; v != 0; v &= v - 1 {
			o := Object(i<<6 + bits.TrailingZeros64(v))
			for o-spans[at].first >= Object(spans[at].n) {
				at++
			}
			w.scanIn(&spans[at], o)
		}
	}
}

// scan looks at the pointers of an object.
func (w *walker) scan(o Object) { w.scanIn(w.w.h.spanOf(o), o) }

// scanIn looks at the pointers of an object of s.
func (w *walker) scanIn(s *span, o Object) {
	if s.flags&noPointers != 0 {
		return
	}
	t := w.w.types.of(s, o)
	if s.flags&smallBits != 0 && t.confidence() == Strong && w.scanPlain(s, o, t) {
		return
	}
	m := &w.m
	ok := w.w.h.pointersOf(m, s, uint32(o-s.first))
	if m.typ != 0 && t.confidence() != Exact {
		// Nobody else looks at the type of an object with a header.
		if id := w.edges.Descriptor(m.typ); id != shape.Unknown {
			t = newTyping(id, w.info(id).Size <= uint64(len(m.data))/2, Exact)
			w.w.types.offer(s, o, t, w.rank)
		}
	}
	if ok {
		w.scanMap(m, o, t)
	}
}

// scanPlain looks at an object of one value that has no words but plain pointers:
// most objects of many heaps. It reports false for any other.
func (w *walker) scanPlain(s *span, o Object, t typing) bool {
	if int(t.id()) >= len(w.plain) || w.plain[t.id()] != onlyPointers {
		return false
	}
	in := w.edges.Info(t.id())
	off := uint64(o-s.first) * s.elem
	if off+s.elem > uint64(len(s.data)) || s.smallMask(off) != in.Mask || in.Size > s.elem {
		return false
	}
	data := s.data[off : off+in.Size]
	for i := range in.Words {
		wd := &in.Words[i]
		if wd.Off+8 > uint64(len(data)) {
			break
		}
		if p := binary.LittleEndian.Uint64(data[wd.Off:]); p != 0 {
			w.e = shape.Edge{Off: wd.Off, Ptr: p, Elem: wd.Elem, How: wd.How, Count: 1, Len: 1}
			w.edge(&w.e)
		}
	}
	return true
}

// scanMap looks at the pointers of an object by its type, and where that does not
// tell all of them by what the collector knows.
func (w *walker) scanMap(m *pointerMap, o Object, t typing) {
	data, all := m.data, false
	if t != 0 {
		in := w.info(t.id())
		data, all = w.fitting(m, o, t, in)
	}
	if !all {
		m.each(func(_, p uint64) { w.pointer(p) })
	}
	if t != 0 && len(data) > 0 {
		if !all {
			w.only = m
		}
		w.edges.Edges(t.id(), data, w.visit)
		w.only = nil
	}
}

// fitting returns the part of an object that its type describes, and whether the
// type tells of all its pointers.
func (w *walker) fitting(m *pointerMap, o Object, t typing, in *shape.Info) (data []byte, all bool) {
	if t.confidence() == Exact {
		return m.data, w.isPlain(t.id(), in)
	}
	if m.mask != nil {
		return m.data, false // a large object whose type has no number
	}
	size := uint64(len(m.data))
	if n, ok := in.Matches(m.small, size); ok {
		if in.Partial || in.Kind == shape.KindClosure || in.Kind == shape.KindChan {
			return m.data, w.isPlain(t.id(), in)
		}
		if !t.many() && n > 1 {
			// A pointer to one of several: the object is an array of them.
			w.note(change{o: o, to: t | manyBit, down: true})
		}
		return m.data[:n*in.Size], w.isPlain(t.id(), in)
	}
	words := min(in.Size/8, 64)
	if known := low(words) & in.Known; in.Size < size && m.small&known == in.Mask&known {
		// The object begins with such a value, and there is more.
		if t.confidence() == Strong {
			w.note(change{o: o, to: newTyping(t.id(), t.many(), Weak), down: true})
		}
		return m.data[:in.Size], false
	}
	w.note(change{o: o, to: 0, down: true})
	return nil, false
}

// isPlain reports whether the edges of a type are all words that the collector
// looks at.
func (w *walker) isPlain(id shape.ID, in *shape.Info) bool {
	if int(id) >= len(w.plain) {
		w.plain = append(w.plain, make([]plainness, int(id)+64-len(w.plain))...)
	}
	p := &w.plain[id]
	if *p == notLooked {
		*p = onlyPointers
		if in.Kind != shape.KindValue || in.Size > maxWithoutHeader {
			*p = isPlain
		}
		for i := range in.Words {
			switch {
			case in.Words[i].TypeIsPtr:
				*p = notPlain
			case in.Words[i].Kind != shape.WordPointer && *p == onlyPointers:
				*p = isPlain
			}
		}
		if in.Partial {
			*p = notPlain
		}
	}
	return *p != notPlain
}
