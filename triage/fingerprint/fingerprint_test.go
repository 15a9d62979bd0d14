package fingerprint_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

// frame is a frame at a line of a function that begins at line 10.
func frame(function string, line int) report.Frame {
	pkg := report.PackageOf(function)
	return report.Frame{Function: function, Package: pkg, File: "/src/x.go", Line: line, FuncLine: 10, Runtime: report.IsRuntime(pkg)}
}

// nilPanic is a report of a nil dereference on a stack.
func nilPanic(frames ...report.Frame) *report.Report {
	frames = append([]report.Frame{frame("runtime.fatalpanic", 0), frame("runtime.gopanic", 0), frame("runtime.panicmem", 0), frame("runtime.sigpanic", 0)}, frames...)
	return &report.Report{
		Fingerprint: "redacted",
		Crash: report.Crash{Kind: report.KindPanic, Goroutine: 1, Exception: report.Exception{
			Type: "runtime.errorString", Module: "runtime", Message: "runtime error: invalid memory address or nil pointer dereference",
		}},
		Identity:   report.Identity{MainPackage: "example.com/svc/cmd/svc", Main: report.Module{Path: "example.com/svc"}, Deps: []report.Module{{Path: "example.com/dep"}}},
		Goroutines: []report.Goroutine{{ID: 1, Crashed: true, Frames: frames}},
	}
}

// TestWhatCounts changes one thing of a crash, and says at which levels it is
// another one then.
func TestWhatCounts(t *testing.T) {
	stack := func() []report.Frame {
		return []report.Frame{
			frame("example.com/svc/store.(*Store).Get", 14), frame("example.com/dep.Each", 30), frame("main.handle", 20), frame("main.serve", 21),
			frame("main.loop", 22), frame("main.run", 22), frame("main.main", 23), frame("runtime.main", 200),
		}
	}
	was := fingerprint.OfReport(nilPanic(stack()...))
	if !was.Known() || was.Kind != "panic:nil dereference" || was.Title != "nil dereference in store.(*Store).Get" {
		t.Fatalf("%+v", was)
	}
	for name, c := range map[string]struct {
		change func(r *report.Report, f []report.Frame)
		differ string // the levels that differ
	}{
		"nothing":                      {func(r *report.Report, f []report.Frame) {}, ""},
		"lines above the function":     {func(r *report.Report, f []report.Frame) { f[0].Line += 100; f[0].FuncLine += 100 }, ""},
		"another line of the function": {func(r *report.Report, f []report.Frame) { f[0].Line++ }, "narrow group"},
		"another line of a caller":     {func(r *report.Report, f []report.Frame) { f[2].Line++ }, "narrow"},
		"another caller":               {func(r *report.Report, f []report.Frame) { f[2].Function = "main.other" }, "narrow group"},
		"another function far below":   {func(r *report.Report, f []report.Frame) { f[5].Function = "main.other" }, "narrow"},
		"another function":             {func(r *report.Report, f []report.Frame) { f[0].Function = "example.com/svc/store.(*Store).Put" }, "narrow group wide"},
		"another path":                 {func(r *report.Report, f []report.Frame) { f[0].File = "/elsewhere/x.go" }, ""},
		"inlined":                      {func(r *report.Report, f []report.Frame) { f[0].Inlined, f[2].Inlined = true, true }, ""},
		"a module's function":          {func(r *report.Report, f []report.Frame) { f[1].Function, f[1].Line = "example.com/dep.Other", 99 }, ""},
		"another message":              {func(r *report.Report, f []report.Frame) { r.Crash.Exception.Message += " [recovered]" }, "narrow group"},
		"a wild pointer":               {func(r *report.Report, f []report.Frame) { r.Crash.Signal = &report.Signal{Number: 11, Addr: 0x1234} }, ""},
		"another program":              {func(r *report.Report, f []report.Frame) { r.Identity.MainPackage = "example.com/svc/cmd/other" }, "narrow group"},
		"its module is replaced":       {func(r *report.Report, f []report.Frame) { r.Identity.Deps[0].Replaced = "../dep" }, "narrow group"},
		"a major version":              {func(r *report.Report, f []report.Frame) { f[0].Function = "example.com/svc/v2/store.(*Store).Get" }, ""},
		"type arguments":               {func(r *report.Report, f []report.Frame) { f[2].Function = "main.handle[int,map[string]main.T]" }, ""},
		"where functions begin is not known": {func(r *report.Report, f []report.Frame) {
			for i := range f {
				f[i].FuncLine = 0
			}
		}, "narrow group"},
	} {
		t.Run(name, func(t *testing.T) {
			r := nilPanic(stack()...)
			c.change(r, r.Goroutines[0].Frames[4:])
			got := fingerprint.OfReport(r)
			var differ []string
			for i, level := range []string{"narrow", "group", "wide"} {
				if got.Levels[i] != was.Levels[i] {
					differ = append(differ, level)
				}
			}
			if s := strings.Join(differ, " "); s != c.differ {
				t.Errorf("differ: %q, want %q\n%+v", s, c.differ, got)
			}
		})
	}
}

