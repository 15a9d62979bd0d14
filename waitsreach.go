package sdcore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// reach answers package waits what can be reached: the heap by the words that the
// collector looks at, goroutines by the roots that their stacks are.
type reach struct {
	ctx     context.Context
	h       *heapEngine
	roots   *stackRoots
	marks   *heapwalk.Reach
	crashed uint64 // the goroutine that crashed
	doubt   string
	watched map[heapwalk.Watched][]uint64
	before  heapwalk.Marked // what was reached when AddProgram came
}

// reach prepares to answer. The report is that of the core so far: with parts of it
// missing nothing is proven.
func (h *heapEngine) reach(ctx context.Context, rep *report.Report) (*reach, error) {
	if h.heap == nil {
		if err := h.openSpans(ctx); err != nil {
			return nil, err
		}
	}
	marks, err := h.heap.Reach()
	if err != nil {
		return nil, err
	}
	r := &reach{ctx: ctx, h: h, roots: h.s.heapRoots(ctx, h.e, h.all), marks: marks, crashed: rep.Crash.Goroutine}
	r.roots.yield = func(root *heapwalk.Root) bool {
		marks.Add(root)
		return ctx.Err() == nil
	}
	marks.Demote(ofProgram(&rep.Identity))
	r.hide()
	r.doubt = r.doubts(rep)
	return r, nil
}

// ofProgram selects the packages of the program and its modules: the others are of
// the standard library.
func ofProgram(id *report.Identity) func(pkg string) bool {
	modules := []string{id.Main.Path}
	for i := range id.Deps {
		modules = append(modules, id.Deps[i].Path)
	}
	return func(pkg string) bool {
		first, _, _ := strings.Cut(pkg, "/")
		return pkg == "main" || strings.Contains(first, ".") || slices.ContainsFunc(modules, func(m string) bool {
			return m != "" && (pkg == m || strings.HasPrefix(pkg, m+"/"))
		})
	}
}

// hide lets the records of waiting goroutines, and the deferred calls of their g, lead
// nowhere: the stack of a goroutine that can go on has all of it, too.
func (r *reach) hide() {
	rt := r.h.e.runtime
	size, offsets, ok := rt.HiddenWords()
	gSize, deferred := rt.DeferWord()
	one := func(record uint64) {
		for _, off := range offsets {
			r.marks.Hide(record, size, off)
		}
	}
	for i := range r.h.all {
		g := r.h.all[i].g
		if g.Status != "waiting" && g.Status != "leaked" {
			continue
		}
		if deferred != 0 {
			r.marks.Hide(g.Addr, gSize, deferred)
		}
		if ok {
			list, _ := rt.Waiting(nil, g.Addr, g.Waiting)
			for j := range list {
				one(list[j].Addr)
			}
		}
	}
	if ok {
		rt.Semaphores(func(s goruntime.Sudog) { one(s.Addr) }) // its problems are told elsewhere
	}
}

// doubts says why the heap or the stacks may hold more pointers than can be read.
func (r *reach) doubts(rep *report.Report) string {
	switch {
	case r.h.s.damaged():
		return "the core is not whole"
	case rep.Identity.Match != report.MatchBuildID:
		return "the binary is not known to be that of the core"
	case len(r.h.heap.Problems()) > 0:
		return "parts of the heap are damaged or missing"
	case r.marks.Problems():
		return "not all that the runtime keeps is known"
	case slices.ContainsFunc(rep.Problems, func(p report.Problem) bool { return p.Missing && p.Stage != "unwind" }):
		return "parts of the core can't be read"
	}
	for _, th := range r.h.s.core.Threads() {
		if runsTimers(r.ctx, r.roots.backend, th.TID) {
			return fmt.Sprintf("thread %d was running timers: only its registers know which", th.TID)
		}
	}
	return ""
}

// runsTimers reports whether a thread is about to call what a timer is for: it was
// taken out of the list already, and nothing else may lead there.
func runsTimers(ctx context.Context, b corefile.Backend, tid int) bool {
	st, err := b.UnwindThread(ctx, tid, 64)
	if err != nil {
		return false
	}
	return slices.ContainsFunc(st.Frames, func(fr corefile.Frame) bool {
		switch fr.Function {
		case "runtime.(*timers).run", "runtime.(*timer).unlockAndRun", "runtime.runtimer", "runtime.runOneTimer":
			return true
		}
		return false
	})
}

