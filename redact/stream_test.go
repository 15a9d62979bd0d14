package redact

import (
	"math/rand"
	"reflect"
	"sync"
	"testing"

	"github.com/safedump/sdcore/report"
)

// copyOf is a copy of r that shares nothing with it.
func copyOf(t *testing.T, r *report.Report) *report.Report {
	t.Helper()
	plan, err := reportPlan()
	if err != nil {
		t.Fatal(err)
	}
	c := cloner{maxNodes: 1 << 30}
	return c.report(r, plan)
}

// streamed redacts r as a stream by so many workers, all at once: the head has
// the goroutine that crashed, the others are listed.
func streamed(t *testing.T, r *report.Report, p Policy, workers int) *report.Report {
	t.Helper()
	x, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	s := x.Stream(workers)
	head := copyOf(t, r)
	each := func(f func(worker, index int, g *report.Goroutine)) {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() {
				for i := w; i < len(r.Goroutines); i += workers {
					if !r.Goroutines[i].Crashed {
						f(w, i, &copyOf(t, &report.Report{Goroutines: r.Goroutines[i : i+1]}).Goroutines[0])
					}
				}
			})
		}
		wg.Wait()
	}
	each(func(w, i int, g *report.Goroutine) {
		h := &head.Goroutines[i]
		h.Frames, h.Labels = []report.Frame{}, nil
		s.Learn(w, g)
	})
	res, err := s.Seal(head)
	if err != nil {
		t.Fatal(err)
	}
	out := res.Report()
	each(func(w, i int, g *report.Goroutine) {
		done, err := s.Redact(w, i, g)
		if err != nil {
			t.Error(err)
			return
		}
		out.Goroutines[i] = *done.Goroutine()
	})
	out.RedactionCounts = s.Counts()
	return out
}

// TestStreamIsApply redacts generated reports as a whole and as streams.
func TestStreamIsApply(t *testing.T) {
	const secret = "Zk7#q\"9Lw&x2"
	for seed := range int64(300) {
		r := randomReport(rand.New(rand.NewSource(seed)), secret, "bob@mail.example.org")
		for i := range 5 {
			more := randomReport(rand.New(rand.NewSource(1000*seed+int64(i))), secret, "sk-")
			more.Goroutines[0].Crashed = false
			more.Goroutines[0].StackEnd = secret
			r.Goroutines = append(r.Goroutines, more.Goroutines...)
		}
		p := Policy{Tier: int(seed % 5), Limits: report.Limits{MaxString: int(seed%40) - 1}}
		res, err := Apply(r, p)
		if err != nil {
			t.Fatal(err)
		}
		want := encode(t, res.Report())
		for _, workers := range []int{1, 3} {
			if got := encode(t, streamed(t, r, p, workers)); got != want {
				t.Fatalf("seed %d, %d workers:\n%s", seed, workers, difference(want, got))
			}
		}
	}
}

// TestPool: what a full pool holds does not depend on order and division.
func TestPool(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	var all []text
	for range 400 {
		s := make([]byte, 1+rnd.Intn(9))
		for i := range s {
			s[i] = "abcdef"[rnd.Intn(6)]
		}
		all = append(all, text{string(s), grade(rnd.Intn(4))})
	}
	var want map[string]grade
	for round := range 50 {
		rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		pools := make([]pool, 1+round%4)
		for i := range pools {
			pools[i] = pool{maxTexts: 60, maxBytes: 240}
		}
		for i, x := range all {
			pools[i%len(pools)].add(x.s, x.grade)
		}
		for i := range pools[1:] {
			pools[0].merge(&pools[i+1])
		}
		got := &pools[0]
		got.trim()
		if want == nil {
			want = got.texts
		}
		if !got.full || len(got.texts) < 20 || len(got.texts) > 60 || !reflect.DeepEqual(got.texts, want) {
			t.Fatalf("round %d: full %v, %v; want %v", round, got.full, got.texts, want)
		}
	}
}
