package gounwind

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

// clauses are stacks that lead over every kind of edge: the physical frames
// from the first name to the last follow each other, whatever lies above and
// below. A name that ends in "*" stands for names that begin so; "|" parts
// alternatives. general says in which frame all general registers are known.
var clauses = []struct {
	name, fixture string
	frames        []string
	general       string
	system        []string // those that are on a system or signal stack
}{
	{"a fault in a function without a frame", "interrupted",
		[]string{"runtime.sigpanic", "main.leaf", "main.faults", "main.main.func1", "runtime.goexit"}, "", nil},
	{"a fault at address 0 that was called", "interrupted",
		[]string{"runtime.sigpanic", "main.noFunc", "main.main.func2", "runtime.goexit"}, "", nil},
	{"a trap that the compiler made a call of", "interrupted",
		[]string{"runtime.panicdivide", "main.divides", "main.main.func3", "runtime.goexit"}, "", nil},
	{"an index out of range", "interrupted",
		[]string{"runtime.panicBounds|runtime.goPanicIndex", "main.outOfRange", "main.indexes", "main.main.func4", "runtime.goexit"}, "", nil},
	{"preemption", "interrupted",
		[]string{"runtime.asyncPreempt", "main.spins", "main.running", "main.main.func5", "runtime.goexit"}, "main.spins", nil},
	{"the signal stack", "interrupted",
		[]string{"runtime.raise", "runtime.dieFromSignal", "runtime.sigfwdgo", "runtime.sigtrampgo", "runtime.raise", "runtime.dieFromSignal", "runtime.fatalpanic"}, "", []string{"runtime.raise", "runtime.dieFromSignal", "runtime.sigfwdgo", "runtime.sigtrampgo"}},
	{"Go, C, Go", "cgocallback",
		[]string{"main.last", "main.goVisit", "_cgoexp_*", "runtime.cgocallbackg1", "runtime.cgocallbackg", "runtime.cgocallback",
			"crosscall2", "goVisit", "visit_all", "_cgo_*", "runtime.asmcgocall", "runtime.cgocall", "main._Cfunc_visit_all", "main.walk", "main.main.gowrap1", "runtime.goexit"}, "", []string{"crosscall2", "goVisit", "visit_all", "_cgo_*"}},
	{"a thread of C calls Go", "cgocallback",
		[]string{"main.last", "main.goVisit", "_cgoexp_*", "runtime.cgocallbackg1", "runtime.cgocallbackg", "runtime.cgocallback",
			"crosscall2", "goVisit", "visit_all", "thread"}, "", []string{"crosscall2", "goVisit", "visit_all", "thread"}},
	{"a panic in Go that C called", "cgocallback",
		[]string{"runtime.gopanic", "main.last", "main.goVisit", "_cgoexp_*", "runtime.cgocallbackg1", "runtime.cgocallbackg", "runtime.cgocallback",
			"runtime.systemstack_switch", "runtime.cgocall", "main._Cfunc_visit_all", "main.walk", "main.main", "runtime.main", "runtime.goexit"}, "", nil},
	{"a fault in C on the signal stack, while the profiler interrupts C", "cgosigprof",
		[]string{"traceback", "x_cgo_callers", "spin", "_cgo_*", "runtime.asmcgocall", "runtime.cgocall", "main._Cfunc_spin", "main.compute", "main.main", "runtime.main", "runtime.goexit"}, "spin", []string{"traceback", "x_cgo_callers", "spin", "_cgo_*"}},
	{"a fault in C", "cgosegv",
		[]string{"runtime.sigtrampgo", "average", "_cgo_*", "runtime.asmcgocall", "runtime.cgocall", "main._Cfunc_read_sensor", "main.poll"}, "average", []string{"runtime.sigtrampgo", "average", "_cgo_*"}},
	{"a stack that is too large, told on the system stack", "stackoverflow",
		[]string{"runtime.throw", "runtime.newstack", "main.depth", "main.measure"}, "", []string{"runtime.throw", "runtime.newstack"}},
}

// TestClauses looks for each of those stacks.
func TestClauses(t *testing.T) {
	for _, c := range clauses {
		t.Run(c.name, func(t *testing.T) {
			f := coretest.Core(t, c.fixture)
			o := open(t, f.Core, f.Bin)
			gs, _, err := o.native.Goroutines(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			var met []string
			for i := range gs {
				s, err := o.native.Unwind(context.Background(), &gs[i], 0)
				if err != nil {
					t.Fatal(err)
				}
				physical := slices.DeleteFunc(s.Frames, func(fr corefile.Frame) bool { return fr.Inlined })
				// A function and its wrapper, which Go 1.27 does without, have one name.
				physical = slices.CompactFunc(physical, func(a, b corefile.Frame) bool { return a.Function == b.Function })
				if at := indexOf(physical, c.frames); at >= 0 {
					check(t, physical[at:at+len(c.frames)], c.general, c.system)
					return
				}
				var names []string
				for _, fr := range physical {
					names = append(names, fr.Function)
				}
				met = append(met, strings.Join(names, " "))
			}
			t.Errorf("no stack has %q, but\n%s", c.frames, strings.Join(met, "\n"))
		})
	}
}

// check looks at the registers and stacks of frames. asmcgocall and what dies
// outside of a handler have a frame on either.
func check(t *testing.T, frames []corefile.Frame, general string, system []string) {
	t.Helper()
	for i, fr := range frames {
		on := slices.ContainsFunc(system, func(n string) bool { return named(fr.Function, n) })
		changes := fr.Function == "runtime.asmcgocall" || i > 3 && fr.Function == "runtime.raise" || i > 3 && fr.Function == "runtime.dieFromSignal"
		if fr.SystemStack != on && !changes {
			t.Errorf("%s: on a system stack: %v", fr.Function, fr.SystemStack)
		}
		if fr.Function != general {
			continue
		}
		for n := range uint64(16) {
			if _, ok := fr.Regs.Bytes(n); !ok {
				t.Errorf("%s: register %d is not known", fr.Function, n)
			}
		}
	}
}

// indexOf finds where names follow each other, -1 when nowhere.
func indexOf(frames []corefile.Frame, names []string) int {
	for at := range len(frames) - len(names) + 1 {
		same := true
		for i, n := range names {
			same = same && named(frames[at+i].Function, n)
		}
		if same {
			return at
		}
	}
	return -1
}

func named(function, pattern string) bool {
	return slices.ContainsFunc(strings.Split(pattern, "|"), func(p string) bool {
		begin, any := strings.CutSuffix(p, "*")
		return function == p || any && strings.HasPrefix(function, begin)
	})
}

// TestFolded: the frames of endless recursion are a few dozen.
func TestFolded(t *testing.T) {
	f := coretest.Core(t, "stackoverflow")
	o := open(t, f.Core, f.Bin)
	gs, _, err := o.native.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	calls, entries := 0, 0
	for i := range gs {
		s, err := o.native.Unwind(context.Background(), &gs[i], 0)
		if err != nil {
			t.Fatal(err)
		}
		if n := count(&s); n > calls {
			calls, entries = n, len(s.Frames)
		}
	}
	t.Logf("%d calls in %d frames", calls, entries)
	if calls < 10_000 || entries > 100 {
		t.Errorf("%d calls in %d frames", calls, entries)
	}
}
