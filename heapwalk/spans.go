package heapwalk

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"sync"

	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// span is a span of objects. A cache line: it is looked at for every pointer.
type span struct {
	start, limit uint64
	elem         uint64
	data         []byte // its memory, pages times PageSize
	first        Object
	mul          uint32 // 2^32/elem rounded up, 0: divide
	number       uint32 // index in Heap.spans
	n            uint16
	class        uint8 // of sizes: those below are the first in Heap.classes; 0 for a large object
	flags        spanFlags
}

type spanFlags uint8

const (
	noPointers  spanFlags = 1 << iota
	hasHeader             // the first word of each object is its type
	large                 // one object, whose type is in the record of the span
	smallBits             // which words are pointers stands at the end of the page
	inlineMarks           // and in front of 128 bytes of mark bits
	tiny                  // objects may hold several small values without pointers
)

// Sizes of the allocator (internal/runtime/gc/malloc.go of Go 1.26).
const (
	maxWithoutHeader = 512 // MinSizeForMallocHeader: objects above have a header
	headerSize       = 8
	maxSmall         = 32768
	inlineMarkBytes  = 128
	tinySize         = 16
)

// arenaPages is how many pages an entry of the page table covers.
const (
	arenaPages = 8192
	arenaShift = 26
	maxArenas  = 1 << 22 // 48 bits of addresses
)

// largeType is the address of the type of a large object, 0 when unknown.
func (h *Heap) largeType(s *span) uint64 { return h.largeTypes[s.first] }

// pageTable finds spans by address.
type pageTable struct {
	base   uint64 // number of the first arena
	arenas []*[arenaPages]uint32
}

// find returns the span of an address that may hold an object there, and the
// index of the object in it.
func (h *Heap) find(addr uint64) (*span, uint32) {
	a := addr>>arenaShift - h.pages.base
	if a >= uint64(len(h.pages.arenas)) {
		return nil, 0
	}
	arena := h.pages.arenas[a]
	if arena == nil {
		return nil, 0
	}
	i := arena[addr>>13%arenaPages]
	if i == 0 {
		return nil, 0
	}
	s := &h.spans[i-1]
	if addr >= s.limit {
		return nil, 0
	}
	off := addr - s.start
	var index uint32
	switch {
	case s.n == 1:
	case s.mul != 0:
		index = uint32(off * uint64(s.mul) >> 32)
	default:
		index = uint32(off / s.elem)
	}
	if index >= uint32(s.n) {
		return nil, 0
	}
	return s, index
}

// spanOf is the span of an object.
func (h *Heap) spanOf(o Object) *span { return &h.spans[h.spanIndex(o)] }

// spanIndex is the index of the span of an object: one of the few behind that of
// the first object of its block.
func (h *Heap) spanIndex(o Object) int {
	i := int(h.blocks[o>>blockShift])
	for i+1 < len(h.spans) && h.spans[i+1].first <= o {
		i++
	}
	return i
}

// blockShift makes blocks of 256 objects.
const blockShift = 8

// unread counts the spans that are not as they should be.
type unread struct {
	records, memory, contradict int
	example                     uint64
}

func (u *unread) add(count *int, addr uint64) {
	if *count++; u.example == 0 {
		u.example = addr
	}
}

func (u *unread) report(h *Heap) {
	missing := h.allocator.Missing()
	if n := u.records + u.memory + u.contradict; n > 0 || missing > 0 {
		h.problems = append(h.problems, report.Problem{Stage: "heap", Subject: "spans", Addr: report.Addr(u.example), Missing: true,
			Message: fmt.Sprintf("the objects of %d spans are not known: %d records are not in the core, the memory of %d is not, %d contradict themselves",
				uint64(n)+missing, uint64(u.records)+missing, u.memory, u.contradict)})
	}
}

