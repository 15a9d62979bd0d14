package sdcore

import (
	"context"

	"github.com/safedump/sdcore/crash"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/waits"
)

// Report reports everything about the crash. Where the goroutines can't be
// read, as in a core that was cut early, the report holds what the core's notes
// say, and a problem.
func (s *Session) Report(ctx context.Context) (*report.Report, error) {
	v, err := s.crashView(ctx)
	if err != nil {
		return nil, err
	}
	s.fill(ctx, v, decoded)
	s.complete(ctx, v)
	return v.rep, ctx.Err()
}

// view is what is known of a core before any value is read.
type view struct {
	engine  *engine // nil when only the notes of the core can be read
	rep     *report.Report
	all     []stacked // the goroutines of the report, in order
	site    crash.Site
	globals bool // are wanted
}

// crashView looks at everything about the crash.
func (s *Session) crashView(ctx context.Context) (*view, error) {
	e, err := s.open()
	v := &view{engine: e, rep: s.base()}
	if err != nil {
		if !s.damaged() {
			return nil, err
		}
		addProblems(v.rep, missing("goroutines", err))
		return v, ctx.Err()
	}
	v.all, err = s.stacks(ctx, e, v.rep)
	if err != nil {
		if ctx.Err() != nil {
			return nil, err
		}
		addProblems(v.rep, missing("goroutines", err))
	}
	v.rep.Groups = group(v.all)
	v.site = s.explain(ctx, e, v.rep, v.all)
	if waitingMatters(&v.rep.Crash) {
		s.waits(ctx, v, v.all, waits.Options{}, s.options.Heap)
	}
	byInterest(v.all, v.rep.Groups, v.site.Goroutine)
	v.globals = s.options.Globals
	return v, ctx.Err()
}

// complete adds to the goroutines of a report what else there is to it.
func (s *Session) complete(ctx context.Context, v *view) {
	if v.engine == nil {
		return
	}
	s.showSite(ctx, v.engine, v.rep, v.site)
	if v.globals {
		s.progress("reading package variables", 0, 0)
		globals, problems := v.engine.reader.Globals(ctx, s.globalMatcher(""))
		v.rep.Globals = globals
		addProblems(v.rep, problems)
	}
	if s.options.Heap {
		s.progress("walking the heap", 0, 0)
		s.heapSummary(ctx, v)
	}
}

// damaged reports whether the core lacks bytes that it should hold: what can't
// be read of it is then no error but a gap.
func (s *Session) damaged() bool { return s.core.Identity().MissingBytes > 0 }

func missing(subject string, err error) []report.Problem {
	return []report.Problem{{Stage: "sdcore", Subject: subject, Message: err.Error(), Missing: true}}
}
