package sdcore

import (
	"context"
	"slices"
	"sync"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Extent is how much of a report is kept.
type Extent int

const (
	// Whole is everything that a report of Limits.MaxSize can hold.
	Whole Extent = iota
	// CrashOnly leaves the goroutines beside the one that crashed without frames;
	// their groups have them. Where none crashed it is Whole: they are the report.
	CrashOnly
)

// RedactedReport is [Session.Report] and redaction in one. It takes a fraction
// of the memory: what has no room in the report is decoded for the secrets that
// it gives away, and not kept. x must be of the tier of the session's options.
// The result stays valid when the session is closed.
func (s *Session) RedactedReport(ctx context.Context, x *redact.Redactor, extent Extent) (redact.Result, error) {
	v, err := s.crashView(ctx)
	if err != nil {
		return redact.Result{}, err
	}
	t := streamer{s: s, view: v, detail: decoded, redact: x.Stream(1)}
	kept, err := t.learnWithin(ctx, extent == CrashOnly && v.rep.Crash.Goroutine != 0)
	if err != nil {
		return redact.Result{}, err
	}
	res, err := t.redact.Seal(v.rep)
	if err != nil {
		return redact.Result{}, err
	}
	return res, t.keep(ctx, kept)
}

// learnWithin is learn for a report of a certain size, in order: which
// goroutines are looked at must not depend on who is faster. It returns the
// number of those that have room in the report, none of them if only the crash
// is wanted.
func (t *streamer) learnWithin(ctx context.Context, onlyCrash bool) (kept int, err error) {
	s, v := t.s, t.view
	if v.engine == nil {
		return 0, nil
	}
	head := t.head(ctx)
	look, keep := s.budget(decodeFactor), s.budget(keepFactor)
	kept = t.first
	err = t.ahead(ctx, func(i int, g *report.Goroutine, r *reading) bool {
		if !keep.spent() {
			kept = i + 1
		}
		look.use(g.Frames)
		keep.use(g.Frames)
		head.problems, head.bare = append(head.problems, r.problems...), head.bare+r.bare
		t.redact.Learn(0, i, g)
		return !look.spent()
	})
	if err != nil {
		return 0, err
	}
	head.tell(v.rep)
	if left := len(v.all) - kept; left > 0 && !onlyCrash {
		omitFrames(v.rep, int64(left))
	}
	s.complete(ctx, v)
	if onlyCrash {
		kept = t.first
	}
	return kept, ctx.Err()
}

// readAhead is how many goroutines are decoded before the first of them is
// used up.
const readAhead = 3

// ahead decodes the goroutines that are not part of the head, in order, while
// the one before is being used. use may change g, must not keep it, and ends it
// all by returning false.
func (t *streamer) ahead(ctx context.Context, use func(i int, g *report.Goroutine, r *reading) bool) error {
	type one struct {
		i int
		g report.Goroutine
		r *reading
	}
	s, v := t.s, t.view
	free, ready := make(chan *reading, readAhead), make(chan one, readAhead)
	for _, e := range s.engines(v.engine, readAhead) {
		free <- &reading{s: s, engine: e, crashed: v.rep.Crash.Goroutine}
	}
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	running.Go(func() {
		defer close(ready)
		for i := t.first; i < len(v.all); i++ {
			select {
			case r := <-free:
				r.problems, r.bare = nil, 0
				g := s.goroutine(&v.all[i], r.crashed)
				g.Labels = slices.Clone(g.Labels) // the redactor may change its own
				r.frames(ctx, &v.all[i], &g, t.detail)
				ready <- one{i, g, r}
			case <-ctx.Done():
				return
			}
		}
	})
	for o := range ready {
		s.progress("reading values", o.i, len(v.all))
		if !use(o.i, &o.g, o.r) {
			return ctx.Err()
		}
		free <- o.r
	}
	return ctx.Err()
}

// keep decodes the goroutines up to the kept-th again, for the report.
func (t *streamer) keep(ctx context.Context, kept int) error {
	s, v := t.s, t.view
	r := reading{s: s, engine: v.engine, crashed: v.rep.Crash.Goroutine}
	for i := t.first; i < kept; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		g := s.goroutine(&v.all[i], r.crashed)
		g.Labels = slices.Clone(g.Labels)
		r.frames(ctx, &v.all[i], &g, t.detail)
		redacted, err := t.redact.Redact(0, i, &g)
		if err == nil {
			err = t.redact.Keep(i, redacted)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
