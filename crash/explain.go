package crash

import (
	"context"
	"errors"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// stage is the name of this package in problems.
const stage = "crash"

// Input is what a crash is explained from. Core is required; without one of
// the others the answer is poorer, and a problem says so.
type Input struct {
	Core    *corefile.Core
	Runtime *goruntime.Runtime
	Backend corefile.Backend
	Types   *gotype.Types
	Finder  *goscope.Finder
	Vars    *vars.Reader
	// Goroutine finds the goroutine whose runtime.g lies at addr, nil when there
	// is none.
	Goroutine func(addr uint64) *corefile.Goroutine
	// MaxFrames bounds the stack that is walked; 0 means the backend's bound.
	MaxFrames int
}

// Site is where the program died.
type Site struct {
	// Goroutine is the ID of the goroutine, 0 when none was running.
	Goroutine uint64
	// Thread is the kernel's ID of the thread.
	Thread int
	// Stack is the goroutine's, or the thread's where there is no goroutine.
	Stack corefile.Stack
	// Frame is the index in Stack.Frames that people want to see first: the
	// innermost frame that is not the runtime's own below the one that
	// panicked, threw or was hit by the signal; -1 when there is none.
	Frame int
}

// memory is what is used of corefile.Memory.
type memory interface {
	View(addr uint64, n int) ([]byte, corefile.Provenance, bool)
	Uint64(addr uint64) (uint64, error)
	Uint32(addr uint64) (uint32, error)
	Uint8(addr uint64) (uint8, error)
	Provenance(addr uint64) corefile.Provenance
}

// explainer explains one crash.
type explainer struct {
	in    Input
	mem   memory
	names map[uint64]string    // of types, as Go prints them
	said  map[[2]uint64]string // texts of errors, by type and data word

	tid      int
	thread   goruntime.Thread
	g        *corefile.Goroutine // that the thread ran, nil when none
	st       corefile.Stack
	marks    marks
	crash    report.Crash
	problems []report.Problem
}

// Explain says why the program died, and where. It never fails: what can't be
// decided has KindUnknown and a problem.
func Explain(ctx context.Context, in Input) (report.Crash, Site, []report.Problem) {
	if in.Core == nil || in.Core.Memory() == nil {
		return explain(ctx, in, nil)
	}
	return explain(ctx, in, in.Core.Memory())
}

func explain(ctx context.Context, in Input, mem memory) (report.Crash, Site, []report.Problem) {
	x := &explainer{mem: mem, in: in, names: map[uint64]string{}, said: map[[2]uint64]string{}}
	x.crash.Kind = report.KindUnknown
	x.crash.Evidence = []string{}
	x.crash.Exception.Sub = []report.Exception{}
	site := Site{Frame: -1}
	err := corefile.Guard("explain crash", func() error {
		if mem == nil {
			return errors.New("no core")
		}
		x.find(ctx)
		x.decide()
		site = x.site()
		return nil
	})
	if err != nil {
		x.problem(0, "%v", err)
	}
	return x.crash, site, x.problems
}

// find looks for the thread that died, what it ran, and its stack.
func (x *explainer) find(ctx context.Context) {
	threads := x.in.Core.Threads()
	if len(threads) == 0 {
		x.problem(0, "the core has no threads")
		return
	}
	// The kernel writes the thread that died first.
	x.tid = threads[0].TID
	how := "first thread of the core's notes"
	if tid, ok := x.dyingThread(); ok && tid != x.tid {
		x.tid, how = tid, "m.dying of runtime.allm"
	}
	x.crash.Thread = x.tid
	x.evidence("thread %d: %s", x.tid, how)
	if x.in.Runtime != nil {
		x.thread = x.findM(threads)
	}
	if x.thread.CurG != 0 && x.in.Goroutine != nil {
		x.g = x.in.Goroutine(x.thread.CurG)
	}
	x.unwind(ctx)
	x.marks = mark(x.st.Frames)
}

// findM finds what the runtime knows of the thread.
func (x *explainer) findM(threads []corefile.Thread) goruntime.Thread {
	if m, ok := x.in.Runtime.ThreadM(x.tid); ok {
		return m
	}
	for _, th := range threads {
		if th.TID != x.tid {
			continue
		}
		if m, ok := x.in.Runtime.ThreadAt(th.SP); ok {
			x.evidence("runtime.m at %#x: its stacks hold the stack pointer of thread %d", m.Addr, x.tid)
			return m
		}
	}
	x.problem(0, "the runtime has no record of thread %d", x.tid)
	return goruntime.Thread{}
}

// dyingThread finds a thread that the runtime says is dying, when the first
// thread of the core is not: other programs than the kernel write cores too.
func (x *explainer) dyingThread() (tid int, ok bool) {
	if x.in.Runtime == nil {
		return 0, false
	}
	ms, err := x.in.Runtime.Threads()
	if err != nil {
		x.problem(0, "%v", err)
	}
	for _, m := range ms {
		if m.Dying == 0 {
			continue
		}
		if m.TID == x.tid {
			return m.TID, true
		}
		// The signal that ends the others makes them no culprits.
		if !ok && m.Throwing != 0 || !ok {
			tid, ok = m.TID, true
		}
	}
	return tid, ok
}

func (x *explainer) unwind(ctx context.Context) {
	if x.in.Backend == nil {
		x.problem(0, "no backend to unwind with")
		return
	}
	var err error
	if x.g != nil {
		x.st, err = x.in.Backend.Unwind(ctx, x.g, x.in.MaxFrames)
	} else {
		x.st, err = x.in.Backend.UnwindThread(ctx, x.tid, x.in.MaxFrames)
	}
	if err != nil {
		x.problem(0, "stack of thread %d: %v", x.tid, err)
	}
}

// decide tells the kinds of death apart by what the innermost of the
// runtime's frames that end a program is.
func (x *explainer) decide() {
	switch m := &x.marks; {
	case m.death == deathPanic:
		x.evidence("runtime.fatalpanic on the stack of thread %d", x.tid)
		x.explainPanic()
	case m.death == deathFatal:
		x.explainFatal()
	case m.death == deathSignal:
		x.evidence("runtime.sighandler on the stack of thread %d", x.tid)
		x.explainSignal()
	case x.thread.CaughtSig != 0:
		x.evidence("m.caughtsig of thread %d is %#x", x.tid, x.thread.CaughtSig)
		x.explainSignal()
	case x.thread.Throwing != 0:
		x.evidence("m.throwing of thread %d is %d", x.tid, x.thread.Throwing)
		x.explainFatal()
	case x.thread.Dying != 0:
		x.explainDying()
	case x.in.Core.Signal() != nil && x.in.Core.Signal().Number != 0:
		x.explainNote()
	default:
		x.crash.Kind = report.KindSnapshot
		x.evidence("no signal in the notes, and no frame that ends a program")
	}
	if x.g != nil && x.crash.Kind != report.KindDeadlock {
		x.crash.Goroutine = x.g.ID
	}
}

// explainDying explains a thread that was dying by the runtime's own record,
// but whose stack does not say of what: it could not be walked.
func (x *explainer) explainDying() {
	x.evidence("m.dying of thread %d is %d", x.tid, x.thread.Dying)
	if x.g != nil && x.g.PanicAddr != 0 {
		x.evidence("g._panic of goroutine %d", x.g.ID)
		x.explainPanic()
		return
	}
	// Go raises SIGABRT itself: only another signal was there before.
	if sig, ok := x.delivered(); ok && sig.Number != sigABRT {
		x.crash.Kind = report.KindSignal
		x.setSignal(sig)
		return
	}
	x.problem(0, "the runtime was dying, but the stack of thread %d does not say of what", x.tid)
}

// site picks the frame.
func (x *explainer) site() Site {
	s := Site{Goroutine: x.crash.Goroutine, Thread: x.tid, Stack: x.st, Frame: -1}
	if x.g == nil || x.crash.Kind == report.KindDeadlock || x.crash.Kind == report.KindSnapshot {
		return s
	}
	s.Frame = userFrame(x.st.Frames, x.marks.from)
	return s
}

func (x *explainer) evidence(format string, args ...any) {
	x.crash.Evidence = append(x.crash.Evidence, fmt.Sprintf(format, args...))
}

func (x *explainer) problem(addr uint64, format string, args ...any) {
	x.problems = append(x.problems, report.Problem{
		Stage: stage, Subject: "crash", Addr: report.Addr(addr),
		Message: fmt.Sprintf(format, args...), Missing: true,
	})
}
