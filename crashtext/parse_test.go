package crashtext

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

const sampleTraceback = `ready
panic: one
	panic: two [recovered, repanicked]
[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4a9bcb]

goroutine 7 gp=0xc000003860 m=0 mp=0x59a320 [running]:
panic({0x4bae40?, 0x593390?})
	/go/src/runtime/panic.go:879 +0x16f fp=0xc000092d40 sp=0xc000092c90 pc=0x47996f
runtime.panicmem(...)
	/go/src/runtime/panic.go:336
main.(*Stack[...]).Push(0x59a320?, {0x1, 0x2})
	/src/main.go:36 +0x4b fp=0xc000092e10 sp=0xc000092da0 pc=0x4a9bcb
created by main.main.func1 in goroutine 1
	/src/main.go:9 +0x1a

goroutine 1 gp=0xc000003780 m=nil [sync.Mutex.Lock, 2 minutes, locked to thread]:
main.main()
	/src/main.go:60 +0x2e6 fp=0xc000092f48 sp=0xc000092eb0 pc=0x4aa0c6
...96 frames elided...

-----

SIGQUIT: quit
PC=0x1 m=2 sigcode=18446744073709551610

goroutine 9 gp=0xc000003900 m=2 mp=0x1 [running]:
main.spin(...)
	/src/main.go:70 +0x1 fp=0xc000092f48 sp=0xc000092eb0 pc=0x4aa0c6

rax    0x0
rip    0x47f1a1
`

