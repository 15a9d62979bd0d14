package sdcore

import (
	"context"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/report"
)

// stacked is a goroutine with the stack that it stands on.
type stacked struct {
	g     *corefile.Goroutine
	shape *shape
	end   string // why the walk of the stack ended early
	// omitted counts the frames that a limit left out.
	omitted int
}

// shape is what goroutines on equal stacks share: of a hundred thousand, a few
// hundred are different. Functions and lines are looked up once per shape.
type shape struct {
	first int            // index of the first goroutine that has it
	owner uint64         // the goroutine that stack was walked for, that one
	stack corefile.Stack // with the owner's frame addresses and registers
	group int            // of its goroutines that were selected
	same  *shape         // the one for all, of those that several walkers found
}

// stacks lists and walks every goroutine, and completes the threads.
func (s *Session) stacks(ctx context.Context, e *engine, rep *report.Report) ([]stacked, error) {
	gs, problems, err := e.backend.Goroutines(ctx)
	if err != nil {
		return nil, fmt.Errorf("goroutines of %s: %w", s.core.Path(), err)
	}
	addProblems(rep, problems)
	addProblems(rep, s.damage)
	all := make([]stacked, len(gs))
	byThread := map[int]uint64{}
	for i := range gs {
		all[i].g = &gs[i]
		if gs[i].TID != 0 {
			byThread[gs[i].TID] = gs[i].ID
		}
	}
	if bulk, ok := e.backend.(*gounwind.Backend); ok {
		problems, err = s.walkBulk(ctx, bulk, all, walkersFor(len(all)))
	} else {
		problems, err = s.walkEach(ctx, e.backend, all)
	}
	if err != nil {
		return nil, err
	}
	addProblems(rep, problems)
	addProblems(rep, cutStacks(all))
	for i := range rep.Threads {
		th := &rep.Threads[i]
		th.Goroutine = byThread[th.TID]
		th.Function, _ = e.runtime.FuncName(uint64(th.PC))
	}
	return all, nil
}

// cutStacks is the problem that stacks were not walked to their ends, told once
// with an example: a damaged core can have it on every stack.
func cutStacks(all []stacked) []report.Problem {
	n, example := 0, ""
	for i := range all {
		if all[i].end != "" {
			if n++; n == 1 {
				example = fmt.Sprintf("goroutine %d: %s", all[i].g.ID, all[i].end)
			}
		}
	}
	if n == 0 {
		return nil
	}
	return []report.Problem{{Stage: "unwind", Subject: "stacks", Message: fmt.Sprintf("%d of %d end early, such as %s", n, len(all), example), Missing: true}}
}

// walkEach walks one goroutine after the other by a backend that can't do
// better.
func (s *Session) walkEach(ctx context.Context, b corefile.Backend, all []stacked) ([]report.Problem, error) {
	var problems []report.Problem
	w := newWalker(nil, s.options.Limits.MaxFrames)
	for i := range all {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.progress("unwinding goroutines", i, len(all))
		st := &all[i]
		stack, err := b.Unwind(ctx, st.g, w.max)
		if err != nil {
			problems = append(problems, unwound(st.g, err))
		}
		w.startKey(st.g)
		for i := range stack.Frames {
			if fr := &stack.Frames[i]; !fr.Inlined {
				w.addKey(fr.PC, fr.Repeat)
			}
		}
		st.end, st.omitted = stack.End, stack.Omitted
		if st.shape = w.shape(i); st.shape.first == i {
			st.shape.owner, st.shape.stack = st.g.ID, stack
		}
	}
	return problems, nil
}

// unwound says that a stack could not be walked.
func unwound(g *corefile.Goroutine, err error) report.Problem {
	return report.Problem{
		Stage: "unwind", Subject: fmt.Sprintf("goroutine %d", g.ID),
		Addr: report.Addr(g.Addr), Message: err.Error(), Missing: true,
	}
}

// has reports whether a function on the stack is wanted.
func (sh *shape) has(want func(function string) bool) bool {
	return slices.ContainsFunc(sh.stack.Frames, func(fr corefile.Frame) bool { return want(fr.Function) })
}

// stackOf is the stack of a goroutine with its own addresses and registers.
func (s *Session) stackOf(ctx context.Context, e *engine, st *stacked) (corefile.Stack, error) {
	if st.shape.owner == st.g.ID {
		stack := st.shape.stack
		stack.Secret = st.g.Secret
		return stack, nil
	}
	stack, err := e.backend.Unwind(ctx, st.g, s.options.Limits.MaxFrames)
	stack.Secret = st.g.Secret
	if known := st.shape.stack.Frames; len(known) == len(stack.Frames) {
		for i := range known { // a clone of the backend knows less of generic functions and of C
			if fr := &stack.Frames[i]; fr.PC == known[i].PC {
				fr.Function, fr.File, fr.Line = known[i].Function, known[i].File, known[i].Line
				fr.Within, fr.FuncLine = known[i].Within, known[i].FuncLine
			}
		}
	}
	return stack, err
}
