package goruntime

import (
	"fmt"
)

// maxThreads bounds the list of threads: Go itself stops at 10 000 by default
// (debug.SetMaxThreads).
const maxThreads = 1 << 20

// Thread is a runtime.m: a thread of the operating system as the scheduler
// knows it.
type Thread struct {
	Addr     uint64 // of the runtime.m
	ID       int64  // the scheduler's number
	TID      int    // the kernel's
	G0       uint64 // address of the g of its system stack
	GSignal  uint64 // address of the g of its signal stack, 0 when none
	CurG     uint64 // address of the g that it runs, 0 when none
	LockedG  uint64 // address of the g that is locked to it
	Throwing int32  // m.throwing: -1 or 2 by runtime.throw, -2 or 1 by runtime.fatal, 0 neither
	Dying    int32  // m.dying
	// CaughtSig is the address of the g that a fatal signal found, 0 when none.
	CaughtSig uint64
	InCgo     bool
	// VDSOPC and VDSOSP are where a call of the kernel's shared code returns to
	// in Go code, 0 when none is under way.
	VDSOPC, VDSOSP uint64
}

// Threads lists runtime.allm.
func (r *Runtime) Threads() ([]Thread, error) {
	if r.msRead {
		return r.ms, r.msErr
	}
	r.msRead = true
	at, _, ok := r.sym("runtime.allm")
	if !ok {
		r.msErr = fmt.Errorf("variable runtime.allm not found: %w", ErrNoRuntime)
		return nil, r.msErr
	}
	next, err := r.mem.Uint64(at)
	if err != nil {
		r.msErr = fmt.Errorf("runtime.allm: %w", err)
		return nil, r.msErr
	}
	seen := map[uint64]bool{}
	for next != 0 && len(r.ms) < maxThreads {
		if seen[next] {
			r.msErr = fmt.Errorf("runtime.allm goes in circles at %#x", next)
			break
		}
		seen[next] = true
		o, err := r.object(next, r.lay.mSize)
		if err != nil {
			r.msErr = fmt.Errorf("runtime.allm: %w", err)
			break
		}
		r.ms = append(r.ms, r.thread(o))
		next = o.get(r.lay.mAllLink)
	}
	return r.ms, r.msErr
}

func (r *Runtime) thread(o object) Thread {
	l := &r.lay
	return Thread{
		Addr: o.addr, ID: int64(o.get(l.mID)), TID: int(o.get(l.mProcID)),
		G0: o.get(l.mG0), GSignal: o.get(l.mGSignal), CurG: o.get(l.mCurG), LockedG: o.get(l.mLockedG),
		Throwing: int32(o.get(l.mThrowing)), Dying: int32(o.get(l.mDying)),
		CaughtSig: o.get(l.mCaughtSig), InCgo: o.get(l.mInCgo) != 0,
		VDSOPC: o.get(l.mVDSOPC), VDSOSP: o.get(l.mVDSOSP),
	}
}

// ThreadM finds the thread with the kernel's ID tid.
func (r *Runtime) ThreadM(tid int) (Thread, bool) {
	ms, _ := r.Threads()
	for i := range ms {
		if ms[i].TID == tid {
			return ms[i], true
		}
	}
	return Thread{}, false
}

// ThreadAt finds the thread that has sp on one of its stacks: that of signals,
// of the scheduler, or of the goroutine it runs. It is for cores whose thread
// IDs are those of another PID namespace than the program's.
func (r *Runtime) ThreadAt(sp uint64) (Thread, bool) {
	ms, _ := r.Threads()
	for i := range ms {
		for _, g := range []uint64{ms[i].GSignal, ms[i].CurG, ms[i].G0} {
			if g == 0 {
				continue
			}
			if lo, hi, err := r.StackBounds(g); err == nil && sp >= lo && sp < hi {
				return ms[i], true
			}
		}
	}
	return Thread{}, false
}

// mByAddr reads the runtime.m at addr.
func (r *Runtime) mByAddr(addr uint64) (Thread, bool) {
	if addr == 0 {
		return Thread{}, false
	}
	o, err := r.object(addr, r.lay.mSize)
	if err != nil {
		return Thread{}, false
	}
	return r.thread(o), true
}
