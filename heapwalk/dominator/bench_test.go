package dominator

import (
	"context"
	"os"
	"runtime"
	"testing"
)

// binaryTree is a full binary tree in the order in which a recursive program
// allocates it: children before their parent.
type binaryTree struct{ depth int }

func (b binaryTree) Len() int     { return 1<<(b.depth+1) - 1 }
func (b binaryTree) root() uint32 { return uint32(b.Len() - 1) }

func (b binaryTree) Successors(node uint32, buf []uint32) []uint32 {
	// In the subtree of 2^k-1 nodes that ends at the node's place, find it.
	for n, x := uint32(b.Len()), node; ; {
		if x == n-1 {
			if n == 1 {
				return buf
			}
			half := (n - 1) / 2
			first := node - x
			return append(buf, first+half-1, first+2*half-1)
		}
		if n = (n - 1) / 2; x >= n {
			x -= n
		}
	}
}

// generated are large graphs that need no memory or that of their edges.
type generated struct {
	n    int
	next func(node uint32, buf []uint32) []uint32
}

func (g generated) Len() int                                      { return g.n }
func (g generated) Successors(node uint32, buf []uint32) []uint32 { return g.next(node, buf) }

// mix is a cheap hash.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// hard are graphs of about n nodes that ask something of the algorithms.
func hard(n int) map[string]generated {
	u := uint64(n)
	flat := randomFlat(n)
	return map[string]generated{
		"list": {n, func(x uint32, buf []uint32) []uint32 { return append(buf, (x+1)%uint32(n)) }},
		"doubly-linked": {n, func(x uint32, buf []uint32) []uint32 { // quadratic in Cooper, Harvey, Kennedy
			return append(buf, (x+1)%uint32(n), (x+uint32(n)-1)%uint32(n))
		}},
		"random-3": {n, func(x uint32, buf []uint32) []uint32 {
			h := mix(uint64(x))
			return append(buf, uint32(h%u), uint32(mix(h)%u), uint32(mix(h+1)%u))
		}},
		"shuffled-tree": {n, flat},
		"local": {n, func(x uint32, buf []uint32) []uint32 { // forward and back, mostly near
			h := mix(uint64(x))
			return append(buf, (x+1+uint32(h%64))%uint32(n), (x+uint32(n)-uint32(h>>8%64))%uint32(n), uint32(mix(h)%u))
		}},
		"layers": {n, func(x uint32, buf []uint32) []uint32 { // a deep and wide DAG
			width := min(1000, u/8)
			row := uint64(x) / width
			for i := range uint64(4) {
				if to := (row+1)*width + mix(uint64(x)*4+i)%width; to < u {
					buf = append(buf, uint32(to))
				}
			}
			if x == 0 {
				for i := uint64(1); i < width; i++ {
					buf = append(buf, uint32(i))
				}
			}
			return buf
		}},
		"fan-from-the-end": {n, func(x uint32, buf []uint32) []uint32 { // quadratic in both other algorithms
			half := uint32(n / 2)
			if x < half {
				buf = append(buf, x+1)
			}
			if x == half || x == 0 {
				for i := half + 1; i < uint32(n); i++ {
					buf = append(buf, i)
				}
			}
			return buf
		}},
		"ladder": {n, func(x uint32, buf []uint32) []uint32 { // two lists, both ways, with rungs
			if x+2 < uint32(n) {
				buf = append(buf, x+2)
			}
			if x > 1 {
				buf = append(buf, x-2)
			}
			if y := x ^ 1; y < uint32(n) {
				buf = append(buf, y)
			}
			return buf
		}},
		"cross-tree": {n, func(x uint32, buf []uint32) []uint32 { // a binary tree with edges between and up
			for _, to := range []uint64{2*uint64(x) + 1, 2*uint64(x) + 2, mix(uint64(x)) % u, uint64(x) / 2, uint64(x) / 3} {
				if to < u {
					buf = append(buf, uint32(to))
				}
			}
			return buf
		}},
	}
}

