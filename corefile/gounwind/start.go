package gounwind

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
)

// machine is a thread of the runtime with its own stacks.
type machine struct {
	goruntime.Thread
	g0, signal goruntime.Saved
}

// machines finds the runtime's threads. It is read once and does not change.
type machines struct {
	byAddr map[uint64]*machine
	byTID  map[int]*machine
}

// newMachines reads the runtime's threads; those that can't be read are left
// out. Where the core's thread IDs are those of another PID namespace, a thread
// is known by its stack pointer.
func newMachines(rt runtime, threads map[int]corefile.Thread) *machines {
	ms := &machines{map[uint64]*machine{}, map[int]*machine{}}
	all, _ := rt.Threads() // the error is for the rest of the list
	for i := range all {
		m := &machine{Thread: all[i]}
		m.g0, _ = rt.Saved(m.G0)
		if m.GSignal != 0 {
			m.signal, _ = rt.Saved(m.GSignal)
		}
		ms.byAddr[m.Addr] = m
		if _, ok := threads[m.TID]; ok {
			ms.byTID[m.TID] = m
		}
	}
	for tid, th := range threads {
		if ms.byTID[tid] == nil {
			ms.bySP(rt, all, tid, th.SP)
		}
	}
	return ms
}

// bySP looks for the machine that has sp on one of its stacks.
func (ms *machines) bySP(rt runtime, all []goruntime.Thread, tid int, sp uint64) {
	for i := range all {
		m := ms.byAddr[all[i].Addr]
		if _, taken := ms.byTID[m.TID]; taken {
			continue
		}
		on := sp >= m.signal.Lo && sp < m.signal.Hi || sp >= m.g0.Lo && sp < m.g0.Hi
		if !on && m.CurG != 0 {
			g, err := rt.Saved(m.CurG)
			on = err == nil && sp >= g.Lo && sp < g.Hi
		}
		if on {
			ms.byTID[tid] = m
			return
		}
	}
}

// top reports whether the stack of a thread's g0 ends at sp.
func (ms *machines) top(sp uint64) bool {
	for _, m := range ms.byAddr {
		if m.g0.Hi == sp {
			return true
		}
	}
	return false
}

// tid is the thread of the core that a machine is, 0 when there is none.
func (ms *machines) tid(m *machine) int {
	if ms.byTID[m.TID] == m {
		return m.TID
	}
	for tid, other := range ms.byTID {
		if other == m {
			return tid
		}
	}
	return 0
}

// goroutine walks the stack of g.
func (w *walker) goroutine(g *corefile.Goroutine) error {
	saved, err := w.b.rt.Saved(g.Addr)
	if err != nil {
		return err
	}
	if saved.Hi <= saved.Lo {
		return errors.New("it has no stack")
	}
	w.own = saved
	w.g = &w.own
	if m := w.b.ms.byAddr[saved.M]; saved.M != 0 && m != nil && m.CurG == g.Addr {
		w.m = m
		if th, ok := w.b.threads[w.b.ms.tid(m)]; ok {
			w.running(&th)
			w.walk()
			return nil
		}
	}
	if g.Status == "running" {
		w.end = fmt.Sprintf("the goroutine runs on a thread (%d) that is not in the core", g.TID)
		return nil
	}
	from := w.parked()
	if from.sp < saved.Lo || from.sp >= saved.Hi || from.pc == 0 {
		w.end = fmt.Sprintf("no registers were saved: stack pointer %#x is outside of the stack from %#x to %#x", from.sp, saved.Lo, saved.Hi)
		return nil
	}
	// The core of a live capture holds the thread that asked for it and no
	// other: there it is as it should be.
	if g.Status == "syscall" && len(w.b.threads) > 1 {
		w.end = "the thread's registers are not in the core: the stack begins where the goroutine went into a system call"
	}
	w.cur = from
	w.walk()
	return nil
}

// parked is where the scheduler saved that the goroutine stands.
func (w *walker) parked() cursor {
	g := w.g
	c := cursor{pc: g.PC, sp: g.SP}
	c.set(corefile.RegRBP, g.BP)
	if g.SyscallSP != 0 && (g.SP < g.Lo || g.SP >= g.Hi || g.PC == 0) {
		c = cursor{pc: g.SyscallPC, sp: g.SyscallSP}
		if g.SyscallBP != 0 {
			c.set(corefile.RegRBP, g.SyscallBP)
		}
	}
	// One that did not run yet stands at the start of its function.
	c.exact = w.b.isEntry(c.pc)
	return c
}

// isEntry reports whether a function begins at pc.
func (b *Backend) isEntry(pc uint64) bool {
	f, ok := b.table.Find(pc)
	return ok && f.Entry() == pc
}

// thread walks what a thread executes.
func (w *walker) thread(th *corefile.Thread) {
	if m := w.b.ms.byTID[th.TID]; m != nil {
		w.m = m
		if m.CurG != 0 {
			if saved, err := w.b.rt.Saved(m.CurG); err == nil && saved.Hi > saved.Lo {
				w.own = saved
				w.g = &w.own
			}
		}
	}
	w.running(th)
	w.walk()
}

// running starts at the registers of a thread. Should the walk from there end
// before it comes to the goroutine's stack, it goes on where the goroutine left
// Go code.
func (w *walker) running(th *corefile.Thread) {
	w.cur = cursor{pc: th.PC, sp: th.SP, exact: true, full: true, whole: th.Regs}
	for reg := range generalRegs {
		if b, ok := th.Regs.Bytes(uint64(reg)); ok && len(b) == 8 {
			w.cur.set(reg, binary.LittleEndian.Uint64(b))
		}
	}
	if w.m != nil && w.m.VDSOSP != 0 && w.m.VDSOPC != 0 {
		// The kernel's shared code was called with another stack pointer.
		w.resumeAt = cursor{pc: w.m.VDSOPC, sp: w.m.VDSOSP}
		w.resume = &w.resumeAt
		return
	}
	if w.g == nil {
		return
	}
	if c := w.parked(); c.pc != 0 && c.sp >= w.g.Lo && c.sp < w.g.Hi && w.inC() {
		w.resumeAt = c
		w.resumeAt.note = noteC
		w.resume = &w.resumeAt
	}
}

// inC reports whether what the scheduler saved of the goroutine holds while it
// runs: it is in a system call or in C.
func (w *walker) inC() bool { return w.g.SyscallSP != 0 }
