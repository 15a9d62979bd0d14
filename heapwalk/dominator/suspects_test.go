package dominator

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSuspects has a server that holds a cache through a wrapper, the cache many
// entries and one large one, and beside it some small things.
func TestSuspects(t *testing.T) {
	const server, wrapper, cache, entries, large, buffer, small = 0, 1, 2, 3, 103, 104, 105
	g := make(lists, 110)
	size := slices.Repeat([]uint64{10}, len(g))
	g[server] = []uint32{wrapper}
	g[wrapper] = []uint32{cache}
	for i := range uint32(100) {
		g[cache] = append(g[cache], entries+i)
	}
	g[cache] = append(g[cache], large)
	g[large] = []uint32{buffer}
	size[buffer] = 400
	w := weigh(t, build(t, sample{"", g, []uint32{server, small, small + 1}}), size)
	// 1000 in entries, 410 with the large one, 30 in the chain, 20 beside.
	if w.Total() != 1460 {
		t.Fatalf("the total is %d", w.Total())
	}
	want := []Suspect{
		{Holder: Holder{cache, 1420}, Owner: Holder{server, 1440}, Largest: Holder{large, 410}, Within: -1},
		{Holder: Holder{buffer, 400}, Owner: Holder{large, 410}, Within: 0},
	}
	if got := w.Suspects(SuspectOptions{}); !slices.Equal(got, want) {
		t.Errorf("suspects are %+v, want %+v", got, want)
	}
	if got := w.Suspects(SuspectOptions{Max: 1}); !slices.Equal(got, want[:1]) {
		t.Errorf("one suspect is %+v, want %+v", got, want[:1])
	}
	if got := w.Suspects(SuspectOptions{Share: 0.3}); !slices.Equal(got, want[:1]) {
		t.Errorf("above 0.3 are %+v, want %+v", got, want[:1])
	}
	if got := w.Suspects(SuspectOptions{Share: 2}); len(got) != 0 {
		t.Errorf("above everything are %+v", got)
	}
}

// TestSuspectBounds has a child with exactly the part that Drop says, and two
// owners of which the larger comes later.
func TestSuspectBounds(t *testing.T) {
	g := lists{{1}, nil, {3}, nil}
	w := weigh(t, build(t, sample{"", g, []uint32{0, 2}}), []uint64{10, 10, 11, 11})
	want := []Suspect{
		{Holder: Holder{3, 11}, Owner: Holder{2, 22}, Within: -1},
		{Holder: Holder{1, 10}, Owner: Holder{0, 20}, Within: -1},
	}
	if got := w.Suspects(SuspectOptions{Drop: 0.5}); !slices.Equal(got, want) {
		t.Errorf("suspects are %+v, want %+v", got, want)
	}
	if got := w.Suspects(SuspectOptions{Drop: 0.5, Max: 1}); !slices.Equal(got, want[:1]) {
		t.Errorf("the first is %+v, want %+v", got, want[:1])
	}
}

func TestSuspectsKeepTheirPromises(t *testing.T) {
	found := 0
	for seed := range uint64(2000) {
		s := randomSample(seed, 60)
		r := rand.New(rand.NewPCG(seed, 4))
		w := weigh(t, build(t, s), sizes(r, len(s.graph)))
		o := SuspectOptions{Share: r.Float64() / 4, Drop: r.Float64(), Max: 1000}
		suspects := w.Suspects(o)
		found += len(suspects)
		least := o.Share * float64(w.Total())
		for i, p := range suspects {
			if i > 0 && p.Retained > suspects[i-1].Retained || p.Within >= i {
				t.Fatalf("%d comes too late, or before what it is within: %+v\n%v", i, suspects, s)
			}
			if float64(p.Owner.Retained) < least || w.Retained(p.Node) != p.Retained || w.Retained(p.Owner.Node) != p.Owner.Retained {
				t.Fatalf("%+v with a threshold of %v\n%v", p, least, s)
			}
			if above, _ := w.tree.Parent(p.Owner.Node); p.Within < 0 && above != Root || p.Within >= 0 && above != suspects[p.Within].Node {
				t.Fatalf("%+v begins below %d\n%v", p, above, s)
			}
			checkChain(t, s, w, p, o.Drop)
		}
		for _, h := range w.Top(Root, math.MaxInt32) {
			known := slices.ContainsFunc(suspects, func(p Suspect) bool { return p.Owner == h })
			if large := float64(h.Retained) >= least && h.Retained > 0; large != known {
				t.Fatalf("%+v is an owner: %t, want %t, threshold %v\n%v", h, known, large, least, s)
			}
		}
	}
	if found == 0 {
		t.Error("no suspects at all: nothing was checked")
	}
}

// checkChain goes up from a suspect to its owner.
func checkChain(t *testing.T, s sample, w *Weights, p Suspect, drop float64) {
	t.Helper()
	largest := Holder{}
	for _, h := range w.Top(p.Node, 1) {
		largest = h
	}
	if largest.Retained != p.Largest.Retained || float64(largest.Retained) >= drop*float64(p.Retained) && largest.Retained > 0 && drop > 0 {
		t.Fatalf("the largest child of %+v is %+v, drop %v\n%v", p, largest, drop, s)
	}
	for n := p.Node; n != p.Owner.Node; {
		above, ok := w.tree.Parent(n)
		if !ok || above == Root || float64(w.Retained(n)) < drop*float64(w.Retained(above)) {
			t.Fatalf("%d does not belong to the chain of %+v, drop %v\n%v", n, p, drop, s)
		}
		n = above
	}
}

// TestSuspectsOfALongChain has an owner for each of a million nodes.
func TestSuspectsOfALongChain(t *testing.T) {
	tree, err := Build(t.Context(), endless{1 << 20}, []uint32{5}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := tree.Weigh(t.Context(), func(uint32) uint64 { return 8 }, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := w.Suspects(SuspectOptions{Share: 0.5})
	if len(got) != 1 || got[0].Owner.Node != 5 || got[0].Within != -1 {
		t.Errorf("suspects are %+v, want one that begins at 5", got)
	}
}
