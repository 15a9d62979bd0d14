package goruntime

import (
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

const (
	// maxDeferRecords bounds the records that are read of one goroutine: a
	// defer statement in an endless loop makes millions.
	maxDeferRecords = 1 << 20
	// maxFrameDefers bounds those that are kept of one frame.
	maxFrameDefers = 64
)

// Defer is a deferred call that is still to run.
type Defer struct {
	// Addr is where it is noted: a runtime._defer, or for an open-coded one the
	// slot in the frame.
	Addr      uint64
	OpenCoded bool
	// Closure is the func value: the address of the closure, 0 when a nil func
	// was deferred. Code is the entry of its function.
	Closure, Code uint64
}

// Defers are the deferred calls of a goroutine that are still to run: those of
// inner frames first.
type Defers struct {
	// Frames has them by the index of their frame, in the order in which they
	// will run: the one deferred last first. Inlined calls have none, the
	// physical frame owns them; a folded frame has those of the first of the
	// frames that it stands for.
	Frames map[int][]Defer
	// More counts by frame those beyond the bound on what is kept.
	More map[int]int
	// Elsewhere counts those of frames that were not given.
	Elsewhere int
	Problems  []report.Problem
}

// Defers finds the deferred calls that are still to run. frames is the stack of
// g as [corefile.Backend.Unwind] returns it. What is damaged becomes a problem;
// the calls before the damage are listed.
func (r *Runtime) Defers(g *corefile.Goroutine, frames []corefile.Frame) Defers {
	w := deferWalk{r: r, g: g, frames: frames, out: Defers{Frames: map[int][]Defer{}, More: map[int]int{}}}
	if g == nil {
		return w.out
	}
	for i := range frames {
		w.openCoded(i)
	}
	if g.DeferAddr != 0 {
		w.records()
	}
	return w.out
}

// deferWalk collects the deferred calls of one goroutine.
type deferWalk struct {
	r      *Runtime
	g      *corefile.Goroutine
	frames []corefile.Frame
	bySP   map[uint64]int
	lo, hi uint64 // of the stack
	read   int
	sp     uint64 // of the record before
	out    Defers
}

func (w *deferWalk) problem(addr uint64, format string, args ...any) {
	if len(w.out.Problems) < maxProblems {
		w.out.Problems = append(w.out.Problems, report.Problem{
			Stage: "goruntime", Subject: fmt.Sprintf("deferred calls of goroutine %d", w.g.ID),
			Addr: report.Addr(addr), Message: fmt.Sprintf(format, args...), Missing: true,
		})
	}
}

// keep notes a deferred call of frame i.
func (w *deferWalk) keep(i int, d Defer) {
	if len(w.out.Frames[i]) >= maxFrameDefers {
		w.out.More[i]++
		return
	}
	w.out.Frames[i] = append(w.out.Frames[i], d)
}

// code finds the function of a func value; ok is false when it can't be one.
func (w *deferWalk) code(closure uint64) (entry uint64, ok bool) {
	if closure == 0 {
		return 0, true // a nil func: the call will panic
	}
	entry, err := w.r.mem.Uint64(closure)
	if err != nil {
		return 0, false
	}
	if w.r.Functions() == nil {
		return entry, true
	}
	start, found := w.r.FuncEntry(entry)
	return entry, found && start == entry
}

// records goes along g._defer, the newest record first. Frames are known by
// their stack pointer.
func (w *deferWalk) records() {
	l := &w.r.lay
	if l.deferSize == 0 {
		w.problem(w.g.DeferAddr, "the layout of runtime._defer is not known")
		return
	}
	var err error
	if w.lo, w.hi, err = w.r.StackBounds(w.g.Addr); err != nil {
		w.problem(w.g.Addr, "runtime.g is not readable: %v", err)
		return
	}
	w.bySP = map[uint64]int{}
	for i := range w.frames {
		if sp, ok := stackPointer(&w.frames[i]); ok && !w.frames[i].Inlined && !w.frames[i].SystemStack {
			w.bySP[sp] = i
		}
	}
	w.chain(w.g.DeferAddr, func(o object) bool {
		sp := o.get(l.dSP)
		switch {
		case sp == 0: // deferproc has linked it, and not filled it in yet
			w.out.Elsewhere++
			return true
		case sp < w.lo || sp >= w.hi || sp < w.sp:
			w.problem(o.addr, "runtime._defer has the stack pointer %#x, behind %#x on a stack from %#x to %#x", sp, w.sp, w.lo, w.hi)
			return false
		}
		w.sp = sp
		if o.get(l.dRangeFunc) != 0 {
			return w.rangeFunc(o, sp)
		}
		return w.record(o, sp)
	})
}

// record notes the call of one record.
func (w *deferWalk) record(o object, sp uint64) bool {
	closure := o.get(w.r.lay.dFn)
	entry, ok := w.code(closure)
	if !ok {
		w.problem(o.addr, "runtime._defer has a func value at %#x that is of no function", closure)
		return false
	}
	i, ok := w.bySP[sp]
	if !ok {
		w.out.Elsewhere++
		return true
	}
	w.keep(i, Defer{Addr: o.addr, Closure: closure, Code: entry})
	return true
}

// poisoned is what the runtime writes into the head of a list whose calls have
// been moved to the goroutine's own (runtime/panic.go, badDefer; go1.25 to
// go1.27).
const poisoned = 1

// rangeFunc notes what bodies of range-over-func loops deferred in the function
// with the loop: a list of its own, whose records have no stack pointer yet.
func (w *deferWalk) rangeFunc(o object, sp uint64) bool {
	at := o.get(w.r.lay.dHead)
	head, err := w.r.mem.Uint64(at)
	if at == 0 || err != nil {
		w.problem(o.addr, "runtime._defer of a range-over-func loop has its list at %#x, which is not in the core", at)
		return false
	}
	if head == 0 || head == poisoned {
		return true
	}
	return w.chain(head, func(o object) bool { return w.record(o, sp) })
}

// chain visits the records from addr on and reports whether it came to the end.
// Brent's way of finding a cycle needs no memory: the list may have a million
// records.
func (w *deferWalk) chain(addr uint64, visit func(o object) bool) bool {
	mark, steps, power := addr, 0, 1
	for addr != 0 {
		if w.read++; w.read > maxDeferRecords {
			w.problem(addr, "more than %d records of deferred calls", maxDeferRecords)
			return false
		}
		o, err := w.r.object(addr, w.r.lay.deferSize)
		if err != nil {
			w.problem(addr, "runtime._defer is not readable: %v", err)
			return false
		}
		if !visit(o) {
			return false
		}
		addr = o.get(w.r.lay.dLink)
		if addr == mark && addr != 0 {
			w.problem(addr, "the list of runtime._defer goes in circles")
			return false
		}
		if steps++; steps == power {
			mark, steps, power = addr, 0, power*2
		}
	}
	return true
}

// stackPointer is a frame's.
func stackPointer(fr *corefile.Frame) (uint64, bool) {
	return register(fr.Regs, corefile.RegRSP)
}