// TestHangs: what waits counts, not how many, and not who else is there.
func TestHangs(t *testing.T) {
	group := func(count int, wait string, frames ...report.Frame) report.Group {
		g := report.Group{Count: count, Status: "waiting", WaitReason: wait}
		for _, f := range frames {
			g.Frames = append(g.Frames, report.FrameRef{Function: f.Function, File: f.File, Line: f.Line, FuncLine: f.FuncLine})
		}
		return g
	}
	hang := func(groups ...report.Group) fingerprint.Value {
		return fingerprint.OfReport(&report.Report{
			Fingerprint: "redacted", Groups: groups,
			Crash:    report.Crash{Kind: report.KindSignal, Signal: &report.Signal{Number: 3, Name: "SIGQUIT"}},
			Identity: report.Identity{Main: report.Module{Path: "example.com/svc"}},
		})
	}
	locked := group(100, "sync.Mutex.Lock", frame("sync.(*Mutex).Lock", 90), frame("main.update", 14))
	sending := group(3, "chan send", frame("runtime.chansend1", 1), frame("main.produce", 12))
	was := hang(locked, sending)
	if was.Kind != "hang" || was.Title != "hang: lock in main.update, send in main.produce" {
		t.Fatalf("%+v", was)
	}
	fewer := locked
	fewer.Count = 2
	sleeping := group(1000, "sleep", frame("time.Sleep", 1), frame("main.tick", 11))
	accepting := group(1, "IO wait", frame("net.(*TCPListener).Accept", 1), frame("net/http.(*Server).Serve", 1), frame("main.main", 11))
	system := group(5000, "GC worker (idle)", frame("runtime.gcBgMarkWorker", 1))
	system.System = true
	if now := hang(system, sleeping, accepting, sending, fewer); now.Levels != was.Levels {
		t.Errorf("%+v, want %+v", now, was)
	}
	other := group(100, "sync.Mutex.Lock", frame("sync.(*Mutex).Lock", 90), frame("main.update", 15))
	now := hang(other, sending)
	if now.Levels[fingerprint.Group] == was.Levels[fingerprint.Group] || now.Levels[fingerprint.Wide] != was.Levels[fingerprint.Wide] {
		t.Errorf("another line: %+v, want another group than %+v", now, was)
	}
	deadlock := fingerprint.OfReport(&report.Report{Fingerprint: "x", Groups: []report.Group{locked, sending}, Crash: report.Crash{Kind: report.KindDeadlock}})
	if reason, ok := fingerprint.Similar(deadlock, was); !ok || deadlock.Levels[fingerprint.Group] == was.Levels[fingerprint.Group] {
		t.Errorf("a deadlock that the runtime saw: %+v, %q", deadlock, reason)
	}
	if v := hang(system, sleeping); v.Known() || v.Kind != "hang" {
		t.Errorf("nobody waits for another: %+v", v)
	}
}

// TestNothingKnown: such a crash is in no group.
func TestNothingKnown(t *testing.T) {
	unredacted := nilPanic(frame("main.main", 12))
	unredacted.Fingerprint = ""
	for name, r := range map[string]*report.Report{
		"no report":    nil,
		"not redacted": unredacted,
		"no kind":      {Fingerprint: "x"},
		"unknown kind": {Fingerprint: "x", Crash: report.Crash{Kind: report.KindUnknown}},
		"no stack":     {Fingerprint: "x", Crash: report.Crash{Kind: report.KindPanic}},
		"runtime only": nilPanic(),
	} {
		if v := fingerprint.OfReport(r); v.Known() || v.Levels != [3]string{} || v.Stored() != nil || v.Version == "" || v.Title == "" {
			t.Errorf("%s: %+v", name, v)
		}
	}
	if v := fingerprint.Of(redact.Result{}); v.Known() {
		t.Errorf("zero result: %+v", v)
	}
}

// TestRedactedTwice: a report that is redacted again, as when it is stored and
// converted, keeps its fingerprint; so does one whose secrets have other numbers.
func TestRedactedTwice(t *testing.T) {
	r := nilPanic(frame("main.handle", 14), frame("main.main", 30))
	r.Fingerprint = ""
	r.Crash.Exception = report.Exception{Type: "*main.authError", Module: "main", Message: "token=AKIA2E0A8F3B244C9986 refused for eve@example.com after 17 tries"}
	var was fingerprint.Value
	for i := range 4 {
		p := redact.Default()
		if i == 3 {
			p.Unnumbered = true
		}
		res, err := redact.Apply(r, p)
		if err != nil {
			t.Fatal(err)
		}
		v := fingerprint.Of(res)
		if i == 0 {
			was = v
		}
		if !reflect.DeepEqual(v, was) || !v.Known() {
			t.Errorf("%+v, want %+v", v, was)
		}
		if strings.Contains(v.Title, "AKIA2E0A8F3B244C9986") || strings.Contains(v.Title, "eve@") {
			t.Errorf("title %q", v.Title)
		}
		r = res.Report()
	}
}

// TestSimilar: suggestions have a reason.
func TestSimilar(t *testing.T) {
	of := func(frames ...report.Frame) fingerprint.Value { return fingerprint.OfReport(nilPanic(frames...)) }
	a := of(frame("main.a", 11), frame("main.b", 12), frame("main.c", 13), frame("main.d", 14))
	for name, c := range map[string]struct {
		b  fingerprint.Value
		ok bool
	}{
		"itself":                {a, true},
		"another line":          {of(frame("main.a", 12), frame("main.z", 12)), true},
		"one function more":     {of(frame("main.x", 11), frame("main.a", 11), frame("main.b", 12), frame("main.c", 13), frame("main.d", 14)), true},
		"two functions swapped": {of(frame("main.b", 11), frame("main.a", 12), frame("main.c", 13), frame("main.d", 14)), true},
		"only main is alike":    {of(frame("main.x", 11), frame("main.y", 12), frame("main.z", 13), frame("main.d", 14)), false},
		"nothing known":         {fingerprint.Value{}, false},
	} {
		reason, ok := fingerprint.Similar(a, c.b)
		if back, ok2 := fingerprint.Similar(c.b, a); ok2 != ok || back != reason {
			t.Errorf("%s: %q one way, %q the other", name, reason, back)
		}
		if ok != c.ok || ok != (reason != "") {
			t.Errorf("%s: %v, %q", name, ok, reason)
		}
	}
}