// randomFlat is a binary tree whose nodes lie anywhere in memory.
func randomFlat(n int) func(x uint32, buf []uint32) []uint32 {
	// x -> x*odd+c mod 2^k is a permutation of the numbers below 2^k.
	size := uint32(1)
	for int(size)*2 <= n {
		size *= 2
	}
	const odd, inverse = 2654435769, 340573321
	return func(x uint32, buf []uint32) []uint32 {
		if x >= size {
			return buf
		}
		i := (x * inverse) & (size - 1)
		for _, to := range []uint32{2*i + 1, 2*i + 2} {
			if to < size {
				buf = append(buf, (to*odd)&(size-1))
			}
		}
		return buf
	}
}

const million = 1 << 20

// large says whether the benchmarks on 16.8 million nodes run, for a few seconds
// and some hundred megabytes each.
func large(b *testing.B) int {
	if os.Getenv("SDCORE_LARGE_BENCH") == "" {
		b.Skip("SDCORE_LARGE_BENCH is not set")
	}
	return 16 * million
}

func benchBuild(b *testing.B, g Graph, entry uint32) {
	b.ReportAllocs()
	for b.Loop() {
		t, err := Build(context.Background(), g, []uint32{entry}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(t.Len()), "nodes")
		runtime.KeepAlive(t)
	}
}

func BenchmarkBuildTree1M(b *testing.B) {
	t := binaryTree{19}
	benchBuild(b, t, t.root())
}

func BenchmarkBuildTree16M(b *testing.B) {
	large(b)
	t := binaryTree{23}
	benchBuild(b, t, t.root())
}

func BenchmarkBuildHard1M(b *testing.B) {
	for name, g := range hard(million) {
		b.Run(name, func(b *testing.B) { benchBuild(b, g, 0) })
	}
}

func BenchmarkBuildHard16M(b *testing.B) {
	for name, g := range hard(large(b)) {
		b.Run(name, func(b *testing.B) { benchBuild(b, g, 0) })
	}
}

// TestGeneratedGraphs checks that the graphs of the benchmarks are what they say,
// with few nodes.
func TestGeneratedGraphs(t *testing.T) {
	tree := binaryTree{4}
	if got := build(t, materialized(tree, tree.root())); got.Len() != tree.Len() {
		t.Errorf("the tree has %d nodes, want %d", got.Len(), tree.Len())
	}
	for n := 60; n < 80; n++ {
		for name, g := range hard(n) {
			s := materialized(g, 0)
			s.name = name
			checkTree(t, s, build(t, s))
		}
	}
}

func materialized(g Graph, entry uint32) sample {
	s := sample{graph: make(lists, g.Len()), entries: []uint32{entry}}
	for i := range s.graph {
		s.graph[i] = g.Successors(uint32(i), nil)
	}
	return s
}

// BenchmarkAll16M is what a report needs: a copy of the edges, the tree,
// retained sizes, suspects and a path.
func BenchmarkAll16M(b *testing.B) {
	large(b)
	g := binaryTree{23}
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		e, err := Copy(ctx, g, Options{})
		if err != nil {
			b.Fatal(err)
		}
		t, err := Build(ctx, e, []uint32{g.root()}, Options{})
		if err != nil {
			b.Fatal(err)
		}
		w, err := t.Weigh(ctx, func(uint32) uint64 { return 16 }, Options{})
		if err != nil {
			b.Fatal(err)
		}
		if s := w.Suspects(SuspectOptions{}); len(s) == 0 {
			b.Fatal("no suspects")
		}
		b.ReportMetric(float64(e.Size()), "edge-B")
	}
}

func benchPaths(b *testing.B, g Graph, entry, end uint32) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Paths(context.Background(), g, []uint32{entry}, func(n uint32) bool { return n == end }, 1, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPaths1M(b *testing.B) {
	for name, g := range hard(million) {
		b.Run(name, func(b *testing.B) { benchPaths(b, g, 0, uint32(g.n/2)) })
	}
}

func BenchmarkPaths16M(b *testing.B) {
	large(b)
	t := binaryTree{23}
	benchPaths(b, t, t.root(), 0)
}

func BenchmarkCopy16M(b *testing.B) {
	large(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Copy(context.Background(), binaryTree{23}, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
