package heapwalk

import (
	"cmp"
	"slices"
)

// Waiting are goroutines that wait in the same place, and what they keep alive.
type Waiting struct {
	Key        string
	Goroutines int
	Retained   Count  // of all of them together, each on its own
	Example    uint64 // the goroutine that keeps most alive
	most       uint64
}

// Goroutines adds up what goroutines keep alive by a key that the caller gives to
// each ID, such as where it waits; "" leaves a goroutine out. Most bytes first.
func (r *Retained) Goroutines(key func(id uint64) string) []Waiting {
	by := map[string]*Waiting{}
	seen := map[uint64]bool{}
	first := r.l.h.n + uint32(r.graph.roots())
	for i := range r.graph.goroutines {
		id := r.graph.goroutines[i].id
		k := key(id)
		if k == "" {
			continue
		}
		w := by[k]
		if w == nil {
			w = &Waiting{Key: k}
			by[k] = w
		}
		if !seen[id] {
			seen[id] = true
			w.Goroutines++
		}
		c := r.of(first + uint32(i))
		w.Retained.plus(c)
		if c.Bytes > w.most || w.Example == 0 {
			w.Example, w.most = id, c.Bytes
		}
	}
	out := make([]Waiting, 0, len(by))
	for _, w := range by {
		out = append(out, *w)
	}
	slices.SortFunc(out, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(b.Retained.Bytes, a.Retained.Bytes), cmp.Compare(b.Goroutines, a.Goroutines), cmp.Compare(a.Key, b.Key))
	})
	return out
}
