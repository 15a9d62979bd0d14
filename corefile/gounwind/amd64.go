package gounwind

import (
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
)

// What is particular to amd64 and to releases of Go. Names and frames are those
// of go1.25.4, go1.26.8 and go1.27.0: runtime/asm_amd64.s, runtime/sys_linux_amd64.s,
// runtime/preempt_amd64.s.

// special finds out whether a function is one of those that change stacks, or
// that interrupt what is below.
func (b *Backend) special(r *rule, f *pclntab.Func) {
	switch f.Name() {
	case "runtime.systemstack":
		r.kind = kindSystemstack
	case "runtime.mcall":
		r.kind = kindMcall
	case "runtime.morestack", "runtime.morestack_noctxt":
		r.kind = kindMorestack
	case "runtime.asmcgocall":
		r.kind = kindAsmcgocall
	case "runtime.asmcgocall_no_g":
		r.kind = kindAsmcgocallNoG
	case "runtime.cgocallback":
		r.kind = kindCgocallback
	case "runtime.sigtramp":
		r.kind = kindSigtramp
	case "runtime.clone":
		r.kind = kindClone
	case "runtime.sigpanic", "runtime.debugCallV2":
		r.traps = true
	case "runtime.asyncPreempt":
		r.traps, r.saves = true, savesPreempted
	case "crosscall2":
		r.saves = savesHost
	case "runtime.panicBounds":
		r.saves = savesPanicBounds
	default:
		switch flags := f.Flags(); {
		case flags&pclntab.FlagTopFrame != 0:
			r.kind = kindTop
		case flags&pclntab.FlagSPWrite != 0 && f.Name() == "gogo": // gogo<>, called by runtime.gogo
			r.kind = kindGogo
		case flags&pclntab.FlagSPWrite != 0:
			r.kind = kindSPWrite
		}
	}
}

// change leaves the frame of a function that changes stacks.
func (w *walker) change(r *rule) {
	cfa := w.cur.sp + uint64(r.delta)
	switch r.kind {
	case kindSystemstack, kindMcall:
		w.fromSystem(r, cfa)
	case kindMorestack:
		if w.system && w.g != nil && w.toSaved() {
			return
		}
		w.fromSystem(r, cfa)
	case kindAsmcgocall:
		w.fromC(r, cfa)
	case kindAsmcgocallNoG:
		w.aligned(r, cfa, w.cur.sp+8)
	case kindCgocallback:
		w.fromGo(r, cfa)
	case kindSigtramp:
		w.signal(r, cfa)
	case kindClone:
		w.born(r, cfa)
	case kindGogo:
		w.resumed(r)
	default:
		w.moved(r)
	}
}

// moved leaves a function that changed its stack pointer in a way unknown here.
func (w *walker) moved(r *rule) {
	if w.cur.exact && w.resume == nil {
		w.plain(r) // it may not have got so far
		return
	}
	w.record(0, false)
	w.stop("the function at %#x changed its stack pointer", w.cur.pc)
}

// born leaves clone. It returns twice: in the new thread at the top of its
// stack, that of its g0, where nothing called it and what is above belongs to
// others. A thread is found there in one of fifty cores of a program that makes
// threads all the time.
func (w *walker) born(r *rule, cfa uint64) {
	if !w.b.ms.top(w.cur.sp) {
		w.plain(r)
		return
	}
	w.record(cfa, false)
	w.done = true
}

// resumed leaves gogo behind the instruction that put the thread on the stack
// of the goroutine that is to run: what is below it is where that one stopped.
// Gogo clears the record of it, the frame pointer after the stack pointer.
func (w *walker) resumed(r *rule) {
	g := w.g
	if w.system || !w.cur.exact || g == nil || g.PC == 0 || g.SP != 0 && g.SP != w.cur.sp {
		w.moved(r)
		return
	}
	next := cursor{pc: g.PC, sp: w.cur.sp, exact: w.b.isEntry(g.PC)}
	if g.SP != 0 {
		next.set(corefile.RegRBP, g.BP)
	} else if bp, ok := w.register(corefile.RegRBP); ok {
		next.set(corefile.RegRBP, bp)
	}
	w.record(0, false)
	w.jump(next)
}

