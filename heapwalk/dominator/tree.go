package dominator

import "iter"

// Tree is a dominator tree: the parent of a node is the last one that every path
// from the roots to it goes through, or [Root] when there is none. It has 16 bytes
// for each node. Its methods can be called by several goroutines at once.
//
// Nodes that can't be reached are not in it.
type Tree struct {
	place []uint32 // by node: its place in the order of a walk, 0 when it can't be reached

	// By place; place 0 is the virtual root. A parent comes before its children,
	// and what a node dominates lies between it and its end.
	node   []uint32
	parent []uint32
	end    []uint32
}

// Len is the number of nodes that can be reached.
func (t *Tree) Len() int { return len(t.node) - 1 }

// at returns the place of a node.
func (t *Tree) at(node uint32) (place uint32, ok bool) {
	if node == Root {
		return 0, true
	}
	if int64(node) >= int64(len(t.place)) {
		return 0, false
	}
	place = t.place[node]
	return place, place != 0
}

// Reached says whether the node can be reached.
func (t *Tree) Reached(node uint32) bool {
	_, ok := t.at(node)
	return ok
}

// Parent returns the immediate dominator of a node, which may be [Root]. It is
// false for nodes that can't be reached, and for the root.
func (t *Tree) Parent(node uint32) (parent uint32, ok bool) {
	p, ok := t.at(node)
	if !ok || p == 0 {
		return 0, false
	}
	return t.node[t.parent[p]], true
}

// Dominates says whether every path from the roots to node b goes through node
// a. A node that can be reached dominates itself.
func (t *Tree) Dominates(a, b uint32) bool {
	pa, oka := t.at(a)
	pb, okb := t.at(b)
	return oka && okb && pa <= pb && pb < t.end[pa]
}

// Count is how many nodes the node dominates, itself included; [Root] is not
// counted. It is 0 for a node that can't be reached.
func (t *Tree) Count(node uint32) int {
	p, ok := t.at(node)
	switch {
	case !ok:
		return 0
	case p == 0:
		return t.Len()
	}
	return int(t.end[p] - p)
}

// Children gives the nodes whose parent the node is, in the order in which the
// search met them.
func (t *Tree) Children(node uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		p, ok := t.at(node)
		if !ok {
			return
		}
		for c := p + 1; c < t.end[p]; c = t.end[c] {
			if !yield(t.node[c]) {
				return
			}
		}
	}
}

// Below gives what the node dominates, itself first and each node before those
// that it dominates. [Root] is not given.
func (t *Tree) Below(node uint32) iter.Seq[uint32] {
	return func(yield func(uint32) bool) {
		p, ok := t.at(node)
		if !ok {
			return
		}
		for _, n := range t.node[max(p, 1):t.end[p]] {
			if !yield(n) {
				return
			}
		}
	}
}

// All gives every node with its parent, parents first.
func (t *Tree) All() iter.Seq2[uint32, uint32] {
	return func(yield func(node, parent uint32) bool) {
		for p := 1; p < len(t.node); p++ {
			if !yield(t.node[p], t.node[t.parent[p]]) {
				return
			}
		}
	}
}

// Backward gives every node with its parent, children first: what is known of a
// node when it is given is complete, and can be added to its parent's.
func (t *Tree) Backward() iter.Seq2[uint32, uint32] {
	return func(yield func(node, parent uint32) bool) {
		for p := len(t.node) - 1; p > 0; p-- {
			if !yield(t.node[p], t.node[t.parent[p]]) {
				return
			}
		}
	}
}
