package dominator

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// Graph is a directed graph of nodes 0 to Len()-1 that tells its edges on demand.
type Graph interface {
	// Len is the number of nodes.
	Len() int
	// Successors appends the targets of node's edges to buf and returns it. The
	// node itself and duplicates are allowed among them. Several goroutines may
	// call it at once; it gives the same targets in the same order each time.
	Successors(node uint32, buf []uint32) []uint32
}

// Root stands for the virtual root, whose successors are the entries, where a
// node is asked for or given. No node has this number.
const Root uint32 = math.MaxUint32

// MaxNodes is how many nodes a graph can have: one bit of a number is needed.
const MaxNodes = math.MaxInt32 - 1

var (
	// ErrTooLarge means that a graph has more nodes or edges than can be numbered.
	ErrTooLarge = errors.New("graph too large")
	// ErrNoSuchNode means that a graph's edge or an entry leads to no node.
	ErrNoSuchNode = errors.New("no such node")
)

// Options say how an algorithm runs. They do not change its result.
type Options struct {
	// Workers is how many goroutines work at most; 0 means as many as there are
	// processors.
	Workers int
	// Progress, when set, is called at times with the stage that runs and how
	// much of it is done. It is called by one goroutine at a time.
	Progress func(stage string, done, total int)
}

func (o Options) workers() int {
	if o.Workers > 0 {
		return o.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// step is how many nodes are worked on between two looks at the context.
const step = 1 << 16

// pause is called every step nodes: it reports progress and ends canceled work.
func (o Options) pause(ctx context.Context, stage string, done, total int) error {
	if o.Progress != nil {
		o.Progress(stage, done, total)
	}
	return ctx.Err()
}

// checkGraph says why g can't be worked on.
func checkGraph(g Graph, entries []uint32) error {
	n := g.Len()
	if n < 0 || n > MaxNodes {
		return fmt.Errorf("%d nodes: %w", n, ErrTooLarge)
	}
	for i, e := range entries {
		if int64(e) >= int64(n) {
			return fmt.Errorf("entry %d is %d, of %d nodes: %w", i, e, n, ErrNoSuchNode)
		}
	}
	return nil
}

func badEdge(from, to uint32, n int) error {
	return fmt.Errorf("edge from %d to %d, of %d nodes: %w", from, to, n, ErrNoSuchNode)
}

// inParallel runs work on [0, n) in pieces of at most size, by several
// goroutines. Each has a number below workers of its own.
func inParallel(workers, n, size int, work func(worker, from, to int)) {
	if workers = max(1, min(workers, (n+size-1)/size)); workers == 1 {
		for from := 0; from < n; from += size {
			work(0, from, min(from+size, n))
		}
		return
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for {
				to := int(next.Add(int64(size)))
				if to-size >= n {
					return
				}
				work(w, to-size, min(to, n))
			}
		})
	}
	all.Wait()
}
