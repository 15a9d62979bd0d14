package delvecore

import (
	"debug/elf"
	"slices"

	"github.com/go-delve/delve/pkg/proc"
)

// saved is where a function of the runtime keeps the registers of the one that
// it interrupted or that called it: offsets from its stack pointer, by DWARF
// number (System V ABI AMD64, figure 3.36).
type saved struct {
	frames []uint64 // from the stack pointer to the frame address, by release
	at     map[uint64]uint64
}

// savedBy returns the layout of Go 1.25 to 1.27 on amd64. A frame of another
// size has another layout and nothing is taken from it.
func savedBy(function string) (saved, bool) {
	switch function {
	case "runtime.asyncPreempt": // runtime/preempt_amd64.s; Go 1.25 had the vectors there, too
		return saved{[]uint64{136, 392}, map[uint64]uint64{
			0: 0, 2: 8, 1: 16, 3: 24, 4: 32, 5: 40,
			8: 48, 9: 56, 10: 64, 11: 72, 12: 80, 13: 88, 14: 96, 15: 104,
		}}, true
	case "runtime.panicBounds": // runtime/asm_amd64.s
		return saved{[]uint64{160}, map[uint64]uint64{
			0: 16, 2: 24, 1: 32, 3: 40, 4: 64, 5: 72,
			8: 80, 9: 88, 10: 96, 11: 104, 12: 112, 13: 120, 15: 136,
		}}, true
	}
	return saved{}, false
}

// recovered reads the general registers of the frame below f, which f saved
// before it did anything else; nil when it is no such function.
func (b *Backend) recovered(f *proc.Stackframe) map[uint64][]byte {
	if e := b.c.Binary().ELF(); e == nil || e.Machine != elf.EM_X86_64 || f.Current.Fn == nil {
		return nil
	}
	s, ok := savedBy(f.Current.Fn.Name)
	sp := f.Regs.SP()
	if !ok || sp == 0 || !slices.Contains(s.frames, uint64(f.Regs.CFA)-sp) {
		return nil
	}
	out := make(map[uint64][]byte, len(s.at))
	for reg, off := range s.at {
		if v, _, ok := b.c.Memory().View(sp+off, 8); ok {
			out[reg] = append([]byte(nil), v...)
		}
	}
	return out
}
