package sdcore

import (
	"context"
	"slices"
	"sync"

	"github.com/safedump/sdcore/report"
)

const (
	pieceSize = 16      // goroutines that a worker takes at a time
	window    = 16      // pieces that are being worked on or wait for their turn
	maxKept   = 1 << 20 // bytes of text that a piece may keep for the next use
)

// piece is some goroutines that follow each other, and what became of them in
// one pass.
type piece struct {
	from, to int
	text     []byte
	problems []report.Problem
	bare     int64
	err      error
	done     chan struct{} // closed by the worker that had it
}

// each decodes the goroutines that are not part of the head, on all workers. use
// is called for each by its worker, which may change it and must not keep it;
// collect then, by the caller of each, for one piece after the other, in order.
// No goroutine is left behind when each returns. The first error, in the order
// of the pieces, ends it.
func (t *streamer) each(ctx context.Context, stage string,
	use func(worker, i int, g *report.Goroutine, p *piece) error, collect func(*piece) error) error {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel()
	work, queue := make(chan *piece), make(chan *piece, window)
	var free sync.Pool // of pieces, for their texts
	for i := range t.workers {
		running.Go(func() {
			for p := range work {
				p.err = t.piece(ctx, i, p, use)
				close(p.done)
			}
		})
	}
	all := len(t.view.all)
	running.Go(func() {
		defer close(queue)
		defer close(work)
		for from := t.first; from < all; from += pieceSize {
			p, ok := free.Get().(*piece)
			if !ok {
				p = &piece{}
			}
			*p = piece{from: from, to: min(from+pieceSize, all), text: p.text[:0], done: make(chan struct{})}
			select {
			case queue <- p:
				work <- p
			case <-ctx.Done():
				return
			}
		}
	})
	for p := range queue {
		<-p.done
		if p.err == nil {
			t.s.progress(stage, p.from, all)
			p.err = collect(p)
		}
		if p.err != nil {
			return p.err
		}
		if cap(p.text) <= maxKept {
			free.Put(p)
		}
	}
	return ctx.Err()
}

// piece decodes and uses the goroutines of a piece.
func (t *streamer) piece(ctx context.Context, worker int, p *piece, use func(worker, i int, g *report.Goroutine, p *piece) error) error {
	r := &t.workers[worker]
	r.problems, r.bare = nil, 0
	for i := p.from; i < p.to; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		st := &t.view.all[i]
		g := t.s.goroutine(st, r.crashed)
		g.Labels = slices.Clone(g.Labels) // the redactor may change its own
		r.frames(ctx, st, &g, t.detail)
		if err := use(worker, i, &g, p); err != nil {
			return err
		}
	}
	p.problems, p.bare = r.problems, r.bare
	return nil
}
