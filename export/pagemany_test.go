package export

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/browsertest"
	"github.com/safedump/sdcore/report"
)

// manyReport has so many goroutines in so many groups, of which the first has
// most of them.
func manyReport(goroutines, groups, first int) *report.Report {
	r := payReport()
	// Of 50 functions at each of six depths every group calls others.
	waiting := func(group int) []report.Frame {
		frames := []report.Frame{
			{Function: "runtime.gopark", Package: "runtime", File: "/usr/local/go/src/runtime/proc.go", Line: 435, Runtime: true},
			{Index: 1, Function: "runtime.chanrecv", Package: "runtime", File: "/usr/local/go/src/runtime/chan.go", Line: 667, Runtime: true}}
		for depth := range 6 {
			of := group % 50
			frames = append(frames, report.Frame{Index: 2 + depth, Function: fmt.Sprintf("main.(*Worker%d).step%d", of, depth), Package: "main",
				File: "/src/pay/worker.go", Line: 10*of + depth})
			group /= 50
		}
		return frames
	}
	for i := range groups {
		id := 100 + i
		g := report.Group{ID: id, Status: "waiting", WaitReason: "chan receive", Creator: &report.Creator{Goroutine: 1, Function: "main.main", File: "/src/pay/main.go", Line: 55}}
		for _, f := range waiting(i) {
			g.Frames = append(g.Frames, report.FrameRef{Function: f.Function, File: f.File, Line: f.Line})
		}
		n := 1
		if i == 0 {
			n = first
		} else if groups < goroutines {
			n = (goroutines - first) / (groups - 1)
		}
		if i == groups-1 {
			n = goroutines + 5 - len(r.Goroutines)
		}
		for range n {
			number := len(r.Goroutines) + 1000
			x := report.Goroutine{ID: uint64(number), Status: g.Status, WaitReason: g.WaitReason, Group: id, Creator: g.Creator, Frames: waiting(i)}
			x.Frames[2].Vars = []report.Variable{
				local("w", ptrVal("*main.Worker", report.Addr(0xc000000000+0x100*number), structVal("main.Worker", field("Order", strVal(fmt.Sprintf("A-%d", number))), field("Tries", intVal("3"))))),
				local("done", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan int"})}
			x.Frames[4].Vars = []report.Variable{local("attempt", intVal(fmt.Sprint(number%5))), local("ctx", stateVal("context.Context", report.KindInterface, report.StateOptimizedOut, ""))}
			r.Goroutines = append(r.Goroutines, x)
			if g.Count++; len(g.IDs) < 100 {
				g.IDs = append(g.IDs, x.ID)
			}
		}
		r.Groups = append(r.Groups, g)
	}
	return r
}

// maxNodes bounds the nodes of a page that was just opened, whatever it holds.
const maxNodes = 100_000

// pageMany: 100 000 goroutines make no page that a browser dies of. What is laid
// out is bounded, times are told only: docs/html.md has them.
func pageMany(t *testing.T, b *browsertest.Browser) {
	for _, c := range []struct {
		name                      string
		goroutines, groups, first int
	}{
		{"300 groups, one of 99 000", 100_000, 300, 99_000},
		{"100 000 groups", 100_000, 100_000, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			start := time.Now()
			var page bytes.Buffer
			if err := writeHTML(&page, manyReport(c.goroutines, c.groups, c.first)); err != nil {
				t.Fatal(err)
			}
			t.Logf("%.1f MB, made in %v", float64(page.Len())/1e6, time.Since(start).Round(time.Millisecond))
			p := b.Open(t, browsertest.Serve(t, page.Bytes(), nil), browsertest.Options{})
			tell := func(what string) float64 {
				m := p.Metrics()
				t.Logf("%s: %.0f nodes, %.0f MB of script heap", what, m["Nodes"], m["JSHeapUsedSize"]/1e6)
				return m["Nodes"]
			}
			t.Logf("load event after %.0f ms", browsertest.Eval[float64](p, `performance.getEntriesByType("navigation")[0].loadEventEnd`))
			opened := tell("opened")
			if opened > maxNodes {
				t.Errorf("%.0f nodes, want at most %d", opened, maxNodes)
			}
			const took = `(async () => { const t = performance.now(); %s; while (!(%s)) await new Promise((f) => setTimeout(f, 5)); return performance.now() - t; })()`
			search := func(query string) float64 {
				return browsertest.Eval[float64](p, fmt.Sprintf(took, `count.textContent = ""; q.value = "`+query+`"; q.dispatchEvent(new Event("input"))`, `count.textContent`))
			}
			if c.first > 1 {
				// The largest group unfolds in pages.
				ms := browsertest.Eval[float64](p, fmt.Sprintf(took, `document.querySelector('[data-g="100"]').open = true`, `document.querySelector('[data-g="100"] .members button')`))
				t.Logf("largest group unfolded in %.0f ms", ms)
				if n := p.Count(`[data-g="100"] .members button`); n != 201 {
					t.Errorf("%d buttons, want 200 and one for more", n)
				}
				browsertest.Eval[any](p, `document.querySelector('[data-g="100"] .members button:last-of-type').click(), null`)
				if n := p.Count(`[data-g="100"] .members button`); n != 401 {
					t.Errorf("%d buttons, want 400 and one for more", n)
				}
			} else if n := p.Count(".g[data-g]"); n > htmlGroups+1 {
				t.Errorf("%d groups are laid out", n)
			}
			for query, want := range map[string]string{
				"A-54321": "0 values of the crash and of package variables, 1 goroutine of 100005, 0 groups of %d (below)",
				"54321":   "0 values of the crash and of package variables, 1 goroutine of 100005, 1 group of %d (below)",
				"step5":   "0 values of the crash and of package variables, 0 goroutines of 100005, %d groups of %d (below)",
				"Order":   "0 values of the crash and of package variables, 100000 goroutines of 100005, 0 groups of %d (below)",
			} {
				all := []any{c.groups + 3}
				if query == "step5" {
					all = []any{c.groups, c.groups + 3}
				}
				if query == "54321" { // stands in the order's number, too
					all = all[:1]
				}
				t.Logf("search for %s: %.0f ms with 120 of waiting for the next key", query, search(query))
				if got := p.Text("#count"); got != fmt.Sprintf(want, all...) {
					t.Errorf("%s: %q, want %q", query, got, fmt.Sprintf(want, all...))
				}
				if n := tell("after it"); n > maxNodes+50_000 {
					t.Errorf("%.0f nodes after a search", n)
				}
			}
			p.Quiet()
		})
	}
}
