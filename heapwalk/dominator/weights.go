package dominator

import (
	"context"
	"fmt"
	"slices"
)

// Weights are the sizes of the nodes of a tree, and with them what each keeps
// alive. They have 8 bytes for each node. Their methods can be called by several
// goroutines at once.
type Weights struct {
	tree *Tree
	// before is by place the sum of all sizes at lower places: what a node
	// dominates is one range of places, so each retained size is a difference.
	before []uint64
}

// Weigh asks for the size of each node that can be reached, once. Several
// goroutines may call size at once.
func (t *Tree) Weigh(ctx context.Context, size func(node uint32) uint64, o Options) (*Weights, error) {
	w := &Weights{tree: t, before: make([]uint64, len(t.node)+1)}
	nodes, after := t.node[1:], w.before[2:] // those of place p are at p-1
	inParallel(o.workers(), len(nodes), step, func(worker, from, to int) {
		if ctx.Err() != nil {
			return
		}
		if worker == 0 && o.Progress != nil {
			o.Progress("adding sizes", from, len(nodes))
		}
		for i, n := range nodes[from:to] {
			after[from+i] = size(n)
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("sizes: %w", err)
	}
	sum := uint64(0)
	for i, s := range after {
		sum += s
		after[i] = sum
	}
	return w, nil
}

// Total is the size of all nodes that can be reached.
func (w *Weights) Total() uint64 { return w.retained(0) }

func (w *Weights) retained(place uint32) uint64 {
	return w.before[w.tree.end[place]] - w.before[place]
}

// Retained is the size of a node and all that it dominates: what would be free
// without it. It is 0 for a node that can't be reached, and the total for [Root].
func (w *Weights) Retained(node uint32) uint64 {
	p, ok := w.tree.at(node)
	if !ok {
		return 0
	}
	return w.retained(p)
}

// Shallow is the size of a node itself, 0 when it can't be reached.
func (w *Weights) Shallow(node uint32) uint64 {
	p, ok := w.tree.at(node)
	if !ok {
		return 0
	}
	return w.before[p+1] - w.before[p]
}

// Holder is a node and the size that it retains.
type Holder struct {
	Node     uint32
	Retained uint64
}

// heavier orders holders: large before small, then by number.
func heavier(a, b Holder) int {
	switch {
	case a.Retained > b.Retained:
		return -1
	case a.Retained < b.Retained:
		return 1
	case a.Node < b.Node:
		return -1
	case a.Node > b.Node:
		return 1
	}
	return 0
}

// Top are the at most n children of a node that retain most, the largest first.
func (w *Weights) Top(node uint32, n int) []Holder {
	top := heaviest{max: n}
	if p, ok := w.tree.at(node); ok {
		for c := p + 1; c < w.tree.end[p]; c = w.tree.end[c] {
			top.add(Holder{Node: w.tree.node[c], Retained: w.retained(c)})
		}
	}
	return top.sorted()
}

// heaviest keeps the max heaviest of any number of holders.
type heaviest struct {
	max  int
	held []Holder // at most twice max; in front the heaviest when it was sorted last
}

func (h *heaviest) add(o Holder) {
	if h.max <= 0 {
		return
	}
	if h.held = append(h.held, o); len(h.held) >= 2*h.max {
		h.sorted()
	}
}

func (h *heaviest) sorted() []Holder {
	slices.SortFunc(h.held, heavier)
	h.held = h.held[:max(0, min(len(h.held), h.max))]
	return h.held
}

// Class is what the nodes of one class have together.
type Class struct {
	// Nodes is how many there are and Shallow the size of them alone.
	Nodes   int
	Shallow uint64
	// Retained is the size of all that a node of the class dominates, counted
	// once where they dominate each other. What only all of them together keep
	// alive is not in it: it is the least that would be free without them.
	Retained uint64
}

// ByClass adds up the nodes of each class, which is below classes; others are left
// out. It calls class once for each node that can be reached, parents first.
func (w *Weights) ByClass(classes int, class func(node uint32) int) []Class {
	sums := make([]Class, max(classes, 0))
	// What nodes dominate is disjoint or one in the other. So a node has one of
	// its class above it exactly when it lies before the end of the last one that
	// had none.
	until := make([]uint32, len(sums))
	for p := uint32(1); int(p) < len(w.tree.node); p++ {
		c := class(w.tree.node[p])
		if c < 0 || c >= len(sums) {
			continue
		}
		sums[c].Nodes++
		sums[c].Shallow += w.before[p+1] - w.before[p]
		if p >= until[c] {
			until[c] = w.tree.end[p]
			sums[c].Retained += w.retained(p)
		}
	}
	return sums
}
