package goruntime

// Saved is where the stack of a runtime.g lies, and what the scheduler saved of
// its registers when it stopped it.
type Saved struct {
	Addr   uint64 // of the runtime.g
	Lo, Hi uint64 // stack: the lowest address, and the first one above
	// PC, SP and BP are g.sched: of the last stop, which may be long ago when
	// the goroutine runs.
	PC, SP, BP uint64
	// SyscallPC, SyscallSP and SyscallBP are where it went into a system call or
	// into C; SyscallSP is 0 when it is in none.
	SyscallPC, SyscallSP, SyscallBP uint64
	// Ctxt is g.sched.ctxt, the address of a closure: the one that a goroutine
	// will begin with, or whose function was stopped where it began; 0 when none.
	Ctxt uint64
	// M is the address of the runtime.m that runs it, 0 when none.
	M uint64
	// XRegs is the address of the vector registers that a preemption saved
	// (g.xRegs.state, since Go 1.26), 0 when none.
	XRegs uint64
}

// Saved reads the g at addr. It may be called from several goroutines at once.
func (r *Runtime) Saved(addr uint64) (Saved, error) {
	o, err := r.object(addr, r.lay.gSize)
	if err != nil {
		return Saved{}, err
	}
	l := &r.lay
	return Saved{
		Addr: addr, Lo: o.get(l.gStackLo), Hi: o.get(l.gStackHi),
		PC: o.get(l.gSchedPC), SP: o.get(l.gSchedSP), BP: o.get(l.gSchedBP),
		SyscallPC: o.get(l.gSyscallPC), SyscallSP: o.get(l.gSyscallSP), SyscallBP: o.get(l.gSyscallBP),
		Ctxt: o.get(l.gSchedCtxt), M: o.get(l.gM), XRegs: o.get(l.gXRegs),
	}, nil
}
