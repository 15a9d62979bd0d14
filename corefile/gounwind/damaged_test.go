package gounwind

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestTruncated cuts a core: what is found of a stack is the same as in the
// whole core, and one that is not found whole says why.
func TestTruncated(t *testing.T) {
	f := coretest.Core(t, "manywait")
	whole := map[uint64]corefile.Stack{}
	o := open(t, f.Core, f.Bin)
	gs, _, err := o.native.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range gs {
		if whole[gs[i].ID], err = o.native.Unwind(context.Background(), &gs[i], 0); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	full, part := 0, 0
	for _, percent := range []int{90, 50, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1} {
		cut := filepath.Join(t.TempDir(), "core")
		if err := os.WriteFile(cut, data[:len(data)/100*percent], 0o600); err != nil {
			t.Fatal(err)
		}
		b, gs := openCut(t, cut, f.Bin)
		for i := range gs {
			s, err := b.Unwind(context.Background(), &gs[i], 0)
			want := whole[gs[i].ID]
			switch {
			case err == nil && s.End == "" && len(s.Frames) == len(want.Frames):
				full++
			case err == nil && s.End != "" && len(s.Frames) <= len(want.Frames):
				part++
			default:
				t.Errorf("%d%%: goroutine %d: %d of %d frames, end %q, %v", percent, gs[i].ID, len(s.Frames), len(want.Frames), s.End, err)
			}
			if n := min(len(s.Frames), len(want.Frames)); !sameFrames(s.Frames[:n], want.Frames[:n]) &&
				(gs[i].Status != "syscall" || !sameFrames(s.Frames[1:n], want.Frames[len(want.Frames)-n+1:])) {
				t.Errorf("%d%%: goroutine %d has other frames than in the whole core", percent, gs[i].ID)
			}
		}
	}
	t.Logf("%d stacks whole, %d cut", full, part)
	if full == 0 {
		t.Error("no stack was whole")
	}
}

// sameFrames compares where frames are.
func sameFrames(a, b []corefile.Frame) bool {
	return slices.EqualFunc(a, b, func(a, b corefile.Frame) bool {
		return a.CFA == b.CFA && a.PC == b.PC && a.Function == b.Function && a.Line == b.Line
	})
}

// openCut opens a core that may be too short for anything.
func openCut(t *testing.T, core, bin string) (*Backend, []corefile.Goroutine) {
	t.Helper()
	c, err := corefile.Open(context.Background(), core, bin, corefile.Options{})
	if err != nil {
		return nil, nil
	}
	t.Cleanup(func() { c.Close() })
	types, err := gotype.New(c)
	if err != nil {
		t.Fatal(err)
	}
	finder, err := goscope.New(c, types)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := goruntime.New(c, types, finder)
	if err != nil {
		return nil, nil
	}
	b, err := Open(c, rt, Options{})
	if err != nil {
		t.Fatal(err)
	}
	gs, _, err := b.Goroutines(context.Background())
	if err != nil {
		return nil, nil
	}
	return b, gs
}

// TestClones walks the same core from several goroutines.
func TestClones(t *testing.T) {
	f := coretest.Core(t, "manywait")
	o := open(t, f.Core, f.Bin)
	gs, _, err := o.native.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	counts := make([]int, 4)
	for i := range counts {
		b := o.native.Clone()
		wg.Go(func() {
			var buf []Raw
			for j := range gs {
				tr, err := b.Walk(&gs[j], buf, 0)
				if err != nil {
					t.Error(err)
				}
				buf = tr.Frames
				for _, r := range tr.Frames {
					counts[i] += len(b.Symbolize(r.PC, r.Flags&RawExact != 0))
				}
			}
		})
	}
	wg.Wait()
	for _, n := range counts {
		if n != counts[0] || n < 5000 {
			t.Errorf("%d frames, others found %d", n, counts[0])
		}
	}
}

// BenchmarkRecursion walks one stack of a million frames.
func BenchmarkRecursion(b *testing.B) {
	const depth = 1_000_000
	const size = depth*16 + 4096
	be, mem, rt := fake(b, size, at("main.depth"), 0)
	g := rt.saved[gAddr]
	g.SP = recursion(mem, size, depth)
	rt.saved[gAddr] = g
	b.ReportAllocs()
	for b.Loop() {
		if _, err := be.Unwind(context.Background(), &corefile.Goroutine{Addr: gAddr, ID: 1, Status: "waiting"}, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/depth, "ns/frame")
}
