package dominator

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// distances are the lengths of the shortest paths from the entries, -1 for none.
func (s sample) distances(entries []uint32) []int {
	d := slices.Repeat([]int{-1}, len(s.graph))
	var queue []uint32
	for _, e := range entries {
		if d[e] < 0 {
			d[e] = 0
			queue = append(queue, e)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, to := range s.graph[queue[0]] {
			if d[to] < 0 {
				d[to] = d[queue[0]] + 1
				queue = append(queue, to)
			}
		}
	}
	return d
}

// shortest is the path that Paths promises to find first.
func (s sample) shortest(entries []uint32, target []bool) []uint32 {
	d := s.distances(entries)
	end := -1
	for n := range target {
		if target[n] && d[n] >= 0 && (end < 0 || d[n] < d[end]) {
			end = n
		}
	}
	if end < 0 {
		return nil
	}
	path := []uint32{uint32(end)}
	for d[path[0]] > 0 {
		for n := range s.graph {
			if d[n] == d[path[0]]-1 && slices.Contains(s.graph[n], path[0]) {
				path = slices.Insert(path, 0, uint32(n))
				break
			}
		}
	}
	return path
}

// checkPaths compares paths with a search from all entries that are left, and
// their lengths with a search from each entry alone.
func checkPaths(t *testing.T, s sample, target []bool, paths [][]uint32, count int) {
	t.Helper()
	left := slices.Clone(s.entries)
	for i, path := range paths {
		want := s.shortest(left, target)
		if !slices.Equal(path, want) {
			t.Fatalf("path %d is %v, want %v, targets %v\n%v", i, path, want, target, s)
		}
		left = slices.DeleteFunc(left, func(e uint32) bool { return e == path[0] })
	}
	var lengths []int
	each := slices.Clone(s.entries)
	slices.Sort(each)
	for _, e := range slices.Compact(each) {
		if p := s.shortest([]uint32{e}, target); p != nil {
			lengths = append(lengths, len(p))
		}
	}
	slices.Sort(lengths)
	if len(paths) != min(count, len(lengths)) {
		t.Fatalf("%d paths, want %d of %d, targets %v\n%v", len(paths), count, len(lengths), target, s)
	}
	for i, path := range paths {
		if len(path) != lengths[i] {
			t.Fatalf("path %d has %d nodes, want %d, targets %v\n%v", i, len(path), lengths[i], target, s)
		}
	}
}

func targets(r *rand.Rand, n int) []bool {
	target := make([]bool, n)
	for range r.IntN(4) {
		if n > 0 {
			target[r.IntN(n)] = true
		}
	}
	return target
}

func TestPathsAgainstPlainSearches(t *testing.T) {
	found := 0
	for seed := range uint64(6000) {
		s := randomSample(seed, 30)
		r := rand.New(rand.NewPCG(seed, 5))
		target, count := targets(r, len(s.graph)), r.IntN(5)
		for range r.IntN(4) {
			if len(s.graph) > 0 {
				s.entries = append(s.entries, uint32(r.IntN(len(s.graph))))
			}
		}
		paths, err := Paths(t.Context(), s.graph, s.entries, func(n uint32) bool { return target[n] }, count, Options{})
		if err != nil {
			t.Fatal(err)
		}
		found += len(paths)
		checkPaths(t, s, target, paths, count)
	}
	if found < 3000 {
		t.Errorf("%d paths found: the graphs are not connected", found)
	}
}

// TestPathsWithManyWorkers has fronts of thousands of nodes with many equally
// short paths: the number of workers changes nothing.
func TestPathsWithManyWorkers(t *testing.T) {
	for seed := range uint64(6) {
		const n = 20000
		r := rand.New(rand.NewPCG(seed, 6))
		s := sample{name: "random", graph: randomEdges(r, make(lists, n), 4*n)}
		for i := range 6 { // groups, each of which holds many nodes
			s.entries = append(s.entries, uint32(i))
			for range 500 {
				s.graph[i] = append(s.graph[i], uint32(6+r.IntN(n-6)))
			}
		}
		target := make([]bool, n)
		last := s.distances(s.entries)
		farthest := slices.Index(last, slices.Max(last))
		target[farthest] = true
		var first [][]uint32
		for _, workers := range []int{1, 2, 3, 8} {
			paths, err := Paths(t.Context(), s.graph, s.entries, func(n uint32) bool { return target[n] }, 4, Options{Workers: workers})
			if err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = paths
				checkPaths(t, s, target, paths, 4)
			}
			if !slices.EqualFunc(first, paths, slices.Equal) {
				t.Fatalf("seed %d: %d workers find %v, one finds %v", seed, workers, paths, first)
			}
		}
	}
}

func TestLongPath(t *testing.T) {
	const n = 1 << 20
	paths, err := Paths(t.Context(), endless{n}, []uint32{1}, func(node uint32) bool { return node == 0 }, 3, Options{})
	if err != nil || len(paths) != 1 || len(paths[0]) != n || paths[0][0] != 1 || paths[0][n-1] != 0 {
		t.Errorf("%d paths, %v", len(paths), err)
	}
}

func TestPathErrors(t *testing.T) {
	never := func(uint32) bool { return false }
	if _, err := Paths(t.Context(), lists{nil}, []uint32{1}, never, 1, Options{}); !errors.Is(err, ErrNoSuchNode) || err.Error() != "paths: entry 0 is 1, of 1 nodes: no such node" {
		t.Errorf("entry: %v", err)
	}
	if _, err := Paths(t.Context(), lists{{3}}, []uint32{0}, never, 1, Options{}); !errors.Is(err, ErrNoSuchNode) || err.Error() != "paths: edge from 0 to 3, of 1 nodes: no such node" {
		t.Errorf("edge: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	o := Options{Progress: func(stage string, done, total int) {
		if done > step {
			cancel()
		}
	}}
	if _, err := Paths(ctx, endless{1 << 22}, []uint32{0}, never, 1, o); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}

func FuzzPaths(f *testing.F) {
	f.Add([]byte{}, uint8(0), uint8(1))
	f.Add([]byte{5, 2, 0, 3, 0, 1, 1, 2, 2, 3, 3, 0, 1, 3}, uint8(3), uint8(2))
	f.Fuzz(func(t *testing.T, data []byte, end, count uint8) {
		s := decodeSample(data)
		if len(s.graph) == 0 {
			return
		}
		target := make([]bool, len(s.graph))
		target[int(end)%len(target)] = true
		max := int(count % 9)
		paths, err := Paths(t.Context(), s.graph, s.entries, func(n uint32) bool { return target[n] }, max, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkPaths(t, s, target, paths, max)
	})
}
