package heapwalk

import (
	"slices"
	"testing"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// TestBestChanges: of many better types for an object the best is kept, and each
// that did not fit.
func TestBestChanges(t *testing.T) {
	l := walked(t, "shapes", Options{Workers: 1}, nil)
	w := newWalk(l.h, l.table)
	wk := &w.workers[0]
	var ids []shape.ID
	for id := range shape.ID(l.table.Len()) {
		if id != shape.Unknown {
			ids = append(ids, id)
		}
	}
	want := map[Object]typing{}
	downs := 0
	for i := range 5 * fewFound {
		o := Object(i % 700)
		c := change{o: o, to: newTyping(ids[i*31%len(ids)], i%3 == 0, Confidence(1+i%2))}
		if c.down = i%1000 == 0; c.down {
			downs++
		} else if old, ok := want[o]; !ok || wk.better(c.to, old) {
			want[o] = c.to
		}
		wk.note(c)
	}
	if n := len(wk.changes); n > 2*fewFound {
		t.Errorf("%d changes are kept", n)
	}
	wk.best()
	if !slices.IsSortedFunc(wk.changes, func(a, b change) int { return int(a.o) - int(b.o) }) {
		t.Error("not in order")
	}
	for _, c := range wk.changes {
		if c.down {
			downs--
		} else if c.to != want[c.o] {
			t.Errorf("object %d: %x, want %x", c.o, c.to, want[c.o])
		} else {
			delete(want, c.o)
		}
	}
	if downs != 0 || len(want) != 0 {
		t.Errorf("%d types that did not fit and %d better ones are lost", downs, len(want))
	}
}
