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
// make it quadratic. The memory is at most 32 bytes for each node, of which pages that
// belong to unreachable nodes only are never touched, and 8 bytes for each edge
// that leads back in the order of the search (a tree has none).
func Build(ctx context.Context, g Graph, entries []uint32, o Options) (*Tree, error) {
	if err := checkGraph(g, entries); err != nil {
		return nil, fmt.Errorf("dominators: %w", err)
	}
	b := newBuilder(ctx, g, o)
	err := b.search(entries)
	if err == nil {
		err = b.dominate()
	}
	var t *Tree
	if err == nil {
		t, err = b.settle()
	}
	if err != nil {
		return nil, fmt.Errorf("dominators: %w", err)
	}
	return t, nil
}

const (
	// member marks a link that is not an edge but a number whose semidominator
	// has the list.
	member = 1 << 31
	// later marks a number that has the same immediate dominator.
	later = 1 << 31
)

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
		state := b.of(at)
		semi := b.follow(at, state[low])
		state[low], state[label] = semi, at
		if semi == state[parent] || semi == 0 {
			state[idom] = semi // the dominator lies between the semidominator and the parent
		} else if err := b.link(semi, at|member); err != nil {
			return err
		}
	}
	for n := 1; n <= b.count; n++ {
		if state := b.of(uint32(n)); state[idom]&later != 0 {
			state[idom] = b.of(state[idom] &^ later)[idom]
		}
	}
	return nil
}

// follow works off the list of a number: for its members it finds the immediate
// dominator, and of semi and what the edges give it returns the lowest.
func (b *builder) follow(at, semi uint32) uint32 {
	for i := b.head[at]; i != 0; {
		l := b.links.at(i)
		i = l.next
		lowest := b.lowest(l.number&^member, at)
		switch {
		case l.number&member == 0:
			semi = min(semi, lowest[low])
		case lowest[low] < at:
			b.of(l.number &^ member)[idom] = lowest[label] | later
		default:
			b.of(l.number &^ member)[idom] = at
		}
	}
	return semi
}

// lowest finds the lowest semidominator among number and its ancestors above at,
// and shortens their ways. Its low and label are in the state returned. Of the
// ancestors those above at are done. It goes up with the links reversed, and
// down again: a way may be as long as there are nodes.
func (b *builder) lowest(number, at uint32) *[4]uint32 {
	below, x, state := uint32(0), number, b.of(number)
	for state[parent] > at {
		x, below, state[parent] = state[parent], x, below
		state = b.of(x)
	}
	top, best, from := state[parent], state[low], state[label]
	for below != 0 {
		state = b.of(below)
		if best < state[low] {
			state[low], state[label] = best, from
		} else {
			best, from = state[low], state[label]
		}
		below, state[parent] = state[parent], top
	}
	return state
}

// settle gives the nodes their places: numbers in the order in which a walk
// through the dominator tree meets them. What a node dominates then lies in one
// range.
func (b *builder) settle() (*Tree, error) {
	b.links = links{}
	count := b.count + 1
	above := b.head[:count]
	above[0] = 0
	for n := 1; n < count; n++ {
		above[n] = b.state[4*n+idom]
	}
	place, size, next := b.state[:count], b.state[count:2*count], b.state[2*count:3*count]
	for n := range size {
		size[n] = 1
	}
	for n := b.count; n > 0; n-- {
		size[above[n]] += size[n]
	}
	if err := b.options.pause(b.ctx, "ordering", b.count/2, b.count); err != nil {
		return nil, err
	}
	place[0], next[0] = 0, 1
	for n := 1; n < count; n++ {
		p := next[above[n]]
		place[n], next[n] = p, p+1
		next[above[n]] = p + size[n]
	}
	t := &Tree{place: b.num, node: b.node[:count], parent: above, end: make([]uint32, count)}
	for n, p := range place {
		t.end[p] = p + size[n]
	}
	moved := size // no longer needed
	for n, p := range place {
		moved[p] = place[above[n]]
	}
	copy(t.parent, moved)
	for n, p := range place {
		moved[p] = t.node[n]
	}
	copy(t.node, moved)
	for p, node := range t.node[1:] {
		t.place[node] = uint32(p + 1)
	}
	if count < len(b.head)/2 {
		t.node, t.parent = slices.Clone(t.node), slices.Clone(t.parent)
	}
	return t, b.options.pause(b.ctx, "ordering", b.count, b.count)
}
