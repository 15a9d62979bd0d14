package dominator

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
)

// sizes are random, many of them 0 or equal.
func sizes(r *rand.Rand, n int) []uint64 {
	s := make([]uint64, n)
	for i := range s {
		s[i] = uint64(r.IntN(4) * r.IntN(50))
	}
	return s
}

func weigh(t testing.TB, tree *Tree, size []uint64) *Weights {
	t.Helper()
	w, err := tree.Weigh(context.Background(), func(n uint32) uint64 { return size[n] }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// TestRetainedIsWhatIsLostWithoutTheNode takes each node away and adds up what
// can't be reached any more.
func TestRetainedIsWhatIsLostWithoutTheNode(t *testing.T) {
	for seed := range uint64(1500) {
		s := randomSample(seed, 30)
		r := rand.New(rand.NewPCG(seed, 2))
		size := sizes(r, len(s.graph))
		w := weigh(t, build(t, s), size)
		sum := func(mark []bool) (total uint64) {
			for n, m := range mark {
				if m {
					total += size[n]
				}
			}
			return total
		}
		all := s.reachable(Root)
		total := sum(all)
		if w.Total() != total || w.Retained(Root) != total || w.Shallow(Root) != 0 {
			t.Fatalf("totals %d and %d, want %d\n%v", w.Total(), w.Retained(Root), total, s)
		}
		for n := range size {
			retained, shallow := uint64(0), uint64(0)
			if all[n] {
				retained, shallow = total-sum(s.reachable(uint32(n))), size[n]
			}
			if got := w.Retained(uint32(n)); got != retained {
				t.Fatalf("%d retains %d, want %d, sizes %v\n%v", n, got, retained, size, s)
			}
			if got := w.Shallow(uint32(n)); got != shallow {
				t.Fatalf("%d has size %d, want %d\n%v", n, got, shallow, s)
			}
		}
		checkTop(t, s, w, r.IntN(6))
	}
}

// checkTop sorts all children of all nodes.
func checkTop(t *testing.T, s sample, w *Weights, n int) {
	t.Helper()
	for node := range uint32(len(s.graph)) + 1 {
		if node == uint32(len(s.graph)) {
			node = Root
		}
		var want []Holder
		for c := range w.tree.Children(node) {
			want = append(want, Holder{Node: c, Retained: w.Retained(c)})
		}
		slices.SortFunc(want, heavier)
		if got := w.Top(node, n); !slices.Equal(got, want[:min(n, len(want))]) {
			t.Fatalf("top %d of %d are %v, want those of %v\n%v", n, node, got, want, s)
		}
	}
}

func TestTopOfMany(t *testing.T) {
	const n = 5000
	s := sample{graph: make(lists, n)}
	size := make([]uint64, n)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range size {
		s.entries = append(s.entries, uint32(i))
		size[i] = uint64(r.IntN(1000))
	}
	w := weigh(t, build(t, s), size)
	checkTop(t, sample{}, w, 7)
	if got := w.Top(Root, -1); len(got) != 0 {
		t.Errorf("top -1 are %v", got)
	}
	if got := w.Top(n+5, 3); len(got) != 0 {
		t.Errorf("below a node that there is not are %v", got)
	}
}

// TestByClass adds up, for each class, all that a node of it dominates by the
// definition.
func TestByClass(t *testing.T) {
	for seed := range uint64(1500) {
		s := randomSample(seed, 24)
		r := rand.New(rand.NewPCG(seed, 3))
		size := sizes(r, len(s.graph))
		class := make([]int, len(s.graph))
		for i := range class {
			class[i] = r.IntN(5) - 1
		}
		const classes = 3 // -1 and 3 are in none
		got := weigh(t, build(t, s), size).ByClass(classes, func(n uint32) int { return class[n] })
		ref := s.reference()
		for c := range classes {
			var want Class
			held := make([]bool, len(size))
			for a := range class {
				if class[a] == c && ref.reached[a] {
					want.Nodes++
					want.Shallow += size[a]
					for b, above := range ref.above[a] {
						held[b] = held[b] || above
					}
				}
			}
			for b := range held {
				if held[b] {
					want.Retained += size[b]
				}
			}
			if got[c] != want {
				t.Fatalf("class %d has %+v, want %+v, classes %v, sizes %v\n%v", c, got[c], want, class, size, s)
			}
		}
	}
	if got := weigh(t, build(t, sample{}), nil).ByClass(-1, nil); len(got) != 0 {
		t.Errorf("classes %v", got)
	}
}

func TestWeighEnds(t *testing.T) {
	tree, err := Build(t.Context(), endless{4 * step}, []uint32{0}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	last := -1
	for workers := range 4 {
		o := Options{Workers: workers, Progress: func(_ string, done, total int) { last = done }}
		if w, err := tree.Weigh(ctx, func(uint32) uint64 { return 2 }, o); err != nil || w.Total() != 8*step {
			t.Errorf("%v, or a wrong total", err)
		}
	}
	if last < 0 {
		t.Error("no progress")
	}
	cancel()
	if _, err := tree.Weigh(ctx, func(uint32) uint64 { return 2 }, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
