package dominator

import (
	"context"
	"fmt"
	"math"
)

const (
	// seen marks the number of a node that was met but not visited yet: the rest
	// is the number of the first node that points to it.
	seen = 1 << 31
	// done on the stack ends the successors of a node.
	done = math.MaxUint32
)

// builder numbers the nodes of a graph in the order of a depth first search and
// then computes their dominators, all in these numbers: the virtual root is 0,
// the first node visited is 1. node, state and head are indexed by them.
type builder struct {
	ctx     context.Context
	options Options
	graph   Graph
	len     int

	num   []uint32 // by node: 0 while it was not met, seen|n, its number
	node  []uint32 // the node with a number
	count int      // the highest number

	// state has four words for each number, of which parent and low are known
	// after the search. What is asked about a node on a long way is in one cache
	// line.
	state []uint32
	head  []uint32 // a list of links
	links links

	top int // of the stack: see slot
}

// The words of a number's state.
const (
	parent = iota // in the tree of the search; later a higher ancestor
	low           // the lowest number that points here; later the semidominator, then the lowest on the way up to the parent
	label         // the number whose semidominator low is
	idom          // the immediate dominator, or while it is not known later|another with the same
)

func newBuilder(ctx context.Context, g Graph, o Options) *builder {
	n := g.Len() + 1
	return &builder{
		ctx: ctx, options: o, graph: g, len: g.Len(),
		num:   make([]uint32, n-1),
		node:  make([]uint32, n),
		state: make([]uint32, 4*n),
		head:  make([]uint32, n),
	}
}

// of returns the state of a number.
func (b *builder) of(number uint32) *[4]uint32 { return (*[4]uint32)(b.state[4*int(number):]) }

// slot is place i of the stack. It has 2(len+1) of them, in the words of the
// states that are not used before the search is over: label and idom. On it are
// the nodes to visit, the successors of each node above a done.
func (b *builder) slot(i int) *uint32 { return &b.state[i>>1<<2|label|i&1] }

// slots is the size of the stack.
func (b *builder) slots() int { return len(b.state) / 2 }

// search visits every node that can be reached from the entries, once. Of the
// edges it keeps what the dominators need: to each node the lowest number that
// points to it, and the edges that lead back to a lower number. An edge to a
// higher number comes from an ancestor, of which only the lowest counts.
func (b *builder) search(entries []uint32) error {
	var buf []uint32
	var err error
	b.node[0] = Root
	at := uint32(0)
	for i := len(entries) - 1; i >= 0; i-- {
		if b.num[entries[i]] == 0 {
			b.num[entries[i]] = seen
			b.push(entries[i])
		}
	}
	for b.top > 0 {
		b.top--
		node := *b.slot(b.top)
		if node == done {
			at = b.of(at)[parent]
			continue
		}
		first := b.num[node]
		if first&seen == 0 {
			continue // visited since it was pushed
		}
		b.count++
		number := uint32(b.count)
		b.num[node], b.node[number] = number, node
		state := b.of(number)
		state[parent], state[low] = at, first&^seen
		if b.count%step == 0 {
			if err := b.options.pause(b.ctx, "following pointers", b.count, b.len); err != nil {
				return err
			}
		}
		buf = b.graph.Successors(node, buf[:0])
		if len(buf) == 0 {
			continue
		}
		if at, err = b.expand(number, at, buf); err != nil {
			return err
		}
	}
	return nil
}

// expand pushes the successors of a node that were not visited, so that the
// first will be visited first, and keeps the edges to those that were. It
// returns the node whose successors are then on top of the stack.
func (b *builder) expand(number, at uint32, successors []uint32) (uint32, error) {
	pushed, old := false, b.links.count
	for i := len(successors) - 1; i >= 0; i-- {
		to := successors[i]
		if int64(to) >= int64(b.len) {
			return 0, badEdge(b.node[number], to, b.len)
		}
		switch k := b.num[to]; {
		case k&seen == 0 && k != 0:
			if k < number && b.head[k] <= old { // else it is this node itself, or kept already
				if err := b.link(k, number); err != nil {
					return 0, err
				}
			}
			continue
		case k == 0:
			b.num[to] = seen | number
		case k == seen|number:
			continue // pushed for this node already
		}
		if !pushed {
			pushed = true
			b.push(done)
		}
		b.push(to)
	}
	if !pushed {
		return at, nil
	}
	return number, nil
}

func (b *builder) link(list, number uint32) error {
	i, ok := b.links.add(link{number: number, next: b.head[list]})
	if !ok {
		return fmt.Errorf("%d edges: %w", math.MaxUint32, ErrTooLarge)
	}
	b.head[list] = i
	return nil
}

func (b *builder) push(node uint32) {
	if b.top == b.slots() {
		b.compact()
	}
	*b.slot(b.top) = node
	b.top++
}

// compact takes from the stack what will not be visited from there: nodes
// visited already, and of several entries of a node all but the topmost. What
// remains are at most as many entries as there are nodes, since each is a node
// not visited or the end of one visited: half of the stack is free again, and
// that is why the work on this is linear in the number of edges.
func (b *builder) compact() {
	kept := make([]uint64, (b.len+63)/64)
	to := b.slots()
	for i := b.top - 1; i >= 0; i-- {
		node := *b.slot(i)
		if node != done {
			word, bit := node/64, uint64(1)<<(node%64)
			if b.num[node]&seen == 0 || kept[word]&bit != 0 {
				continue
			}
			kept[word] |= bit
		}
		to--
		*b.slot(to) = node
	}
	for b.top = 0; to < b.slots(); to++ {
		*b.slot(b.top) = *b.slot(to)
		b.top++
	}
}

// link is an element of a list of numbers.
type link struct {
	number uint32
	next   uint32 // 0: the last one
}

const linkBits = 16 // links of a block, as a power of two

// links are all links, numbered from 1, in blocks: they grow without being moved.
type links struct {
	blocks [][]link
	count  uint32
}

func (l *links) at(i uint32) link { return l.blocks[i>>linkBits][i&(1<<linkBits-1)] }

func (l *links) add(k link) (index uint32, ok bool) {
	if l.count == math.MaxUint32 {
		return 0, false
	}
	l.count++
	if int(l.count>>linkBits) >= len(l.blocks) {
		l.blocks = append(l.blocks, make([]link, 1<<linkBits))
	}
	l.blocks[l.count>>linkBits][l.count&(1<<linkBits-1)] = k
	return l.count, true
}