// fromSystem leaves systemstack, mcall and morestack, which call on g0's stack
// what the goroutine asked for; the scheduler's record says where that stands.
// The frame of systemstack itself is on the goroutine's stack, where the record
// calls it systemstack_switch.
func (w *walker) fromSystem(r *rule, cfa uint64) {
	if !w.system { // the stack is not changed yet
		w.plain(r)
		return
	}
	if !w.inside(cfa) {
		return
	}
	if w.g != nil && w.savedInside() {
		if r.kind == kindSystemstack {
			w.cur.sp, w.system = w.g.SP, false
			cfa = w.cur.sp + uint64(r.delta)
		}
		w.record(cfa, false)
		w.toSaved()
		return
	}
	w.record(cfa, false)
	if r.kind != kindSystemstack {
		w.done = true // the goroutine that called is not this thread's any more
		return
	}
	w.stop("the goroutine that called on the system stack is not known")
}

// toSaved continues on the goroutine's stack at what the scheduler saved.
func (w *walker) toSaved() bool {
	g := w.g
	if !w.savedInside() {
		return false
	}
	next := cursor{pc: g.PC, sp: g.SP}
	next.set(corefile.RegRBP, g.BP)
	w.jump(next)
	return true
}

// savedInside reports whether what the scheduler saved lies on the goroutine's
// stack.
func (w *walker) savedInside() bool {
	g := w.g
	return g.SP >= g.Lo && g.SP < g.Hi && g.PC != 0
}

// fromC leaves asmcgocall on the system stack: it saved the goroutine and how
// far from the end of its stack it stood, or with no goroutine, the stack
// pointer.
func (w *walker) fromC(r *rule, cfa uint64) {
	if !w.system {
		w.plain(r)
		return
	}
	if !w.inside(cfa) {
		return
	}
	depth, ok1 := w.word(w.cur.sp)
	g, ok2 := w.word(w.cur.sp + 8)
	if !ok1 || !ok2 {
		w.record(cfa, false)
		w.stop("stack memory at %#x is not in the core", w.cur.sp)
		return
	}
	if g == 0 {
		w.aligned(r, cfa, w.cur.sp)
		return
	}
	w.record(cfa, false)
	if w.g == nil || g != w.g.Addr {
		w.stop("C code was called by another goroutine, of %#x", g)
		return
	}
	sp := w.g.Hi - depth
	if sp < w.g.Lo || sp >= w.g.Hi {
		w.stop("C code was called from %#x, outside of the goroutine's stack", sp)
		return
	}
	w.jump(cursor{pc: w.cur.pc, sp: sp})
	if cfa = sp + uint64(r.delta); w.inside(cfa) {
		w.leave(r, cfa)
	}
}

// aligned leaves a function that aligned its stack pointer after saving it at
// slot, on the same stack.
func (w *walker) aligned(r *rule, cfa, slot uint64) {
	if !w.inside(cfa) {
		return
	}
	w.record(cfa, false)
	sp, ok := w.word(slot)
	const most = 4096
	if !ok || sp < w.cur.sp || sp-w.cur.sp > most {
		w.stop("stack pointer saved at %#x leads nowhere", slot)
		return
	}
	if cfa = sp + uint64(r.delta); w.inside(cfa) {
		w.leave(r, cfa)
	}
}

