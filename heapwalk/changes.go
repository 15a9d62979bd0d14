package heapwalk

import (
	"cmp"
	"slices"
)

// change is a type for an object that was found in a level before, and what it is
// taken for at the end of this one.
type change struct {
	o    Object
	to   typing
	down bool // the type turned out not to fit
}

// note keeps a change for the end of the level.
func (w *walker) note(c change) {
	if len(w.changes) >= max(w.room, fewFound) {
		w.best()
		w.room = 2 * len(w.changes)
	}
	w.changes = append(w.changes, c)
}

// best leaves of the better types of each object the best: a million pointers to
// one object are one change.
func (w *walker) best() {
	slices.SortFunc(w.changes, func(a, b change) int {
		switch {
		case a.o != b.o:
			return cmp.Compare(a.o, b.o)
		case a.down != b.down:
			if a.down {
				return -1
			}
			return 1
		case w.better(a.to, b.to):
			return -1
		case w.better(b.to, a.to):
			return 1
		}
		return 0
	})
	w.changes = slices.CompactFunc(w.changes, func(a, b change) bool { return a.o == b.o && !a.down && !b.down })
}

// change takes the types that are better than those that objects had, and adds
// these to the next level, once each; it lists them.
func (w *walk) change() (again []Object) {
	for _, down := range []bool{true, false} {
		for i := range w.workers {
			for _, c := range w.workers[i].changes {
				if c.down == down && w.take(&c) && w.next.add(c.o) {
					again = append(again, c.o)
				}
			}
		}
	}
	for i := range w.workers {
		wk := &w.workers[i]
		if wk.changes = wk.changes[:0]; cap(wk.changes) > fewFound {
			wk.changes = nil
		}
		wk.room = 0
	}
	return again
}

// take makes a change, and reports whether the object is to be looked at again.
func (w *walk) take(c *change) bool {
	s := w.h.spanOf(c.o)
	if c.down {
		w.types.set(s, c.o, c.to)
		w.refused[c.o]++
		return false
	}
	if w.refused[c.o] >= maxRefused || !w.workers[0].better(c.to, w.types.of(s, c.o)) {
		return false
	}
	w.types.set(s, c.o, c.to)
	return true
}
