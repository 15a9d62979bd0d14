package sdcore_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestStacks compares the stacks that are found in a core with those that Go
// itself printed when the program died: functions and lines, in order, inlined
// calls included, of all goroutines.
func TestStacks(t *testing.T) {
	for _, backend := range sdcore.Backends() {
		t.Run(backend, func(t *testing.T) { testStacks(t, backend) })
	}
}

func testStacks(t *testing.T, backend string) {
	goroutines, frames := 0, 0
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") || name == "cgosigprof" || coretest.Captured(name) {
			continue // no goroutine is to be had; Go dies without a word, or does not die
		}
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			rep, err := openWith(t, f, backend).Goroutines(context.Background(), sdcore.Filter{System: true, Frames: true})
			if err != nil {
				t.Fatal(err)
			}
			if rep.Generator.Backend != backend {
				t.Errorf("the report says backend %q, it was %q", rep.Generator.Backend, backend)
			}
			tb := f.Traceback(t)
			if len(tb.Goroutines) == 0 {
				t.Fatalf("no goroutine in %s", f.Stderr)
			}
			for i := range tb.Goroutines {
				if tb.Goroutines[i].ID == 0 {
					continue // the stack that a thread schedules on
				}
				if backend == "delve" && strings.HasPrefix(name, "cgocallback") && tb.Goroutines[i].ID == 1 {
					continue // delve loses the stack below a callback that panicked
				}
				n, err := compareStack(rep, &tb.Goroutines[i])
				if err != nil {
					t.Errorf("goroutine %d [%s]: %v", tb.Goroutines[i].ID, tb.Goroutines[i].Status, err)
				}
				goroutines, frames = goroutines+1, frames+n
			}
		})
	}
	t.Logf("%d frames of %d goroutines compared with Go's own tracebacks", frames, goroutines)
}

// compareStack looks for Go's frames in the core's and returns how many it
// compared. The core has more of them: what ran after the traceback was
// printed lies above, and Go leaves out wrappers.
func compareStack(rep *report.Report, want *coretest.TracebackGoroutine) (int, error) {
	var g *report.Goroutine
	for i := range rep.Goroutines {
		if rep.Goroutines[i].ID == want.ID {
			g = &rep.Goroutines[i]
		}
	}
	if g == nil {
		return 0, fmt.Errorf("not in the core")
	}
	if err := compareCreator(g, want); err != nil {
		return 0, err
	}
	if err := compareStatus(g, want); err != nil {
		return 0, err
	}
	if len(want.Frames) == 0 {
		return 0, nil // "goroutine running on other thread; stack unavailable"
	}
	dropC(g, want)
	if want.Status == "syscall" {
		// Go prints the line on which it left for the system call, or for C, the
		// core has the call itself, a few lines further.
		i := slices.IndexFunc(g.Frames, func(fr report.Frame) bool { return fr.Function == want.Frames[0].Func })
		if i >= 0 && g.Frames[i].Line > want.Frames[0].Line {
			g.Frames[i].Line = want.Frames[0].Line
		}
	}
	if n := len(want.Frames); want.Elided > 0 { // what is left out there may be folded here
		if _, err := matchFrames(g.Frames, want.Frames[:want.ElidedAt]); err != nil {
			return 0, err
		}
		outermost := want.Frames[want.ElidedAt:]
		rest, err := matchFrames(g.Frames[max(0, len(g.Frames)-len(outermost)):], outermost)
		if err == nil {
			err = nothingLeft(rest)
		}
		return n, err
	}
	rest, err := matchFrames(g.Frames, want.Frames)
	if err != nil {
		return 0, err
	}
	return len(want.Frames), nothingLeft(rest)
}

// dropC takes out what lies between Go code that C called back and the Go code
// that called C: Go prints runtime.systemstack_switch for it, or nothing.
func dropC(g *report.Goroutine, want *coretest.TracebackGoroutine) {
	at := slices.IndexFunc(g.Frames, func(fr report.Frame) bool { return fr.Function == "runtime.cgocallback" }) + 1
	n := slices.IndexFunc(g.Frames[at:], func(fr report.Frame) bool {
		return fr.Function == "runtime.cgocall" || fr.Function == "runtime.goexit"
	})
	if at == 0 || n < 0 {
		return
	}
	g.Frames = slices.Delete(g.Frames, at, at+n)
	at = slices.IndexFunc(want.Frames, func(fr coretest.TracebackFrame) bool { return fr.Func == "runtime.cgocallback" }) + 1
	if at > 0 && at < len(want.Frames) && want.Frames[at].Func == "runtime.systemstack_switch" {
		want.Frames = slices.Delete(slices.Clone(want.Frames), at, at+1) // they are shared
	}
}

