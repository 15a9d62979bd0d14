package heapwalk

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// typedHeap is a heap of spans of n objects, without memory.
func typedHeap(spans, n int) *Heap {
	h := &Heap{}
	for i := range spans {
		h.spans = append(h.spans, span{number: uint32(i), first: Object(h.n), n: uint16(n), elem: 8})
		h.n += uint32(n)
	}
	return h
}

func larger(a, b typing) bool { return a > b }

// TestTypings: an object has the best of the types that it was offered, whoever
// offers in whatever order, and however many types its span has.
func TestTypings(t *testing.T) {
	for _, kinds := range []int{1, 2, 3, 40, 300, 2000} {
		t.Run(fmt.Sprint(kinds), func(t *testing.T) {
			const spans, n, workers = 9, 1000, 8
			h := typedHeap(spans, n)
			types, want := newTypings(h), make([]typing, h.n)
			rng := rand.New(rand.NewPCG(1, uint64(kinds)))
			type offered struct {
				o  Object
				to typing
			}
			var offers [workers][]offered
			for range 5 * spans * n {
				f, by := offered{Object(rng.Uint32N(h.n)), typing(rng.IntN(kinds + 1))}, rng.IntN(workers)
				want[f.o] = max(want[f.o], f.to)
				offers[by] = append(offers[by], f)
			}
			var group sync.WaitGroup
			for _, list := range offers {
				group.Go(func() {
					for _, f := range list {
						types.offer(&h.spans[int(f.o)/n], f.o, f.to, larger)
					}
				})
			}
			group.Wait()
			compareTypings(t, h, types, want)
			for range 4000 { // taken away again, and replaced by lesser ones
				o, to := Object(rng.Uint32N(h.n)), typing(rng.IntN(kinds+1))
				types.set(&h.spans[int(o)/n], o, to)
				want[o] = to
			}
			compareTypings(t, h, types, want)
			if _, only := types.only(&h.spans[0]); only != (kinds == 1) {
				t.Errorf("only one type: %v, want %v", only, kinds == 1)
			}
		})
	}
}

func compareTypings(t *testing.T, h *Heap, types *typings, want []typing) {
	t.Helper()
	for i := range h.spans {
		s := &h.spans[i]
		first, only := types.only(s)
		for o := s.first; o < s.first+Object(s.n); o++ {
			got := types.of(s, o)
			if got != want[o] {
				t.Fatalf("object %d of span %d has type %d, want %d", o, i, got, want[o])
			}
			if only && got != 0 && got != first {
				t.Fatalf("object %d of span %d has type %d, the span only %d", o, i, got, first)
			}
		}
	}
}
