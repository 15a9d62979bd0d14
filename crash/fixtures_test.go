package crash

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/delvecore"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// open prepares the input of a fixture's crash.
func open(t testing.TB, f coretest.Files) Input {
	t.Helper()
	ctx := context.Background()
	c, err := corefile.Open(ctx, f.Core, f.Bin, corefile.Options{})
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
	rt, err := goruntime.New(c, types, finder)
	if err != nil {
		t.Fatal(err)
	}
	be, err := delvecore.Open(c, rt, delvecore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { be.Close() })
	gs, _, err := be.Goroutines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return Input{Core: c, Runtime: rt, Backend: be, Types: types, Finder: finder,
		Vars: vars.New(c, types, finder, vars.Options{}), MaxFrames: 500,
		Goroutine: func(addr uint64) *corefile.Goroutine {
			if i := slices.IndexFunc(gs, func(g corefile.Goroutine) bool { return g.Addr == addr }); i >= 0 {
				return &gs[i]
			}
			return nil
		}}
}

// wanted is what is known of a fixture's death from its source.
type wanted struct {
	fixture string
	kind    report.CrashKind
	typ     string
	site    string // function, "" for none
	signal  int
}

var deaths = []wanted{
	{fixture: "payment", kind: report.KindPanic, typ: "runtime.errorString", site: "main.(*Server).charge", signal: 11},
	{fixture: "payment.noopt", kind: report.KindPanic, typ: "runtime.errorString", signal: 11},
	{fixture: "payment.pie", kind: report.KindPanic, typ: "runtime.errorString", signal: 11},
	{fixture: "payment.trimpath", kind: report.KindPanic, typ: "runtime.errorString", signal: 11},
	{fixture: "nilderef", kind: report.KindPanic, typ: "runtime.errorString", signal: 11},
	{fixture: "customerror", kind: report.KindPanic},
	{fixture: "indexrange", kind: report.KindPanic, typ: "runtime.boundsError"},
	{fixture: "nilmap", kind: report.KindPanic, typ: "runtime.plainError"},
	{fixture: "goexit", kind: report.KindPanic},
	{fixture: "repanic", kind: report.KindPanic},
	{fixture: "kinds", kind: report.KindPanic},
	{fixture: "kinds.noopt", kind: report.KindPanic},
	{fixture: "manywait", kind: report.KindPanic},
	{fixture: "race", kind: report.KindPanic, typ: "runtime.boundsError"},
	{fixture: "mapwrite", kind: report.KindFatal, typ: "fatal error"},
	{fixture: "stackoverflow", kind: report.KindFatal, typ: "fatal error"},
	{fixture: "deadlock", kind: report.KindDeadlock, typ: "fatal error"},
	{fixture: "sigabrt", kind: report.KindSignal, typ: "SIGABRT", signal: 6},
	{fixture: "sigquit", kind: report.KindSignal, typ: "SIGQUIT", signal: 3},
	{fixture: "cgosegv", kind: report.KindSignal, typ: "SIGSEGV", signal: 11},
	{fixture: "cgocallback", kind: report.KindPanic, typ: "string", site: "main.last"},
	{fixture: "cgocallback.noopt", kind: report.KindPanic, typ: "string", site: "main.last"},
	{fixture: "defers", kind: report.KindPanic, typ: "string", site: "main.crash"},
	{fixture: "interrupted", kind: report.KindPanic, typ: "runtime.errorString", site: "main.leaf", signal: 11},
	{fixture: "interrupted.noopt", kind: report.KindPanic, typ: "runtime.errorString", site: "main.leaf", signal: 11},
}

// TestDeaths compares the explanation with what the program itself printed.
func TestDeaths(t *testing.T) {
	for _, w := range deaths {
		t.Run(w.fixture, func(t *testing.T) {
			f := coretest.Core(t, w.fixture)
			got, site, problems := Explain(context.Background(), open(t, f))
			for _, p := range problems {
				t.Errorf("problem: %s at %s", p.Message, p.Addr)
			}
			if got.Kind != w.kind || w.typ != "" && got.Exception.Type != w.typ {
				t.Errorf("%s of %s, want %s of %s", got.Kind, got.Exception.Type, w.kind, w.typ)
			}
			checkText(t, f, &got)
			checkGoroutine(t, f, &got, site)
			if s := got.Signal; w.signal != 0 && (s == nil || s.Number != w.signal) {
				t.Errorf("signal %+v, want %d", s, w.signal)
			}
			if fn := siteFunction(site); w.site != "" && fn != w.site {
				t.Errorf("site %s, want %s", fn, w.site)
			}
			if err := got.Exception.Value; w.kind == report.KindPanic && (err == nil || err.State != report.StateOK) {
				t.Errorf("panic value %+v", err)
			}
		})
	}
}

// checkText compares with the program's stderr, from the first line about the
// crash to the empty line before the first stack.
func checkText(t *testing.T, f coretest.Files, c *report.Crash) {
	t.Helper()
	stderr, err := os.ReadFile(f.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	want := Text(c)
	if c.Kind != report.KindSignal {
		want += "\n" // the text ends there
	}
	if want == "" || !strings.Contains("\n"+string(stderr), "\n"+want) {
		t.Errorf("text\n%s\nis not what the program printed:\n%.600s", want, stderr)
	}
}

// checkGoroutine: Go prints the goroutine that crashed first.
func checkGoroutine(t *testing.T, f coretest.Files, c *report.Crash, site Site) {
	t.Helper()
	tb := f.Traceback(t)
	if len(tb.Goroutines) == 0 {
		t.Fatal("no goroutine in the traceback")
	}
	first := tb.Goroutines[0]
	switch c.Kind {
	case report.KindPanic, report.KindFatal:
		if c.Goroutine != first.ID || site.Goroutine != first.ID {
			t.Errorf("goroutine %d, Go says %d", c.Goroutine, first.ID)
		}
		if fn := siteFunction(site); !slices.ContainsFunc(first.Frames, func(fr coretest.TracebackFrame) bool { return plain(fn) == fr.Func }) {
			t.Errorf("site %s is not in the traceback of goroutine %d", fn, first.ID)
		}
	case report.KindDeadlock:
		if c.Goroutine != 0 || site.Frame != -1 || len(site.Stack.Frames) == 0 {
			t.Errorf("deadlock: goroutine %d, frame %d, %d frames", c.Goroutine, site.Frame, len(site.Stack.Frames))
		}
	}
}

func siteFunction(s Site) string {
	if s.Frame < 0 || s.Frame >= len(s.Stack.Frames) {
		return ""
	}
	return s.Stack.Frames[s.Frame].Function
}

// plain is a function's name with Go's "[...]" for type arguments.
func plain(fn string) string {
	i, j := strings.IndexByte(fn, '['), strings.LastIndexByte(fn, ']')
	if i < 0 || j < i {
		return fn
	}
	return fn[:i] + "[...]" + fn[j+1:]
}
