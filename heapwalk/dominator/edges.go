package dominator

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"sync/atomic"
)

// Edges are the edges of a graph, copied: a [Graph] that is asked at random
// without going back to where its edges come from. They take 4 bytes for each
// node, and for each edge one byte where it leads to a node near by, up to 5.
type Edges struct {
	n      int
	blocks []edgeBlock
}

const (
	blockBits = 12 // nodes of a block, as a power of two
	blockLen  = 1 << blockBits
)

// edgeBlock are the edges of blockLen nodes, each as the difference between the
// numbers of its two nodes.
type edgeBlock struct {
	start []uint32 // of each node's in bytes, and the end
	bytes []byte
}

// Copy asks for the successors of every node once, in the order of their numbers
// and by several goroutines. That is worth its memory where edges are slow to get
// in any other order, or wanted more than once.
func Copy(ctx context.Context, g Graph, o Options) (*Edges, error) {
	if err := checkGraph(g, nil); err != nil {
		return nil, fmt.Errorf("edges: %w", err)
	}
	e := &Edges{n: g.Len(), blocks: make([]edgeBlock, (g.Len()+blockLen-1)/blockLen)}
	var failed atomic.Pointer[error]
	targets := make([][]uint32, o.workers())
	bytes := make([][]byte, o.workers())
	inParallel(o.workers(), e.n, blockLen, func(worker, from, to int) {
		err := ctx.Err()
		if err == nil && failed.Load() == nil {
			if worker == 0 && o.Progress != nil {
				o.Progress("reading pointers", from, e.n)
			}
			b := &e.blocks[from>>blockBits]
			b.start = make([]uint32, 1, to-from+1)
			bytes[worker] = bytes[worker][:0]
			for n := from; n < to && err == nil; n++ {
				targets[worker] = g.Successors(uint32(n), targets[worker][:0])
				bytes[worker], err = e.add(bytes[worker], uint32(n), targets[worker])
				b.start = append(b.start, uint32(len(bytes[worker])))
			}
			b.bytes = append([]byte(nil), bytes[worker]...)
		}
		if err != nil {
			failed.Store(&err)
		}
	})
	if err := failed.Load(); err != nil {
		return nil, fmt.Errorf("edges: %w", *err)
	}
	return e, nil
}

func (e *Edges) add(to []byte, node uint32, targets []uint32) ([]byte, error) {
	for _, t := range targets {
		if int64(t) >= int64(e.n) {
			return to, badEdge(node, t, e.n)
		}
		to = binary.AppendVarint(to, int64(t)-int64(node))
	}
	if len(to) > math.MaxUint32 {
		return to, fmt.Errorf("%d bytes for the edges of %d nodes: %w", len(to), blockLen, ErrTooLarge)
	}
	return to, nil
}

// Len is the number of nodes.
func (e *Edges) Len() int { return e.n }

// Successors appends the targets of node's edges to buf and returns it.
func (e *Edges) Successors(node uint32, buf []uint32) []uint32 {
	b := &e.blocks[node>>blockBits]
	i := node & (blockLen - 1)
	for at, end := b.start[i], b.start[i+1]; at < end; {
		difference, n := binary.Varint(b.bytes[at:end])
		buf = append(buf, uint32(int64(node)+difference))
		at += uint32(n)
	}
	return buf
}

// Size is how many bytes the edges take.
func (e *Edges) Size() int {
	size := 0
	for _, b := range e.blocks {
		size += 4*cap(b.start) + cap(b.bytes)
	}
	return size
}