func compareCreator(g *report.Goroutine, want *coretest.TracebackGoroutine) error {
	switch {
	case want.CreatedBy == "":
		return nil
	case g.Creator == nil:
		return fmt.Errorf("no creator, Go says %s", want.CreatedBy)
	case shapeless(g.Creator.Function) != want.CreatedBy || g.Creator.Goroutine != want.Creator:
		return fmt.Errorf("created by %s in goroutine %d, Go says %s in goroutine %d",
			g.Creator.Function, g.Creator.Goroutine, want.CreatedBy, want.Creator)
	}
	return nil
}

// compareStatus compares what Go prints in brackets. What ran on another thread
// may have come further before that was stopped.
func compareStatus(g *report.Goroutine, want *coretest.TracebackGoroutine) error {
	have := g.Status
	if g.Status == "waiting" {
		have = g.WaitReason
	}
	if have != want.Status && !want.Thread && want.Status != "running" && want.Status != "runnable" {
		return fmt.Errorf("is %q, Go says %q", have, want.Status)
	}
	return nil
}

// matchFrames walks both lists from the inside out. Frames of the core may be
// skipped before the first match; after it, only what Go hides.
func matchFrames(have []report.Frame, want []coretest.TracebackFrame) (rest []report.Frame, err error) {
	at := 0
	var folded *report.Frame // stands for several calls; more of them follow
	for n := range want {
		w := &want[n]
		for at < len(have) && !sameFrame(&have[at], w) {
			if n > 0 && !hiddenFrame(&have[at]) && !repeats(folded, &have[at]) {
				return nil, fmt.Errorf("frame %d is %s, Go says %s (%s:%d)", n, frameText(&have[at]), w.Func, filepath.Base(w.File), w.Line)
			}
			at++
		}
		if at == len(have) {
			return nil, fmt.Errorf("frame %d of Go's traceback is missing: %s (%s:%d)", n, w.Func, filepath.Base(w.File), w.Line)
		}
		if have[at].Repeat > 1 {
			folded = &have[at]
			continue
		}
		at++
	}
	return have[at:], nil
}

// nothingLeft checks that the core's stack ends where Go's does.
func nothingLeft(rest []report.Frame) error {
	for i := range rest {
		if !hiddenFrame(&rest[i]) {
			return fmt.Errorf("a frame that Go does not have: %s", frameText(&rest[i]))
		}
	}
	return nil
}

// repeats reports whether a frame is one more call like the folded one.
func repeats(folded, fr *report.Frame) bool {
	return folded != nil && fr.Function == folded.Function && fr.Line == folded.Line
}

func sameFrame(fr *report.Frame, w *coretest.TracebackFrame) bool {
	fn := shapeless(fr.Function)
	if fn == "runtime.gopanic" {
		fn = "panic" // as Go calls it
	}
	return fn == w.Func && fr.Line == w.Line && fr.File == w.File && fr.Inlined == w.Inlined
}

// hiddenFrame reports whether Go leaves a frame out of its tracebacks: the
// methods that the compiler makes to forward calls.
func hiddenFrame(fr *report.Frame) bool {
	return fr.File == "<autogenerated>"
}

func frameText(fr *report.Frame) string {
	text := fmt.Sprintf("%s (%s:%d)", fr.Function, filepath.Base(fr.File), fr.Line)
	if fr.Inlined {
		text += " inlined"
	}
	return text
}

// TestLabels looks for the profiler labels that the payment service sets.
func TestLabels(t *testing.T) {
	f := coretest.Core(t, "payment")
	rep, err := openFixture(t, f).Goroutines(context.Background(), sdcore.Filter{Func: "worker", Frames: true})
	if err != nil {
		t.Fatal(err)
	}
	workers := map[string]bool{}
	for i := range rep.Goroutines {
		labels := map[string]string{}
		for _, l := range rep.Goroutines[i].Labels {
			labels[l.Key] = l.Value
		}
		if labels["service"] != "payment" {
			t.Errorf("goroutine %d: labels %v", rep.Goroutines[i].ID, labels)
		}
		workers[labels["worker"]] = true
	}
	if len(workers) != 3 || !workers["1"] || !workers["2"] || !workers["3"] {
		t.Errorf("labels of workers %v, want 1, 2 and 3", workers)
	}
}
