package sdcore

import (
	"context"
	"slices"

	"github.com/safedump/sdcore/report"
)

// detail is how much of each goroutine a report has.
type detail int

const (
	listed  detail = iota // its stack is that of its group; only the one that crashed has its own
	framed                // its own frames, without variables
	decoded               // its frames with variables
)

// fill turns stacks into the report's goroutines. Past the budget a goroutine
// keeps only the reference to its group.
func (s *Session) fill(ctx context.Context, v *view, d detail) {
	room := s.budget(decodeFactor)
	rep := v.rep
	rep.Goroutines = slices.Grow(rep.Goroutines, len(v.all))
	r := reading{s: s, engine: v.engine, crashed: rep.Crash.Goroutine}
	var left int64
	for i := range v.all {
		if ctx.Err() != nil {
			return
		}
		s.progress("reading values", i, len(v.all))
		out := s.goroutine(&v.all[i], r.crashed)
		if !room.spent() || out.Crashed {
			r.frames(ctx, &v.all[i], &out, d)
		} else {
			left++
		}
		room.use(out.Frames)
		rep.Goroutines = append(rep.Goroutines, out)
	}
	r.tell(rep)
	if left > 0 {
		omitFrames(rep, left)
	}
}

// reading reads the frames of goroutines, and collects what there is to say
// about all of them.
type reading struct {
	s        *Session
	engine   *engine
	crashed  uint64
	problems []report.Problem
	bare     int64 // frames of the runtime without variables
}

// frames gives a goroutine its frames in the detail that is asked for.
func (r *reading) frames(ctx context.Context, st *stacked, out *report.Goroutine, d detail) {
	if d == listed && !out.Crashed {
		return
	}
	stack, err := r.s.stackOf(ctx, r.engine, st)
	if d == decoded && err == nil {
		var problems []report.Problem
		out.Frames, problems = r.engine.reader.FramesWhere(ctx, stack, func(fr *report.Frame) bool {
			wanted := !fr.Runtime || out.Crashed || r.s.options.RuntimeVars
			if !wanted {
				r.bare++
			}
			return wanted
		})
		r.problems = append(r.problems, problems...)
	} else { // an error was told when the stack was walked first; the addresses are another's
		out.Frames = r.engine.reader.FrameRefs(st.shape.stack)
		for i := range out.Frames {
			out.Frames[i].CFA = 0
		}
	}
	if err == nil {
		r.problems = append(r.problems, r.engine.defers(st.g, &stack, out)...)
	}
}

// tell adds what was collected to the report.
func (r *reading) tell(rep *report.Report) {
	addProblems(rep, r.problems)
	if r.bare > 0 {
		rep.Omitted = append(rep.Omitted, report.Omission{What: "runtime frames' variables", Count: r.bare, Why: "--runtime-vars"})
	}
}

// goroutine converts what the backend knows of a goroutine, without frames.
func (s *Session) goroutine(st *stacked, crashed uint64) report.Goroutine {
	g := st.g
	return report.Goroutine{
		ID: g.ID, Status: g.Status, WaitReason: g.WaitReason, WaitSince: g.WaitSince,
		Crashed: crashed != 0 && g.ID == crashed, System: g.System, Thread: g.TID,
		Creator: creator(g), Start: g.Start, Labels: g.Labels, Group: st.shape.group,
		Frames: []report.Frame{}, OmittedFrames: st.omitted, StackEnd: st.end,
	}
}
