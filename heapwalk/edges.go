package heapwalk

import (
	"cmp"
	"context"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// Holding says what holds something: a live object, or with InRoot a root.
type Holding struct {
	Object Object
	Root   Root // its Type may be nil
	InRoot bool
}

// holdingKey names what holds a pointer: a root by its order, which is named
// best and comes first, else an object.
type holdingKey uint64

const (
	firstHolding = holdingKey(1 << 32) // of objects
	noHolding    = ^holdingKey(0)      // larger than any
)

func objectKey(o Object) holdingKey { return firstHolding + holdingKey(o) }

// holdings says what keys stand for: roots are not kept but given once more.
func (l *Live) holdings(keys []holdingKey) []Holding {
	out := make([]Holding, len(keys))
	want := map[holdingKey][]int{}
	for i, k := range keys {
		if k >= firstHolding {
			out[i].Object = Object(k - firstHolding)
			continue
		}
		out[i].InRoot = true
		want[k] = append(want[k], i)
	}
	if len(want) == 0 {
		return out
	}
	count := holdingKey(0)
	l.eachRoot(func(r *Root) bool {
		for _, i := range want[count] {
			out[i].Root = *r
		}
		delete(want, count)
		count++
		return len(want) > 0
	})
	return out
}

// edgeScan lists the edges of live objects, for one worker.
type edgeScan struct {
	l     *Live
	edges *shape.Walker
	m     pointerMap
	e     shape.Edge // of a word without a type
	at    holdingKey
	see   func(from holdingKey, e *shape.Edge)
	// told are the words that a type told of, where it does not tell all of them.
	told map[uint64]bool
	all  bool
	// typed and plain are the parts of see, made once.
	typed func(*shape.Edge)
	plain func(off, p uint64)
}

func (l *Live) newEdgeScan(see func(from holdingKey, e *shape.Edge)) *edgeScan {
	w := &edgeScan{l: l, edges: l.table.Walker(), see: see, told: map[uint64]bool{}}
	w.typed = func(e *shape.Edge) {
		if !w.m.has(e.Off) {
			return
		}
		if !w.all {
			w.told[e.Off] = true
		}
		w.see(w.at, e)
	}
	w.plain = func(off, p uint64) {
		if w.told[off] {
			return
		}
		w.e = shape.Edge{Off: off, Ptr: p, Count: 1, Len: 1}
		w.see(w.at, &w.e)
	}
	return w
}

// eachEdge gives the pointers of all roots and of all live objects, by the
// workers: see(worker) is called once for each, and what it returns for every
// pointer. Those that the type of an object or root does not tell of come as words
// without a type.
func (l *Live) eachEdge(ctx context.Context, see func(worker int) func(from holdingKey, e *shape.Edge)) error {
	h := l.h
	scans := make([]*edgeScan, max(h.options.Workers, 1))
	for i := range scans {
		scans[i] = l.newEdgeScan(see(i))
	}
	first, reader, count := scans[0], newRootReader(h, l.table), holdingKey(0)
	l.eachRoot(func(r *Root) bool {
		if r.Kind != RootWeak && count < firstHolding {
			clear(first.told)
			reader.each(r, func(e *shape.Edge) { first.rootEdge(count, e) })
		}
		count++
		return ctx.Err() == nil
	})
	return l.eachSpan(ctx, func(worker int, s *span) {
		if s.flags&noPointers == 0 {
			l.eachLive(s, scans[worker].object)
		}
	})
}

// eachSpan calls work for all spans by the workers.
func (l *Live) eachSpan(ctx context.Context, work func(worker int, s *span)) error {
	const share = 256
	spans := l.h.spans
	return l.h.parallel(ctx, (len(spans)+share-1)/share, func(worker, chunk int) {
		for i := chunk * share; i < min((chunk+1)*share, len(spans)); i++ {
			work(worker, &spans[i])
		}
	})
}

// eachLive calls visit for the live objects of a span.
func (l *Live) eachLive(s *span, visit func(s *span, o Object)) {
	for i := range s.n {
		if o := s.first + Object(i); l.live.has(o) {
			visit(s, o)
		}
	}
}

// object lists the pointers of an object.
func (w *edgeScan) object(s *span, o Object) {
	w.at = objectKey(o)
	if !w.l.h.pointersOf(&w.m, s, uint32(o-s.first)) {
		return
	}
	t := w.l.types.of(s, o)
	var data []byte
	data, w.all = w.described(t)
	clear(w.told)
	if len(data) > 0 {
		w.edges.Edges(t.id(), data, w.typed)
	}
	if !w.all {
		w.m.each(w.plain)
	}
}

// rootEdge is a pointer of a root: the reader gives those that a type tells of
// first, and some of them once more without one.
func (w *edgeScan) rootEdge(at holdingKey, e *shape.Edge) {
	if w.told[e.Off] && e.Elem == shape.Unknown {
		return
	}
	if e.Elem != shape.Unknown {
		w.told[e.Off] = true
	}
	w.see(at, e)
}

// described is the part of the object at hand that its type describes, and
// whether that has all of its pointers: what walker.fitting found when the object
// was typed.
func (w *edgeScan) described(t typing) (data []byte, all bool) {
	if t == 0 {
		return nil, false
	}
	in, m := w.edges.Info(t.id()), &w.m
	if t.confidence() == Exact || m.mask != nil {
		return m.data, t.confidence() == Exact && !in.Partial
	}
	size := uint64(len(m.data))
	if n, ok := in.Matches(m.small, size); ok {
		if in.Partial || in.Kind == shape.KindClosure || in.Kind == shape.KindChan {
			return m.data, false
		}
		return m.data[:min(n*in.Size, size)], true
	}
	if in.Size >= size {
		return nil, false
	}
	return m.data[:in.Size], false
}

// bySize orders what is found by what it wastes, most first, then by where it
// lies.
func bySize(wastedA, wastedB, addrA, addrB uint64) int {
	return cmp.Or(cmp.Compare(wastedB, wastedA), cmp.Compare(addrA, addrB))
}
