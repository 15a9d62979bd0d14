package sdcore

import (
	"context"
	"fmt"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// heapEngine is a heap that was walked.
type heapEngine struct {
	heap *heapwalk.Heap
	live *heapwalk.Live
	all  []stacked
	s    *Session
	e    *engine

	list     []heapwalk.TypeCount // once it was asked for
	retained *heapwalk.Retained   // the same
	byID     map[uint64]int       // of all
}

// openHeap walks the heap from the roots of all goroutines. Problems go into rep.
func (s *Session) openHeap(ctx context.Context, rep *report.Report) (*heapEngine, error) {
	e, err := s.open()
	if err != nil {
		return nil, err
	}
	h := &heapEngine{s: s, e: e}
	h.all, err = s.stacks(ctx, e, rep)
	if err != nil {
		return nil, fmt.Errorf("roots of the heap: %w", err)
	}
	return h, h.walk(ctx, rep)
}

// walk walks the heap when the goroutines are known.
func (h *heapEngine) walk(ctx context.Context, rep *report.Report) error {
	if err := h.openSpans(ctx); err != nil {
		return err
	}
	var err error
	roots := h.s.heapRoots(ctx, h.e, h.all)
	if h.live, err = h.heap.Walk(ctx, roots.each); err != nil {
		return err
	}
	addProblems(rep, h.heap.Problems())
	addProblems(rep, h.live.Problems())
	addProblems(rep, roots.problems)
	return nil
}

// openSpans reads which objects there are.
func (h *heapEngine) openSpans(ctx context.Context) (err error) {
	h.byID = make(map[uint64]int, len(h.all))
	for i := range h.all {
		h.byID[h.all[i].g.ID] = i
	}
	in := heapwalk.Input{Core: h.s.core, Types: h.e.types, Finder: h.e.finder, Runtime: h.e.runtime}
	h.heap, err = heapwalk.Open(ctx, in, heapwalk.Options{Progress: h.s.options.Progress})
	return err
}
