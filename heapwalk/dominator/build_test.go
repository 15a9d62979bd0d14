package dominator

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

func build(t testing.TB, s sample) *Tree {
	t.Helper()
	tree, err := Build(context.Background(), s.graph, s.entries, Options{})
	if err != nil {
		t.Fatalf("%v\n%v", err, s)
	}
	return tree
}

// checkTree compares a tree, and each way of walking through it, with what the
// definition says.
func checkTree(t *testing.T, s sample, tree *Tree) {
	t.Helper()
	ref := s.reference()
	count := 0
	for b, reached := range ref.reached {
		node := uint32(b)
		parent, ok := tree.Parent(node)
		if ok != reached || tree.Reached(node) != reached {
			t.Fatalf("node %d: reached %t and %t, want %t\n%v", b, ok, tree.Reached(node), reached, s)
		}
		if !reached {
			continue
		}
		count++
		if parent != ref.parent[b] {
			t.Fatalf("parent of %d is %d, want %d\n%v", b, parent, ref.parent[b], s)
		}
		below := 0
		for a := range ref.reached {
			if got, want := tree.Dominates(node, uint32(a)), ref.above[b][a]; got != want {
				t.Fatalf("%d dominates %d: %t, want %t\n%v", b, a, got, want, s)
			}
			if ref.above[b][a] {
				below++
			}
		}
		if got := tree.Count(node); got != below {
			t.Fatalf("%d dominates %d nodes, want %d\n%v", b, got, below, s)
		}
		checkWalks(t, s, tree, node, ref.above[b])
	}
	if tree.Len() != count || tree.Count(Root) != count {
		t.Fatalf("%d and %d nodes, want %d\n%v", tree.Len(), tree.Count(Root), count, s)
	}
	checkWalks(t, s, tree, Root, ref.reached)
	checkOrder(t, s, tree)
}

// checkWalks checks what is said to be below a node, and its children.
func checkWalks(t *testing.T, s sample, tree *Tree, node uint32, dominated []bool) {
	t.Helper()
	got := make([]bool, len(dominated))
	for n := range tree.Below(node) {
		if got[n] {
			t.Fatalf("%d is below %d twice\n%v", n, node, s)
		}
		got[n] = true
	}
	if !slices.Equal(got, dominated) {
		t.Fatalf("below %d are %v, want %v\n%v", node, got, dominated, s)
	}
	children := 0
	for c := range tree.Children(node) {
		if p, _ := tree.Parent(c); p != node {
			t.Fatalf("%d is a child of %d, but its parent is %d\n%v", c, node, p, s)
		}
		children += tree.Count(c)
	}
	if node != Root {
		children++
	}
	if children != tree.Count(node) {
		t.Fatalf("with its children %d has %d nodes, want %d\n%v", node, children, tree.Count(node), s)
	}
}

// checkOrder checks that both orders hold all nodes, and which comes first.
func checkOrder(t *testing.T, s sample, tree *Tree) {
	t.Helper()
	given := map[uint32]bool{Root: true}
	var forward []uint32
	for node, parent := range tree.All() {
		if !given[parent] || given[node] {
			t.Fatalf("%d comes before its parent %d, or twice\n%v", node, parent, s)
		}
		given[node] = true
		forward = append(forward, node)
	}
	var backward []uint32
	for node, parent := range tree.Backward() {
		if p, ok := tree.Parent(node); !ok || p != parent {
			t.Fatalf("the parent of %d is given as %d, want %d\n%v", node, parent, p, s)
		}
		backward = append(backward, node)
	}
	slices.Reverse(backward)
	if !slices.Equal(forward, backward) || len(forward) != tree.Len() {
		t.Fatalf("forward %v, backward %v, of %d nodes\n%v", forward, backward, tree.Len(), s)
	}
}

func TestBuildAgainstTheDefinition(t *testing.T) {
	graphs := uint64(12000)
	if testing.Short() {
		graphs = 2000
	}
	for seed := range graphs {
		s := randomSample(seed, 24)
		checkTree(t, s, build(t, s))
	}
	for seed := range uint64(3 * len(shapes)) {
		s := randomSample(seed, 150)
		checkTree(t, s, build(t, s))
	}
}

// TestLongestLists has paths of a million nodes in all directions: nothing may
// recurse.
func TestLongestLists(t *testing.T) {
	const n = 1 << 20
	g := make(lists, n)
	for i := range g {
		if i > 0 {
			g[i] = append(g[i], uint32(i-1))
		}
		if i+1 < n {
			g[i] = append(g[i], uint32(i+1))
		}
	}
	for name, entries := range map[string][]uint32{"first": {0}, "last": {n - 1}, "middle": {n / 2}, "both": {n - 1, 0}} {
		tree := build(t, sample{name, g, entries})
		if tree.Len() != n {
			t.Errorf("%s: %d nodes, want %d", name, tree.Len(), n)
		}
		if got, want := tree.Count(1), map[string]int{"first": n - 1, "last": 2, "middle": 2, "both": 1}[name]; got != want {
			t.Errorf("%s: %d nodes below 1, want %d", name, got, want)
		}
	}
}

