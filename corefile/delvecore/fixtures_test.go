package delvecore

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// open opens a fixture.
func open(t testing.TB, f coretest.Files, o Options) (*Backend, *corefile.Core) {
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
	rt, err := goruntime.New(c, types, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(c, rt, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b, c
}

// fixtures are those whose stacks are compared with Go's own traceback.
var fixtures = []string{
	"payment", "payment.noopt", "payment.pie", "payment.trimpath", "nilderef", "customerror", "indexrange",
	"nilmap", "goexit", "repanic", "kinds", "manywait", "race", "mapwrite", "stackoverflow", "deadlock",
	"sigabrt", "sigquit", "cgosegv",
}

// testTraceback compares every stack with the one that Go printed when the
// program died: every frame of Go's, with its line, in Go's order. Go leaves
// out wrappers and the frames of its own that end the program.
func testTraceback(t *testing.T, f coretest.Files, stacks map[uint64]corefile.Stack) {
	frames := 0
	for _, want := range f.Traceback(t).Goroutines {
		if want.ID == 0 || want.Elided > 0 {
			continue
		}
		got, ok := stacks[want.ID]
		if !ok {
			t.Errorf("goroutine %d is missing", want.ID)
			continue
		}
		frames += compare(t, got, want)
	}
	t.Logf("%d frames compared", frames)
	if frames == 0 {
		t.Error("nothing to compare")
	}
}

// TestFixtures opens each fixture once and compares it with what Go printed
// and with what delve lists.
func TestFixtures(t *testing.T) {
	for _, name := range fixtures {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			b, _ := open(t, f, Options{})
			gs, problems, err := b.Goroutines(context.Background())
			if err != nil || len(problems) > 0 {
				t.Fatalf("%v, problems %v", err, problems)
			}
			stacks := map[uint64]corefile.Stack{}
			for i := range gs {
				s, err := b.Unwind(context.Background(), &gs[i], 0)
				if err != nil {
					t.Errorf("goroutine %d: %v", gs[i].ID, err)
				}
				stacks[gs[i].ID] = s
			}
			t.Run("traceback", func(t *testing.T) { testTraceback(t, f, stacks) })
			t.Run("addresses", func(t *testing.T) { testFrameAddresses(t, f, stacks) })
			t.Run("delve", func(t *testing.T) { testSameAsDelve(t, b, gs) })
		})
	}
}

// compare finds each of Go's frames in got, in order, and returns how many.
func compare(t *testing.T, got corefile.Stack, want coretest.TracebackGoroutine) int {
	t.Helper()
	i, n := 0, 0
	for _, w := range want.Frames {
		at := i
		// In a system call Go begins with the line that it noted on entry.
		anyLine := n == 0 && want.Status == "syscall"
		for at < len(got.Frames) && !sameFrame(&got.Frames[at], w, anyLine) {
			at++
		}
		if at == len(got.Frames) {
			t.Errorf("goroutine %d [%s]: %s %s:%d is not among the frames below %d:\n%s", want.ID, want.Status, w.Func, w.File, w.Line, i, list(got))
			return n
		}
		i = at + 1
		n++
	}
	return n
}

func sameFrame(f *corefile.Frame, w coretest.TracebackFrame, anyLine bool) bool {
	fn := f.Function
	if a, z := strings.IndexByte(fn, '['), strings.LastIndexByte(fn, ']'); a >= 0 && z > a {
		fn = fn[:a] + "[...]" + fn[z+1:]
	}
	if fn == "runtime.gopanic" {
		fn = "panic" // as Go prints it
	}
	return fn == w.Func && (f.Line == w.Line || anyLine) && filepath.Base(f.File) == filepath.Base(w.File)
}

func list(s corefile.Stack) string {
	var b strings.Builder
	for _, f := range s.Frames {
		b.WriteString("  " + f.Function + " " + f.File + "\n")
	}
	return b.String() + "  end: " + s.End
}

// TestStacksEnd checks that every stack of a program without C code is whole,
// and that frames lie outwards of each other.
func TestStacksEnd(t *testing.T) {
	b, _ := open(t, coretest.Core(t, "manywait"), Options{ClearEvery: 100})
	gs, _, err := b.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(gs) < 1000 {
		t.Errorf("%d goroutines", len(gs))
	}
	for i := range gs {
		s, err := b.Unwind(context.Background(), &gs[i], 0)
		if err != nil || s.End != "" || len(s.Frames) == 0 {
			t.Fatalf("goroutine %d: %d frames, end %q, %v", gs[i].ID, len(s.Frames), s.End, err)
		}
		for j := 1; j < len(s.Frames); j++ {
			in, out := &s.Frames[j-1], &s.Frames[j]
			if out.SystemStack == in.SystemStack && out.CFA < in.CFA {
				t.Errorf("goroutine %d: frame %d at %#x is below frame %d at %#x", gs[i].ID, j, out.CFA, j-1, in.CFA)
			}
		}
		if last := s.Frames[len(s.Frames)-1].Function; last != "runtime.goexit" {
			t.Errorf("goroutine %d ends in %s", gs[i].ID, last)
		}
	}
}

