package gounwind

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/delvecore"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// opened is a fixture that can be walked.
type opened struct {
	core   *corefile.Core
	rt     *goruntime.Runtime
	native *Backend
}

func open(t testing.TB, core, bin string) opened {
	t.Helper()
	c, err := corefile.Open(context.Background(), core, bin, corefile.Options{})
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
	b, err := Open(c, rt, Options{Scopes: finder})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return opened{c, rt, b}
}

// printed are the frame addresses that Go printed: by PC and by frame address.
type printed map[[2]uint64]bool

var fpRow = regexp.MustCompile(`(?m)^\t\S+:\d+ \+0x[0-9a-f]+ fp=0x([0-9a-f]+) sp=0x[0-9a-f]+ pc=0x([0-9a-f]+)$`)

// goPrinted reads the program's own traceback; what other threads printed on
// their way out, and where system calls are shown as of their entry, is left
// out.
func goPrinted(t *testing.T, f coretest.Files) printed {
	t.Helper()
	b, err := os.ReadFile(f.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	text, _, _ := strings.Cut(string(b), "\n-----\n")
	out := printed{}
	for _, g := range strings.Split(text, "\n\n") {
		if !strings.HasPrefix(g, "goroutine ") || strings.HasPrefix(g, "goroutine 0 ") || strings.Contains(g, "[syscall") {
			continue
		}
		for _, m := range fpRow.FindAllStringSubmatch(g, -1) {
			fp, _ := strconv.ParseUint(m[1], 16, 64)
			pc, _ := strconv.ParseUint(m[2], 16, 64)
			out[[2]uint64{pc, fp}] = true
		}
	}
	return out
}

// TestFrameAddresses looks for every frame address that Go printed.
func TestFrameAddresses(t *testing.T) {
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			o := open(t, f.Core, f.Bin)
			gs, _, err := o.native.Goroutines(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			have, calls, intoC := printed{}, map[uint64]bool{}, false
			for i := range gs {
				s, err := o.native.Unwind(context.Background(), &gs[i], 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, fr := range s.Frames {
					have[[2]uint64{fr.PC, fr.CFA}] = true
					if fr.Repeat > 1 {
						calls[fr.PC] = true
					}
					intoC = intoC || fr.Function == "runtime.asmcgocall"
				}
			}
			want := goPrinted(t, f)
			for k := range want {
				if f, _ := o.rt.FuncName(k[0]); intoC && f == "runtime.systemstack_switch" {
					continue // so Go calls asmcgocall, from which we walk through C
				}
				if !have[k] && !calls[k[0]] {
					t.Errorf("no frame at %#x with pc %#x, Go has one", k[1], k[0])
				}
			}
			t.Logf("%d frame addresses compared", len(want))
			if len(want) == 0 && name != "cgosigprof" && !coretest.Captured(name) { // which die without a word, or don't
				t.Error("nothing to compare")
			}
		})
	}
}

// difference is a way in which delve's stack is another than ours, and why.
type difference struct {
	name, reason string
	timing       bool // it need not be met: it depends on where a thread is stopped
	applies      func(ours, theirs *corefile.Stack, at int, said printed) bool
}

