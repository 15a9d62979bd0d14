package sdcore

import (
	"context"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// What of goroutines keeps heap objects alive, and is handed to heapwalk:
//
//   - frames: the live words of locals and arguments, and stack objects that
//     something alive points to; conservatively where a frame was stopped at any
//     instruction, with the registers of it. g0 and signal stacks hold nothing:
//     the runtime's collector does not look at them either;
//   - g.sched.ctxt, a closure that is in a register as far as the collector is
//     concerned: that of a goroutine that did not begin, or was stopped where its
//     function begins. The closure of one that runs is in its frames, if it is
//     alive;
//   - records of deferred calls and what they will call: their list goes to and
//     fro between stack and heap;
//   - the values of panics, which lie on the stack.
//
// Not handed over is what is reached from package variables: the g objects
// themselves and all that they point to (labels, param, the timer of a sleep, the
// sudogs of what it waits for) by runtime.allgs, threads by runtime.allm, timers by
// runtime.allp. A sudog's elem may point into a stack; the frame of the send or
// select keeps that alive by itself (runtime/chan.go, KeepAlive).

// stackRoots gives the roots of goroutines. It uses the engine's finder and types
// and must not run beside another use of them.
type stackRoots struct {
	ctx      context.Context // of the whole walk: an iter.Seq takes none
	s        *Session
	e        *engine
	all      []stacked
	backend  corefile.Backend
	scanner  *goruntime.StackScanner
	plans    []*frameRoots // by goruntime.FrameMap.ID
	words    map[*gotype.Type][]int64
	panicArg *gotype.Type // interface{}
	function *gotype.Type // func()
	record   *gotype.Type // *runtime._defer
	problems []report.Problem
	failed   int // goroutines that have some

	yield func(*heapwalk.Root) bool
	root  heapwalk.Root
	g     *corefile.Goroutine
	stack corefile.Stack
}

// heapRoots prepares to give the roots of all goroutines; [stackRoots.each] is a
// heapwalk.Roots. A frame is counted as on the whole stack: in a report that
// leaves frames out, those behind the gap have lower numbers.
func (s *Session) heapRoots(ctx context.Context, e *engine, all []stacked) *stackRoots {
	r := &stackRoots{ctx: ctx, s: s, e: e, all: all, backend: e.backend, scanner: e.runtime.NewStackScanner(), words: map[*gotype.Type][]int64{}}
	if native, ok := e.backend.(*gounwind.Backend); ok {
		r.backend = native.Clone() // its frames make room for the next ones
	}
	r.panicArg, _ = e.types.ByName("interface {}")
	r.function, _ = e.types.ByName("func()")
	r.record, _ = e.types.ByName("*runtime._defer")
	return r
}

// each gives the roots, goroutine by goroutine in the order of all. It ends early
// when the context does.
func (r *stackRoots) each(yield func(*heapwalk.Root) bool) {
	r.yield, r.problems, r.failed = yield, nil, 0
	r.scanner.Restart()
	for i := range r.all {
		if r.ctx.Err() != nil || !r.goroutine(&r.all[i]) {
			return
		}
	}
}

// maxRootProblems bounds the problems that are told one by one.
const maxRootProblems = 20

func (r *stackRoots) problem(err error) {
	if r.failed++; r.failed <= maxRootProblems {
		r.problems = append(r.problems, report.Problem{
			Stage: "heap", Subject: fmt.Sprintf("roots of goroutine %d", r.g.ID), Addr: report.Addr(r.g.Addr),
			Message: err.Error(), Missing: true,
		})
	}
}

// goroutine gives the roots of one; false ends it all.
func (r *stackRoots) goroutine(st *stacked) bool {
	r.g = st.g
	var err error
	r.stack, err = r.backend.Unwind(r.ctx, r.g, 0)
	if len(r.stack.Frames) != len(st.shape.stack.Frames) {
		// A clone does not know which calls are inlined in C: it counts other frames.
		r.stack, err = r.e.backend.Unwind(r.ctx, r.g, 0)
	}
	if err != nil {
		r.stack.End = err.Error()
	}
	scan := r.scanner.Scan(r.g, &r.stack)
	if scan.Err != nil {
		r.problem(scan.Err)
	}
	return r.context(scan) && r.panics() && r.defers(scan) && r.frames(scan) && r.objects(scan) && r.rest(scan)
}

// give hands over a root of the goroutine at hand.
func (r *stackRoots) give(root heapwalk.Root) bool {
	root.Goroutine = r.g.ID
	r.root = root
	return r.yield(&r.root)
}

func (r *stackRoots) context(scan *goruntime.StackScan) bool {
	if scan.Ctxt == 0 {
		return true
	}
	name := "closure of the function that it was stopped in"
	if r.g.PC == r.g.StartPC {
		name = "closure that it begins with"
	}
	return r.give(heapwalk.Root{Kind: heapwalk.RootGoroutine, Frame: -1, Name: name, Function: r.g.Start, Value: scan.Ctxt, Type: r.function})
}

func (r *stackRoots) panics() bool {
	if r.g.PanicAddr == 0 {
		return true
	}
	ps, err := r.e.runtime.Panics(r.g)
	if err != nil {
		r.problem(err)
	}
	for i := range ps {
		if ps[i].Goexit || ps[i].DeferReturn {
			continue // it has no value
		}
		if !r.give(heapwalk.Root{Kind: heapwalk.RootPanic, Frame: -1, Addr: ps[i].Arg, Size: 16, Type: r.panicArg}) {
			return false
		}
	}
	return true
}

// defers gives the records of deferred calls. Open-coded ones are words of their
// frames.
func (r *stackRoots) defers(scan *goruntime.StackScan) bool {
	at := 0
	for i := range scan.Defers {
		d := &scan.Defers[i]
		for at < len(scan.Frames) && scan.Frames[at].SP < d.SP {
			at++
		}
		root := heapwalk.Root{Kind: heapwalk.RootDefer, Frame: -1}
		if at < len(scan.Frames) && scan.Frames[at].SP == d.SP {
			root.Frame, root.Function = scan.Frames[at].Frame, r.stack.Frames[scan.Frames[at].Frame].Function
		}
		if d.Closure != 0 {
			root.Value, root.Type = d.Closure, r.function
			if !r.give(root) {
				return false
			}
		}
		if d.Heap {
			root.Name, root.Value, root.Type = "runtime._defer", d.Addr, r.record
			if !r.give(root) {
				return false
			}
		}
	}
	return true
}

// frames gives the live words of frames.
func (r *stackRoots) frames(scan *goruntime.StackScan) bool {
	for i := range scan.Frames {
		f := &scan.Frames[i]
		if f.Map.SavesRegisters() && i+1 < len(scan.Frames) && !r.stack.Frames[scan.Frames[i+1].Frame].Regs.OnlyBase() {
			continue // they are known as the next frame's own
		}
		if f.Registers || f.Conservative {
			if !r.stopped(scan, f) {
				return false
			}
			continue
		}
		for _, w := range f.Args {
			root := heapwalk.Root{Kind: heapwalk.RootStack, Frame: f.Frame, Function: r.stack.Frames[f.Frame].Function, Name: "argument"}
			root.Addr, root.Size = f.CFA+uint64(w.Off), 8*uint64(w.N)
			if !r.give(root) {
				return false
			}
		}
		if len(f.Map.Live) == 0 {
			continue
		}
		p := r.plan(f.Map)
		for n := range f.Count {
			if !r.live(f, p.live, f.CFA+uint64(n)*f.Stride, false) {
				return false
			}
		}
	}
	return true
}

// live gives the roots of a plan in one frame.
func (r *stackRoots) live(f *goruntime.FrameScan, at []rootAt, cfa uint64, conservative bool) bool {
	bits, known := byte(0), false
	root := &r.root
	for i := range at {
		a := &at[i]
		*root = heapwalk.Root{
			Kind: a.kind, Goroutine: r.g.ID, Frame: f.Frame - a.depth, Name: a.name,
			Addr: cfa + uint64(a.off), Size: a.size, Type: a.typ, Conservative: conservative,
		}
		fr := &r.stack.Frames[max(root.Frame, 0)]
		root.Function = fr.Function
		if a.generic != nil {
			root.Type = a.generic.TypeIn(fr)
		}
		if a.deferBy > 0 {
			if !known {
				bits, known = r.deferBits(f.Map, cfa), true
			}
			if bits>>(a.deferBy-1)&1 != 0 {
				root.Kind, root.Type = heapwalk.RootDefer, r.function
			}
		}
		if !r.yield(root) {
			return false
		}
	}
	return true
}

// deferBits reads which open-coded defers of a frame are still to run.
func (r *stackRoots) deferBits(m *goruntime.FrameMap, cfa uint64) byte {
	b, _, ok := r.s.core.Memory().View(cfa+uint64(m.DeferBits), 1)
	if !ok {
		return 0
	}
	return b[0]
}

// objects gives the stack objects that are alive.
func (r *stackRoots) objects(scan *goruntime.StackScan) bool {
	for i := range scan.Objects {
		o := &scan.Objects[i]
		p := r.plan(o.Map)
		f := goruntime.FrameScan{Frame: o.Frame, Map: o.Map}
		if !r.live(&f, p.objects[o.Index], o.CFA, o.Conservative) {
			return false
		}
	}
	return true
}

// rest gives what is known of no frame.
func (r *stackRoots) rest(scan *goruntime.StackScan) bool {
	for _, x := range scan.Rest {
		if !r.give(heapwalk.Root{Kind: heapwalk.RootStack, Frame: -1, Addr: x.From, Size: x.To - x.From, Conservative: true}) {
			return false
		}
	}
	return true
}
