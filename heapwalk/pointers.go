package heapwalk

import (
	"encoding/binary"
	"math/bits"

	"github.com/safedump/sdcore/corefile/goruntime"
)

// pointerMap is where the pointers of one object are.
type pointerMap struct {
	base uint64 // address of the first value: behind the header, if there is one
	data []byte // from there to the end of the object
	// small has a bit for each word where mask is nil.
	small uint64
	// mask is that of the type, which repeats until the end of the object.
	mask *typeMask
	typ  uint64 // address of its descriptor
}

// pointersOf says in m where object i of a span has pointers; ok is false when it
// has none, or when that is not known.
func (h *Heap) pointersOf(m *pointerMap, s *span, i uint32) (ok bool) {
	*m = pointerMap{}
	if s.flags&noPointers != 0 {
		return false
	}
	off := uint64(i) * s.elem
	if off+s.elem > uint64(len(s.data)) {
		return false
	}
	m.base, m.data = s.start+off, s.data[off:off+s.elem]
	switch {
	case s.flags&smallBits != 0:
		m.small = s.smallMask(off)
		return m.small != 0
	case s.flags&hasHeader != 0:
		m.typ = binary.LittleEndian.Uint64(m.data)
		m.base, m.data = m.base+headerSize, m.data[headerSize:]
	default:
		m.typ = h.largeType(s)
	}
	if m.typ == 0 {
		return false // not initialised yet
	}
	m.mask = h.masks.of(m.typ, uint64(len(m.data)))
	return m.mask != nil && m.mask.pointers != 0
}

// smallMask is the bitmap of the object at an offset of a page of small objects
// (runtime/mbitmap.go, heapBitsSmallForAddr).
func (s *span) smallMask(off uint64) uint64 {
	const bitmapBytes = goruntime.PageSize / 64
	end := uint64(goruntime.PageSize)
	if s.flags&inlineMarks != 0 {
		end -= inlineMarkBytes
	}
	bitmap := s.data[end-bitmapBytes : end]
	word, bit := off/8/64, off/8%64
	v := binary.LittleEndian.Uint64(bitmap[word*8:]) >> bit
	if n := s.elem / 8; bit+n > 64 && word*8+16 <= bitmapBytes {
		v |= binary.LittleEndian.Uint64(bitmap[word*8+8:]) << (64 - bit)
	}
	return v & low(s.elem/8)
}

// each calls visit with the offset from base and the contents of every word that
// is a pointer and not nil.
func (m *pointerMap) each(visit func(off, pointer uint64)) {
	if m.mask == nil {
		for small := m.small; small != 0; small &= small - 1 {
			off := uint64(bits.TrailingZeros64(small)) * 8
			if p := binary.LittleEndian.Uint64(m.data[off:]); p != 0 {
				visit(off, p)
			}
		}
		return
	}
	for start := uint64(0); start < uint64(len(m.data)); start += m.mask.size {
		end := min(m.mask.pointers, uint64(len(m.data))-start)
		for off := uint64(0); off+8 <= end; off += 8 {
			w := m.mask.bits[off>>6] >> (off >> 3 & 7)
			if w == 0 { // none in the rest of this byte
				off |= 56
				continue
			}
			if w&1 == 0 {
				continue
			}
			if p := binary.LittleEndian.Uint64(m.data[start+off:]); p != 0 {
				visit(start+off, p)
			}
		}
	}
}

// has reports whether the word at an offset from base is a pointer.
func (m *pointerMap) has(off uint64) bool {
	if m.mask == nil {
		return m.small>>(off/8&63)&1 != 0
	}
	off %= m.mask.size
	return off < m.mask.pointers && m.mask.has(off)
}

// Pointers calls visit with every pointer that an object holds to another one, or
// to itself: the offset of the word in the object, without its header, and what it
// points to.
func (h *Heap) Pointers(o Object, visit func(off uint64, to Object)) {
	s := h.spanOf(o)
	var m pointerMap
	if h.pointersOf(&m, s, uint32(o-s.first)) {
		m.each(func(off, p uint64) {
			if to, ok := h.target(p); ok {
				visit(off, to)
			}
		})
	}
}

// target is the allocated object that a pointer leads to.
func (h *Heap) target(p uint64) (Object, bool) {
	s, i := h.find(p)
	if s == nil {
		return 0, false
	}
	o := s.first + Object(i)
	return o, h.alloc.has(o)
}
