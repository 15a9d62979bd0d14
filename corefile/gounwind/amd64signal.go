package gounwind

import "github.com/safedump/sdcore/corefile"

// Layout of what the kernel puts on a stack for a signal, below which the
// handler's return address lies: struct ucontext with struct sigcontext. Source:
// Linux 6.12, arch/x86/include/uapi/asm/{ucontext,sigcontext}.h.
const (
	ucStackSP   = 16
	ucStackSize = 32
	ucRegisters = 40
	ucFPState   = ucRegisters + 23*8
	fpStateXMM  = 160
	firstVector = 17 // DWARF number of XMM0
	vectors     = 16
	vectorSize  = 16
)

// contextRegisters gives the DWARF numbers of the words of struct sigcontext:
// r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
func contextRegisters() [17]uint64 {
	return [17]uint64{8, 9, 10, 11, 12, 13, 14, 15, 5, 4, corefile.RegRBP, 3, 1, 0, 2, corefile.RegRSP, corefile.RegRIP}
}

// signal leaves the handler of a signal to what it interrupted. The handler's
// own frame is made by the kernel and called by nobody: it is left out.
func (w *walker) signal(r *rule, cfa uint64) {
	if w.cur.exact {
		w.record(cfa, false)
	}
	if !w.inside(cfa) {
		return
	}
	if !w.isContext(cfa) {
		w.stop("no signal frame at %#x", cfa)
		return
	}
	w.interrupted(cfa)
}

// interrupted goes to what a signal interrupted, whose frame lies at uc.
func (w *walker) interrupted(uc uint64) {
	next := cursor{exact: true, full: true}
	var regs *corefile.Registers
	if w.collect {
		regs = &corefile.Registers{}
	}
	for i, reg := range contextRegisters() {
		v, ok := w.word(uc + ucRegisters + 8*uint64(i))
		if !ok {
			w.stop("stack memory at %#x is not in the core", uc)
			return
		}
		switch {
		case reg == corefile.RegRIP:
			next.pc = v
		case reg == corefile.RegRSP:
			next.sp = v
		default:
			next.set(int(reg), v)
		}
		if regs != nil {
			regs.SetWord(reg, v)
		}
	}
	if regs != nil {
		w.contextVectors(uc, regs)
	}
	next.whole = regs
	w.jump(next)
}

// isContext reports whether a signal frame lies at uc: the kernel notes there
// the stack that it was told to use, which is the one that the runtime recorded;
// or the handler returns into the instructions that end a signal.
func (w *walker) isContext(uc uint64) bool {
	lo, ok1 := w.word(uc + ucStackSP)
	size, ok2 := w.word(uc + ucStackSize)
	if w.m != nil && ok1 && ok2 && lo == w.m.signal.Lo && size == w.m.signal.Hi-w.m.signal.Lo && size != 0 {
		return true
	}
	ret, ok := w.word(uc - 8)
	return ok && w.endsSignal(ret)
}

// endsSignal reports whether the instructions at pc are those into which a
// signal's handler returns: MOVQ $15, AX; SYSCALL.
func (w *walker) endsSignal(pc uint64) bool {
	return string(w.b.mem.Window(pc, 9)) == "\x48\xc7\xc0\x0f\x00\x00\x00\x0f\x05"
}

// contextVectors adds the vector registers of a signal frame.
func (w *walker) contextVectors(uc uint64, regs *corefile.Registers) {
	at, ok := w.word(uc + ucFPState)
	if !ok || at == 0 {
		return
	}
	w.addVectors(at+fpStateXMM, vectorSize, func(reg uint64, b []byte) { regs.Set(reg, b) })
}

// addVectors reads XMM0 to XMM15, which lie at addr and then every stride
// bytes.
func (w *walker) addVectors(addr, stride uint64, set func(reg uint64, b []byte)) {
	for i := range uint64(vectors) {
		if b := w.b.mem.Window(addr+i*stride, vectorSize); len(b) == vectorSize {
			set(firstVector+i, append([]byte(nil), b...))
		}
	}
}
