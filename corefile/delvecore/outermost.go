package delvecore

import (
	"encoding/binary"
	"fmt"

	"github.com/safedump/sdcore/corefile"
)

// DWARF register numbers of amd64 (System V ABI, figure 3.36).
const (
	regBP = 6
	regSP = 7
	regPC = 16
)

// maxChain bounds the frames counted by frame pointers: the largest stack that
// Go allows by default (1 GB) with its smallest frames.
const maxChain = 1 << 26

// link is a frame as the chain of frame pointers knows it.
type link struct{ pc, bp, sp uint64 }

// outermost continues a stack that is longer than what was walked, along the
// frame pointers: it counts the frames and adds the outermost ones. Go code
// keeps frame pointers in every function that calls another.
func (b *Backend) outermost(s *corefile.Stack, r bounds) {
	walked := len(s.Frames)
	if walked == 0 {
		return
	}
	s.End = fmt.Sprintf("stack is longer than the %d frames walked", walked)
	last := &s.Frames[walked-1]
	bp, ok := last.Regs.Bytes(regBP)
	if !ok || len(bp) < 8 || r.hi <= r.lo {
		return
	}
	ring := make([]link, 0, b.o.KeepOutermost)
	same := 0 // links dropped that are the last frame's function at the same place
	n := b.chain(binary.LittleEndian.Uint64(bp), r, func(l link) {
		if len(ring) == cap(ring) {
			if ring[0].pc == last.PC {
				same++
			}
			copy(ring, ring[1:])
			ring = ring[:len(ring)-1]
		}
		ring = append(ring, l)
	})
	if n == 0 {
		return
	}
	s.Omitted = n - len(ring)
	s.End = omittedText(walked, s.Omitted, len(ring))
	if same == s.Omitted && !inlinedInto(s.Frames) {
		// All that is left out is one call over and over.
		last.Repeat, s.Omitted = 1+same, 0
	}
	for _, l := range ring {
		s.Frames = append(s.Frames, b.linkFrames(l)...)
	}
	if fn := s.Frames[len(s.Frames)-1].Function; fn == "runtime.goexit" || fn == "runtime.mstart" {
		s.End = "" // nothing is further out
	}
}

// inlinedInto reports whether the last frame has calls inlined into it.
func inlinedInto(frames []corefile.Frame) bool {
	n := len(frames)
	return n > 1 && frames[n-2].Inlined
}

// chain follows the saved frame pointers from bp on, outwards, and calls visit
// for each caller.
func (b *Backend) chain(bp uint64, r bounds, visit func(link)) int {
	m, n := b.c.Memory(), 0
	for n < maxChain && r.has(bp) && bp%8 == 0 {
		v, _, ok := m.View(bp, 16)
		if !ok {
			break
		}
		up, ret := binary.LittleEndian.Uint64(v), binary.LittleEndian.Uint64(v[8:])
		if ret == 0 {
			break
		}
		visit(link{pc: ret, bp: up, sp: bp + 16})
		n++
		if up <= bp { // the chain leads outwards, or it is no chain
			break
		}
		bp = up
	}
	return n
}

// linkFrames makes the frames of one link, inlined calls included.
func (b *Backend) linkFrames(l link) []corefile.Frame {
	f := corefile.Frame{PC: l.pc, CallPC: l.pc - 1, Regs: &corefile.Registers{}}
	f.Regs.Set(regPC, binary.LittleEndian.AppendUint64(nil, l.pc))
	f.Regs.Set(regSP, binary.LittleEndian.AppendUint64(nil, l.sp))
	f.Regs.Set(regBP, binary.LittleEndian.AppendUint64(nil, l.bp))
	if l.bp != 0 {
		f.CFA = l.bp + 16
	}
	if out := b.expand(f); out != nil {
		if out[0].Function == "runtime.goexit" {
			out[0].CFA = l.sp + 8 // it has no frame of its own
		}
		return out
	}
	return []corefile.Frame{f}
}