// differences are all that are known. One that is not met in any fixture fails
// the test.
func differences() []difference {
	return []difference{
		{
			"in the code of a library",
			"a thread of a cgo program is stopped inside of libc, which has no call frame information here; delve takes what is in the frame pointer for a frame",
			true,
			func(ours, _ *corefile.Stack, at int, _ printed) bool {
				return inLibrary(ours) && at >= len(ours.Frames)-1
			},
		},
		{
			"in the kernel's shared code",
			"a thread reads the clock: the runtime says where it called the vdso from, and there we go on; delve takes what is in the frame pointer for a frame",
			true,
			func(ours, theirs *corefile.Stack, at int, _ printed) bool {
				return at == 0 && len(ours.Frames) > 1 && len(theirs.Frames) > 0 && ours.Frames[0].Function == VDSO && ours.Frames[0].PC == theirs.Frames[0].PC &&
					slices.Contains([]string{"time.now", "time.runtimeNow", "runtime.nanotime1", "runtime.walltime", "runtime.vgetrandom1"}, ours.Frames[1].Function)
			},
		},
		{
			"above a thread's first function",
			"nothing called runtime.clone at the top of the new thread's stack, nor runtime.mstart, to which it or C code jumps; delve takes what lies above for a return address",
			false,
			func(ours, theirs *corefile.Stack, at int, _ printed) bool {
				return at == len(ours.Frames) && at > 0 && slices.Contains([]string{"runtime.mstart", "runtime.clone"}, ours.Frames[at-1].Function)
			},
		},
		{
			"above a switch of goroutines",
			"the thread has let go of the goroutine that called runtime.morestack; delve reads on where there is no frame",
			true,
			func(ours, theirs *corefile.Stack, at int, _ printed) bool {
				return at == len(ours.Frames) && at > 0 && ours.Frames[at-1].Function == "runtime.morestack" && ours.Frames[at-1].SystemStack
			},
		},
		{
			"in the middle of a switch",
			"gogo has put the thread on the goroutine's stack and has yet to jump to where that one stopped; delve takes what lies there for gogo's return address",
			true,
			func(ours, _ *corefile.Stack, at int, _ printed) bool {
				return at < 2 && len(ours.Frames) > 0 && ours.Frames[0].Function == "gogo" && !ours.Frames[0].SystemStack
			},
		},
		{
			"a function before its frame",
			"the function asked for a larger stack before it made its frame; delve takes the caller's frame pointer for its own and loses the caller, Go printed our address",
			false,
			func(ours, theirs *corefile.Stack, at int, said printed) bool {
				if at >= len(ours.Frames) || at >= len(theirs.Frames) || at == 0 || ours.Frames[at-1].Function != "runtime.newstack" {
					return false
				}
				o, d := &ours.Frames[at], &theirs.Frames[at]
				return o.PC == d.PC && said[[2]uint64{o.PC, o.CFA}] && !said[[2]uint64{d.PC, d.CFA}] &&
					count(ours) == count(theirs)+1 && slices.EqualFunc(last(ours, 10), last(theirs, 10), sameFrame)
			},
		},
		{
			"in a handler of signals",
			"the profiler's signal was handled by C code, which died, and another thread may be on its way there; we walk to what the signal interrupted, delve makes a frame without a name of the end of the signal",
			false,
			func(ours, theirs *corefile.Stack, at int, _ printed) bool {
				return at > 0 && at < len(ours.Frames) && at < len(theirs.Frames) && theirs.Frames[at].Function == "" &&
					slices.Contains([]string{"x_cgo_callers", "runtime.cgoSigtramp", "runtime.sigtramp"}, ours.Frames[at-1].Function) && ours.Frames[at].PC == ours.Frames[at].CallPC
			},
		},
		{
			"in C code that called back",
			"we walk the C code between Go and Go by its call frame information, delve goes on where the goroutine had called C",
			false,
			func(ours, theirs *corefile.Stack, at int, _ printed) bool {
				return at > 0 && at < len(ours.Frames) && at < len(theirs.Frames) && ours.Frames[at-1].Function == "runtime.cgocallback" &&
					ours.Frames[at].Function == "crosscall2" && theirs.Frames[at].Function != "crosscall2"
			},
		},
		{
			"above a callback that panicked",
			"the panic ran its deferred calls, and the C code's stack was used for something else; we go on where the goroutine had called C, and delve too, with a stack pointer into the C code",
			false,
			func(ours, theirs *corefile.Stack, at int, _ printed) bool {
				return ours.End == noteGone && at < len(ours.Frames) && at < len(theirs.Frames) &&
					ours.Frames[at].Function == "runtime.cgocallback" && theirs.Frames[at].Function == "runtime.cgocallback"
			},
		},
	}
}

// throughC reports whether a stack leads through C code that called back, and
// says that some of it is missing: a panic overwrote it, or it begins in a
// library that made the thread.
func throughC(s *corefile.Stack) bool {
	return (s.End == noteGone || strings.HasPrefix(s.End, noteC)) && slices.ContainsFunc(s.Frames, func(fr corefile.Frame) bool { return fr.Function == "runtime.cgocallback" })
}

