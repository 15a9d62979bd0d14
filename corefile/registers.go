package corefile

import (
	"bytes"
	"encoding/binary"
)

// Layout of struct elf_prstatus on amd64. Source: Linux 6.12,
// include/linux/elfcore.h with arch/x86/include/asm/user_64.h.
const (
	prstatusSize   = 336
	prstatusCursig = 12
	prstatusPID    = 32
	prstatusRegs   = 112

	// fxsaveXMM is the offset of XMM0 in the FXSAVE area, of which NT_FPREGSET
	// consists and with which NT_X86_XSTATE starts (struct user_i387_struct).
	fxsaveXMM  = 160
	fxsaveSize = 512
	xmmCount   = 16
	xmmSize    = 16
)

// DWARF numbers of amd64 registers that sdcore's packages ask for. Source:
// System V ABI, AMD64 supplement, figure 3.36.
const (
	RegRBP    = 6
	RegRSP    = 7
	RegRIP    = 16
	RegXMM0   = 17
	RegFSBase = 58
	RegGSBase = 59
)

// userRegs gives the DWARF numbers of the words of struct user_regs_struct in
// order, -1 for the one without a number (orig_rax). Source: Linux 6.12,
// arch/x86/include/asm/user_64.h.
func userRegs() [27]int {
	return [27]int{
		15, 14, 13, 12, RegRBP, 3, 11, 10, 9, 8, // r15 r14 r13 r12 rbp rbx r11 r10 r9 r8
		0, 2, 1, 4, 5, // rax rcx rdx rsi rdi
		-1, RegRIP, // orig_rax rip
		51, 49, RegRSP, 52, // cs eflags rsp ss
		RegFSBase, RegGSBase, 53, 50, 54, 55, // fs_base gs_base ds es fs gs
	}
}

// addThread reads NT_PRSTATUS, which starts the notes of a thread.
func (n *notes) addThread(r rawNote) error {
	if len(r.desc) != prstatusSize {
		c := cursor{path: n.path, what: "NT_PRSTATUS", base: r.off}
		c.fail(ErrUnsupported, "has %d bytes instead of the %d of a 64-bit process", len(r.desc), prstatusSize)
		return c.err
	}
	if len(n.threads) == maxThreads {
		c := cursor{path: n.path, what: "NT_PRSTATUS", base: r.off}
		c.fail(ErrCorrupt, "more than %d threads", maxThreads)
		return c.err
	}
	t := Thread{
		TID:    int(int32(binary.LittleEndian.Uint32(r.desc[prstatusPID:]))),
		Signal: int(int16(binary.LittleEndian.Uint16(r.desc[prstatusCursig:]))),
		Regs:   &Registers{},
	}
	words := bytes.Clone(r.desc[prstatusRegs:]) // they outlive the mapping
	for i, reg := range userRegs() {
		if reg >= 0 {
			word := words[8*i:][:8:8]
			t.Regs.Set(uint64(reg), word)
			switch reg {
			case RegRIP:
				t.PC = binary.LittleEndian.Uint64(word)
			case RegRSP:
				t.SP = binary.LittleEndian.Uint64(word)
			}
		}
	}
	n.threads = append(n.threads, t)
	return nil
}

// addVectors reads the XMM registers of the thread whose notes these are. The
// first of NT_FPREGSET and NT_X86_XSTATE is enough: both hold the same.
func (n *notes) addVectors(r rawNote) {
	if len(n.threads) == 0 || len(r.desc) < fxsaveSize {
		return
	}
	regs := n.threads[len(n.threads)-1].Regs
	if _, ok := regs.Bytes(RegXMM0); ok {
		return
	}
	xmm := bytes.Clone(r.desc[fxsaveXMM:][:xmmCount*xmmSize])
	for i := range xmmCount {
		regs.Set(uint64(RegXMM0+i), xmm[xmmSize*i:][:xmmSize:xmmSize])
	}
}
