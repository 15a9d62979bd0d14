package export

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func TestDefersLine(t *testing.T) {
	call := func(function, file string, line int) report.Defer {
		return report.Defer{Function: function, File: file, Line: line, Kind: report.DeferRecord}
	}
	many := make([]report.Defer, 7)
	for i := range many {
		many[i] = call("main.f.func"+string(rune('1'+i)), "", 0)
	}
	for _, tc := range []struct {
		frame report.Frame
		want  string
	}{
		{report.Frame{}, ""},
		{report.Frame{Defers: []report.Defer{call("sync.(*Mutex).Unlock", "/src/main.go", 31), call("main.f.func1", "/src/main.go", 33)}},
			"defers: sync.(*Mutex).Unlock (main.go:31), main.f.func1 (main.go:33)"},
		{report.Frame{Defers: []report.Defer{call("main.f.func1", "a.go", 3), call("main.f.func1", "a.go", 3), call("", "", 0)}, OmittedDefers: 9},
			"defers: main.f.func1 (a.go:3) ×2, a nil func, … +9"},
		{report.Frame{Defers: many}, "defers: main.f.func1, main.f.func2, main.f.func3, main.f.func4, … +3"},
		{report.Frame{Defers: []report.Defer{call("main.\x1b[31mf", "", 0)}}, `defers: main.\x1b[31mf`},
	} {
		s := newScreen(&report.Report{}, TextOptions{})
		s.defers(&tc.frame)
		if got := strings.TrimSpace(s.b.String()); got != tc.want {
			t.Errorf("%q, want %q", got, tc.want)
		}
	}
}