// inLibrary reports whether a stack ends in code that nothing is known of.
func inLibrary(s *corefile.Stack) bool {
	n := len(s.Frames)
	return n > 0 && s.Frames[n-1].Function == "" && strings.Contains(s.End, "is not Go's and has no call frame information")
}

func last(s *corefile.Stack, n int) []corefile.Frame { return s.Frames[max(0, len(s.Frames)-n):] }

func count(s *corefile.Stack) int {
	n := 0
	for i := range s.Frames {
		n += max(s.Frames[i].Repeat, 1)
	}
	return n
}

func sameFrame(o, d corefile.Frame) bool {
	return o.Function == d.Function && o.File == d.File && o.Line == d.Line && o.Inlined == d.Inlined && o.Depth == d.Depth &&
		o.PC == d.PC && o.CallPC == d.CallPC && o.CFA == d.CFA && o.Entry == d.Entry && o.SystemStack == d.SystemStack &&
		max(o.Repeat, 1) == max(d.Repeat, 1) && (sameRegisters(o.Regs, d.Regs) || registersDiffer(o.Function))
}

// registerDifferences are the functions whose registers delve has wrong, and
// why. C functions are those without a package.
var registerDifferences = map[string]string{
	"runtime.newstack":   "delve writes the stack pointer of the goroutine into the registers of the frame it comes from",
	"runtime.asmcgocall": "the same",
	"C":                  "delve takes the frame pointer of C code for one that Go saved, and leaves out the registers that C code preserves",
}

func registersDiffer(function string) bool {
	if !strings.Contains(function, ".") {
		function = "C"
	}
	return registerDifferences[function] != ""
}

// sameRegisters compares the general registers. Delve loses the frame pointer
// of some frames, we know those of which memory holds it.
func sameRegisters(o, d *corefile.Registers) bool {
	for n := range uint64(17) {
		a, ok := o.Bytes(n)
		b, ok2 := d.Bytes(n)
		if n == corefile.RegRBP && (!ok || !ok2) {
			continue
		}
		if ok != ok2 || string(a) != string(b) {
			return false
		}
	}
	return true
}

// TestAgainstDelve compares every frame of every goroutine and every thread of
// every fixture with delve's.
func TestAgainstDelve(t *testing.T) {
	met := map[string]int{}
	skipped := false
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue
		}
		ran := false
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			ran = true
			frames := compareWithDelve(t, f, met)
			t.Logf("%d frames compared", frames)
			if frames == 0 {
				t.Error("nothing to compare")
			}
		})
		skipped = skipped || !ran
	}
	for _, d := range differences() {
		t.Logf("%d stacks differ %s: %s", met[d.name], d.name, d.reason)
		if met[d.name] == 0 && !skipped && !d.timing {
			t.Errorf("difference %q is not met any more, remove it", d.name)
		}
	}
}

func compareWithDelve(t *testing.T, f coretest.Files, met map[string]int) int {
	ctx := context.Background()
	o := open(t, f.Core, f.Bin)
	delve, err := delvecore.Open(o.core, o.rt, delvecore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer delve.Close()
	said := goPrinted(t, f)
	gs, _, err := o.native.Goroutines(ctx)
	if err != nil {
		t.Fatal(err)
	}
	frames := 0
	compare := func(what string, walk func(b corefile.Backend) (corefile.Stack, error)) {
		ours, err := walk(o.native)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			return
		}
		theirs, err := walk(delve)
		if err != nil {
			t.Errorf("%s: delve: %v", what, err)
			return
		}
		// A goroutine always has a whole stack; a thread is stopped anywhere.
		thread := strings.HasPrefix(what, "thread ")
		if ours.End != "" && !(thread && inLibrary(&ours)) && !throughC(&ours) {
			t.Errorf("%s: stack ends early: %s", what, ours.End)
		}
		frames += compareStacks(t, what, &ours, &theirs, said, met)
	}
	for i := range gs {
		compare(fmt.Sprintf("goroutine %d", gs[i].ID), func(b corefile.Backend) (corefile.Stack, error) { return b.Unwind(ctx, &gs[i], 0) })
	}
	for _, th := range o.core.Threads() {
		compare(fmt.Sprintf("thread %d", th.TID), func(b corefile.Backend) (corefile.Stack, error) { return b.UnwindThread(ctx, th.TID, 0) })
	}
	return frames
}

