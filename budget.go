package sdcore

import (
	"context"
	"slices"
	"sync"

	"github.com/safedump/sdcore/report"
)

// Bounds on what is decoded, as multiples of the size that a report may have.
// They are above one because sizes are estimated and because redaction shortens.
const (
	// decodeFactor bounds what is looked at for secrets, and what Report keeps,
	// whose values are still whole.
	decodeFactor = 4
	// keepFactor bounds what is kept of a report that is redacted on the way.
	keepFactor = 2
)

// budget is a number of bytes that may be used up; below 0 it has no end.
type budget struct{ left int64 }

// budget is factor times the size that a report may have.
func (s *Session) budget(factor int64) budget {
	if s.options.Limits.MaxSize <= 0 {
		return budget{-1}
	}
	return budget{factor * s.options.Limits.MaxSize}
}

// spent reports whether nothing is left.
func (b *budget) spent() bool { return b.left == 0 }

// use takes the bytes that frames have in a report.
func (b *budget) use(frames []report.Frame) {
	if b.left > 0 {
		b.left = max(b.left-framesSize(frames), 0)
	}
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
		t.redact.Learn(0, g)
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

// omitFrames counts goroutines whose frames have no room in a report.
func omitFrames(rep *report.Report, n int64) {
	rep.Omitted = append(rep.Omitted, report.Omission{What: "frames of goroutines", Count: n, Why: "--max-size"})
}
