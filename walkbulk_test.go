package sdcore

import (
	"context"
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile/gounwind"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestWalkers: how many walk does not change what is found, nor whose stack
// stands for a group.
func TestWalkers(t *testing.T) {
	f := coretest.Core(t, "manywait")
	ctx := context.Background()
	s, err := Open(ctx, f.Core, f.Bin, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	e, err := s.open()
	if err != nil {
		t.Fatal(err)
	}
	gs, _, err := e.backend.Goroutines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	gs[len(gs)/2].Addr = 0x10 // its stack can't be walked
	walk := func(n int) ([]stacked, int) {
		var all []stacked
		for range 5 {
			for i := range gs {
				all = append(all, stacked{g: &gs[i]})
			}
		}
		problems, err := s.walkBulk(ctx, e.backend.(*gounwind.Backend), all, n)
		if err != nil {
			t.Fatal(err)
		}
		return all, len(problems)
	}
	want, missing := walk(1)
	if missing != 5 {
		t.Errorf("%d stacks are missing", missing)
	}
	for n := 2; n < 6; n++ {
		got, problems := walk(n)
		if problems != missing {
			t.Errorf("%d walkers miss %d stacks", n, problems)
		}
		for i := range got {
			a, b := &got[i], &want[i]
			if a.end != b.end || a.omitted != b.omitted || a.shape.first != b.shape.first || a.shape.owner != b.shape.owner ||
				!reflect.DeepEqual(a.shape.stack, b.shape.stack) {
				t.Fatalf("%d walkers: goroutine %d has another stack", n, a.g.ID)
			}
		}
		if g, h := group(got), group(want); !reflect.DeepEqual(g, h) {
			t.Errorf("%d walkers: other groups", n)
		}
	}
}
