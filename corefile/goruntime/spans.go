package goruntime

import (
	"encoding/binary"
	"fmt"
)

// PageSize is that of the allocator, on every architecture
// (internal/runtime/gc/sizeclasses.go).
const PageSize = 8192

// maxSpans bounds the list of spans: a heap of 1 TiB has fewer.
const maxSpans = 1 << 27

// maxBadSpans is how many entries of the list in a row may lead nowhere.
const maxBadSpans = 4096

// Span is a runtime.mspan: a run of pages of the allocator. Nothing of it is
// checked beyond what its fields say.
type Span struct {
	Addr  uint64 // of the runtime.mspan
	Start uint64 // of its memory
	Pages uint64
	// Elem is the size of its objects in bytes, Limit the end of those, and Count
	// how many there are.
	Elem, Limit, Count uint64
	// Free is the index below which every object is allocated; beyond, AllocBits
	// tells. FreeForScan is that of the objects whose pointers are described.
	Free, FreeForScan uint64
	// AllocBits and MarkBits are the addresses of bitmaps, a bit per object.
	AllocBits, MarkBits uint64
	// Allocated is how many objects it holds, and BeforeCache how many it held when
	// a processor took it: the runtime's statistics miss the difference.
	Allocated, BeforeCache uint64
	SweepGen               uint32
	Class                  uint8 // size class, 0 for a large object
	NoPointers             bool
	UserArena              bool
	// LargeType is the address of the type of a large object, 0 when unknown.
	LargeType uint64
	// Specials is the address of the first of its specials, 0 when it has none.
	Specials uint64
	State    SpanState
}

// SpanState is runtime.mSpanState.
type SpanState uint8

// The states of spans (runtime/mheap.go).
const (
	SpanDead   SpanState = iota // free
	SpanInUse                   // holds objects
	SpanManual                  // stacks and the collector's own buffers
)

// Allocator is what the runtime records of the heap as a whole.
type Allocator struct {
	SweepGen   uint32
	PagesInUse uint64 // of spans that hold objects, as the runtime counts them; 0 when unknown
	// InlineMarks means that spans of small objects hold their own mark bits, as
	// the collector "green tea" has it: 128 bytes at the end of the page.
	InlineMarks bool

	r     *Runtime
	lay   spanLayout
	spans uint64 // address of the list
	n     uint64
	short uint64 // entries that the core lacks

	special specialLayout
	steps   int // specials that were looked at
}

// spanLayout is where the fields are that are read here (runtime/mheap.go).
type spanLayout struct {
	start, pages, elem, limit, count, free, freeForScan field
	allocBits, markBits, allocated, beforeCache         field
	sweepGen, class, state, arena, largeType, specials  field
	size                                                int64

	heapSpans, heapSweepGen, heapPages int64
}

func (l *spanLayout) read(t types) error {
	var err error
	if l.size, err = fields(t, "runtime.mspan", []need{
		{&l.start, "startAddr", true}, {&l.pages, "npages", true}, {&l.elem, "elemsize", true}, {&l.limit, "limit", true},
		{&l.count, "nelems", true}, {&l.free, "freeindex", true}, {&l.freeForScan, "freeIndexForScan", false},
		{&l.allocBits, "allocBits", true}, {&l.markBits, "gcmarkBits", true},
		{&l.allocated, "allocCount", false}, {&l.beforeCache, "allocCountBeforeCache", false},
		{&l.sweepGen, "sweepgen", true}, {&l.class, "spanclass", true}, {&l.state, "state", true},
		{&l.arena, "isUserArenaChunk", false}, {&l.largeType, "largeType", false}, {&l.specials, "specials", true},
	}); err != nil {
		return err
	}
	// The heap is larger than what is read as one structure.
	heap, err := t.ByName("runtime.mheap")
	if err != nil {
		return fmt.Errorf("type runtime.mheap: %w", err)
	}
	l.heapPages = -1
	for _, f := range []struct {
		to   *int64
		name string
	}{{&l.heapSpans, "allspans"}, {&l.heapSweepGen, "sweepgen"}, {&l.heapPages, "pagesInUse"}} {
		got, ok := heap.Field(f.name)
		switch {
		case ok && got.Offset >= 0:
			*f.to = got.Offset
		case f.to != &l.heapPages:
			return fmt.Errorf("type runtime.mheap has no field %s", f.name)
		}
	}
	return nil
}

