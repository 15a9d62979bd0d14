package goscope

import (
	"debug/elf"
	"encoding/binary"
	"strings"
)

// neverReturns reports whether the call before pc (an address of the file) is
// one of the runtime's that end in a panic. The code behind such a call belongs
// to another path through the function, and so do the locations there.
func (f *Finder) neverReturns(pc uint64) bool {
	target, ok := f.callTarget(pc)
	if !ok {
		return false
	}
	ref, ok := f.units.function(f.info, target)
	if !ok || ref.span.Low != target {
		// The entry points of bounds checks are assembly, which has no entry of
		// its own in every version.
		return false
	}
	e, err := f.info.Entry(ref.off)
	if err != nil {
		return false
	}
	return isNoReturn(f.nameOf(e))
}

// isNoReturn knows the functions that the compiler ends a block with
// (cmd/compile/internal/ssagen, BlockExit) and those that the runtime never
// returns from.
func isNoReturn(name string) bool {
	rest, ok := strings.CutPrefix(name, "runtime.")
	if !ok || strings.HasPrefix(rest, "panicCheck") {
		return false
	}
	for _, prefix := range []string{"panic", "goPanic", "throw", "fatal"} {
		if strings.HasPrefix(rest, prefix) {
			return true
		}
	}
	return rest == "gopanic" || rest == "block" || rest == "Goexit" || rest == "sigpanic"
}

// callTarget decodes the direct call that ends at pc.
func (f *Finder) callTarget(pc uint64) (uint64, bool) {
	if f.src.memory == nil || f.src.binary.ELF() == nil {
		return 0, false
	}
	var b [5]byte
	switch f.src.binary.ELF().Machine {
	case elf.EM_X86_64:
		// CALL rel32
		if err := f.src.memory.Read(b[:], pc+f.bias-5); err != nil || b[0] != 0xe8 {
			return 0, false
		}
		return pc + uint64(int64(int32(binary.LittleEndian.Uint32(b[1:])))), true
	case elf.EM_AARCH64:
		// BL imm26
		if err := f.src.memory.Read(b[:4], pc+f.bias-4); err != nil {
			return 0, false
		}
		w := binary.LittleEndian.Uint32(b[:])
		if w>>26 != 0x25 {
			return 0, false
		}
		return pc - 4 + uint64(int64(int32(w<<6)>>6)*4), true
	}
	return 0, false
}