// fromGo leaves cgocallback on the goroutine's stack: C code on g0's stack
// called it through crosscall2, and the frame pointer is still that of its frame
// there. Where the C code can't be walked, the walk goes on where the goroutine
// had called it.
func (w *walker) fromGo(r *rule, cfa uint64) {
	if !w.inside(cfa) {
		return
	}
	w.record(cfa, false)
	if w.system {
		w.leave(r, cfa)
		return
	}
	next, ok := w.caller(w.cur.regs[corefile.RegRBP])
	if !ok || w.cur.known&(1<<corefile.RegRBP) == 0 {
		// A panic has run the deferred calls: the stack of the C code was used
		// for something else since.
		w.end = noteGone
		w.leave(r, cfa)
		return
	}
	back, ok := w.word(cfa - 8)
	if ok && back != 0 {
		w.resumeAt = cursor{pc: back, sp: cfa, note: noteC}
	}
	w.jump(next)
	if ok && back != 0 && w.system {
		w.resume = &w.resumeAt
	}
}

// caller is the frame of crosscall2 that called the function whose frame pointer
// is bp.
func (w *walker) caller(bp uint64) (cursor, bool) {
	ret, ok1 := w.word(bp + 8)
	up, ok2 := w.word(bp)
	f, ok3 := w.b.table.Find(ret)
	if !ok1 || !ok2 || !ok3 || f.Name() != "crosscall2" {
		return cursor{}, false
	}
	c := cursor{pc: ret, sp: bp + 16}
	c.set(corefile.RegRBP, up)
	return c, true
}

// host restores what crosscall2, whose frame ends at cfa, saved for its caller
// in C: runtime/cgo/abi_amd64.h, PUSH_REGS_HOST_TO_ABI0.
func (w *walker) host(next *cursor, r *rule, cfa uint64) {
	const size, first = 88, 64
	if r.delta != size {
		return
	}
	for i, reg := range [5]int{3, 12, 13, 14, 15} {
		if v, ok := w.word(cfa - first + 8*uint64(i)); ok {
			next.set(reg, v)
		}
	}
}

const noteGone = "frames of the C code that called back into Go are not there any more"

const noteC = "frames of C code between here and the goroutine's own could not be walked"

// savedRegister is a register and where it is kept, from the stack pointer.
type savedRegister struct{ reg, at uint64 }

// saved reads the registers that the frame at the cursor, which ends at cfa,
// saved of the one below before it did anything else. A frame of another size
// has another layout and nothing is taken from it.
func (w *walker) saved(r *rule, cfa uint64) []recoveredRegisters {
	var layout []savedRegister
	var vectorsAt, stride uint64
	size := cfa - w.cur.sp
	switch {
	case r.saves == savesPreempted && size == 136: // since Go 1.26
		layout = preempted()
		if w.g != nil && w.g.XRegs != 0 {
			vectorsAt, stride = w.g.XRegs, 64
		}
	case r.saves == savesPreempted && size == 392: // Go 1.25
		layout = preempted()
		vectorsAt, stride = w.cur.sp+112, 16
	case r.saves == savesPanicBounds && size == 160: // since Go 1.26
		layout = []savedRegister{
			{0, 16}, {2, 24}, {1, 32}, {3, 40}, {4, 64}, {5, 72},
			{8, 80}, {9, 88}, {10, 96}, {11, 104}, {12, 112}, {13, 120}, {15, 136},
		}
	}
	var out []recoveredRegisters
	for _, s := range layout {
		if b := w.b.mem.Window(w.cur.sp+s.at, 8); len(b) == 8 {
			out = append(out, recoveredRegisters{s.reg, append([]byte(nil), b...)})
		}
	}
	if vectorsAt != 0 {
		w.addVectors(vectorsAt, stride, func(reg uint64, b []byte) {
			out = append(out, recoveredRegisters{reg, b})
		})
	}
	return out
}

// preempted is how asyncPreempt saves the general registers.
func preempted() []savedRegister {
	return []savedRegister{
		{0, 0}, {2, 8}, {1, 16}, {3, 24}, {4, 32}, {5, 40},
		{8, 48}, {9, 56}, {10, 64}, {11, 72}, {12, 80}, {13, 88}, {14, 96}, {15, 104},
	}
}