// Allocator reads the head of the heap's records.
func (r *Runtime) Allocator() (*Allocator, error) {
	a := &Allocator{r: r}
	if err := a.lay.read(r.types); err != nil {
		return nil, err
	}
	at, _, ok := r.sym("runtime.mheap_")
	if !ok {
		return nil, fmt.Errorf("variable runtime.mheap_ not found")
	}
	h, err := r.view(at+uint64(a.lay.heapSpans), 16)
	if err != nil {
		return nil, fmt.Errorf("list of spans: %w", err)
	}
	a.spans, a.n = binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:])
	if a.n > maxSpans {
		return nil, fmt.Errorf("list of %d spans", a.n)
	}
	have := uint64(max(r.mem.Available(a.spans, int64(a.n)*8)/8, 0))
	a.short = a.n - min(have, a.n)
	a.n -= a.short
	if a.SweepGen, err = r.mem.Uint32(at + uint64(a.lay.heapSweepGen)); err != nil {
		return nil, fmt.Errorf("generation of the sweep: %w", err)
	}
	if a.lay.heapPages >= 0 {
		a.PagesInUse, _ = r.mem.Uint64(at + uint64(a.lay.heapPages)) // 0 is unknown
	}
	// With GOEXPERIMENT=nogreenteagc the type has no fields.
	if t, err := r.types.ByName("runtime.spanInlineMarkBits"); err == nil && t != nil {
		a.InlineMarks = t.Size > 0
	}
	return a, nil
}

// Len is how many spans the list has in the core, dead ones too.
func (a *Allocator) Len() uint64 { return a.n }

// Missing is how many spans the list has beyond what the core holds of it.
func (a *Allocator) Missing() uint64 { return a.short }

// Spans calls visit with every span of the list, dead ones too, until it returns
// an error. The span is valid until visit returns. One that can't be read is
// given with its address and the error.
func (a *Allocator) Spans(visit func(s *Span, err error) error) error {
	var s Span
	bad := 0
	for i := uint64(0); i < a.n; i++ {
		addr, err := a.r.mem.Uint64(a.spans + 8*i)
		if err == nil {
			s, err = a.Span(addr)
		}
		if bad++; err == nil {
			bad = 0
		}
		if bad > maxBadSpans { // this is something else than the list
			a.short, a.n = a.short+a.n-i, i
			return nil
		}
		if err := visit(&s, err); err != nil {
			return err
		}
	}
	return nil
}

// Span reads the runtime.mspan at an address. It may be called from several
// goroutines at once.
func (a *Allocator) Span(addr uint64) (Span, error) {
	l := &a.lay
	o, err := a.r.object(addr, l.size)
	if err != nil {
		return Span{Addr: addr}, err
	}
	class := uint8(o.get(l.class))
	s := Span{
		Addr: addr, Start: o.get(l.start), Pages: o.get(l.pages),
		Elem: o.get(l.elem), Limit: o.get(l.limit), Count: o.get(l.count),
		Free: o.get(l.free), FreeForScan: o.get(l.freeForScan),
		AllocBits: o.get(l.allocBits), MarkBits: o.get(l.markBits),
		Allocated: o.get(l.allocated), BeforeCache: o.get(l.beforeCache),
		SweepGen: uint32(o.get(l.sweepGen)), Class: class >> 1, NoPointers: class&1 != 0,
		UserArena: o.get(l.arena) != 0, LargeType: o.get(l.largeType), Specials: o.get(l.specials),
		State: SpanState(o.get(l.state)),
	}
	if !l.freeForScan.ok {
		s.FreeForScan = s.Free
	}
	return s, nil
}
