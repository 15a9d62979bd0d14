package sdcore

import (
	"context"

	"github.com/safedump/sdcore/report"
)

// Report reports everything about the crash. Where the goroutines can't be
// read, as in a core that was cut early, the report holds what the core's notes
// say, and a problem.
func (s *Session) Report(ctx context.Context) (*report.Report, error) {
	e, err := s.open()
	rep := s.base()
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
	s.fill(ctx, e, rep, all, decoded)
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
