package goruntime

import (
	"context"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

func open(t testing.TB, f coretest.Files) *Runtime {
	t.Helper()
	c, err := corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{})
	if err != nil {
		t.Fatal(err)
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
	r, err := New(c, types, finder)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestAgainstTraceback compares the goroutines with those that Go printed:
// their IDs, what they wait for, and who created them.
func TestAgainstTraceback(t *testing.T) {
	for _, name := range []string{"payment", "payment.pie", "manywait", "deadlock", "mapwrite", "repanic", "cgosegv"} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			gs, problems, err := open(t, f).Goroutines(context.Background())
			if err != nil || len(problems) > 0 {
				t.Fatalf("%v, problems %v", err, problems)
			}
			byID := map[uint64]*corefile.Goroutine{}
			for i := range gs {
				byID[gs[i].ID] = &gs[i]
			}
			tb := f.Traceback(t)
			printed := map[uint64]bool{}
			for _, want := range tb.Goroutines {
				if want.ID == 0 {
					continue // a system stack
				}
				printed[want.ID] = true
				compare(t, byID[want.ID], want)
			}
			for id := range byID {
				if !printed[id] {
					t.Errorf("goroutine %d is not in Go's list", id)
				}
			}
			t.Logf("%d goroutines compared", len(printed))
		})
	}
}

func compare(t *testing.T, g *corefile.Goroutine, want coretest.TracebackGoroutine) {
	t.Helper()
	if g == nil {
		t.Errorf("goroutine %d is missing", want.ID)
		return
	}
	status := g.Status
	if g.WaitReason != "" {
		status = g.WaitReason
	}
	// Go freezes the others while it prints, which makes runnable ones of
	// running ones and the other way round.
	words := strings.TrimSuffix(want.Status, " (scan)")
	moving := map[string]bool{"running": true, "runnable": true, "preempted": true}
	if status != words && !(moving[status] && moving[words]) {
		t.Errorf("goroutine %d is %q, Go says %q", g.ID, status, words)
	}
	if want.Creator != 0 && g.ParentID != want.Creator {
		t.Errorf("goroutine %d was created by %d, Go says %d", g.ID, g.ParentID, want.Creator)
	}
	if want.CreatedBy != "" && (g.Creator == nil || g.Creator.Function != want.CreatedBy) {
		t.Errorf("goroutine %d was created in %+v, Go says %s", g.ID, g.Creator, want.CreatedBy)
	}
	if n := len(want.Frames); n > 1 && want.Elided == 0 {
		if last := want.Frames[n-2].Func; last != "" && g.Start != "" && last != g.Start && want.Frames[n-1].Func == "runtime.goexit" {
			t.Errorf("goroutine %d starts in %s, Go says %s", g.ID, g.Start, last)
		}
	}
}

func TestRuntimeOfFixture(t *testing.T) {
	r := open(t, coretest.Core(t, "payment"))
	if v := r.BuildVersion(); !strings.HasPrefix(v, "go1.") {
		t.Errorf("version %q", v)
	}
	ms, err := r.Threads()
	if err != nil || len(ms) == 0 {
		t.Fatalf("%d threads, %v", len(ms), err)
	}
	dying := 0
	for _, m := range ms {
		if m.Dying != 0 {
			dying++
		}
	}
	if dying != 1 {
		t.Errorf("%d dying threads", dying)
	}
	if n, ok := r.Panicking(); !ok || n != 0 {
		t.Errorf("panicking %d, %v, after all was printed", n, ok)
	}
	if len(r.reasons) < 20 {
		t.Errorf("%d wait reasons", len(r.reasons))
	}
}

// TestDeadExtra: the goroutine of a thread that C made and that is back in C is
// in the list of all, and dead; one that is in Go is alive, and has no creator.
func TestDeadExtra(t *testing.T) {
	r := open(t, coretest.Core(t, "cgocallback"))
	addrs, _, err := r.allgs()
	if err != nil {
		t.Fatal(err)
	}
	gs, _, err := r.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	live := map[uint64]*corefile.Goroutine{}
	for i := range gs {
		live[gs[i].Addr] = &gs[i]
	}
	extra, inGo := 0, 0
	for _, addr := range addrs {
		o, err := r.object(addr, r.lay.gSize)
		if err != nil {
			t.Fatal(err)
		}
		g, status := live[addr], o.get(r.lay.gStatus)&^gScan
		dead := status == gDead || status == gDeadExtra // the second since Go 1.26
		if dead == (g != nil) {
			t.Errorf("goroutine at %#x of status %d is listed: %v", addr, status, g != nil)
		}
		if dead && o.get(r.lay.gM) != 0 {
			extra++
		}
		if g != nil && g.ID != 1 && g.Creator == nil && g.Start == "" {
			inGo++
		}
	}
	if extra == 0 || inGo == 0 {
		t.Errorf("%d goroutines for threads of C are free, %d in use", extra, inGo)
	}
}