// TestFullStack has so many edges to nodes not visited that the stack is
// compacted many times, and duplicates of one node.
func TestFullStack(t *testing.T) {
	const n = 300
	all := make([]uint32, n)
	for i := range all {
		all[i] = uint32(i)
	}
	g := make(lists, n)
	for i := range g {
		g[i] = append(g[i], all...)
	}
	g[n-1] = slices.Repeat([]uint32{7}, 5000)
	s := sample{"complete", g, []uint32{3}}
	b := newBuilder(t.Context(), s.graph, Options{})
	compacted := 0
	for node := range all {
		b.num[node] = seen
	}
	for range 10 * n {
		before := b.top
		b.push(5)
		if b.top < before {
			compacted++
		}
	}
	if compacted == 0 || b.top > b.slots() {
		t.Fatalf("compacted %d times, %d entries", compacted, b.top)
	}
	b.num[5] = 1 // visited
	*b.slot(3), *b.slot(8), *b.slot(9) = 6, done, 7
	b.compact()
	left := []uint32{*b.slot(0), *b.slot(1), *b.slot(2)}
	if b.top != 3 || !slices.Equal(left, []uint32{6, done, 7}) {
		t.Fatalf("%d entries are left, the lowest are %v", b.top, left)
	}
	checkTree(t, s, build(t, s))
}

// counted counts the calls of Successors.
type counted struct {
	lists
	calls []int
}

func (c counted) Successors(node uint32, buf []uint32) []uint32 {
	c.calls[node]++
	return c.lists.Successors(node, buf)
}

// TestOrder checks that children come in the order of their parent's edges, and
// that a walk can end early.
func TestOrder(t *testing.T) {
	tree := build(t, sample{graph: lists{{3, 1, 2}, nil, {4}, nil, nil}, entries: []uint32{0}})
	if got := slices.Collect(tree.Children(0)); !slices.Equal(got, []uint32{3, 1, 2}) {
		t.Errorf("children are %v", got)
	}
	if got := slices.Collect(tree.Below(Root)); !slices.Equal(got, []uint32{0, 3, 1, 2, 4}) {
		t.Errorf("all are %v", got)
	}
	if got := slices.Collect(tree.Below(7)); len(got) > 0 || tree.Count(7) != 0 || tree.Reached(7) {
		t.Errorf("below a node that there is not are %v", got)
	}
	var first []uint32
	for n := range tree.Children(0) {
		first = append(first, n)
		break
	}
	for n := range tree.Below(2) {
		first = append(first, n)
		break
	}
	for n, parent := range tree.All() {
		first = append(first, n, parent)
		break
	}
	for n, parent := range tree.Backward() {
		first = append(first, n, parent)
		break
	}
	if !slices.Equal(first, []uint32{3, 2, 0, Root, 4, 2}) {
		t.Errorf("the first of each walk are %v", first)
	}
}

func TestEachNodeIsAskedOnce(t *testing.T) {
	for seed := range uint64(300) {
		s := randomSample(seed, 60)
		c := counted{s.graph, make([]int, len(s.graph))}
		tree, err := Build(t.Context(), c, s.entries, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for node, calls := range c.calls {
			want := 0
			if tree.Reached(uint32(node)) {
				want = 1
			}
			if calls != want {
				t.Fatalf("node %d was asked %d times, want %d\n%v", node, calls, want, s)
			}
		}
		clear(c.calls)
		if _, err := Paths(t.Context(), c, s.entries, func(uint32) bool { return false }, 3, Options{}); err != nil {
			t.Fatal(err)
		}
		for node, calls := range c.calls {
			if calls > 1 || calls == 1 != tree.Reached(uint32(node)) {
				t.Fatalf("for a path node %d was asked %d times\n%v", node, calls, s)
			}
		}
	}
}

type endless struct{ n int }

func (e endless) Len() int { return e.n }

func (e endless) Successors(node uint32, buf []uint32) []uint32 {
	return append(buf, (node+1)%uint32(e.n))
}

func TestBuildErrors(t *testing.T) {
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		graph   Graph
		entries []uint32
		want    error
		text    string
	}{
		{"entry", t.Context(), lists{nil}, []uint32{0, 1}, ErrNoSuchNode, "dominators: entry 1 is 1, of 1 nodes: no such node"},
		{"edge", t.Context(), lists{{0, 9}}, []uint32{0}, ErrNoSuchNode, "dominators: edge from 0 to 9, of 1 nodes: no such node"},
		{"root", t.Context(), lists{{Root}}, []uint32{0}, ErrNoSuchNode, "dominators: edge from 0 to 4294967295, of 1 nodes: no such node"},
		{"size", t.Context(), endless{math.MaxInt32}, nil, ErrTooLarge, "dominators: 2147483647 nodes: graph too large"},
		{"canceled", canceled, endless{3 * step}, []uint32{0}, context.Canceled, "dominators: context canceled"},
	} {
		tree, err := Build(c.ctx, c.graph, c.entries, Options{})
		if !errors.Is(err, c.want) || tree != nil {
			t.Errorf("%s: %v and a tree %t, want %v alone", c.name, err, tree != nil, c.want)
			continue
		}
		if err.Error() != c.text {
			t.Errorf("%s: %q, want %q", c.name, err, c.text)
		}
	}
}

func TestProgress(t *testing.T) {
	last := map[string]int{}
	_, err := Build(t.Context(), endless{5 * step}, []uint32{0}, Options{Progress: func(stage string, done, total int) {
		if done < last[stage] || done > total {
			t.Errorf("%s: %d of %d after %d", stage, done, total, last[stage])
		}
		last[stage] = done
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, stage := range []string{"following pointers", "finding dominators", "ordering"} {
		if last[stage] == 0 {
			t.Errorf("no progress of %q", stage)
		}
	}
}

func FuzzBuild(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{5, 1, 0, 0, 1, 1, 2, 2, 3, 3, 0, 1, 3})
	f.Add([]byte{9, 2, 0, 4, 0, 1, 1, 2, 2, 0, 4, 2, 4, 5, 5, 5, 5, 6, 6, 4})
	f.Fuzz(func(t *testing.T, data []byte) {
		s := decodeSample(data)
		checkTree(t, s, build(t, s))
	})
}
