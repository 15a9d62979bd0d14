package sdcore

import (
	"context"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/waits"
)

// WaitQuery says what to find out about waiting goroutines. The zero value asks for
// all.
type WaitQuery struct {
	// WithoutLeaks leaves out what the heap has to be walked for: which goroutines
	// leaked, and what memory goroutines keep alive.
	WithoutLeaks bool
	// MaxListed bounds the goroutines that a finding names: 0 is the default of 64.
	MaxListed int
}

// Waits reports who waits for whom, and the groups of equal stacks.
func (s *Session) Waits(ctx context.Context, q WaitQuery) (*report.Report, error) {
	e, err := s.open()
	if err != nil {
		return nil, err
	}
	v := &view{engine: e, rep: s.base()}
	if v.all, err = s.stacks(ctx, e, v.rep); err != nil {
		return nil, err
	}
	v.site = s.explain(ctx, e, v.rep, v.all)
	v.rep.Groups = group(v.all)
	s.waits(ctx, v, v.all, waits.Options{MaxListed: q.MaxListed}, !q.WithoutLeaks)
	return v.rep, ctx.Err()
}

// waits adds to a report who waits for whom. all are the goroutines of the core,
// also those that the report does not list. With leaks the heap is walked.
func (s *Session) waits(ctx context.Context, v *view, all []stacked, o waits.Options, leaks bool) {
	s.progress("looking at who waits for whom", 0, 0)
	in := waits.Input{Memory: s.core.Memory(), Types: v.engine.types, Finder: v.engine.finder, Runtime: v.engine.runtime}
	in.Goroutines = make([]waits.Goroutine, len(all))
	index := map[*shape]int{}
	for i := range all {
		st := &all[i]
		n, ok := index[st.shape]
		if !ok {
			n = len(in.Shapes)
			index[st.shape] = n
			in.Shapes = append(in.Shapes, st.shape.stack)
		}
		in.Goroutines[i] = waits.Goroutine{Goroutine: st.g, Shape: n, Group: st.shape.group}
	}
	in.Stack = func(ctx context.Context, i int) (corefile.Stack, error) { return s.stackOf(ctx, v.engine, &all[i]) }
	if leaks {
		h := &heapEngine{s: s, e: v.engine, all: all}
		if r, err := h.reach(ctx, v.rep); err == nil {
			in.Reach = r
		} else if ctx.Err() == nil {
			addProblems(v.rep, []report.Problem{{Stage: "waits", Subject: "leaked goroutines", Message: err.Error()}})
		}
	}
	found, problems, err := waits.Analyze(ctx, in, o)
	if err != nil {
		return
	}
	addProblems(v.rep, problems)
	v.rep.Waits = found
}

// waitFor are the goroutines that wait for what has a text in one of its names, or as
// its address. Problems of the search are told by the one for the report.
func (s *Session) waitFor(ctx context.Context, v *view, all []stacked, text string) map[uint64]bool {
	aside := &view{engine: v.engine, rep: &report.Report{}}
	s.waits(ctx, aside, all, waits.Options{Brief: true, MaxWaiters: len(all) + 1}, false)
	out := map[uint64]bool{}
	if aside.rep.Waits == nil {
		return out
	}
	for i := range aside.rep.Waits.Objects {
		o := &aside.rep.Waits.Objects[i]
		if o.Addr != 0 && o.Addr.String() == text || slices.ContainsFunc(o.Names, func(n report.WaitName) bool { return n.Has(text) }) {
			for _, w := range o.Waiters {
				out[w.Goroutine] = true
			}
		}
	}
	return out
}

// waitingMatters reports whether who waits for whom may be why the program died: a
// deadlock, or a signal from somebody to whom it seemed dead.
func waitingMatters(c *report.Crash) bool {
	if c.Kind == report.KindDeadlock {
		return true
	}
	const quit, abort = 3, 6
	return c.Kind == report.KindSignal && c.Signal != nil && (c.Signal.Number == quit || c.Signal.Number == abort)
}
