package vars

import (
	"unsafe"

	"github.com/safedump/sdcore/report"
)

// room is where decoded values are put. Without reuse it is the heap.
type room struct {
	reuse     bool
	frameRoom slab[report.Frame]
	varRoom   slab[report.Variable]
	childRoom slab[report.Child]
	keyRoom   slab[report.Value]
}

// reset makes all of the room free again.
func (m *room) reset() {
	m.frameRoom.reset()
	m.varRoom.reset()
	m.childRoom.reset()
	m.keyRoom.reset()
}

// frames and vars hold whatever was there before.
func (m *room) frames(n int) []report.Frame {
	if !m.reuse {
		return make([]report.Frame, n)
	}
	return m.frameRoom.take(n)
}

func (m *room) vars(n int) []report.Variable {
	if !m.reuse {
		return make([]report.Variable, n)
	}
	return m.varRoom.take(n)
}

// children are zero, and so is a key.
func (m *room) children(n int) []report.Child {
	if !m.reuse {
		return make([]report.Child, n)
	}
	cs := m.childRoom.take(n)
	clear(cs)
	return cs
}

func (m *room) key() *report.Value {
	if !m.reuse {
		return new(report.Value)
	}
	v := &m.keyRoom.take(1)[0]
	*v = report.Value{}
	return v
}

// text makes a string of bytes of the core, which are not copied where the
// values are not kept.
func (m *room) text(b []byte) string {
	if m.reuse {
		return unsafe.String(unsafe.SliceData(b), len(b))
	}
	return string(b)
}

// slab hands out parts of blocks that are used again.
type slab[T any] struct {
	blocks [][]T
	block  int // the one in use
	used   int // of it
}

// slabBlock is the number of elements in a block. Larger requests are the
// heap's.
const slabBlock = 512

// take returns n elements, with whatever was there before.
func (s *slab[T]) take(n int) []T {
	if n > slabBlock {
		return make([]T, n)
	}
	if s.block < len(s.blocks) && s.used+n > slabBlock {
		s.block, s.used = s.block+1, 0
	}
	if s.block == len(s.blocks) {
		s.blocks = append(s.blocks, make([]T, slabBlock))
	}
	out := s.blocks[s.block][s.used : s.used+n : s.used+n]
	s.used += n
	return out
}

// slabBlocks is how many blocks are kept for the next time.
const slabBlocks = 64

func (s *slab[T]) reset() {
	s.block, s.used = 0, 0
	if len(s.blocks) > slabBlocks {
		clear(s.blocks[slabBlocks:])
		s.blocks = s.blocks[:slabBlocks]
	}
}
