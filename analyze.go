package sdcore

import (
	"context"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/crash"
	"github.com/safedump/sdcore/report"
)

// decodeFactor bounds the memory for decoded values: values are decoded until
// their estimated size is this many times the size that a report may have.
// What does not fit is counted; the rest of the budget is for redact, which
// keeps whole values, and for the difference between estimate and JSON.
const decodeFactor = 4

// Report reports everything about the crash. Where the goroutines can't be
// read, as in a core that was cut early, the report holds what the core's notes
// say, and a problem.
func (s *Session) Report(ctx context.Context) (*report.Report, error) {
	rep := s.base()
	e, err := s.open()
	if err != nil {
		if !s.damaged() {
			return nil, err
		}
		addProblems(rep, missing("goroutines", err))
		return rep, ctx.Err()
	}
	all, err := s.stacks(ctx, e, rep)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		addProblems(rep, missing("goroutines", err))
	}
	rep.Groups = group(all)
	site := s.explain(ctx, e, rep, all)
	byInterest(all, rep.Groups, site.Goroutine)
	s.fill(ctx, e, rep, all, true)
	s.showSite(ctx, e, rep, site)
	if s.options.Globals {
		s.progress("reading package variables", 0, 0)
		globals, problems := e.reader.Globals(ctx, s.globalMatcher(""))
		rep.Globals = globals
		addProblems(rep, problems)
	}
	return rep, ctx.Err()
}

// damaged reports whether the core lacks bytes that it should hold: what can't
// be read of it is then no error but a gap.
func (s *Session) damaged() bool { return s.core.Identity().MissingBytes > 0 }

func missing(subject string, err error) []report.Problem {
	return []report.Problem{{Stage: "sdcore", Subject: subject, Message: err.Error(), Missing: true}}
}

// explain finds out why the program died and records it.
func (s *Session) explain(ctx context.Context, e *engine, rep *report.Report, all []stacked) crash.Site {
	gs := make([]corefile.Goroutine, len(all))
	for i := range all {
		gs[i] = all[i].g
	}
	s.progress("explaining the crash", 0, 0)
	c, site, problems := crash.Explain(ctx, crash.Input{
		Core: s.core, Runtime: e.runtime, Backend: e.backend, Types: e.types, Finder: e.finder, Vars: e.reader,
		Goroutines: gs, MaxFrames: s.options.Limits.MaxFrames,
	})
	if c.Signal == nil && (c.Kind == report.KindSignal || c.Kind == report.KindUnknown) {
		// After a panic or throw it is the runtime's own SIGABRT: no cause.
		c.Signal = rep.Crash.Signal
	}
	rep.Crash = c
	addProblems(rep, problems)
	return site
}

// showSite marks the crash site, and gives a crash outside of any goroutine
// the frames of its thread.
func (s *Session) showSite(ctx context.Context, e *engine, rep *report.Report, site crash.Site) {
	frames := []report.Frame(nil)
	for i := range rep.Goroutines {
		if g := &rep.Goroutines[i]; site.Goroutine != 0 && g.ID == site.Goroutine {
			frames = g.Frames
		}
	}
	if site.Goroutine == 0 {
		for i := range rep.Threads {
			th := &rep.Threads[i]
			if th.Crashed = th.TID == site.Thread; th.Crashed {
				var problems []report.Problem
				th.Frames, problems = e.reader.Frames(ctx, site.Stack)
				addProblems(rep, problems)
				frames = th.Frames
			}
		}
	}
	if site.Frame >= 0 && site.Frame < len(frames) {
		frames[site.Frame].CrashSite = true
	}
	sources := newSourceReader(s.options.SourceDirs)
	for i := range frames {
		if !frames[i].Runtime {
			frames[i].Source = sources.around(frames[i].File, frames[i].Line)
		}
	}
}

// fill turns stacks into the report's goroutines. Past the budget a goroutine
// keeps only the reference to its group.
func (s *Session) fill(ctx context.Context, e *engine, rep *report.Report, all []stacked, locals bool) {
	budget := int64(-1)
	if s.options.Limits.MaxSize > 0 {
		budget = decodeFactor * s.options.Limits.MaxSize
	}
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
		case locals:
			var problems []report.Problem
			out.Frames, problems = e.reader.FramesWhere(ctx, st.stack, func(fr *report.Frame) bool {
				wanted := !fr.Runtime || out.Crashed || s.options.RuntimeVars
				if !wanted {
					bare++
				}
				return wanted
			})
			addProblems(rep, problems)
		default:
			out.Frames = e.reader.FrameRefs(st.stack)
		}
		used += framesSize(out.Frames)
		rep.Goroutines = append(rep.Goroutines, out)
	}
	if bare > 0 {
		rep.Omitted = append(rep.Omitted, report.Omission{What: "runtime frames' variables", Count: bare, Why: "--runtime-vars"})
	}
	if left > 0 {
		rep.Omitted = append(rep.Omitted, report.Omission{What: "goroutines", Count: left, Why: "--max-size"})
	}
}

// goroutine converts what the backend knows of a goroutine, without frames.
func (s *Session) goroutine(st *stacked, crashed uint64) report.Goroutine {
	g := &st.g
	return report.Goroutine{
		ID: g.ID, Status: g.Status, WaitReason: g.WaitReason, WaitSince: g.WaitSince,
		Crashed: crashed != 0 && g.ID == crashed, System: g.System, Thread: g.TID,
		Creator: creator(g), Start: g.Start, Labels: g.Labels, Group: st.group,
		Frames: []report.Frame{}, OmittedFrames: st.stack.Omitted, StackEnd: st.stack.End,
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
