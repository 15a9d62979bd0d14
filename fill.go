package sdcore

import (
	"context"
	"slices"

	"github.com/safedump/sdcore/report"
)

// decodeFactor bounds the memory for decoded values: values are decoded until
// their estimated size is this many times the size that a report may have.
// What does not fit is counted; the rest of the budget is for redact, which
// keeps whole values, and for the difference between estimate and JSON.
const decodeFactor = 4

// detail is how much of each goroutine a report has.
type detail int

const (
	listed  detail = iota // its stack is that of its group; only the one that crashed has its own
	framed                // its own frames, without variables
	decoded               // its frames with variables
)

// fill turns stacks into the report's goroutines. Past the budget a goroutine
// keeps only the reference to its group.
func (s *Session) fill(ctx context.Context, e *engine, rep *report.Report, all []stacked, d detail) {
	budget := int64(-1)
	if s.options.Limits.MaxSize > 0 {
		budget = decodeFactor * s.options.Limits.MaxSize
	}
	rep.Goroutines = slices.Grow(rep.Goroutines, len(all))
	var used, left, bare int64
	for i := range all {
		if ctx.Err() != nil {
			return
		}
		s.progress("reading values", i, len(all))
		st := &all[i]
		out := s.goroutine(st, rep.Crash.Goroutine)
		switch {
		case budget >= 0 && used > budget && !out.Crashed:
			left++
		case d == decoded:
			stack, err := s.stackOf(ctx, e, st)
			if err != nil { // told when it was walked first; the addresses are another's
				out.Frames = slices.Clone(s.frameRefs(e, st.shape))
				break
			}
			var problems []report.Problem
			out.Frames, problems = e.reader.FramesWhere(ctx, stack, func(fr *report.Frame) bool {
				wanted := !fr.Runtime || out.Crashed || s.options.RuntimeVars
				if !wanted {
					bare++
				}
				return wanted
			})
			addProblems(rep, problems)
			e.defers(rep, st.g, &stack, &out)
		case d == framed, out.Crashed:
			out.Frames = slices.Clone(s.frameRefs(e, st.shape)) // the caller may change its own
			if stack, err := s.stackOf(ctx, e, st); err == nil {
				e.defers(rep, st.g, &stack, &out)
			}
		}
		used += framesSize(out.Frames)
		rep.Goroutines = append(rep.Goroutines, out)
	}
	if bare > 0 {
		rep.Omitted = append(rep.Omitted, report.Omission{What: "runtime frames' variables", Count: bare, Why: "--runtime-vars"})
	}
	if left > 0 {
		rep.Omitted = append(rep.Omitted, report.Omission{What: "frames of goroutines", Count: left, Why: "--max-size"})
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

// framesSize estimates the bytes that frames take in a report.
func framesSize(frames []report.Frame) int64 {
	var n int64
	for i := range frames {
		fr := &frames[i]
		n += 200 + int64(len(fr.Function)+len(fr.File))
		for j := range fr.Vars {
			n += 40 + valueSize(&fr.Vars[j].Value)
		}
	}
	return n
}

// valueSize estimates the bytes of a value tree. Its depth is bounded by the
// limits that it was decoded with.
func valueSize(v *report.Value) int64 {
	n := int64(120 + len(v.Type) + len(v.Text))
	for i := range v.Children {
		c := &v.Children[i]
		n += int64(len(c.Name)) + valueSize(&c.Value)
		if c.Key != nil {
			n += valueSize(c.Key)
		}
	}
	return n
}
