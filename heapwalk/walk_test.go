package heapwalk

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/internal/coretest"
)

// each runs a test for every fixture with debug information.
func each(t *testing.T, test func(t *testing.T, in Input)) {
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue // a heap needs debug information
		}
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			test(t, input(t, f.Core, f.Bin))
		})
	}
}

// stacks takes every word of the goroutines' stacks for a root that may be no
// pointer.
func stacks(t testing.TB, in Input) Roots {
	t.Helper()
	gs, _, err := in.Runtime.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return func(yield func(*Root) bool) {
		for i := range gs {
			lo, hi, err := in.Runtime.StackBounds(gs[i].Addr)
			if err != nil || gs[i].SP >= hi {
				continue
			}
			at := (max(gs[i].SP, lo) + 7) &^ 7 // of one that runs all of it: its SP is in a register
			if !yield(&Root{Kind: RootStack, Goroutine: uint64(gs[i].ID), Addr: at, Size: hi - at, Conservative: true}) {
				return
			}
		}
	}
}

// answers are what a walk found, as text.
func answers(t *testing.T, in Input, workers int) []string {
	t.Helper()
	ctx := context.Background()
	h, err := Open(ctx, in, Options{Workers: workers})
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Walk(ctx, stacks(t, in))
	if err != nil {
		t.Fatal(err)
	}
	list, sums, err := l.Histogram(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r, err := l.Retain(ctx)
	if err != nil {
		t.Fatal(err)
	}
	out := []string{fmt.Sprintf("%+v %+v", h.Totals(), sums)}
	for i := range list {
		c := &list[i]
		out = append(out, fmt.Sprint(c.Name(), c.Live, c.Garbage, c.Sure, c.Strong, c.Weak))
	}
	objects := fnv.New64a()
	for o := range Object(h.n) {
		if l.Has(o) {
			in, many, c := l.TypeOf(o)
			fmt.Fprintln(objects, o, in.Name, many, c, r.Of(o))
		}
	}
	out = append(out, fmt.Sprintf("objects %x", objects.Sum64()))
	for _, o := range slices.Concat(r.Owners(50, false), r.Owners(50, true)) {
		out = append(out, fmt.Sprint(o.Root.Kind, o.Root.Name, o.Root.Goroutine, o.Retained))
	}
	return append(out, more(t, l, r)...)
}

// more are the answers that take a search.
func more(t *testing.T, l *Live, r *Retained) (out []string) {
	t.Helper()
	ctx := context.Background()
	d, err1 := l.DuplicateStrings(ctx, StringOptions{MinWasted: 64})
	w, err2 := l.Waste(ctx, WasteOptions{MinWasted: 64})
	s, err3 := r.Suspects(ctx, SuspectOptions{Share: 0.01})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	for i := range d.List {
		s := &d.List[i]
		out = append(out, fmt.Sprintf("%x %d %d %s", s.Addr, s.Copies, s.Wasted, holdingName(l, &s.Holder)))
	}
	for i := range w {
		out = append(out, fmt.Sprint(w[i].Kind, w[i].Type, w[i].Count, w[i].Room, w[i].Worst, holdingName(l, &w[i].Holder)))
	}
	for i := range s {
		out = append(out, fmt.Sprint(s[i].Object, s[i].InRoot, s[i].Root.Name, s[i].Container, s[i].Retained, s[i].Within))
	}
	return out
}

// TestWorkers: everything is the same with any number of workers.
func TestWorkers(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		one := answers(t, in, 1)
		for _, workers := range []int{2, 8} {
			if got := answers(t, in, workers); !slices.Equal(got, one) {
				for i := range min(len(got), len(one)) {
					if got[i] != one[i] {
						t.Fatalf("%d workers: %s\none: %s", workers, got[i], one[i])
					}
				}
				t.Fatalf("%d workers: %d answers, one: %d", workers, len(got), len(one))
			}
		}
	})
}

// TestReachable compares what is live with a walk that knows nothing of types:
// words that masks or the runtime's records call pointers, and what those lead to.
func TestReachable(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		ctx := context.Background()
		h, err := Open(ctx, in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := h.Walk(ctx, stacks(t, in))
		if err != nil {
			t.Fatal(err)
		}
		seen := reference(t, h, stacks(t, in))
		for o := range Object(h.n) {
			if l.Has(o) != seen[o] {
				addr, size := h.Place(o)
				t.Fatalf("object %d at %#x of %d bytes: live %v, reached by the reference: %v", o, addr, size, l.Has(o), seen[o])
			}
		}
		if uint64(len(seen)) != l.live.count() || len(seen) < 50 {
			t.Errorf("%d live, %d by the reference", l.live.count(), len(seen))
		}
	})
}

// reference is the set of reachable objects, found the simple way.
func reference(t *testing.T, h *Heap, stacks Roots) map[Object]bool {
	t.Helper()
	seen := map[Object]bool{}
	var work []Object
	reach := func(p uint64) {
		if o, _, ok := h.Find(p); ok && h.Allocated(o) && !seen[o] {
			seen[o] = true
			work = append(work, o)
		}
	}
	words := func(addr, size uint64, pointer func(i uint64) bool) {
		for i := range size / 8 {
			if p, err := h.mem.Uint64(addr + 8*i); err == nil && pointer(i) {
				reach(p)
			}
		}
	}
	any := func(uint64) bool { return true }
	segments, _ := h.in.Runtime.Segments()
	for _, s := range segments {
		words(s.Start, s.End-s.Start, func(i uint64) bool { return i/8 < uint64(len(s.Mask)) && s.Mask[i/8]>>(i%8)&1 != 0 })
	}
	queues, _ := h.in.Runtime.Queues()
	for _, q := range queues {
		words(q.Addr, q.Size, any)
	}
	if err := h.allocator.Spans(func(s *goruntime.Span, err error) error {
		if err != nil || s.State != goruntime.SpanInUse {
			return err
		}
		return h.allocator.Specials(s, func(sp goruntime.Special) {
			words(sp.Root, sp.RootSize, any)
			if o, _, ok := h.Find(s.Start + sp.Offset); ok && sp.Kind == goruntime.SpecialFinalizer { // also of one that is condemned
				h.Pointers(o, func(_ uint64, to Object) {
					addr, _ := h.Place(to)
					reach(addr)
				})
			}
		})
	}); err != nil {
		t.Fatal(err)
	}
	for r := range stacks {
		words(r.Addr, r.Size, any)
	}
	for len(work) > 0 {
		o := work[len(work)-1]
		work = work[:len(work)-1]
		h.Pointers(o, func(_ uint64, to Object) {
			addr, _ := h.Place(to)
			reach(addr)
		})
	}
	return seen
}

// TestTypedShare: nearly all bytes that are live have a type.
func TestTypedShare(t *testing.T) {
	each(t, func(t *testing.T, in Input) {
		h, err := Open(context.Background(), in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l, err := h.Walk(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_, sums, err := l.Histogram(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		live := float64(sums.Live.Bytes)
		if strings.HasSuffix(t.Name(), "/heaparena") {
			return // 8 MB of it is what the runtime says is one object, of no type
		}
		typed := float64(sums.Exact.Bytes + sums.Strong.Bytes + sums.Weak.Bytes)
		t.Logf("%d bytes live, typed %.3f, surely %.3f", sums.Live.Bytes, typed/live, float64(sums.Exact.Bytes+sums.Strong.Bytes)/live)
		if !(typed >= 0.95*live) {
			t.Errorf("only %.3f of what is live has a type", typed/live)
		}
	})
}
