package sdcore_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestCrashText compares the report of what a program printed with that of its
// core: why it died, of which goroutine, where, and which goroutines there
// were. TestStacks compares the stacks.
func TestCrashText(t *testing.T) {
	goroutines := 0
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") || name == "cgosigprof" || coretest.Captured(name) {
			continue // no goroutine is to be had; Go dies without a word, or does not die
		}
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			core, err := openFixture(t, f).Report(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			in, err := os.Open(f.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			defer in.Close()
			x, err := crashtext.Read(in)
			if err != nil {
				t.Fatal(err)
			}
			text := x.Report(crashtext.Options{Name: f.Stderr})
			compareCrash(t, &core.Crash, &text.Crash)
			if !strings.HasPrefix(name, "cgosegv") { // Go prints no function of C
				compareSite(t, core, text)
			}
			goroutines += compareGoroutines(t, f, core, text)
		})
	}
	t.Logf("%d goroutines compared", goroutines)
}

func compareCrash(t *testing.T, core, text *report.Crash) {
	t.Helper()
	if text.Kind != core.Kind || text.Goroutine != core.Goroutine {
		t.Errorf("%s of goroutine %d, the core says %s of %d", text.Kind, text.Goroutine, core.Kind, core.Goroutine)
	}
	compareException(t, &core.Exception, &text.Exception)
	earlier := func(e *report.Exception) []report.Exception {
		return slices.DeleteFunc(slices.Clone(e.Sub), func(s report.Exception) bool { return s.Relation != report.RelationEarlier || s.Goexit })
	}
	a, b := earlier(&core.Exception), earlier(&text.Exception)
	if len(a) != len(b) {
		t.Fatalf("%d earlier panics, the core says %d", len(b), len(a))
	}
	for i := range a {
		compareException(t, &a[i], &b[i])
	}
	if (core.Signal == nil) != (text.Signal == nil) {
		t.Fatalf("signal %+v, the core says %+v", text.Signal, core.Signal)
	}
	if s := core.Signal; s != nil {
		w := *text.Signal
		// Go prints no address for some of them.
		if w.Number != s.Number || w.Name != s.Name || w.Code != s.Code || w.HasAddr && w.Addr != s.Addr || w.PC != 0 && s.PC != 0 && w.PC != s.PC {
			t.Errorf("signal %+v, the core says %+v", w, *s)
		}
	}
}

// compareException compares what Go prints. A type is told by the text for some
// values only, but then it is the right one.
func compareException(t *testing.T, core, text *report.Exception) {
	t.Helper()
	if text.Message != core.Message || text.Recovered != core.Recovered || text.Repanicked != core.Repanicked {
		t.Errorf("%q recovered %v repanicked %v, the core says %q %v %v", text.Message, text.Recovered, text.Repanicked, core.Message, core.Recovered, core.Repanicked)
	}
	if text.Type != "" && (text.Type != core.Type || text.Module != core.Module) {
		t.Errorf("type %s of %s, the core says %s of %s", text.Type, text.Module, core.Type, core.Module)
	}
	if text.Value != nil {
		t.Error("a text has a value")
	}
}

func compareSite(t *testing.T, core, text *report.Report) {
	t.Helper()
	site := func(r *report.Report) *report.Frame {
		for i := range r.Goroutines {
			for j := range r.Goroutines[i].Frames {
				if f := &r.Goroutines[i].Frames[j]; f.CrashSite && r.Goroutines[i].Crashed {
					return f
				}
			}
		}
		return nil
	}
	a, b := site(core), site(text)
	if (a == nil) != (b == nil) {
		t.Fatalf("crash site %+v, the core says %+v", b, a)
	}
	if a != nil && (shapeless(a.Function) != b.Function || a.File != b.File || a.Line != b.Line || a.Package != b.Package) {
		t.Errorf("crash site %s %s:%d, the core says %s %s:%d", b.Function, b.File, b.Line, a.Function, a.File, a.Line)
	}
}

func compareGoroutines(t *testing.T, f coretest.Files, core, text *report.Report) int {
	t.Helper()
	have := map[uint64]*report.Goroutine{}
	for i := range core.Goroutines {
		have[core.Goroutines[i].ID] = &core.Goroutines[i]
	}
	for i := range text.Goroutines {
		g := &text.Goroutines[i]
		c := have[g.ID]
		if c == nil {
			t.Errorf("goroutine %d is not in the core", g.ID)
			continue
		}
		delete(have, g.ID)
		if g.System != c.System || g.Crashed != c.Crashed {
			t.Errorf("goroutine %d: system %v, crashed %v, the core says %v %v", g.ID, g.System, g.Crashed, c.System, c.Crashed)
		}
		if g.Start != "" && c.Start != "" && g.Start != shapeless(c.Start) && !strings.HasPrefix(f.Name, "cgocallback") {
			t.Errorf("goroutine %d: started with %s, the core says %s", g.ID, g.Start, c.Start)
		}
		if a, b := c.Creator, g.Creator; a != nil && b != nil && (a.File != b.File || a.Line != b.Line || a.Goroutine != b.Goroutine) {
			t.Errorf("goroutine %d: created by %+v, the core says %+v", g.ID, b, a)
		}
	}
	for id, g := range have {
		if !g.System { // Go prints all of them
			t.Errorf("goroutine %d is not in the text %s", id, filepath.Base(f.Stderr))
		}
	}
	return len(text.Goroutines)
}
