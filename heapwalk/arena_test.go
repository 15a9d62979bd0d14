package heapwalk

import (
	"context"
	"strconv"
	"testing"
)

// TestArena: what a user arena holds is alive, and what one held that was freed is
// not. The arena counts as one object.
func TestArena(t *testing.T) {
	l := walked(t, "heaparena", Options{}, nil)
	find := func(line string) (Object, bool) {
		addr, err := strconv.ParseUint(line, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		o, _, ok := l.h.Find(addr)
		return o, ok && l.Has(o)
	}
	arena, live := find(said(t, "heaparena", "ARENA")[0])
	if !live {
		t.Fatal("the arena is not alive")
	}
	r, err := l.Retain(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range said(t, "heaparena", "KEPT") {
		if _, live := find(line); !live {
			t.Errorf("%s is not alive", line)
		}
	}
	if n := r.Of(arena).Objects; n != 301 {
		t.Errorf("the arena retains %d objects, want itself and 300", n)
	}
	for _, line := range said(t, "heaparena", "FREED") {
		if _, live := find(line); live {
			t.Errorf("%s is alive", line)
		}
	}
	if p := append(l.Problems(), l.h.Problems()...); len(p) > 0 {
		t.Errorf("problems %v", p)
	}
}
