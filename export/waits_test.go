package export

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// sampleWaits are two goroutines that wait for each other's lock, and one that
// waits for them.
func sampleWaits() *report.Waits {
	lock := func(id int, variable string, waiter, holder uint64) report.WaitObject {
		return report.WaitObject{
			ID: id, Kind: report.WaitMutex, Addr: 0xc000010000 + report.Addr(id)*8, State: []string{"locked"}, Counter: -1, Waiting: 1,
			Names:   []report.WaitName{{Kind: "local", Function: "main.transfer", Goroutine: waiter, Variable: variable, Path: ".mu", Owner: "main.account", Field: "mu"}},
			Waiters: []report.Waiter{{Goroutine: waiter, Op: "lock", Function: "main.transfer", File: "/src/pay/main.go", Line: 30, Since: 1_500_000_000}},
			Since:   1_500_000_000,
			Holders: []report.WaitHolder{{
				Goroutine: holder, Grade: report.WaitStrong, Evidence: "deferred call", Call: "sync.(*Mutex).Unlock",
				Function: "main.transfer", File: "/src/pay/main.go", Line: 30,
			}},
		}
	}
	step := func(g uint64, object, holds int) report.WaitStep {
		return report.WaitStep{
			Goroutine: g, Op: "lock", Object: object, Function: "main.transfer", File: "/src/pay/main.go", Line: 30,
			Holds: holds, Grade: report.WaitStrong, Evidence: "deferred call",
		}
	}
	return &report.Waits{
		Blocked: 3,
		Objects: []report.WaitObject{
			lock(1, "to", 7, 8), lock(2, "to", 8, 7),
			{
				ID: 3, Kind: report.WaitChannel, Addr: 0xc000020000, Names: []report.WaitName{{Kind: "global", Package: "main", Variable: "done"}},
				State: []string{"closed"}, Counter: -1, Cap: 4, Elem: "int", Waiting: 1, Holders: []report.WaitHolder{},
				Waiters: []report.Waiter{{Goroutine: 1, Op: "receive", Select: true, Function: "main.main", File: "/src/pay/main.go", Line: 50}},
			},
		},
		Findings: []report.WaitFinding{
			{Kind: report.FindDeadlock, Grade: report.WaitStrong, Count: 2, Goroutines: []uint64{7, 8}, Steps: []report.WaitStep{step(7, 1, 2), step(8, 2, 1)}, Since: 1_500_000_000},
			{
				Kind: report.FindPileUp, Grade: report.WaitCandidate, Count: 1, Goroutines: []uint64{1}, Object: 3, Function: "main.main", File: "/src/pay/main.go", Line: 50,
				Creator: &report.Creator{Goroutine: 1, Function: "main.init", File: "/src/pay/main.go", Line: 5},
			},
			{
				Kind: report.FindLeak, Grade: report.WaitProven, Count: 1, Goroutines: []uint64{9}, Function: "main.ask", File: "/src/pay/main.go", Line: 70,
				Evidence: "nothing leads to it", Retained: 4 << 20,
			},
			{
				Kind: report.FindLeak, Grade: report.WaitCandidate, Count: 1, Goroutines: []uint64{1}, Object: 3, Function: "main.main", File: "/src/pay/main.go", Line: 50,
				Evidence: "only a package variable leads to it",
				Path: &report.HeapPath{
					Root:  report.HeapRoot{Kind: "global", Package: "main", Name: "asked"},
					Steps: []report.HeapStep{{Kind: "value"}, {Kind: "field", Name: "done", Addr: 0xc000020000, Type: "chan int", Bytes: 96}},
				},
			},
			{Kind: report.FindLeak, Grade: report.WaitWeak, Count: 2, Goroutines: []uint64{5, 6}, Function: "main.worker", File: "/src/pay/main.go", Line: 60},
		},
		Groups:          []report.WaitingGroup{{Group: 1, Objects: []report.WaitingFor{{Object: 3, Op: "receive", Count: 1}}, Others: 1}},
		OmittedFindings: 2,
	}
}

// waitReport is a report of waits that has nothing to hide.
func waitReport() *report.Report {
	r := payReport()
	r.Waits = sampleWaits()
	return r
}

func TestGoldenWaits(t *testing.T) {
	for file, write := range map[string]func(io.Writer, *report.Report) error{
		"waits.txt":  func(w io.Writer, r *report.Report) error { return writeWaits(w, r, TextOptions{Width: 100}) },
		"waits.dot":  writeWaitsDot,
		"waits.json": func(w io.Writer, r *report.Report) error { return writeIndented(w, completedWaits(r.Waits)) },
	} {
		var b bytes.Buffer
		if err := write(&b, waitReport()); err != nil {
			t.Fatal(err)
		}
		golden(t, file, b.Bytes())
	}
}

// TestWaitsMatchSchema: what is written is what the schema says, also of nothing.
func TestWaitsMatchSchema(t *testing.T) {
	s := compiled(t)
	for name, w := range map[string]*report.Waits{"sample": sampleWaits(), "empty": {}, "bare": {Objects: []report.WaitObject{{ID: 1, Kind: report.WaitTimer}}, Findings: []report.WaitFinding{{Kind: report.FindLeak, Grade: report.WaitProven}}, Groups: []report.WaitingGroup{{}}}} {
		r := payReport()
		r.Waits = w
		if err := s.Validate(tree(t, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWaitsExplainTheCrash: the crash screen says so in three lines.
func TestWaitsExplainTheCrash(t *testing.T) {
	var b bytes.Buffer
	if err := writeText(&b, waitReport(), TextOptions{Width: 100}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"deadlock of 2 goroutines (strong evidence;",
		"goroutine 7 waits to lock mutex #1 to.mu of main.transfer, which goroutine 8 seems to hold",
		"goroutine 8 waits to lock mutex #2 to.mu of main.transfer, which goroutine 7 seems to hold",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

// TestDotIsQuoted: no name ends a string of the graph, or begins another statement.
func TestDotIsQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain": `"plain"`, "two\nlines": `"two\nlines"`, `a"]; evil [b="`: `"a\"]; evil [b=\""`, `back\`: `"back\\"`, "": `""`,
	} {
		if got := dotString(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
