package sdcore

import (
	"context"
	"runtime"

	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Sink takes a report whose goroutines come one after the other. The calls are
// Head once, Write for each piece in order, End once.
type Sink interface {
	// Head takes everything but the goroutines that come later: of those it has
	// an entry each, in order, without frames and labels. The one that crashed
	// is the first, is whole, and does not come again.
	Head(head redact.Result) error
	// Append appends what is to be written of a goroutine. It is called by
	// several goroutines at once, and may keep nothing of g.
	Append(dst []byte, g redact.Goroutine) ([]byte, error)
	// Write takes what Append made of the next goroutines.
	Write(chunk []byte) error
	// End takes the number of removed values by rule.
	End(counts map[string]int) error
}

// StreamGoroutines is [Session.Goroutines] for any number of them: each is
// decoded, redacted and handed to the sink without being kept. It is decoded
// twice, since a secret that the last one gives away is removed from the first.
// x must be of the tier of the session's options. The result is the redacted
// head, for what is to be said about the whole. After an error what the sink
// has is of no use.
func (s *Session) StreamGoroutines(ctx context.Context, f Filter, x *redact.Redactor, sink Sink) (redact.Result, error) {
	v, err := s.selection(ctx, &f)
	if err != nil {
		return redact.Result{}, err
	}
	crashedFirst(v.all, v.rep.Crash.Goroutine)
	return s.stream(ctx, v, f.detail(), x, sink)
}

// StreamReport is [Session.Report] for any number of goroutines, as
// StreamGoroutines is Goroutines. The package variables are part of the head.
func (s *Session) StreamReport(ctx context.Context, x *redact.Redactor, sink Sink) (redact.Result, error) {
	v, err := s.crashView(ctx)
	if err != nil {
		return redact.Result{}, err
	}
	return s.stream(ctx, v, decoded, x, sink)
}

// stream takes the goroutines of a view through both passes.
func (s *Session) stream(ctx context.Context, v *view, d detail, x *redact.Redactor, sink Sink) (redact.Result, error) {
	t := streamer{s: s, view: v, detail: d}
	for _, e := range s.engines(v.engine, min(runtime.GOMAXPROCS(0), maxWorkers)) {
		t.workers = append(t.workers, reading{s: s, engine: e, crashed: v.rep.Crash.Goroutine})
	}
	t.redact = x.Stream(len(t.workers))
	if err := t.learn(ctx); err != nil {
		return redact.Result{}, err
	}
	res, err := t.redact.Seal(v.rep)
	if err != nil {
		return redact.Result{}, err
	}
	v.rep = nil // from here on there is the redacted one
	if err := sink.Head(res); err != nil {
		return redact.Result{}, err
	}
	if err := t.write(ctx, sink); err != nil {
		return redact.Result{}, err
	}
	return res, sink.End(t.redact.Counts())
}

// maxWorkers bounds the workers: what more of them make has to wait for the
// one that writes.
const maxWorkers = 4

// engines are up to n copies of an engine that may be used at the same time.
func (s *Session) engines(e *engine, n int) []*engine {
	if e == nil {
		return nil
	}
	native, ok := e.backend.(*gounwind.Backend)
	if !ok { // delve's has no clones
		c := *e
		c.reader = e.reader.Clone()
		return []*engine{&c}
	}
	out := make([]*engine, n)
	for i := range out {
		c := *e
		c.reader, c.backend = e.reader.Clone(), native.Clone()
		out[i] = &c
	}
	return out
}

// streamer takes goroutines through one pass after the other.
type streamer struct {
	s       *Session
	view    *view
	detail  detail
	workers []reading
	redact  *redact.Stream
	first   int // the goroutine that comes first without being part of the head
}

// learn is the first pass. It completes the head: the list of goroutines, the
// one that crashed whole, and what decoding had to say.
func (t *streamer) learn(ctx context.Context) error {
	if t.view.engine == nil {
		return nil
	}
	head := t.head(ctx)
	err := t.each(ctx, "looking for secrets", func(worker, i int, g *report.Goroutine, _ *piece) error {
		t.redact.Learn(worker, i, g)
		return nil
	}, func(p *piece) error {
		head.problems = append(head.problems, p.problems...)
		head.bare += p.bare
		return nil
	})
	if err != nil {
		return err
	}
	head.tell(t.view.rep)
	t.s.complete(ctx, t.view)
	return ctx.Err()
}

// head lists the goroutines in the report, the one that crashed whole if it is
// the first, and returns what read it.
func (t *streamer) head(ctx context.Context) *reading {
	s, v := t.s, t.view
	head := &reading{s: s, engine: v.engine, crashed: v.rep.Crash.Goroutine}
	v.rep.Goroutines = make([]report.Goroutine, len(v.all))
	for i := range v.all {
		g := s.goroutine(&v.all[i], head.crashed)
		if g.Crashed && i == 0 {
			head.frames(ctx, &v.all[i], &g, t.detail)
			t.first = 1
		} else {
			g.Labels = nil // they come with its frames
		}
		v.rep.Goroutines[i] = g
	}
	return head
}

// write is the second pass.
func (t *streamer) write(ctx context.Context, sink Sink) error {
	return t.each(ctx, "writing", func(worker, i int, g *report.Goroutine, p *piece) error {
		redacted, err := t.redact.Redact(worker, i, g)
		if err == nil {
			p.text, err = sink.Append(p.text, redacted)
		}
		return err
	}, func(p *piece) error { return sink.Write(p.text) })
}
