package heapwalk

import (
	"context"
	"encoding/binary"
	"math/bits"
)

// walk finds what is reachable, level by level from the roots: first what roots
// point to, then what that points to. Within a level it does not matter who looks
// at what first, so that the result is the same with any number of workers.
type walk struct {
	h *Heap
	// live are the objects of the levels before and of this one, next those that
	// are found now.
	live, next bitset
	workers    []walker
}

// walker is one worker's part of a walk.
type walker struct {
	w *walk
	// found are the objects that this worker has added to the next level, while
	// they are few: a long list has millions of levels with one object each.
	found []Object
	many  bool // they are not: the next level is where the bits of next are
}

const (
	fewFound   = 1 << 14 // objects of a level that are kept as a list, of each worker
	aloneFound = 1 << 9  // a level that is not worth waking others
	levelShare = 1 << 9  // words of the bits that a worker takes at a time
	listShare  = 1 << 8  // objects of a list
)

func newWalk(h *Heap) *walk {
	w := &walk{h: h, live: newBitset(h.n), next: newBitset(h.n), workers: make([]walker, h.options.Workers)}
	for i := range w.workers {
		w.workers[i].w = w
	}
	return w
}

// root adds the target of a root's pointer to the first level.
func (w *walker) root(p uint64) {
	if o, ok := w.w.h.target(p); ok {
		w.mark(o)
	}
}

// mark adds an object to the next level, unless it is in one already.
func (w *walker) mark(o Object) {
	if w.w.live.has(o) || !w.w.next.add(o) {
		return
	}
	if w.many {
		return
	}
	if len(w.found) == fewFound {
		w.many = true
		return
	}
	w.found = append(w.found, o)
}

// run goes through the levels, after the roots were added.
func (w *walk) run(ctx context.Context) error {
	var list []Object
	for {
		dense := false
		list = list[:0]
		for i := range w.workers {
			wk := &w.workers[i]
			dense = dense || wk.many
			list = append(list, wk.found...)
			wk.found, wk.many = wk.found[:0], false
		}
		if !dense && len(list) == 0 {
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
		for _, o := range list {
			w.live.set(o)
			w.next[o>>6] = 0
		}
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

// denseLevel looks at the objects of a level in the order of their addresses.
func (w *walk) denseLevel(ctx context.Context) error {
	level := w.next
	w.next = newBitset(w.h.n)
	for i, v := range level {
		w.live[i] |= v
	}
	return w.h.parallel(ctx, (len(level)+levelShare-1)/levelShare, func(worker, chunk int) {
		w.workers[worker].scanLevel(level, chunk*levelShare, min((chunk+1)*levelShare, len(level)))
	})
}

// scanLevel looks at the objects of the words from to to of a level.
func (w *walker) scanLevel(level bitset, from, to int) {
	h := w.w.h
	spans := h.spans
	at := h.spanIndex(Object(from << 6))
	for i := from; i < to; i++ {
		for v := level[i]; v != 0; v &= v - 1 {
			o := Object(i<<6 + bits.TrailingZeros64(v))
			for o-spans[at].first >= Object(spans[at].n) {
				at++
			}
			w.scanIn(&spans[at], uint32(o-spans[at].first))
		}
	}
}

// scan looks at the pointers of an object.
func (w *walker) scan(o Object) {
	s := w.w.h.spanOf(o)
	w.scanIn(s, uint32(o-s.first))
}

// scanIn looks at the pointers of object i of a span.
func (w *walker) scanIn(s *span, i uint32) {
	h := w.w.h
	if s.flags&smallBits != 0 {
		off := uint64(i) * s.elem
		data := s.data[off : off+s.elem]
		for m := s.smallMask(off); m != 0; m &= m - 1 {
			if p := binary.LittleEndian.Uint64(data[bits.TrailingZeros64(m)*8:]); p != 0 {
				if to, ok := h.target(p); ok {
					w.mark(to)
				}
			}
		}
		return
	}
	m, ok := h.pointersOf(s, i)
	if !ok {
		return
	}
	m.each(func(_, p uint64) {
		if to, ok := h.target(p); ok {
			w.mark(to)
		}
	})
}
