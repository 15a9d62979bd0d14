package sdcore

import (
	"context"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// RedactedHeap is [Session.Heap] and redaction in one. An answer with keys of maps
// or texts in it is redacted with what all goroutines and package variables give
// away: they are decoded for the secrets in them, one after the other, and not
// kept. x must be of the tier of the session's options.
func (s *Session) RedactedHeap(ctx context.Context, x *redact.Redactor, q HeapQuery) (redact.Result, error) {
	rep := s.heapBase()
	h, err := s.openHeap(ctx, rep)
	if err != nil {
		return redact.Result{}, err
	}
	if err := h.fill(ctx, rep, &q); err != nil {
		return redact.Result{}, err
	}
	stream := x.Stream(1)
	if heapContents(rep.Heap) {
		if err := h.learn(ctx, rep, stream); err != nil {
			return redact.Result{}, err
		}
	}
	return stream.Seal(rep)
}

// heapContents reports whether a heap has contents of the program in it.
func heapContents(heap *report.Heap) bool {
	found := len(heap.Strings) > 0
	eachHeapPath(heap, func(p *report.HeapPath) {
		for i := range p.Steps {
			found = found || p.Steps[i].Key != nil
		}
	})
	return found
}

// eachHeapPath visits all paths of a heap.
func eachHeapPath(heap *report.Heap, visit func(*report.HeapPath)) {
	for i := range heap.Paths {
		visit(&heap.Paths[i])
	}
	for i := range heap.Retained {
		visit(&heap.Retained[i].Path)
	}
	for i := range heap.Suspects {
		if o := heap.Suspects[i].Object; o != nil {
			visit(&o.Path)
		}
	}
	for i := range heap.Strings {
		visit(&heap.Strings[i].Holder)
	}
	for i := range heap.Waste {
		visit(&heap.Waste[i].Holder)
	}
}

// withoutContents takes keys of maps out of all paths.
func withoutContents(heap *report.Heap) {
	heap.Strings = nil
	eachHeapPath(heap, func(p *report.HeapPath) {
		for i := range p.Steps {
			p.Steps[i].Key = nil
		}
	})
}
