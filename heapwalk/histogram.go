package heapwalk

import (
	"cmp"
	"context"
	"fmt"
	"math/bits"
	"slices"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// Count is a number of objects and the bytes of their places.
type Count struct{ Objects, Bytes uint64 }

func (c *Count) add(n, size uint64) {
	c.Objects += n
	c.Bytes += n * size
}

func (c *Count) plus(o Count) {
	c.Objects += o.Objects
	c.Bytes += o.Bytes
}

// TypeCount is what the objects of one type take.
type TypeCount struct {
	// Type is nil where only the size of the objects is known.
	Type *shape.Info
	Many bool   // arrays of the type
	Size uint64 // of each place, where Type is nil
	// Live and Garbage are told apart; Sure is the part of Live whose type the
	// allocator recorded, Strong and Weak are the others.
	Live, Garbage, Sure, Strong, Weak Count
}

// Name is the type as Go spells it, "unknown, 64 bytes" without one.
func (c *TypeCount) Name() string {
	if c.Type == nil {
		return fmt.Sprintf("unknown, %d bytes", c.Size)
	}
	return TypeName(c.Type, c.Many)
}

// TypeName is the name of a type, or of an array of it: "[]main.node".
func TypeName(in *shape.Info, many bool) string {
	if many && in.Kind != shape.KindString {
		return "[]" + in.Name
	}
	return in.Name
}

// Sums are the totals of a histogram.
type Sums struct {
	Live, Garbage, Exact, Strong, Weak, Conservative Count
}

// tally counts objects by type; the places of those without one by their size.
type tally struct {
	types   [2][]TypeCount // by many, then number of the type
	unknown map[uint64]*TypeCount
	sums    Sums
}

func (t *tally) of(ty typing, size uint64) *TypeCount {
	if ty == 0 {
		c := t.unknown[size]
		if c == nil {
			c = &TypeCount{Size: size}
			t.unknown[size] = c
		}
		return c
	}
	many := 0
	if ty.many() {
		many = 1
	}
	id := int(ty.id())
	if id >= len(t.types[many]) {
		t.types[many] = append(t.types[many], make([]TypeCount, id+1-len(t.types[many]))...)
	}
	return &t.types[many][id]
}

// Histogram counts all objects by type, most live bytes first.
func (l *Live) Histogram(ctx context.Context) ([]TypeCount, Sums, error) {
	h := l.h
	tallies := make([]tally, h.options.Workers)
	for i := range tallies {
		tallies[i].unknown = map[uint64]*TypeCount{}
	}
	const share = 512
	err := h.parallel(ctx, (len(h.spans)+share-1)/share, func(worker, chunk int) {
		for i := chunk * share; i < min((chunk+1)*share, len(h.spans)); i++ {
			l.count(&tallies[worker], &h.spans[i])
		}
	})
	if err != nil {
		return nil, Sums{}, err
	}
	list, sums := l.join(tallies)
	dead := Count{h.totals.Condemned, h.totals.CondemnedBytes}
	sums.Garbage.plus(dead)
	return list, sums, nil
}

// count counts the objects of a span.
func (l *Live) count(t *tally, s *span) {
	for i := uint32(0); i < uint32(s.n); i += 64 {
		at := uint64(s.first) + uint64(i)
		n := low(uint64(s.n) - uint64(i))
		live := l.live.word(at) & n
		dead := l.h.alloc.word(at) & n &^ live
		if len(l.conservative) > 0 {
			t.sums.Conservative.add(uint64(bits.OnesCount64(l.conservative.word(at)&live)), s.elem)
		}
		if first, only := l.types.only(s); only {
			typed := l.types.first.word(at)
			t.add(first, s.elem, live&typed, dead&typed)
			t.add(0, s.elem, live&^typed, dead&^typed)
			continue
		}
		for m := live | dead; m != 0; m &= m - 1 {
			one := m & -m
			t.add(l.types.of(s, Object(at)+Object(bits.TrailingZeros64(m))), s.elem, live&one, dead&one)
		}
	}
}

// add counts objects of a type, a bit for each.
func (t *tally) add(ty typing, size, live, dead uint64) {
	if live|dead == 0 {
		return
	}
	c, n := t.of(ty, size), uint64(bits.OnesCount64(live))
	c.Live.add(n, size)
	c.Garbage.add(uint64(bits.OnesCount64(dead)), size)
	switch ty.confidence() {
	case Exact:
		c.Sure.add(n, size)
	case Strong:
		c.Strong.add(n, size)
	case Weak:
		c.Weak.add(n, size)
	}
}

// join adds the tallies up.
func (l *Live) join(tallies []tally) (list []TypeCount, sums Sums) {
	all := &tallies[0]
	for i := range tallies[1:] {
		t := &tallies[i+1]
		for many := range t.types {
			for id := range t.types[many] {
				ty := newTyping(shape.ID(id), many == 1, Weak)
				if c := &t.types[many][id]; c.Live.Objects+c.Garbage.Objects > 0 {
					all.of(ty, 0).plus(c)
				}
			}
		}
		for size, c := range t.unknown {
			all.of(0, size).plus(c)
		}
		all.sums.Conservative.plus(t.sums.Conservative)
	}
	sums.Conservative = all.sums.Conservative
	keep := func(c TypeCount) {
		if c.Live.Objects+c.Garbage.Objects == 0 {
			return
		}
		sums.Live.plus(c.Live)
		sums.Garbage.plus(c.Garbage)
		sums.Exact.plus(c.Sure)
		sums.Strong.plus(c.Strong)
		sums.Weak.plus(c.Weak)
		list = append(list, c)
	}
	for many := range all.types {
		for id, c := range all.types[many] {
			c.Type, c.Many = l.table.Info(shape.ID(id)), many == 1
			keep(c)
		}
	}
	for _, c := range all.unknown {
		keep(*c)
	}
	slices.SortFunc(list, func(a, b TypeCount) int {
		return cmp.Or(cmp.Compare(b.Live.Bytes, a.Live.Bytes), cmp.Compare(b.Garbage.Bytes, a.Garbage.Bytes), cmp.Compare(a.Name(), b.Name()))
	})
	return list, sums
}

func (c *TypeCount) plus(o *TypeCount) {
	c.Live.plus(o.Live)
	c.Garbage.plus(o.Garbage)
	c.Sure.plus(o.Sure)
	c.Strong.plus(o.Strong)
	c.Weak.plus(o.Weak)
}
