package heapwalk

import (
	"context"
	"slices"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestReachIsTheWalk: by the words alone the same objects are reached as by types, but
// for the handles of weak pointers, in every core; nothing is lost on the way.
func TestReachIsTheWalk(t *testing.T) {
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
		r, err := h.Reach()
		if err != nil {
			t.Fatal(err)
		}
		r.AddOwn()
		for root := range stacks(t, in) {
			r.Add(root)
		}
		if _, err := r.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		if lost := r.Lost(); lost.Any() {
			t.Errorf("lost %+v", lost)
		}
		weak := map[Object]bool{}
		l.own.each(func(root *Root) bool {
			if p, err := h.mem.Uint64(root.Addr); root.Kind == RootWeak && err == nil {
				if o, ok := h.target(p); ok {
					weak[o] = true
				}
			}
			return true
		})
		differ := 0
		for o := range Object(h.n) {
			if r.seen.has(o) != l.live.has(o) && !weak[o] {
				if differ++; differ < 5 {
					addr, size := h.Place(o)
					t.Errorf("the object of %d bytes at %#x: reached %v, live %v", size, addr, r.seen.has(o), l.live.has(o))
				}
			}
		}
		if differ > 0 {
			t.Errorf("%d of %d objects differ", differ, h.n)
		}
	})
}

// TestAloneIsRetained: what a goroutine keeps alive alone is what it dominates.
func TestAloneIsRetained(t *testing.T) {
	f := coretest.Core(t, "heaplocals")
	in, ctx := input(t, f.Core, f.Bin), context.Background()
	h, err := Open(ctx, in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := h.Walk(ctx, stacks(t, in))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := l.Retain(ctx)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[uint64]Count{}
	for _, o := range kept.Owners(1<<20, true) {
		if o.All {
			byID[o.Root.Goroutine] = o.Retained
		}
	}
	var roots []Root
	for root := range stacks(t, in) {
		roots = append(roots, *root)
	}
	r, err := h.Reach()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for i := range roots {
		r.Restart()
		r.AddOwn()
		for j := range roots {
			if j != i {
				r.Add(&roots[j])
			}
		}
		if _, err := r.Follow(ctx); err != nil {
			t.Fatal(err)
		}
		got, err := r.Alone(ctx, 1, func(_ int, yield func(*Root)) { yield(&roots[i]) })
		if err != nil {
			t.Fatal(err)
		}
		if want := byID[roots[i].Goroutine]; got[0] != want {
			t.Errorf("goroutine %d keeps %+v, want %+v", roots[i].Goroutine, got[0], want)
		} else if want.Bytes > 0 {
			compared++
		}
	}
	if compared == 0 {
		t.Error("no goroutine keeps anything alive")
	}
}

// TestAloneOfGroups: what two groups keep alive counts for neither.
func TestAloneOfGroups(t *testing.T) {
	f := coretest.Core(t, "leaks")
	in, ctx := input(t, f.Core, f.Bin), context.Background()
	h, err := Open(ctx, in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := h.Reach()
	if err != nil {
		t.Fatal(err)
	}
	var roots []Root
	for root := range stacks(t, in) {
		roots = append(roots, *root)
	}
	r.AddOwn()
	if _, err := r.Follow(ctx); err != nil {
		t.Fatal(err)
	}
	half := len(roots) / 2
	groups := [][]Root{roots[:half], roots[half:]}
	give := func(groups ...[]Root) []Count {
		out, err := r.Alone(ctx, len(groups), func(g int, yield func(*Root)) {
			for i := range groups[g] {
				yield(&groups[g][i])
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	all, apart, twice := give(roots)[0], give(groups...), give(groups[0], groups[1], groups[0])
	if apart[0].Bytes == 0 || apart[1].Bytes == 0 || apart[0].Bytes+apart[1].Bytes > all.Bytes {
		t.Errorf("%+v and %+v of %+v", apart[0], apart[1], all)
	}
	if twice[0] != (Count{}) || twice[2] != (Count{}) || twice[1] != apart[1] {
		t.Errorf("given twice: %+v, want nothing for the first and last, and %+v", twice, apart[1])
	}
}

// TestHide: a hidden word leads nowhere, and a record that is none hides nothing.
func TestHide(t *testing.T) {
	f := coretest.Core(t, "leaks")
	in, ctx := input(t, f.Core, f.Bin), context.Background()
	h, err := Open(ctx, in, Options{})
	if err != nil {
		t.Fatal(err)
	}
	gs, _, err := in.Runtime.Goroutines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	size, offsets, ok := in.Runtime.HiddenWords()
	if !ok {
		t.Fatal("no layout of runtime.sudog")
	}
	reached := func(hide bool) (n int) {
		r, err := h.Reach()
		if err != nil {
			t.Fatal(err)
		}
		var channels []Watched
		for i := range gs {
			list, err := in.Runtime.Waiting(nil, gs[i].Addr, gs[i].Waiting)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range list {
				if w, ok := r.Watch(s.Chan); ok {
					channels = append(channels, w)
				}
				for _, off := range offsets {
					if hide {
						r.Hide(s.Addr, size, off)
					}
					r.Hide(s.Addr+8, size, off)
					r.Hide(s.Addr, 4*size, off)
				}
			}
		}
		r.AddOwn()
		got, err := r.Follow(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range channels {
			if slices.Contains(got, w) {
				n++
			}
		}
		return n
	}
	if open, hidden := reached(false), reached(true); open < 140 || hidden > 20 {
		t.Errorf("%d channels are reached, %d with hidden words", open, hidden)
	}
}
