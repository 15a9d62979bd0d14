package heapwalk

import (
	"context"
	"fmt"
	"strings"

	"github.com/safedump/sdcore/heapwalk/shape"
	"github.com/safedump/sdcore/report"
)

// Live is what is reachable in a heap, and of which types its objects are.
type Live struct {
	h     *Heap
	table *shape.Table
	own   *ownRoots
	roots Roots // of the goroutines
	live  bitset
	types *typings
	// conservative are the objects that are live by words only that may be no
	// pointers; empty when there are none.
	conservative bitset
	problems     []report.Problem
}

// Walk finds what is reachable from the roots of goroutines, from package
// variables and from what the runtime keeps, and types it and what garbage the
// types of other garbage lead to. roots may be nil; it is run twice.
func (h *Heap) Walk(ctx context.Context, roots Roots) (*Live, error) {
	table, own, err := h.sources()
	if err != nil {
		return nil, err
	}
	l := &Live{h: h, table: table, own: own, roots: roots}
	l.problems = l.own.problems
	w := newWalk(h, table)
	h.progress("walking the heap", 0, 0)
	reader := newRootReader(h, table)
	hints := stackHints{reader: reader, w: &w.workers[0], seen: map[uint64]bool{}}
	doubtful := false
	l.eachRoot(func(r *Root) bool {
		if r.Conservative {
			doubtful = true
		} else {
			reader.each(r, hints.visit)
			hints.follow()
		}
		return ctx.Err() == nil
	})
	if err := w.run(ctx); err != nil {
		return nil, err
	}
	if doubtful {
		if err := l.walkDoubtful(ctx, w, reader); err != nil {
			return nil, err
		}
	}
	l.live = w.keepLive()
	if err := w.garbage(ctx); err != nil {
		return nil, err
	}
	l.types = w.types
	return l, nil
}

// keepLive is what was found until now, when more is to be found.
func (w *walk) keepLive() bitset {
	live := w.spare
	if w.spare = nil; live == nil {
		live = newBitset(w.h.n)
	}
	copy(live, w.live)
	return live
}

// sources are the types, and the roots that no stack has: found once.
func (h *Heap) sources() (*shape.Table, *ownRoots, error) {
	h.once.Do(func() {
		if h.table, h.err = shape.New(h.in.Core, h.in.Types, h.in.Finder, h.in.Runtime); h.err != nil {
			h.err = fmt.Errorf("types of the heap: %w", h.err)
			return
		}
		h.own = newOwnRoots(h, h.table)
	})
	return h.table, h.own, h.err
}

// eachRoot gives all roots, until yield returns false.
func (l *Live) eachRoot(yield func(*Root) bool) {
	more := true
	l.own.each(func(r *Root) bool {
		more = yield(r)
		return more
	})
	if more && l.roots != nil {
		l.roots(yield)
	}
}

// walkDoubtful goes on from the words that may be no pointers.
func (l *Live) walkDoubtful(ctx context.Context, w *walk, reader *rootReader) error {
	sure := append(bitset(nil), w.live...)
	l.roots(func(r *Root) bool {
		if r.Conservative {
			reader.each(r, w.workers[0].visit)
		}
		return ctx.Err() == nil
	})
	if err := w.run(ctx); err != nil {
		return err
	}
	l.conservative = sure
	for i := range sure {
		l.conservative[i] = w.live[i] &^ sure[i]
	}
	return nil
}

// garbage types what is not reachable, as far as its own records and the pointers
// of other garbage tell.
func (w *walk) garbage(ctx context.Context) error {
	first := &w.workers[0]
	for i := range w.h.spans {
		s := &w.h.spans[i]
		if s.flags&noPointers != 0 || s.flags&(hasHeader|large) == 0 {
			continue
		}
		for j := range s.n {
			if o := s.first + Object(j); w.h.alloc.has(o) {
				first.mark(o)
			}
		}
	}
	return w.run(ctx)
}

// Problems are those of the walk; those of the heap are not among them.
func (l *Live) Problems() []report.Problem { return l.problems }

// Has reports whether an object is reachable.
func (l *Live) Has(o Object) bool { return uint64(o) < uint64(l.h.n) && l.live.has(o) }

// TypeOf is the type of an object, its confidence, and whether the object is an
// array of it.
func (l *Live) TypeOf(o Object) (in *shape.Info, many bool, c Confidence) {
	t := l.typing(o)
	return l.table.Info(t.id()), t.many(), t.confidence()
}

func (l *Live) typing(o Object) typing { return l.types.of(l.h.spanOf(o), o) }

// OfType selects the live objects of the type with a name, "main.session" or
// "[]main.session" for arrays; the path of the package may be left out but for its
// last element. ok is false when there is no such type among the objects.
func (l *Live) OfType(name string) (match func(Object) bool, ok bool) {
	elem, many := strings.CutPrefix(name, "[]")
	ids := map[shape.ID]bool{}
	exact := false
	for id := range shape.ID(l.table.Len()) {
		switch full := l.table.Info(id).Name; {
		case full == elem:
			if !exact {
				clear(ids)
			}
			exact = true
			ids[id] = true
		case !exact && strings.HasSuffix(full, "/"+elem):
			ids[id] = true
		}
	}
	match = func(o Object) bool {
		if !l.live.has(o) {
			return false
		}
		t := l.typing(o)
		return t != 0 && ids[t.id()] && (t.many() == many || t.id() == shape.StringBytes)
	}
	for o := range Object(l.h.n) {
		if match(o) {
			return match, true
		}
	}
	return match, false
}
