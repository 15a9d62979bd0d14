package dominator

import (
	"math"
	"slices"
)

// SuspectOptions say which nodes are worth a look. The zero value is good.
type SuspectOptions struct {
	// Share is the part of the total that a suspect retains at least; 0 means 0.1.
	Share float64
	// Drop says where a chain of owners ends: at the node whose largest child
	// retains less than this part of it; 0 means 0.7.
	Drop float64
	// Max is how many suspects there are at most; 0 means 20.
	Max int
}

func (o SuspectOptions) withDefaults() SuspectOptions {
	if o.Share <= 0 {
		o.Share = 0.1
	}
	if o.Drop <= 0 {
		o.Drop = 0.7
	}
	if o.Max <= 0 {
		o.Max = 20
	}
	return o
}

// Suspect is a place where memory accumulates: a node that retains much, in many
// parts. Owners that hold little but this node are not suspects of their own.
type Suspect struct {
	Holder
	// Owner is the first node of the chain of owners that ends here; it may be
	// the node itself. The node's dominators up to it are the chain.
	Owner Holder
	// Largest is the child of the node that retains most, none when its size is 0.
	Largest Holder
	// Within is the index of the suspect that this one is a part of, -1 for none.
	Within int
}

// Suspects are the places where most of the memory accumulates, the largest
// first. One inside another is there when it is above the threshold itself: it
// comes after the one that it is within.
func (w *Weights) Suspects(o SuspectOptions) []Suspect {
	o = o.withDefaults()
	least := max(1, uint64(min(math.Ceil(o.Share*float64(w.Total())), math.MaxUint64/2)))
	type chain struct {
		place  uint32
		within int
	}
	var found []Suspect
	var chains []chain
	for _, c := range w.children(0, least) {
		chains = append(chains, chain{c, -1})
	}
	for len(chains) > 0 && len(found) < o.Max {
		// The largest first, so that what Max leaves out is the smallest.
		i := 0
		for j := range chains {
			if heavier(w.holder(chains[j].place), w.holder(chains[i].place)) < 0 {
				i = j
			}
		}
		next := chains[i]
		chains = slices.Delete(chains, i, i+1)
		point, largest := w.accumulation(next.place, o.Drop)
		found = append(found, Suspect{Holder: w.holder(point), Owner: w.holder(next.place), Largest: largest, Within: next.within})
		for _, c := range w.children(point, least) {
			chains = append(chains, chain{c, len(found) - 1})
		}
	}
	return order(found)
}

func (w *Weights) holder(place uint32) Holder {
	return Holder{Node: w.tree.node[place], Retained: w.retained(place)}
}

// children are the places of a node's children that retain at least so much.
func (w *Weights) children(place uint32, least uint64) []uint32 {
	var large []uint32
	for c := place + 1; c < w.tree.end[place]; c = w.tree.end[c] {
		if w.retained(c) >= least {
			large = append(large, c)
		}
	}
	return large
}

// accumulation goes down a chain of owners to its end. The nodes on it may be as
// many as there are, but each is met once: the largest child's range is a part of
// its parent's.
func (w *Weights) accumulation(place uint32, drop float64) (point uint32, largest Holder) {
	for {
		child := uint32(0)
		for c := place + 1; c < w.tree.end[place]; c = w.tree.end[c] {
			if child == 0 || w.retained(c) > w.retained(child) {
				child = c
			}
		}
		if child == 0 {
			return place, Holder{}
		}
		if float64(w.retained(child)) < drop*float64(w.retained(place)) {
			return place, w.holder(child)
		}
		place = child
	}
}

// order sorts suspects by what they retain; a part is smaller than the whole, or
// as large and found later.
func order(found []Suspect) []Suspect {
	index := make([]int, len(found))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(a, b int) int {
		x, y := found[a], found[b]
		switch {
		case x.Retained > y.Retained:
			return -1
		case x.Retained < y.Retained:
			return 1
		}
		return a - b
	})
	now := make([]int, len(found))
	for to, from := range index {
		now[from] = to
	}
	sorted := make([]Suspect, len(found))
	for to, from := range index {
		sorted[to] = found[from]
		if f := found[from].Within; f >= 0 {
			sorted[to].Within = now[f]
		}
	}
	return sorted
}