// Restart implements [waits.Reach].
func (r *reach) Restart(watched []uint64) (always []uint64) {
	r.marks.Restart()
	r.roots.scanner.Restart()
	r.watched = map[heapwalk.Watched][]uint64{}
	for _, addr := range watched {
		w, ok := r.marks.Watch(addr)
		if !ok {
			always = append(always, addr)
			continue
		}
		r.watched[w] = append(r.watched[w], addr)
	}
	return always
}

// AddRuntime implements [waits.Reach].
func (r *reach) AddRuntime() { r.marks.AddOwn() }

// AddProgram implements [waits.Reach].
func (r *reach) AddProgram() {
	r.before = r.marks.Marked()
	r.marks.AddStatics()
}

// Add implements [waits.Reach].
func (r *reach) Add(i int) {
	st := &r.h.all[i]
	r.roots.goroutine(st)
	if st.g.ID == r.crashed || st.g.PanicAddr != 0 {
		r.dead(st.g)
	}
}

// dead adds all words of the program's frames of a goroutine that panics: what is not
// alive there any more would have been, had it not.
func (r *reach) dead(g *corefile.Goroutine) {
	lo, hi, err := r.h.e.runtime.StackBounds(g.Addr)
	if err != nil {
		r.roots.problem(err)
		return
	}
	from := lo
	for i := range r.roots.stack.Frames {
		fr := &r.roots.stack.Frames[i]
		if fr.Inlined || fr.SystemStack || fr.CFA <= lo || fr.CFA > hi {
			continue
		}
		if !goruntimeFrame(fr.Function) {
			break
		}
		from = fr.CFA
	}
	if from < hi {
		r.roots.give(heapwalk.Root{Kind: heapwalk.RootStack, Frame: -1, Addr: from, Size: hi - from, Conservative: true})
	}
}

// Follow implements [waits.Reach].
func (r *reach) Follow(ctx context.Context) ([]uint64, error) {
	reached, err := r.marks.Follow(ctx)
	var out []uint64
	for _, w := range reached {
		out = append(out, r.watched[w]...)
	}
	return out, err
}

// Doubt implements [waits.Reach].
func (r *reach) Doubt() string {
	lost := r.marks.Lost()
	switch {
	case r.doubt != "":
		return r.doubt
	case r.roots.failed > 0:
		return fmt.Sprintf("the roots of %d goroutines are not known", r.roots.failed)
	case lost.Any():
		return fmt.Sprintf("%d roots and %d objects can't be read, such as at %#x", lost.Roots, lost.Objects, lost.Example)
	}
	return ""
}

// Ways implements [waits.Reach]. Keys of maps are contents, and left out.
func (r *reach) Ways(ctx context.Context, addrs []uint64) ([]*report.HeapPath, error) {
	ways, err := r.marks.Ways(ctx, r.before, addrs)
	if err != nil {
		return nil, err
	}
	if r.h.live == nil { // for the types on the way
		if r.h.live, err = r.h.heap.Walk(ctx, r.h.s.heapRoots(ctx, r.h.e, r.h.all).each); err != nil {
			return nil, err
		}
	}
	out := make([]*report.HeapPath, len(addrs))
	for i := range out {
		if ways[i].None {
			continue
		}
		p := r.h.live.Path(&ways[i])
		path := r.h.path(&p)
		for j := range path.Steps {
			path.Steps[j].Key = nil
		}
		out[i] = &path
	}
	return out, nil
}

// Alone implements [waits.Reach].
func (r *reach) Alone(ctx context.Context, groups [][]int) ([]uint64, error) {
	yield := r.roots.yield
	defer func() { r.roots.yield = yield }()
	counts, err := r.marks.Alone(ctx, len(groups), func(group int, visit func(*heapwalk.Root)) {
		r.roots.yield = func(root *heapwalk.Root) bool {
			visit(root)
			return ctx.Err() == nil
		}
		for _, i := range groups[group] {
			r.roots.goroutine(&r.h.all[i])
		}
	})
	out := make([]uint64, len(counts))
	for i := range counts {
		out[i] = counts[i].Bytes
	}
	return out, err
}