// readSpans collects the spans that hold objects and numbers those.
func (h *Heap) readSpans() error {
	var pages, data uint64
	most := h.in.fileSize()
	h.spans = make([]span, 0, min(h.allocator.Len(), most/goruntime.PageSize))
	types := map[uint64]uint64{} // of large objects, by their address
	if err := h.allocator.Spans(func(r *goruntime.Span, err error) error {
		if err != nil {
			h.unread.add(&h.unread.records, r.Addr)
			return nil
		}
		if r.State != goruntime.SpanInUse {
			return nil
		}
		s, ok := h.span(r)
		if !ok {
			h.unread.add(&h.unread.contradict, r.Addr)
			return nil
		}
		pages += r.Pages
		if r.UserArena && r.NoPointers {
			return nil // freed: it waits until nothing points to it (runtime/arena.go, setUserArenaChunkToFault; TestArena)
		}
		b, _, ok := h.mem.View(r.Start, int(r.Pages*goruntime.PageSize))
		if !ok {
			h.unread.add(&h.unread.memory, r.Addr)
			h.totals.Unreadable++
			h.totals.UnreadableBytes += r.Pages * goruntime.PageSize
			return nil
		}
		if data += uint64(len(b)); data > most {
			return fmt.Errorf("spans of more than the %d bytes that the core has", most)
		}
		s.data = b
		h.spans = append(h.spans, s)
		if s.flags&large != 0 && r.LargeType != 0 {
			types[r.Start] = r.LargeType
		}
		return nil
	}); err != nil {
		return err
	}
	h.totals.SpanBytes = pages * goruntime.PageSize
	slices.SortStableFunc(h.spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	if err := h.number(); err != nil {
		return err
	}
	h.largeTypes = map[Object]uint64{}
	for i := range h.spans {
		if s := &h.spans[i]; types[s.start] != 0 {
			h.largeTypes[s.first] = types[s.start]
		}
	}
	return nil
}

// fileSize is how much memory the core has. Damaged program headers may show the
// same bytes at many addresses.
func (in *Input) fileSize() uint64 {
	end := int64(0)
	for _, s := range in.Core.Segments() {
		end = max(end, s.Offset+s.Present)
	}
	return uint64(end)
}

// span checks the record of a span.
func (h *Heap) span(r *goruntime.Span) (s span, ok bool) {
	size := r.Pages * goruntime.PageSize
	if r.Pages == 0 || r.Pages > 1<<34 || r.Start%goruntime.PageSize != 0 || r.Start>>48 != 0 || (r.Start+size)>>48 != 0 ||
		r.Elem < 8 || r.Elem > size || r.Elem%8 != 0 || r.Count == 0 || r.Count > min(size/r.Elem, 1<<16-1) || r.Free > r.Count {
		return s, false
	}
	s = span{start: r.Start, elem: r.Elem, n: uint16(r.Count)}
	s.limit = min(max(r.Limit, r.Start), r.Start+size, r.Start+r.Count*r.Elem)
	switch {
	case r.Class == 0:
		if r.Count != 1 {
			return s, false
		}
		s.flags |= large
	case r.Elem > maxSmall || r.Pages > 64:
		return s, false
	case !r.NoPointers && r.Elem > maxWithoutHeader:
		s.flags |= hasHeader
	case !r.NoPointers:
		s.flags |= smallBits
	}
	if r.NoPointers {
		s.flags |= noPointers
		if r.Elem == tinySize {
			s.flags |= tiny
		}
	}
	if h.allocator.InlineMarks && r.Class != 0 && r.Elem <= maxWithoutHeader && r.Elem >= 16 {
		s.flags |= inlineMarks
	}
	if s.flags&large == 0 && size <= 1<<17 {
		s.mul = uint32((1<<32 + r.Elem - 1) / r.Elem)
	}
	if s.flags&large == 0 {
		below, _ := slices.BinarySearch(h.classes, uint32(s.elem))
		s.class = uint8(below) // below maxClasses
	}
	return s, true
}

// below is the largest size that would have had a smaller place than those of s; 0
// when there is none, and for a large object.
func (h *Heap) below(s *span) uint64 {
	if s.class == 0 {
		return 0
	}
	return uint64(h.classes[s.class-1])
}

// number numbers the objects, and enters the pages. Spans that overlap are none.
func (h *Heap) number() error {
	kept := h.spans[:0]
	var end, n uint64
	for _, s := range h.spans {
		if s.start < end {
			h.unread.add(&h.unread.contradict, s.start)
			continue
		}
		end = s.start + uint64(len(s.data))
		if n+uint64(s.n) > maxObjects {
			return fmt.Errorf("more than %d objects", uint64(maxObjects))
		}
		s.first, s.number = Object(n), uint32(len(kept))
		n += uint64(s.n)
		for uint64(len(h.blocks))<<blockShift < n {
			h.blocks = append(h.blocks, uint32(len(kept)))
		}
		kept = append(kept, s)
	}
	h.spans = slices.Clip(kept)
	h.n = uint32(n)
	if len(h.spans) == 0 {
		return nil
	}
	h.pages.base = h.spans[0].start >> arenaShift
	last := (end - 1) >> arenaShift
	if last-h.pages.base >= maxArenas {
		return fmt.Errorf("heap from %#x to %#x", h.spans[0].start, end)
	}
	h.pages.arenas = make([]*[arenaPages]uint32, last-h.pages.base+1)
	for i := range h.spans {
		s := &h.spans[i]
		for at := s.start; at < s.start+uint64(len(s.data)); at += goruntime.PageSize {
			arena := &h.pages.arenas[at>>arenaShift-h.pages.base]
			if *arena == nil {
				*arena = new([arenaPages]uint32)
			}
			(*arena)[at>>13%arenaPages] = uint32(i + 1)
		}
	}
	return nil
}

// readAllocated finds out which objects are allocated, and which of them the
// collector has found to be garbage. The list of spans is read again rather than
// kept: it is as large as all that is kept of it.
func (h *Heap) readAllocated(ctx context.Context) error {
	h.alloc = newBitset(h.n)
	records := make([]uint64, 0, len(h.spans)) // addresses, to be shared out
	if err := h.allocator.Spans(func(r *goruntime.Span, err error) error {
		if err == nil && r.State == goruntime.SpanInUse {
			records = append(records, r.Addr)
		}
		return nil
	}); err != nil {
		return err
	}
	const share = 1024
	var mu sync.Mutex
	err := h.parallel(ctx, (len(records)+share-1)/share, func(_, chunk int) {
		var t Totals
		bad := 0
		for _, addr := range records[chunk*share : min((chunk+1)*share, len(records))] {
			r, err := h.allocator.Span(addr)
			if err != nil {
				continue // counted already
			}
			s, i := h.find(r.Start)
			if s == nil || i != 0 || s.start != r.Start {
				continue
			}
			if !h.allocated(s, &r, &t) {
				bad++
			}
		}
		mu.Lock()
		h.totals.add(&t)
		h.unread.memory += bad
		mu.Unlock()
	})
	return err
}

func (t *Totals) add(o *Totals) {
	t.Objects += o.Objects
	t.ObjectBytes += o.ObjectBytes
	t.Condemned += o.Condemned
	t.CondemnedBytes += o.CondemnedBytes
	t.RuntimeObjectBytes += o.RuntimeObjectBytes
	t.Unreadable += o.Unreadable
	t.UnreadableBytes += o.UnreadableBytes
}

// allocated marks the objects of a span that are allocated. Below the free index
// every one is, beyond it the bitmap of the last sweep tells; of a span that is
// not swept yet those without a mark are garbage (runtime/mheap.go, mspan).
func (h *Heap) allocated(s *span, r *goruntime.Span, t *Totals) bool {
	size := (int(s.n) + 63) / 64 * 8
	allocBits, _, ok := h.mem.View(r.AllocBits, size)
	if !ok {
		t.Unreadable++
		t.UnreadableBytes += uint64(len(s.data))
		return false
	}
	marks := h.marks(s, r, size)
	for i := uint64(0); i < uint64(s.n); i += 64 {
		all := binary.LittleEndian.Uint64(allocBits[i/8:])
		if r.Free > i {
			all |= low(r.Free - i)
		}
		all &= low(uint64(s.n) - i)
		n := uint64(bits.OnesCount64(all))
		t.Objects += n
		t.ObjectBytes += n * s.elem
		if marks != nil {
			dead := all &^ marks[i/64]
			if n := uint64(bits.OnesCount64(dead)); n > 0 {
				t.Condemned += n
				t.CondemnedBytes += n * s.elem
			}
			all &^= dead
		}
		h.alloc.or64(uint64(s.first)+i, all)
	}
	if gen := h.allocator.SweepGen; r.SweepGen == gen+1 || r.SweepGen == gen+3 {
		t.RuntimeObjectBytes += (r.Allocated - min(r.BeforeCache, r.Allocated)) * s.elem
	}
	return true
}

// low has the lowest n bits set.
func low(n uint64) uint64 {
	if n >= 64 {
		return ^uint64(0)
	}
	return 1<<n - 1
}

// marks are the mark bits of a span that waits to be swept, nil for any other.
// One that is being swept at this moment may have exchanged its bitmaps already.
func (h *Heap) marks(s *span, r *goruntime.Span, size int) []uint64 {
	gen := h.allocator.SweepGen
	if r.SweepGen != gen-2 && r.SweepGen != gen+1 {
		return nil
	}
	b, _, ok := h.mem.View(r.MarkBits, size)
	if !ok {
		return nil
	}
	marks := make([]uint64, size/8)
	for i := range marks {
		marks[i] = binary.LittleEndian.Uint64(b[i*8:])
	}
	if s.flags&inlineMarks != 0 {
		inline := s.data[goruntime.PageSize-inlineMarkBytes/2 : goruntime.PageSize]
		for i := 0; i < len(marks) && i < 8; i++ {
			w := binary.LittleEndian.Uint64(inline[i*8:])
			if i == 7 {
				w &= 1<<56 - 1 // the last byte is the class
			}
			marks[i] |= w
		}
	}
	return marks
}
