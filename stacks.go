package sdcore

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/report"
)

// stacked is a goroutine with the stack that it stands on.
type stacked struct {
	g     corefile.Goroutine
	shape *shape
	end   string // why the walk of the stack ended early
	// omitted counts the frames that a limit left out.
	omitted int
}

// shape is what goroutines on equal stacks share: of a hundred thousand, a few
// hundred are different. Functions and lines are looked up once per shape.
type shape struct {
	key   string
	owner uint64         // the goroutine that stack was walked for
	stack corefile.Stack // with the owner's frame addresses and registers
	refs  []report.Frame // its frames without variables, made when needed
	group int            // of its goroutines that were selected
}

// stacks lists and walks every goroutine, and completes the threads.
func (s *Session) stacks(ctx context.Context, e *engine, rep *report.Report) ([]stacked, error) {
	gs, problems, err := e.backend.Goroutines(ctx)
	if err != nil {
		return nil, fmt.Errorf("goroutines of %s: %w", s.core.Path(), err)
	}
	addProblems(rep, problems)
	addProblems(rep, s.damage)
	all := make([]stacked, 0, len(gs))
	byThread := map[int]uint64{}
	w := walker{backend: e.backend, max: s.options.Limits.MaxFrames, shapes: map[string]*shape{}}
	w.bulk, _ = e.backend.(*gounwind.Backend)
	for i := range gs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		s.progress("unwinding goroutines", i, len(gs))
		if gs[i].TID != 0 {
			byThread[gs[i].TID] = gs[i].ID
		}
		st, err := w.walk(ctx, &gs[i])
		if err != nil {
			addProblems(rep, []report.Problem{{
				Stage: "unwind", Subject: fmt.Sprintf("goroutine %d", gs[i].ID),
				Addr: report.Addr(gs[i].Addr), Message: err.Error(), Missing: true,
			}})
		}
		all = append(all, st)
	}
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

// walker walks stacks and finds those that are equal.
type walker struct {
	backend corefile.Backend
	bulk    *gounwind.Backend // the backend when it can walk without symbols
	max     int
	shapes  map[string]*shape
	raw     []gounwind.Raw
	key     []byte
}

// walk walks the stack of one goroutine. The error says what is missing of it;
// the stack is then what was found.
func (w *walker) walk(ctx context.Context, g *corefile.Goroutine) (stacked, error) {
	if w.bulk == nil {
		stack, err := w.backend.Unwind(ctx, g, w.max)
		w.startKey(g)
		for i := range stack.Frames {
			if fr := &stack.Frames[i]; !fr.Inlined {
				w.addKey(fr.PC, fr.Repeat)
			}
		}
		return stacked{g: *g, shape: w.shape(g, stack), end: stack.End, omitted: stack.Omitted}, err
	}
	trace, err := w.bulk.Walk(g, w.raw, w.max)
	if err != nil {
		w.startKey(g)
		return stacked{g: *g, shape: w.shape(g, corefile.Stack{})}, err
	}
	w.raw = trace.Frames
	w.startKey(g)
	for i := range trace.Frames {
		w.addKey(trace.Frames[i].PC, trace.Frames[i].Repeat)
	}
	st := stacked{g: *g, end: trace.End, omitted: trace.Omitted}
	if known, ok := w.shapes[string(w.key)]; ok {
		st.shape = known
		return st, nil
	}
	stack, err := w.backend.Unwind(ctx, g, w.max)
	st.shape = w.shape(g, stack)
	return st, err
}

// startKey and addKey make the key of a stack: its PCs, which say more than
// names and need no lookup, and the state of the goroutine.
func (w *walker) startKey(g *corefile.Goroutine) {
	w.key = append(w.key[:0], g.Status...)
	w.key = append(w.key, 0)
	w.key = append(w.key, g.WaitReason...)
	w.key = append(w.key, 0)
	if g.System {
		w.key = append(w.key, 1)
	}
}

func (w *walker) addKey(pc uint64, repeat int) {
	w.key = binary.LittleEndian.AppendUint64(w.key, pc)
	w.key = binary.LittleEndian.AppendUint32(w.key, uint32(max(repeat, 1)))
}

// shape finds or makes the shape of the key.
func (w *walker) shape(g *corefile.Goroutine, stack corefile.Stack) *shape {
	sh, ok := w.shapes[string(w.key)]
	if !ok {
		sh = &shape{key: string(w.key), owner: g.ID, stack: stack}
		w.shapes[sh.key] = sh
	}
	return sh
}

// has reports whether a function on the stack is wanted.
func (sh *shape) has(want func(function string) bool) bool {
	return slices.ContainsFunc(sh.stack.Frames, func(fr corefile.Frame) bool { return want(fr.Function) })
}

// stackOf is the stack of a goroutine with its own addresses and registers.
func (s *Session) stackOf(ctx context.Context, e *engine, st *stacked) (corefile.Stack, error) {
	if st.shape.owner == st.g.ID {
		return st.shape.stack, nil
	}
	return e.backend.Unwind(ctx, &st.g, s.options.Limits.MaxFrames)
}

// frameRefs are the frames of a shape without variables, to be copied for each
// of its goroutines: frame addresses, which differ, are left out.
func (s *Session) frameRefs(e *engine, sh *shape) []report.Frame {
	if sh.refs == nil {
		sh.refs = e.reader.FrameRefs(sh.stack)
		for i := range sh.refs {
			sh.refs[i].CFA = 0
		}
	}
	return sh.refs
}
