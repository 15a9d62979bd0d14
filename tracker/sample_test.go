package tracker

import (
	"sync"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// sample says what a report of the tests is like. The same bug each time: line is that
// of a caller, and makes another way into it.
type sample struct {
	version, commitTime, revision string
	line                          int
	message                       string
	function                      string
}

func (s sample) report() *report.Report {
	if s.message == "" {
		s.message = "runtime error: invalid memory address or nil pointer dereference"
	}
	if s.function == "" {
		s.function = "example.com/pay.charge"
	}
	frame := func(fn string, line int) report.Frame {
		return report.Frame{Function: fn, Package: "example.com/pay", File: "/src/pay/pay.go", Line: line, FuncLine: 30, Vars: []report.Variable{}}
	}
	at := frame(s.function, 36)
	at.CrashSite = true
	at.Source = &report.Source{First: 35, Lines: []string{"\tgw := gateways[user.Tier]", "\ttotal = amount * gw.Limit"}}
	user := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Len: 3}
	user.SetContents("ada")
	secret := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Len: 20}
	secret.SetContents("hunter2-hunter2-hunt")
	at.Vars = []report.Variable{{Name: "user", Role: "local", Value: user}, {Name: "password", Role: "local", Value: secret}}
	r := &report.Report{
		Schema: report.Schema, Generator: report.Generator{Name: "sdcore", Version: "0.1.0", Backend: "native"}, Complete: true, Tier: 1,
		Crash: report.Crash{Kind: report.KindPanic, Goroutine: 1, Exception: report.Exception{Type: "runtime.errorString", Module: "runtime", Message: s.message}},
		Identity: report.Identity{
			Match: report.MatchBuildID, GoVersion: "go1.26.1", GOOS: "linux", GOARCH: "amd64", MainPackage: "example.com/pay/cmd/pay",
			Main: report.Module{Path: "example.com/pay", Version: s.version},
		},
		Goroutines: []report.Goroutine{{ID: 1, Status: "running", Crashed: true, Frames: []report.Frame{at, frame("example.com/pay.handle", 50+s.line), frame("example.com/pay.Serve", 80)}}},
	}
	for key, value := range map[string]string{"vcs.time": s.commitTime, "vcs.revision": s.revision} {
		if value != "" {
			r.Identity.Settings = append(r.Identity.Settings, report.Setting{Key: key, Value: value})
		}
	}
	return r
}

// samples holds what was redacted.
var samples sync.Map

// ready is the report, redacted.
func (s sample) ready(t testing.TB) Report {
	t.Helper()
	made, _ := samples.LoadOrStore(s, sync.OnceValue(func() Report { return s.redacted(t) }))
	return made.(func() Report)()
}

func (s sample) redacted(t testing.TB) Report {
	res, err := redact.Apply(s.report(), redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	again, err := redact.Apply(res.Report(), redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	r, err := Ready("crash.safedump.json", res.Report(), again)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