func parse(t testing.TB, s string) *Text {
	t.Helper()
	got, err := Read(strings.NewReader(s))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRead(t *testing.T) {
	got := parse(t, sampleTraceback)
	for i := range got.Goroutines {
		got.Goroutines[i].stack = 0
	}
	want := &Text{
		Crash: []string{
			"panic: one",
			"\tpanic: two [recovered, repanicked]",
			"[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4a9bcb]",
		},
		Goroutines: []Goroutine{
			{ID: 7, Status: "running", CreatedBy: "main.main.func1", CreatedFile: "/src/main.go", CreatedLine: 9, Creator: 1, Frames: []Frame{
				{Func: "panic", File: "/go/src/runtime/panic.go", Line: 879, PC: 0x47996f},
				{Func: "runtime.panicmem", File: "/go/src/runtime/panic.go", Line: 336, Inlined: true},
				{Func: "main.(*Stack[...]).Push", File: "/src/main.go", Line: 36, PC: 0x4a9bcb},
			}},
			{ID: 1, Status: "sync.Mutex.Lock", Elided: 96, ElidedAt: 1, Frames: []Frame{{Func: "main.main", File: "/src/main.go", Line: 60, PC: 0x4aa0c6}}},
			{ID: 9, Status: "running", Thread: true, Frames: []Frame{{Func: "main.spin", File: "/src/main.go", Line: 70, PC: 0x4aa0c6}}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.CrashText() != "panic: one" {
		t.Errorf("crash text %q", got.CrashText())
	}
	if g := got.Goroutine(1); g == nil || g.Status != "sync.Mutex.Lock" {
		t.Errorf("goroutine 1: %+v", g)
	}
}

// TestForms has the forms that the fixtures' tracebacks do not have, as Go
// 1.21 to 1.27 print them.
func TestForms(t *testing.T) {
	const stack = "\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:78 +0x4d2\n"
	for _, tt := range []struct {
		name, text string
		check      func(*Text) bool
	}{
		{"output before and without a newline at its end", "log line\nfatal: not ours\npanic: x" + stack, func(x *Text) bool {
			return x.CrashText() == "panic: x" && len(x.Goroutines) == 1
		}},
		{"exit status of go run", "panic: x" + stack + "exit status 2\n", func(x *Text) bool { return x.Strange == 0 && !x.Cut }},
		{"ancestors", "panic: x" + stack + "created by main.main in goroutine 5\n\t/src/main.go:94 +0x41e\n[originating from goroutine 5]:\nmain.other(...)\n\t/src/main.go:94 +0x41e\ncreated by main.old\n\t/src/main.go:1 +0x1\n",
			func(x *Text) bool {
				g := x.Goroutines[0]
				return len(g.Frames) == 1 && g.CreatedBy == "main.main" && g.Creator == 5 && g.CreatedLine == 94
			}},
		{"no goroutine behind created by", "panic: x" + stack + "created by main.main\n\t/src/main.go:94 +0x41e\n", func(x *Text) bool {
			return x.Goroutines[0].CreatedBy == "main.main" && x.Goroutines[0].Creator == 0
		}},
		{"labels", "panic: x\n\ngoroutine 3 gp=0xc000003860 m=nil [chan receive, 4 minutes labels:{\"user\": \"a, b]:\", \"k\": \"\\n\"}]:\nmain.f()\n\t/src/main.go:1 +0x1\n", func(x *Text) bool {
			g := x.Goroutines[0]
			return g.Status == "chan receive" && reflect.DeepEqual(g.Labels, []Label{{"user", "a, b]:"}, {"k", "\n"}})
		}},
		{"bubble", "panic: x\n\ngoroutine 3 [chan receive (durable), synctest bubble 1]:\nmain.f()\n\t/src/main.go:1 +0x1\n", func(x *Text) bool {
			return x.Goroutines[0].Status == "chan receive (durable)"
		}},
		{"old elision", "panic: x" + stack + "...additional frames elided...\n", func(x *Text) bool { return x.Goroutines[0].Elided == -1 }},
		{"stack unavailable", "panic: x" + stack + "\ngoroutine 9 [running]:\n\tgoroutine running on other thread; stack unavailable\ncreated by main.main in goroutine 1\n\t/src/main.go:9 +0x1\n",
			func(x *Text) bool {
				g := x.Goroutine(9)
				return strings.HasSuffix(g.Unavailable, "stack unavailable") && g.CreatedBy == "main.main" && x.Strange == 0
			}},
		{"the stack that a thread printed later", "panic: x" + stack + "\ngoroutine 9 [running]:\n\tgoroutine running on other thread; stack unavailable\n\n-----\n\nSIGQUIT: quit\nPC=0x1 m=2 sigcode=0\n\ngoroutine 9 gp=0x1 m=2 mp=0x2 [running]:\nmain.spin()\n\t/src/main.go:1 +0x1 fp=0x1 sp=0x2 pc=0x3\n\nrax    0x0\n",
			func(x *Text) bool {
				return len(x.Goroutines) == 2 && len(x.Goroutine(9).Frames) == 1 && x.Goroutine(9).Thread && x.Earlier == 0 && x.CrashText() == "panic: x"
			}},
		{"C frames with a symbolizer", "SIGSEGV: segmentation violation\nPC=0x1 m=0 sigcode=1 addr=0x0\n\ngoroutine 1 [syscall]:\nread_sensor\n\t/src/c.c:12 pc=0x4011\nnon-Go function\n\tpc=0x4012\nstd::pair<a, b>::f(int)\n\t/src/d.cc:3 pc=0x4013\nruntime.cgocall(0x1, 0x2)\n\t/go/src/runtime/cgocall.go:167 +0x4b\n",
			func(x *Text) bool {
				f := x.Goroutines[0].Frames
				return len(f) == 4 && f[0] == Frame{Func: "read_sensor", File: "/src/c.c", Line: 12, C: true, PC: 0x4011} && f[1].C && f[1].PC == 0x4012 && f[2].Line == 3 && !f[3].C && x.Strange == 0
			}},
		{"C frames without one", "SIGSEGV: segmentation violation\nPC=0x1 m=0 sigcode=1 addr=0x0\n\ngoroutine 1 [syscall]:\nnon-Go function at pc=4011\nnon-Go function at pc=0x4012\n",
			func(x *Text) bool { f := x.Goroutines[0].Frames; return len(f) == 1 && f[0].PC == 0x4012 }},
		{"runtime stack", "fatal error: stack overflow\n\nruntime stack:\nruntime.throw({0x4d3966?, 0x1?})\n\t/go/src/runtime/panic.go:1229 +0x48 fp=0x1 sp=0x2 pc=0x3" + stack, func(x *Text) bool {
			return len(x.System) == 1 && x.System[0].Func == "runtime.throw" && len(x.Goroutines) == 1
		}},
		{"other output within a stack", "panic: x" + stack + "2026/11/29 15:22:53 served (3)\nmain.caller()\nlog: done\n\t/src/main.go:80 +0x1\nmain.outer()\n\t/src/main.go:81 +0x1\n", func(x *Text) bool {
			f := x.Goroutines[0].Frames
			return len(f) == 2 && f[1].Func == "main.outer" && x.Strange > 0
		}},
		{"a stack that was only printed, then a crash", "goroutine 4 [running]:\nruntime/debug.Stack()\n\t/go/src/runtime/debug/stack.go:26 +0x5e\npanic: after" + stack, func(x *Text) bool {
			return x.CrashText() == "panic: after" && len(x.Goroutines) == 1 && x.Goroutines[0].ID == 1 && x.Earlier == 0
		}},
		{"two crashes", "panic: one" + stack + "restarting\npanic: two\n\ngoroutine 8 [running]:\nmain.g()\n\t/src/main.go:7 +0x1\n", func(x *Text) bool {
			return x.CrashText() == "panic: two" && x.Goroutines[0].ID == 8 && x.Earlier == 1
		}},
		{"a crash, then one without a stack", "panic: one" + stack + "\npanic: two\n", func(x *Text) bool { return x.CrashText() == "panic: one" && len(x.Goroutines) == 1 }},
		{"stacks only", "goroutine 4 [running]:\nmain.f()\n\t/src/main.go:1 +0x1\n", func(x *Text) bool { return len(x.Crash) == 0 && len(x.Goroutines) == 1 }},
		{"cut in a line", "panic: x" + stack + "main.caller()\n\t/src/ma", func(x *Text) bool { return x.Cut }},
		{"cut in a frame", "panic: x" + stack + "main.caller()\n", func(x *Text) bool { return x.Cut }},
		{"windows", strings.ReplaceAll("panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\tC:/src/main.go:78 +0x4d2\n", "\n", "\r\n"), func(x *Text) bool {
			return x.Goroutines[0].Frames[0] == Frame{Func: "main.main", File: "C:/src/main.go", Line: 78} && !x.Cut
		}},
		{"level none", "panic: x\n", func(x *Text) bool { return x.CrashText() == "panic: x" && len(x.Goroutines) == 0 && !x.Cut }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := parse(t, tt.text); !tt.check(got) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestNoTraceback(t *testing.T) {
	for _, s := range []string{"", "hello\n", "goroutine profile: total 5\n", strings.Repeat("x", 1<<20), "gopher [running]:\n"} {
		if x, err := Read(strings.NewReader(s)); !errors.Is(err, ErrNoTraceback) {
			t.Errorf("%.20q: %+v, %v", s, x, err)
		}
	}
}

// TestBounds reaches each bound: what is behind it is left out and told.
func TestBounds(t *testing.T) {
	var b strings.Builder
	b.WriteString("panic: x\nmore\nmore\nmore\n\n")
	for i := range 20 {
		fmt.Fprintf(&b, "goroutine %d [running]:\n", i+1)
		for j := range 20 {
			fmt.Fprintf(&b, "main.f%d_%d(0x1)\n\t/src/main.go:%d +0x1\n", i, j, j+1)
		}
		b.WriteString("\n")
	}
	wide := bounds{bytes: 1 << 20, line: 1 << 10, crash: 100, goroutines: 100, frames: 100, kept: 1000, names: 1 << 20}
	if x, err := read(strings.NewReader(b.String()), wide); err != nil || x.Dropped != "" || x.Cut {
		t.Fatalf("%v, %+v", err, x)
	}
	for name, set := range map[string]func(*bounds){
		"bytes": func(l *bounds) { l.bytes = 1000 }, "crash": func(l *bounds) { l.crash = 2 }, "goroutines": func(l *bounds) { l.goroutines = 5 },
		"frames": func(l *bounds) { l.frames = 5 }, "kept": func(l *bounds) { l.kept = 50 }, "names": func(l *bounds) { l.names = 100 },
	} {
		lim := wide
		set(&lim)
		x, err := read(strings.NewReader(b.String()), lim)
		if err != nil || x.Dropped == "" {
			t.Errorf("%s: %v, nothing is told", name, err)
			continue
		}
		if r := x.Report(Options{Name: "t"}); r.Complete {
			t.Errorf("%s: the report is complete", name)
		}
	}
	long := "panic: x\n\ngoroutine 1 [running]:\nmain." + strings.Repeat("f", 1<<20) + "()\n\t/src/main.go:1 +0x1\nmain.g()\n\t/src/main.go:2 +0x1\n"
	if x := parse(t, long); len(x.Goroutines[0].Frames) != 1 || x.Goroutines[0].Frames[0].Func != "main.g" || x.Strange == 0 {
		t.Errorf("a line of a megabyte: %d frames", len(x.Goroutines[0].Frames))
	}
}

// TestSharedStacks: equal stacks are kept once.
func TestSharedStacks(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "goroutine %d [select]:\nmain.f(%#x)\n\t/src/main.go:1 +0x1\n\n", i+1, i)
	}
	x := parse(t, b.String())
	if len(x.Goroutines) != 1000 || &x.Goroutines[0].Frames[0] != &x.Goroutines[999].Frames[0] {
		t.Errorf("%d goroutines do not share their stack", len(x.Goroutines))
	}
}
