package sdcore

import (
	"context"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/crash"
	"github.com/safedump/sdcore/report"
)

// explain finds out why the program died and records it.
func (s *Session) explain(ctx context.Context, e *engine, rep *report.Report, all []stacked) crash.Site {
	s.progress("explaining the crash", 0, 0)
	c, site, problems := crash.Explain(ctx, crash.Input{
		Core: s.core, Runtime: e.runtime, Backend: e.backend, Types: e.types, Finder: e.finder, Vars: e.reader,
		MaxFrames: s.options.Limits.MaxFrames,
		Goroutine: func(addr uint64) *corefile.Goroutine {
			if i := slices.IndexFunc(all, func(st stacked) bool { return st.g.Addr == addr }); i >= 0 {
				return all[i].g
			}
			return nil
		},
	})
	if c.Signal == nil && (c.Kind == report.KindSignal || c.Kind == report.KindUnknown) {
		// After a panic or throw it is the runtime's own SIGABRT: no cause.
		c.Signal = rep.Crash.Signal
	}
	if c.Kind == report.KindSnapshot {
		problems = append(problems, s.explainCapture(&c, &site)...)
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
			if th.Crashed = th.TID == site.Thread && rep.Crash.Kind != report.KindSnapshot; th.TID == site.Thread {
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