// compareStacks returns how many frames are the same, up to a known difference.
func compareStacks(t *testing.T, what string, ours, theirs *corefile.Stack, said printed, met map[string]int) int {
	t.Helper()
	at := 0
	for at < len(ours.Frames) && at < len(theirs.Frames) && sameFrame(ours.Frames[at], theirs.Frames[at]) {
		at++
	}
	if at == len(ours.Frames) && at == len(theirs.Frames) {
		return at
	}
	for _, d := range differences() {
		if d.applies(ours, theirs, at, said) {
			met[d.name]++
			return at
		}
	}
	text := func(s *corefile.Stack) string {
		if at >= len(s.Frames) {
			return "the end " + s.End
		}
		regs := ""
		for n := range uint64(17) {
			if b, ok := s.Frames[at].Regs.Bytes(n); ok {
				regs += fmt.Sprintf(" r%d=%x", n, b)
			}
		}
		return fmt.Sprintf("%+v%s", s.Frames[at], regs)
	}
	t.Errorf("%s: frame %d:\n ours   %s\n delve's %s", what, at, text(ours), text(theirs))
	return at
}

// TestWalkIsUnwind: the frames of the fast path are those of Unwind, which
// expands them, and it allocates nothing.
func TestWalkIsUnwind(t *testing.T) {
	f := coretest.Core(t, "manywait")
	o := open(t, f.Core, f.Bin)
	gs, _, err := o.native.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	clone := o.native.Clone()
	buf := make([]Raw, 0, 256)
	for i := range gs {
		s, err := o.native.Unwind(context.Background(), &gs[i], 0)
		if err != nil {
			t.Fatal(err)
		}
		tr, err := clone.Walk(&gs[i], buf, 0)
		if err != nil || tr.End != s.End || tr.Omitted != s.Omitted {
			t.Fatalf("goroutine %d: %v, end %q, want %q", gs[i].ID, err, tr.End, s.End)
		}
		n := 0
		for _, r := range tr.Frames {
			for _, fr := range clone.Symbolize(r.PC, r.Flags&RawExact != 0) {
				if got := s.Frames[n]; got.PC != r.PC || got.CFA != r.CFA || got.Function != fr.Function || got.Line != fr.Line {
					t.Fatalf("goroutine %d frame %d: %+v, raw %+v %s", gs[i].ID, n, got, r, fr.Function)
				}
				n++
			}
		}
		if n != len(s.Frames) {
			t.Fatalf("goroutine %d: %d frames, want %d", gs[i].ID, n, len(s.Frames))
		}
	}
	parked := gs[len(gs)/2]
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := clone.Walk(&parked, buf, 0); err != nil {
			t.Error(err)
		}
	}); allocs > 0 {
		t.Errorf("Walk allocates %v times", allocs)
	}
}

// BenchmarkWalk walks all goroutines of a core: that of manywait, or the one
// in the directory SDCORE_BENCH_CORE ("bin" and "core"), such as of
// fixtures/many.
func BenchmarkWalk(b *testing.B) {
	core, bin := os.Getenv("SDCORE_BENCH_CORE")+"/core", os.Getenv("SDCORE_BENCH_CORE")+"/bin"
	if os.Getenv("SDCORE_BENCH_CORE") == "" {
		f := coretest.Core(b, "manywait")
		core, bin = f.Core, f.Bin
	}
	o := open(b, core, bin)
	gs, _, err := o.native.Goroutines(context.Background())
	if err != nil {
		b.Fatal(err)
	}
	frames := 0
	buf := make([]Raw, 0, 1024)
	b.Run("Walk", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			frames = 0
			for i := range gs {
				tr, err := o.native.Walk(&gs[i], buf, 0)
				if err != nil {
					b.Fatal(err)
				}
				frames += len(tr.Frames)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(gs)), "ns/goroutine")
		b.ReportMetric(float64(frames)/float64(len(gs)), "frames/goroutine")
	})
	b.Run("Unwind", func(b *testing.B) {
		for b.Loop() {
			for i := range gs {
				if _, err := o.native.Unwind(context.Background(), &gs[i], 0); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(gs)), "ns/goroutine")
	})
}
