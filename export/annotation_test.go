package export

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func TestGitHubError(t *testing.T) {
	r := &report.Report{
		Crash: report.Crash{Kind: report.KindPanic, Goroutine: 7, Exception: report.Exception{
			Type: "*main.E", Message: "50% of a, b\n::error::pwned\r\n::add-mask::x",
		}},
		Goroutines: []report.Goroutine{{ID: 7, Crashed: true, Frames: []report.Frame{
			{Function: "fmt.Sprintf", File: "/usr/go/src/fmt/print.go", Line: 9},
			{Index: 1, Function: "main.run", File: "/repo/a,b:c/run.go", Line: 12, CrashSite: true},
			{Index: 2, Function: "main.main", File: "/repo/main.go", Line: 3},
		}}},
	}
	for root, want := range map[string]string{
		"/repo":      "::error file=a%2Cb%3Ac/run.go,line=12,title=panic *main.E::panic: 50%25 of a, b",
		"/repo/":     "::error file=a%2Cb%3Ac/run.go,line=12,title=panic *main.E::panic: 50%25 of a, b",
		"/rep":       "::error title=panic *main.E::panic: 50%25 of a, b",
		"":           "::error title=panic *main.E::panic: 50%25 of a, b",
		"/elsewhere": "::error title=panic *main.E::panic: 50%25 of a, b",
	} {
		got := gitHubError(r, root)
		if !strings.HasPrefix(got, want) || strings.ContainsAny(got, "\r\n") {
			t.Errorf("below %q: %q, want %q and one line", root, got, want)
		}
	}
}
