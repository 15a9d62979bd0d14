package sdcore

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

func TestScratchHeap(t *testing.T) {
	ctx := context.Background()
	show := os.Getenv("SHARE")
	one := func(name, core, bin string) {
		s, err := Open(ctx, core, bin, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		rep := &report.Report{}
		b := time.Now()
		h, err := s.openHeap(ctx, rep)
		if err != nil {
			t.Error(name, err)
			return
		}
		d := time.Since(b)
		list, sums, _ := h.live.Histogram(ctx)
		t.Logf("%s %v live %d typed %.3f strong+ %.3f garbage %d cons %v problems %v", name, d, sums.Live.Bytes, float64(sums.Exact.Bytes+sums.Strong.Bytes+sums.Weak.Bytes)/float64(sums.Live.Bytes),
			float64(sums.Exact.Bytes+sums.Strong.Bytes)/float64(sums.Live.Bytes), sums.Garbage.Bytes, sums.Conservative, rep.Problems)
		if show == name {
			for i := range list {
				c := &list[i]
				t.Log(c.Live, c.Sure.Bytes, c.Strong.Bytes, c.Weak.Bytes, c.Garbage.Bytes, c.Name())
			}
			r, err := h.live.Retain(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, g := range []bool{false, true} {
				for _, o := range r.Owners(20, g) {
					t.Log(o.Root.Kind, o.Root.Goroutine, o.Root.Function, o.Root.Name, o.Retained)
				}
			}
			ps, _ := r.Shortest(ctx, func(o heapwalk.Object) bool {
				in, _, _ := h.live.TypeOf(o)
				return in.Name == os.Getenv("PATHS")
			}, 5)
			for _, p := range ps {
				t.Log(p.Root.Kind, p.Root.Function, p.Root.Name, p.Steps)
			}
		}
	}
	if c := os.Getenv("CORE"); c != "" {
		one("core", c, os.Getenv("BIN"))
		return
	}
	for _, name := range coretest.Names(t) {
		if !strings.HasSuffix(name, ".stripped") && name != "shapes" {
			f := coretest.Core(t, name)
			one(name, f.Core, f.Bin)
		}
	}
}
