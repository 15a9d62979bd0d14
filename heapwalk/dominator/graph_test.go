package dominator

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
)

// lists is a graph as lists of successors.
type lists [][]uint32

func (g lists) Len() int { return len(g) }

func (g lists) Successors(node uint32, buf []uint32) []uint32 { return append(buf, g[node]...) }

// sample is a graph with its entries.
type sample struct {
	name    string
	graph   lists
	entries []uint32
}

func (s sample) String() string {
	return fmt.Sprintf("%s: entries %v, edges %v", s.name, s.entries, [][]uint32(s.graph))
}

// shapes are graphs of n nodes, before they are relabelled and given some more
// edges by randomSample.
var shapes = map[string]func(r *rand.Rand, n int) lists{
	"none": func(_ *rand.Rand, n int) lists { return make(lists, n) },
	"sparse": func(r *rand.Rand, n int) lists {
		return randomEdges(r, make(lists, n), n)
	},
	"dense": func(r *rand.Rand, n int) lists {
		return randomEdges(r, make(lists, n), n*(1+r.IntN(6)))
	},
	"list": func(_ *rand.Rand, n int) lists {
		g := make(lists, n)
		for i := 1; i < n; i++ {
			g[i-1] = append(g[i-1], uint32(i))
		}
		return g
	},
	"doubly linked": func(_ *rand.Rand, n int) lists {
		g := make(lists, n)
		for i := 1; i < n; i++ {
			g[i-1] = append(g[i-1], uint32(i))
			g[i] = append(g[i], uint32(i-1))
		}
		return g
	},
	"tree": func(r *rand.Rand, n int) lists {
		g := make(lists, n)
		for i := 1; i < n; i++ {
			p := r.IntN(i)
			g[p] = append(g[p], uint32(i))
		}
		return g
	},
	"deep tree": func(r *rand.Rand, n int) lists {
		g := make(lists, n)
		for i := 1; i < n; i++ {
			p := max(0, i-1-r.IntN(3))
			g[p] = append(g[p], uint32(i))
		}
		return g
	},
	"DAG": func(r *rand.Rand, n int) lists {
		g := make(lists, n)
		for range n * 2 {
			if a, b := r.IntN(n), r.IntN(n); a != b {
				g[min(a, b)] = append(g[min(a, b)], uint32(max(a, b)))
			}
		}
		return g
	},
	"ladder": func(_ *rand.Rand, n int) lists { // two lists with rungs in both directions
		g := make(lists, n)
		for i := range n {
			for _, to := range []int{i + 2, i ^ 1} {
				if to < n {
					g[i] = append(g[i], uint32(to))
				}
			}
		}
		return g
	},
	"fan from the end": func(_ *rand.Rand, n int) lists { // what is quadratic in Semi-NCA
		g := make(lists, n)
		for i := 1; i <= n/2 && i < n; i++ {
			g[i-1] = append(g[i-1], uint32(i))
		}
		for i := n/2 + 1; i < n; i++ {
			g[n/2] = append(g[n/2], uint32(i))
			g[0] = append(g[0], uint32(i))
		}
		return g
	},
	"full": func(_ *rand.Rand, n int) lists {
		g := make(lists, n)
		for i := range g {
			for j := range min(n, 12) {
				g[i] = append(g[i], uint32(j))
			}
		}
		return g
	},
}

func randomEdges(r *rand.Rand, g lists, m int) lists {
	if len(g) == 0 {
		return g
	}
	for range m {
		from := r.IntN(len(g))
		g[from] = append(g[from], uint32(r.IntN(len(g))))
	}
	return g
}

// randomSample is graph number seed: all shapes in turn, of up to maxNodes nodes.
func randomSample(seed uint64, maxNodes int) sample {
	names := make([]string, 0, len(shapes))
	for name := range shapes {
		names = append(names, name)
	}
	slices.Sort(names)
	r := rand.New(rand.NewPCG(seed, 1))
	n := r.IntN(maxNodes + 1)
	name := names[seed%uint64(len(names))]
	plain := shapes[name](r, n)
	if r.IntN(2) == 0 {
		plain = randomEdges(r, plain, r.IntN(4)) // loops and duplicates too
	}
	s := sample{name: fmt.Sprintf("%s, seed %d", name, seed), graph: make(lists, n)}
	label := r.Perm(n)
	for from, to := range plain {
		for _, t := range to {
			s.graph[label[from]] = append(s.graph[label[from]], uint32(label[t]))
		}
	}
	if n > 0 {
		s.entries = append(s.entries, uint32(label[0]))
		for range r.IntN(4) * r.IntN(2) {
			s.entries = append(s.entries, uint32(r.IntN(n)))
		}
		if r.IntN(8) == 0 {
			s.entries = s.entries[:r.IntN(len(s.entries))]
		}
	}
	return s
}

// decodeSample makes a graph of any bytes: the number of nodes and of entries,
// then the entries, then edges.
func decodeSample(data []byte) sample {
	s := sample{name: "decoded"}
	if len(data) < 2 {
		return s
	}
	n, entries := int(data[0])%48+1, int(data[1])%8
	s.graph = make(lists, n)
	for data = data[2:]; entries > 0 && len(data) > 0; entries, data = entries-1, data[1:] {
		s.entries = append(s.entries, uint32(int(data[0])%n))
	}
	for ; len(data) >= 2 && len(data) < 1<<12; data = data[2:] {
		pair := binary.LittleEndian.Uint16(data)
		from := int(pair&0xff) % n
		s.graph[from] = append(s.graph[from], uint32(int(pair>>8)%n))
	}
	return s
}

// reachable marks what can be reached without going through a node; [Root] takes
// none away.
func (s sample) reachable(without uint32) []bool {
	mark := make([]bool, len(s.graph))
	var todo []uint32
	visit := func(nodes []uint32) {
		for _, n := range nodes {
			if n != without && !mark[n] {
				mark[n] = true
				todo = append(todo, n)
			}
		}
	}
	for visit(s.entries); len(todo) > 0; {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		visit(s.graph[n])
	}
	return mark
}

// reference is what dominators are by definition: node a dominates b when b
// can't be reached without a.
type reference struct {
	reached []bool
	above   [][]bool // by node and then by what it dominates
	parent  []uint32
}

func (s sample) reference() reference {
	n := len(s.graph)
	ref := reference{reached: s.reachable(Root), above: make([][]bool, n), parent: make([]uint32, n)}
	depth := make([]int, n) // how many nodes dominate it
	for a := range n {
		ref.above[a] = make([]bool, n)
		if !ref.reached[a] {
			continue
		}
		without := s.reachable(uint32(a))
		for b := range n {
			if ref.reached[b] && !without[b] {
				ref.above[a][b] = true
				depth[b]++
			}
		}
	}
	for b := range n {
		ref.parent[b] = Root
		for a := range n {
			if a != b && ref.above[a][b] && depth[a] == depth[b]-1 {
				ref.parent[b] = uint32(a)
			}
		}
	}
	return ref
}
