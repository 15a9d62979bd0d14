package goruntime

import (
	"bytes"
	"encoding/binary"

	"github.com/safedump/sdcore/corefile"
)

// Open-coded defers, on amd64. A function with at most eight defer statements,
// none of them in a loop, keeps a byte with a bit for each that is pending, and
// the func values, in its own frame; it clears the bit before it makes the call
// (cmd/compile/internal/ssagen/ssa.go, openDeferRecord and openDeferExit, and
// runtime/panic.go, nextDefer; the same in go1.25.4, go1.26.8 and go1.27.0).
// Functions built with -N or -race have none.

// openDeferCount is how many open-coded defers a function can have.
const openDeferCount = 8

// openCoded notes the pending ones of frame i.
func (w *deferWalk) openCoded(i int) {
	fr := &w.frames[i]
	if fr.Inlined || fr.SystemStack || fr.CFA == 0 {
		return
	}
	f, ok := w.r.Functions().Find(fr.CallPC)
	if !ok {
		return
	}
	bitsAt, slotsAt, ok := f.OpenDefers()
	sp, known := stackPointer(fr)
	if !ok || !known {
		return
	}
	// Below the return address is the caller's frame pointer, then the locals:
	// stackframe.varp of the runtime.
	locals := fr.CFA - 16
	bits, slots := locals-bitsAt, locals-slotsAt
	delta, ok := f.SPDelta(fr.CallPC)
	if !ok || delta <= 8 || bits < sp || bits >= locals {
		return // before the frame was made, or after it is gone
	}
	if fr.PC == fr.CallPC && !w.begun(f.Entry(), fr.PC, f.End(), bits-sp) {
		return
	}
	b, err := w.r.view(bits, 1)
	if err != nil {
		w.problem(bits, "open-coded defers of %s: %v", fr.Function, err)
		return
	}
	for n := openDeferCount - 1; n >= 0; n-- {
		if b[0]&(1<<n) != 0 && !w.slot(i, slots+8*uint64(n), locals) {
			return
		}
	}
}

// slot notes the func value in a slot of frame i.
func (w *deferWalk) slot(i int, at, locals uint64) bool {
	closure, err := w.r.mem.Uint64(at)
	if err != nil || at >= locals {
		w.problem(at, "open-coded defer of %s is not on its frame", w.frames[i].Function)
		return false
	}
	entry, ok := w.code(closure)
	if !ok {
		w.problem(at, "open-coded defer of %s has a func value at %#x that is of no function", w.frames[i].Function, closure)
		return false
	}
	w.keep(i, Defer{Addr: at, OpenCoded: true, Closure: closure, Code: entry})
	return true
}

// begun reports whether a function that was interrupted at pc had cleared its
// byte of bits: what is there before is of an earlier call. The instruction is
// MOVB $0, bits(SP), once and in the first block. A call can't come before it.
func (w *deferWalk) begun(entry, pc, end, bits uint64) bool {
	const most = 1 << 12
	code, err := w.r.view(entry, int(min(end-entry, most)))
	if err != nil {
		w.problem(pc, "code at %#x is not in the core: whether defers are pending is not known", entry)
		return false
	}
	clear := []byte{0xc6, 0x44, 0x24, byte(bits), 0}
	if bits > 127 {
		clear = binary.LittleEndian.AppendUint32([]byte{0xc6, 0x84, 0x24}, uint32(bits))
		clear = append(clear, 0)
	}
	at := bytes.Index(code, clear)
	if at < 0 {
		w.problem(pc, "where the function at %#x begins to note its defers was not found: whether any are pending is not known", entry)
		return false
	}
	return pc >= entry+uint64(at+len(clear))
}

// register reads a general register.
func register(regs *corefile.Registers, n uint64) (uint64, bool) {
	b, ok := regs.Bytes(n)
	if !ok || len(b) != 8 {
		return 0, false
	}
	return binary.LittleEndian.Uint64(b), true
}
