package goruntime

import (
	"context"
	"strings"
	"testing"
)

// TestSearch: without the list, goroutines are found by their own records, and
// nothing else is taken for one.
func TestSearch(t *testing.T) {
	for name, tt := range map[string]struct {
		damage func(*world)
		ids    string
	}{
		"no list":                 {func(w *world) { delete(w.mem, 0x800) }, "1 2 3 4 5"},
		"half a list":             {func(w *world) { w.mem[0x800] = w.mem[0x800][:16] }, "1 2 3 4 5"},
		"no header":               {func(w *world) { delete(w.mem, 0x100) }, "1 2 3 4 5"},
		"an impossible length":    {func(w *world) { w.mem.put(0x100, 0x800, 1<<60, 1<<60) }, "1 2 3 4 5"},
		"one does not point here": {func(w *world) { delete(w.mem, 0x800); w.set(0x2000, gSelfW, 0x1000) }, "1 3 4 5"},
		"one is dead":             {func(w *world) { delete(w.mem, 0x800); w.set(0x3000, gStatusW, gDead) }, "1 2 4 5"},
		"one without an ID":       {func(w *world) { delete(w.mem, 0x800); w.set(0x4000, gIDW, 0) }, "1 2 3 5"},
		"one off its stack":       {func(w *world) { delete(w.mem, 0x800); w.set(0x5000, gSchedW, 0x78008) }, "1 2 3 4"},
	} {
		w := newWorld(5)
		for addr := uint64(0x1000); addr <= 0x5000; addr += 0x1000 {
			w.set(addr, gSchedW, 0x77000)
			w.set(addr, gSelfW, addr)
		}
		tt.damage(w)
		r, err := w.open()
		if err != nil {
			t.Fatal(err)
		}
		for addr := uint64(0x1000); addr <= 0x5000; addr += 0x1000 {
			r.writable = append(r.writable, extent{addr, gWords * 8})
		}
		gs, problems, err := r.Goroutines(context.Background())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var ids []string
		for _, g := range gs {
			ids = append(ids, string(rune('0'+g.ID)))
		}
		if got := strings.Join(ids, " "); got != tt.ids || len(problems) < 2 || !problems[len(problems)-1].Missing {
			t.Errorf("%s: goroutines %s, want %s; problems %+v", name, got, tt.ids, problems)
		}
	}
}
