package dominator

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
)

// Paths finds shortest paths from the entries to the nearest target: at most max
// of them, each from another entry, the shortest first. A path begins with its
// entry and ends with the target; there are none when no target can be reached.
// Where several are equally short, it is the one to the target with the lowest
// number, and from there back over the lowest numbers, whatever the number of
// workers. Each path is one search, which goes no deeper than the path is long.
//
// Several goroutines may call target at once. The memory is 4 bytes and a bit for
// each node, and 8 bytes for each at the widest distance.
func Paths(ctx context.Context, g Graph, entries []uint32, target func(node uint32) bool, max int, o Options) ([][]uint32, error) {
	if err := checkGraph(g, entries); err != nil {
		return nil, fmt.Errorf("paths: %w", err)
	}
	p := newPathSearch(ctx, g, target, o)
	left := slices.Clone(entries)
	slices.Sort(left)
	left = slices.Compact(left)
	var paths [][]uint32
	for len(paths) < max && len(left) > 0 {
		if len(paths) > 0 {
			p.reset()
		}
		end, err := p.run(left)
		if err != nil {
			return nil, fmt.Errorf("paths: %w", err)
		}
		if end == Root {
			break
		}
		path := p.path(end)
		paths = append(paths, path)
		i, _ := slices.BinarySearch(left, path[0])
		left = slices.Delete(left, i, i+1)
	}
	return paths, nil
}

// pathSearch is a breadth first search, one distance after the other.
type pathSearch struct {
	ctx     context.Context
	options Options
	graph   Graph
	len     int
	target  func(node uint32) bool

	// from is by node the complement of the lowest node that points to it among
	// those one nearer, of the node itself for an entry, and 0 while it was not
	// met.
	from []atomic.Uint32
	// settled has a bit for each node that is not farther than the front: what
	// its from is does not change. It is written between two distances only.
	settled []uint64
	front   []uint32 // the nodes at the distance that is worked on
	workers []*pathWorker
}

// pathWorker is what a worker finds at one distance.
type pathWorker struct {
	next []uint32
	end  uint32 // the lowest target
	buf  []uint32
	err  error
}

func newPathSearch(ctx context.Context, g Graph, target func(node uint32) bool, o Options) *pathSearch {
	p := &pathSearch{
		ctx: ctx, options: o, graph: g, len: g.Len(), target: target,
		from:    make([]atomic.Uint32, g.Len()),
		settled: make([]uint64, (g.Len()+63)/64),
	}
	for range o.workers() {
		p.workers = append(p.workers, &pathWorker{end: Root})
	}
	return p
}

func (p *pathSearch) reset() {
	clear(p.from)
	clear(p.settled)
}

// frontPiece is how many nodes a worker takes at a time.
const frontPiece = 512

// run searches from the entries and returns the nearest target, [Root] when
// there is none.
func (p *pathSearch) run(entries []uint32) (uint32, error) {
	p.front = append(p.front[:0], entries...)
	for _, e := range entries {
		p.from[e].Store(^e)
		if p.target(e) {
			return e, nil // they are sorted
		}
	}
	met, paused := 0, -step
	expand := p.expand
	for len(p.front) > 0 {
		if met += len(p.front); met-paused >= step {
			paused = met
			if err := p.options.pause(p.ctx, "searching paths", met, p.len); err != nil {
				return 0, err
			}
		}
		for _, n := range p.front {
			p.settled[n/64] |= 1 << (n % 64)
		}
		inParallel(len(p.workers), len(p.front), frontPiece, expand)
		end, err := p.advance()
		if err != nil || end != Root {
			return end, err
		}
	}
	return Root, p.ctx.Err()
}

// expand follows the edges of a piece of the front.
func (p *pathSearch) expand(worker, from, to int) {
	w := p.workers[worker]
	if w.err != nil {
		return
	}
	if len(p.front) > step {
		if w.err = p.ctx.Err(); w.err != nil {
			return
		}
	}
	for _, node := range p.front[from:to] {
		w.buf = p.graph.Successors(node, w.buf[:0])
		for _, s := range w.buf {
			if int64(s) >= int64(p.len) {
				w.err = badEdge(node, s, p.len)
				return
			}
			if p.settled[s/64]&(1<<(s%64)) != 0 || !p.meet(s, ^node) {
				continue
			}
			w.next = append(w.next, s)
			if s < w.end && p.target(s) {
				w.end = s
			}
		}
	}
}

// meet keeps the lowest of the nodes that lead to a node, by their complements,
// and says whether this is the first.
func (p *pathSearch) meet(node, from uint32) bool {
	for {
		old := p.from[node].Load()
		if old >= from {
			return false
		}
		if p.from[node].CompareAndSwap(old, from) {
			return old == 0
		}
	}
}

// advance makes what the workers found the front, and returns the lowest target.
// The order in the front does not matter: the lowest always wins.
func (p *pathSearch) advance() (uint32, error) {
	end, found := Root, 0
	for _, w := range p.workers {
		if w.err != nil {
			return 0, w.err
		}
		found += len(w.next)
	}
	p.front = slices.Grow(p.front[:0], found)
	for _, w := range p.workers {
		p.front = append(p.front, w.next...)
		end = min(end, w.end)
		w.next, w.end = w.next[:0], Root
	}
	return end, nil
}

// path goes back from a node to the entry.
func (p *pathSearch) path(end uint32) []uint32 {
	path := []uint32{end}
	for node := end; ; {
		from := ^p.from[node].Load()
		if from == node {
			slices.Reverse(path)
			return path
		}
		path = append(path, from)
		node = from
	}
}
