package crashtext

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/report"
)

func TestDeaths(t *testing.T) {
	const stack = "\n\ngoroutine 1 [running]:\nmain.main()\n\t/src/main.go:78 +0x4d2\n"
	for _, tt := range []struct {
		text               string
		kind               report.CrashKind
		typ, module, words string
		earlier            []string // newest first, with flags
		signal             int
	}{
		{text: "panic: main.Code(7)", kind: report.KindPanic, typ: "main.Code", module: "main", words: "main.Code(7)"},
		{text: "panic: (main.T) 0xc0000a2060", kind: report.KindPanic, typ: "main.T", module: "main", words: "(main.T) 0xc0000a2060"},
		{text: "panic: (*a.example/b.T) 0x1", kind: report.KindPanic, typ: "*a.example/b.T", module: "a.example/b", words: "(*a.example/b.T) 0x1"},
		{text: `panic: main.Name("x")`, kind: report.KindPanic, typ: "main.Name", module: "main", words: `main.Name("x")`},
		{text: "panic: it broke", kind: report.KindPanic, words: "it broke"},
		{text: "panic: open (x.y): no", kind: report.KindPanic, words: "open (x.y): no"},
		{text: "panic: runtime error: index out of range [3] with length 2", kind: report.KindPanic, typ: "runtime.boundsError", module: "runtime", words: "runtime error: index out of range [3] with length 2"},
		{text: "panic: assignment to entry in nil map", kind: report.KindPanic, typ: "runtime.plainError", module: "runtime", words: "assignment to entry in nil map"},
		{text: "panic: first [recovered]\n\tpanic: first", kind: report.KindPanic, words: "first", earlier: []string{"first recovered"}},
		{text: "panic: first [recovered, repanicked]", kind: report.KindPanic, words: "first", earlier: []string{"first recovered repanicked"}},
		{text: "panic: first\nwith two lines\n\tpanic: second", kind: report.KindPanic, words: "second", earlier: []string{"first\nwith two lines"}},
		{text: "panic: first\n\twith two lines\n\tpanic: second", kind: report.KindPanic, words: "second", earlier: []string{"first\n\twith two lines"}},
		{text: "panic: first\n\tpanic: second [recovered]\n\tpanic: third", kind: report.KindPanic, words: "third", earlier: []string{"second recovered", "first"}},
		{text: "panic: x\n\tfatal error: all goroutines are asleep - deadlock!", kind: report.KindDeadlock, typ: "fatal error", module: "runtime", words: "all goroutines are asleep - deadlock!", earlier: []string{"x"}},
		{text: "fatal error: concurrent map writes", kind: report.KindFatal, typ: "fatal error", module: "runtime", words: "concurrent map writes"},
		{text: "runtime: goroutine stack exceeds 1000000000-byte limit\nruntime: sp=0x1 stack=[0x2, 0x3]\nfatal error: stack overflow", kind: report.KindFatal, typ: "fatal error", module: "runtime", words: "stack overflow"},
		{text: "unexpected fault address 0x10\nfatal error: fault\n[signal SIGBUS: bus error code=0x2 addr=0x10 pc=0x20]", kind: report.KindFatal, typ: "fatal error", module: "runtime", words: "fault", signal: 7},
		{text: "SIGQUIT: quit\nPC=0x4819a1 m=0 sigcode=18446744073709551610", kind: report.KindSignal, typ: "SIGQUIT", module: "runtime", words: "SIGQUIT: quit", signal: 3},
	} {
		t.Run(tt.text, func(t *testing.T) {
			r := parse(t, tt.text+stack).Report(Options{Name: "/var/log/x.txt"})
			c := r.Crash
			if c.Kind != tt.kind || c.Exception.Type != tt.typ || c.Exception.Module != tt.module || c.Exception.Message != tt.words {
				t.Errorf("%+v", c)
			}
			var earlier []string
			for _, e := range c.Exception.Sub {
				s := e.Message
				if e.Recovered {
					s += " recovered"
				}
				if e.Repanicked {
					s += " repanicked"
				}
				if e.Relation != report.RelationEarlier {
					t.Errorf("relation %q", e.Relation)
				}
				earlier = append(earlier, s)
			}
			if !slices.Equal(earlier, tt.earlier) {
				t.Errorf("earlier panics %q, want %q", earlier, tt.earlier)
			}
			if s := c.Signal; (s != nil) != (tt.signal != 0) || s != nil && s.Number != tt.signal {
				t.Errorf("signal %+v, want %d", s, tt.signal)
			}
			if err := r.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestSignalFields(t *testing.T) {
	s := parse(t, "SIGQUIT: quit\nPC=0x4819a1 m=0 sigcode=18446744073709551610 addr=0x10\n").Report(Options{}).Crash.Signal
	if s.PC != 0x4819a1 || s.Code != -6 || !s.HasAddr || s.Addr != 0x10 || s.Name != "SIGQUIT" {
		t.Errorf("%+v", s)
	}
}

// TestNoArguments plants words in every place where Go prints raw memory: none
// of them is in the report.
func TestNoArguments(t *testing.T) {
	text := strings.NewReplacer("0x59a320?", "0xdeadbeef", "{0x1, 0x2}", "{0xdeadbeef, 0xdeadbeef}", "{0x4bae40?", "{0xdeadbeef?", "rax    0x0", "rax    0xdeadbeef",
		"gp=0xc000003860", "gp=0xdeadbeef", "fp=0xc000092e10", "fp=0xdeadbeef").Replace(sampleTraceback)
	if strings.Count(text, "deadbeef") < 5 {
		t.Fatal("the sample has changed")
	}
	b, err := json.Marshal(parse(t, text).Report(Options{Name: "x"}))
	if err != nil || strings.Contains(string(b), "deadbeef") {
		t.Errorf("%v: argument words are in the report: %s", err, b)
	}
}

// TestSiteOfRepanic: what a test or a server panicked with again was raised
// further out.
func TestSiteOfRepanic(t *testing.T) {
	stack := `

goroutine 7 [running]:
panic({0x1, 0x2})
	/go/src/runtime/panic.go:879 +0x16f
testing.tRunner.func1()
	/go/src/testing/testing.go:1977 +0x349
panic({0x1, 0x2})
	/go/src/runtime/panic.go:860 +0x13a
main.pick(...)
	/src/pick.go:8
`
	for text, want := range map[string]string{
		"panic: first [recovered, repanicked]":      "main.pick",
		"panic: first [recovered]\n\tpanic: second": "testing.tRunner.func1",
	} {
		var site []string
		for _, f := range parse(t, text+stack).Report(Options{Name: "x"}).Goroutines[0].Frames {
			if f.CrashSite {
				site = append(site, f.Function)
			}
		}
		if !slices.Equal(site, []string{want}) {
			t.Errorf("%s: %q, want %s", text, site, want)
		}
	}
}

func TestReportOfSample(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	r := parse(t, sampleTraceback).Report(Options{Name: "/var/log/x.txt", Modified: now, Version: "v1", Tier: 2})
	if r.Generator.Backend != "crashtext" || r.Generator.Version != "v1" || r.Tier != 2 || !r.CrashTime.Equal(now) || r.Identity.Match != report.MatchNoBinary {
		t.Errorf("%+v %+v", r.Generator, r.Identity)
	}
	g := r.Goroutines[0]
	if r.Crash.Goroutine != 7 || !g.Crashed || g.ID != 7 || len(g.Frames) != 3 || g.Frames[0].Function != "runtime.gopanic" || !g.Frames[2].CrashSite || g.Frames[2].Package != "main" {
		t.Errorf("%+v", g)
	}
	if g.Creator == nil || *g.Creator != (report.Creator{Goroutine: 1, Function: "main.main.func1", File: "/src/main.go", Line: 9}) {
		t.Errorf("creator %+v", g.Creator)
	}
	i := slices.IndexFunc(r.Goroutines, func(g report.Goroutine) bool { return g.ID == 1 })
	if w := r.Goroutines[i]; w.Status != "waiting" || w.WaitReason != "sync.Mutex.Lock" || w.OmittedFrames != 96 || len(w.Frames) != 0 || w.Group == 0 {
		t.Errorf("%+v", w)
	}
	total := 0
	for _, group := range r.Groups {
		total += group.Count
	}
	if total != len(r.Goroutines) || len(r.Groups) != 3 {
		t.Errorf("%d goroutines in %d groups of %d", total, len(r.Groups), len(r.Goroutines))
	}
	if !r.Complete || !strings.Contains(r.Problems[0].Message, "no values") {
		t.Errorf("complete %v, problems %+v", r.Complete, r.Problems)
	}
}

func TestIncomplete(t *testing.T) {
	for text, want := range map[string]string{
		"panic: x\n": "no goroutine",
		"panic: x\n\ngoroutine 1 [running]:\nmain.main()\n":     "middle of a stack",
		"goroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n": "no line says",
		"panic: x\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:1 +0x1\n\ngoroutine 2 [running]:\n\tgoroutine running on other thread; stack unavailable\n": "no stack of 1 goroutines",
	} {
		r := parse(t, text).Report(Options{Name: "x"})
		if r.Complete || !slices.ContainsFunc(r.Problems, func(p report.Problem) bool { return p.Missing && strings.Contains(p.Message, want) }) {
			t.Errorf("%q: complete %v, %+v, want %q", text, r.Complete, r.Problems, want)
		}
	}
}

func TestIs(t *testing.T) {
	dir := t.TempDir()
	for name, tt := range map[string]struct {
		text string
		want bool
	}{
		"crash": {sampleTraceback, true}, "log": {"a\nb\npanic: x\n", true}, "prose": {"do not panic: x\n", false},
		"empty": {"", false}, "core": {"\x7fELF\x02\npanic: x\n\x00", false}, "far": {strings.Repeat("line\n", 20000) + "panic: x\n", true},
		"long line": {strings.Repeat("x", 1<<20) + "\npanic: x\n", true}, "no newline": {"a\npanic: x", true}, "long": {strings.Repeat("line\n", 20000), false},
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(tt.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := Is(path); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
	if Is(dir) || Is(filepath.Join(dir, "none")) {
		t.Error("a directory or a missing file is a crash text")
	}
}
