package dominator

import (
	"context"
	"fmt"
	"slices"
)

// Build computes the dominator tree of the nodes of g that can be reached from
// the entries. It asks for the successors of each of them once.
//
// The time is O(m log n) for m edges whatever the graph is: a hostile heap can't
// make it quadratic. The memory is 28 bytes for each node, of which pages that
// belong to unreachable nodes only are never touched, and 8 bytes for each edge
// that leads back in the order of the search (a tree has none).
func Build(ctx context.Context, g Graph, entries []uint32, o Options) (*Tree, error) {
	if err := checkGraph(g, entries); err != nil {
		return nil, fmt.Errorf("dominators: %w", err)
	}
	b := newBuilder(ctx, g, o)
	for _, f := range []func() error{func() error { return b.search(entries) }, b.dominate, b.settle} {
		if err := f(); err != nil {
			return nil, fmt.Errorf("dominators: %w", err)
		}
	}
	return b.tree(), nil
}

// member marks a link that is not an edge but a node whose semidominator has
// the list.
const member = 1 << 31

// dominate is the algorithm of Lengauer and Tarjan with path compression. The
// shorter one that looks for the nearest common ancestor (Semi-NCA) is quadratic
// where a long list ends in a node that points to many others with another owner.
func (b *builder) dominate() error {
	for n := b.count; n > 0; n-- {
		if n%step == 0 {
			if err := b.options.pause(b.ctx, "finding dominators", b.count-n, b.count); err != nil {
				return err
			}
		}
		at := uint32(n)
		semi := b.semi[at]
		for i := b.head[at]; i != 0; {
			l := b.links.at(i)
			i = l.next
			low := b.lowest(l.number&^member, at)
			switch {
			case l.number&member == 0:
				semi = min(semi, b.semi[low])
			case b.semi[low] < at:
				b.idom[l.number&^member] = low // the same dominator as low's, not known yet
			default:
				b.idom[l.number&^member] = at
			}
		}
		b.semi[at], b.label[at] = semi, at
		if semi == b.parent[at] || semi == 0 {
			b.idom[at] = semi // the dominator lies between the semidominator and the parent
		} else if err := b.link(semi, at|member); err != nil {
			return err
		}
	}
	for n := 1; n <= b.count; n++ {
		if b.idom[n] != b.semi[n] {
			b.idom[n] = b.idom[b.idom[n]]
		}
	}
	return nil
}

// lowest returns the node of the lowest semidominator among number and its
// ancestors above at, and shortens their paths. Of number's ancestors those
// above at are done. It goes up with the links reversed, and down again: a path
// may be as long as there are nodes.
func (b *builder) lowest(number, at uint32) uint32 {
	parent, label, semi := b.parent, b.label, b.semi
	if parent[number] <= at {
		return label[number]
	}
	below, x := uint32(0), number
	for parent[x] > at {
		x, below, parent[x] = parent[x], x, below
	}
	top, best := parent[x], label[x]
	for below != 0 {
		x, below = below, parent[below]
		if semi[best] < semi[label[x]] {
			label[x] = best
		} else {
			best = label[x]
		}
		parent[x] = top
	}
	return best
}

// settle gives the nodes their places: numbers in the order in which a walk
// through the dominator tree meets them. What a node dominates then lies in one
// range.
func (b *builder) settle() error {
	count := b.count + 1
	place, size, next := b.head[:count], b.label[:count], b.semi[:count]
	for n := range size {
		size[n] = 1
	}
	for n := b.count; n > 0; n-- {
		size[b.idom[n]] += size[n]
	}
	place[0], next[0] = 0, 1
	for n := 1; n < count; n++ {
		p := next[b.idom[n]]
		place[n] = p
		next[b.idom[n]] = p + size[n]
		next[n] = p + 1
	}
	if err := b.options.pause(b.ctx, "ordering", b.count/2, b.count); err != nil {
		return err
	}
	// From here on semi is the tree's parent, parent its end.
	for n, p := range place {
		b.parent[p] = p + size[n]
	}
	for n, p := range place[1:] {
		b.semi[p] = place[b.idom[n+1]]
	}
	b.semi[0] = 0
	nodes := b.idom[:count]
	for n, p := range place {
		nodes[p] = b.node[n]
	}
	copy(b.node, nodes)
	for p, node := range nodes[1:] {
		b.num[node] = uint32(p + 1)
	}
	return b.options.pause(b.ctx, "ordering", b.count, b.count)
}

func (b *builder) tree() *Tree {
	count := b.count + 1
	fit := func(s []uint32) []uint32 {
		if count < len(s)/2 {
			return slices.Clone(s[:count])
		}
		return s[:count]
	}
	return &Tree{place: b.num, node: fit(b.node), parent: fit(b.semi), end: fit(b.parent)}
}
