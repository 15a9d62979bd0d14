package crash

import (
	"context"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

func frames(names ...string) []corefile.Frame {
	out := make([]corefile.Frame, len(names))
	for i, n := range names {
		out[i].Function = n
	}
	return out
}

func TestMark(t *testing.T) {
	for name, c := range map[string]struct {
		stack []string
		death death
		user  int
	}{
		"panic":            {[]string{"runtime.raise", "runtime.crash", "runtime.fatalpanic", "runtime.gopanic", "main.f", "main.main"}, deathPanic, 4},
		"nil dereference":  {[]string{"runtime.fatalpanic", "runtime.gopanic", "runtime.panicmem", "runtime.sigpanic", "main.f"}, deathPanic, 4},
		"panic in a defer": {[]string{"runtime.fatalpanic", "runtime.gopanic", "main.f.func1", "runtime.gopanic", "main.f"}, deathPanic, 2},
		"throw":            {[]string{"runtime.fatalthrow", "runtime.throw", "runtime.mapassign", "internal/runtime/maps.x", "main.f"}, deathFatal, 4},
		"throw in a defer": {[]string{"runtime.fatalthrow", "runtime.fatal", "main.f.func1", "runtime.gopanic", "main.f"}, deathFatal, 2},
		"signal":           {[]string{"runtime.raise", "runtime.sigtrampgo", "runtime.crash", "runtime.sighandler", "runtime.sigtrampgo", "main.loop"}, deathSignal, 5},
		"idle":             {[]string{"runtime.sighandler", "runtime.sigtrampgo", "runtime.futex", "runtime.mcall"}, deathSignal, -1},
		"alive":            {[]string{"main.main"}, deathNone, 0},
		"nothing":          {nil, deathNone, -1},
	} {
		fs := frames(c.stack...)
		m := mark(fs)
		if m.death != c.death {
			t.Errorf("%s: death %d", name, m.death)
		}
		if u := userFrame(fs, m.from); u != c.user {
			t.Errorf("%s: frame %d, want %d", name, u, c.user)
		}
	}
}

func TestRuntimeFiles(t *testing.T) {
	for file, want := range map[string]bool{
		"/usr/local/go/src/runtime/panic.go": true, "runtime/sema.go": true,
		"/usr/local/go/src/runtime/debug/stack.go": false, "/home/me/runtime/x.go": false, "": false,
	} {
		if inRuntime(file) != want {
			t.Errorf("%q: %v", file, !want)
		}
	}
}

// TestText: chains of panics as Go prints them (runtime.printpanics).
func TestText(t *testing.T) {
	ex := func(msg string, subs ...report.Exception) report.Exception {
		return report.Exception{Message: msg, Sub: subs}
	}
	before := func(e report.Exception, recovered, repanicked bool) report.Exception {
		e.Relation, e.Recovered, e.Repanicked = report.RelationEarlier, recovered, repanicked
		return e
	}
	for want, c := range map[string]report.Crash{
		"panic: a\n":                         {Kind: report.KindPanic, Exception: ex("a")},
		"panic: a\n\tpanic: b\n":             {Kind: report.KindPanic, Exception: ex("b", before(ex("a"), false, false))},
		"panic: a [recovered]\n\tpanic: b\n": {Kind: report.KindPanic, Exception: ex("b", before(ex("a"), true, false))},
		"panic: a [recovered, repanicked]\n": {Kind: report.KindPanic, Exception: ex("a", before(ex("a"), true, true))},
		"fatal error: x\n":                   {Kind: report.KindFatal, Exception: ex("x")},
		"panic: a\n\tfatal error: x\n":       {Kind: report.KindFatal, Exception: ex("x", before(ex("a"), false, false))},
		"SIGQUIT: quit\n":                    {Kind: report.KindSignal, Exception: ex("SIGQUIT: quit")},
		"":                                   {Kind: report.KindUnknown, Exception: ex("?")},
		"panic: a\n\tpanic: b\n\tpanic: c\n": {Kind: report.KindPanic, Exception: ex("c", before(ex("b"), false, false), before(ex("a"), false, false))},
		"panic: a\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x20]\n": {
			Kind: report.KindPanic, Exception: ex("a"), Signal: &report.Signal{Number: 11, Code: 1, Addr: 0x10, PC: 0x20}},
	} {
		if got := Text(&c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestNothingToExplain(t *testing.T) {
	c, site, problems := Explain(context.Background(), Input{})
	if c.Kind != report.KindUnknown || site.Frame != -1 || len(problems) != 1 {
		t.Errorf("%+v, %+v, %+v", c, site, problems)
	}
}

// TestWithoutBackend: what the runtime has recorded tells the kind and the text
// of a panic, though not its typed value, when no stack can be walked.
func TestWithoutBackend(t *testing.T) {
	for fixture, want := range map[string]report.CrashKind{
		"customerror": report.KindPanic, "mapwrite": report.KindFatal, "sigquit": report.KindSignal,
	} {
		t.Run(fixture, func(t *testing.T) {
			f := coretest.Core(t, fixture)
			in := open(t, f)
			in.Backend = nil
			c, site, problems := Explain(context.Background(), in)
			if c.Kind != want || site.Frame != -1 || len(problems) == 0 {
				t.Errorf("%s, frame %d, %d problems", c.Kind, site.Frame, len(problems))
			}
			checkText(t, f, &c)
		})
	}
}

func TestOldFloats(t *testing.T) {
	x := &explainer{}
	if s := x.float(1.5, 64); s != "1.5" {
		t.Errorf("of the current version: %s", s)
	}
	if s := x.complex(1, -2, 64); s != "(1-2i)" {
		t.Errorf("complex: %s", s)
	}
}