// testSameAsDelve compares goruntime's list with delve's.
func testSameAsDelve(t *testing.T, b *Backend, ours []corefile.Goroutine) {
	theirs, _, err := b.delveGoroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(ours) != len(theirs) {
		t.Errorf("%d goroutines, delve has %d", len(ours), len(theirs))
	}
	for i := range min(len(ours), len(theirs)) {
		o, d := ours[i], theirs[i]
		if o.ID != d.ID || o.Status != d.Status || o.GoPC != d.GoPC || o.StartPC != d.StartPC || o.System != d.System {
			t.Errorf("goroutine %d %s go %#x start %#x system %v, delve: %d %s go %#x start %#x system %v",
				o.ID, o.Status, o.GoPC, o.StartPC, o.System, d.ID, d.Status, d.GoPC, d.StartPC, d.System)
		}
		if o.TID != d.TID && o.Status == "running" {
			t.Errorf("goroutine %d on thread %d, delve: %d", o.ID, o.TID, d.TID)
		}
	}
}

// fpRow is the line of a physical frame in a traceback.
var fpRow = regexp.MustCompile(`(?m)^\t\S+:\d+ \+0x[0-9a-f]+ fp=0x([0-9a-f]+) sp=0x[0-9a-f]+ pc=0x([0-9a-f]+)$`)

// testFrameAddresses compares the frame address of every function that Go
// printed: variables are found relative to it. The fixtures have functions
// without a frame of their own below a signal.
func testFrameAddresses(t *testing.T, f coretest.Files, stacks map[uint64]corefile.Stack) {
	stderr, err := os.ReadFile(f.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	have := map[[2]uint64]bool{}
	for _, s := range stacks {
		for _, fr := range s.Frames {
			have[[2]uint64{fr.PC, fr.CFA}] = true
		}
	}
	text, n := string(stderr), 0
	if i := strings.Index(text, "\n-----\n"); i >= 0 {
		text = text[:i] // what other threads printed on their way out
	}
	for _, g := range strings.Split(text, "\n\n") {
		if !strings.HasPrefix(g, "goroutine ") || strings.HasPrefix(g, "goroutine 0 ") ||
			strings.Contains(g, "[syscall") || strings.Contains(g, "frames elided") {
			continue // Go begins where a system call was entered
		}
		for _, m := range fpRow.FindAllStringSubmatch(g, -1) {
			fp, _ := strconv.ParseUint(m[1], 16, 64)
			pc, _ := strconv.ParseUint(m[2], 16, 64)
			if n++; !have[[2]uint64{pc, fp}] {
				t.Errorf("no frame at %#x with pc %#x, Go has:\n%s", fp, pc, m[0])
			}
		}
	}
	t.Logf("%d frame addresses compared", n)
}

// TestStackOverflow: a stack of tens of thousands of frames keeps both of its
// ends and says how many are between.
func TestStackOverflow(t *testing.T) {
	f := coretest.Core(t, "stackoverflow")
	b, _ := open(t, f, Options{MaxDepth: 1000, KeepOutermost: 10})
	id := f.Traceback(t).Goroutines[0].ID
	gs, _, err := b.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range gs {
		if gs[i].ID != id {
			continue
		}
		s, err := b.Unwind(context.Background(), &gs[i], 200)
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		for _, fr := range s.Frames {
			calls += max(fr.Repeat, 1)
		}
		if calls < 10_000 || s.Omitted != 0 || s.End != "" {
			t.Errorf("%d calls, omitted %d, end %q", calls, s.Omitted, s.End)
		}
		if len(s.Frames) > 100 || len(s.Frames) < 20 {
			t.Errorf("%d frames", len(s.Frames))
		}
		n := len(s.Frames)
		if s.Frames[n-1].Function != "runtime.goexit" || s.Frames[n-2].Function != "runtime.main" || s.Frames[n-3].Function != "main.main" {
			t.Errorf("outermost frames are\n%s", list(s))
		}
		return
	}
	t.Fatalf("no goroutine %d", id)
}

// TestRegisters: the innermost frame of a thread has them all, frames of Go
// code below a call only those that a call preserves.
func TestRegisters(t *testing.T) {
	b, c := open(t, coretest.Core(t, "payment"), Options{})
	s, err := b.UnwindThread(context.Background(), c.Threads()[0].TID, 0)
	if err != nil {
		t.Fatal(err)
	}
	const rax = 0
	if _, ok := s.Frames[0].Regs.Bytes(rax); !ok {
		t.Error("the innermost frame has no RAX")
	}
	for i := range s.Frames {
		f := &s.Frames[i]
		for _, reg := range []uint64{regPC, regSP} {
			if _, ok := f.Regs.Bytes(reg); !ok {
				t.Errorf("frame %d %s has no register %d", i, f.Function, reg)
			}
		}
		if _, ok := f.Regs.Bytes(rax); ok && strings.HasPrefix(f.Function, "main.") {
			t.Errorf("frame %d %s claims to know RAX", i, f.Function)
		}
	}
}

func TestStripped(t *testing.T) {
	f := coretest.Core(t, "payment.stripped")
	c, err := corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	t.Setenv("PATH", fakeDebuginfod(t))
	if _, err := Open(c, nil, Options{}); err == nil || !strings.Contains(err.Error(), corefile.ErrNoDWARF.Error()) {
		t.Errorf("error %v", err)
	}
	checkNotCalled(t)
}
