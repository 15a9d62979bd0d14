package sdcore

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestCaptured reads what the helper wrote beside a core of a living program.
func TestCaptured(t *testing.T) {
	tests := []struct {
		fixture, function, typ, module, message, sub string
		evidence                                     []string
	}{
		{"captured", "main.charge", "*fmt.wrapError", "fmt", "order o-4711, try 2: card declined", "card declined",
			[]string{"reason: order could not be charged", "asked for by main.charge at "}},
		{"captured.pie", "main.charge", "*fmt.wrapError", "fmt", "order o-4711, try 2: card declined", "card declined", nil},
		{"cgocaptured", "main.capture", "capture", helperPackage, "an order from outside", "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.fixture, func(t *testing.T) {
			f := coretest.Core(t, tt.fixture)
			rep, err := Analyze(context.Background(), f.Core, f.Bin, Options{})
			if err != nil {
				t.Fatal(err)
			}
			c := rep.Crash
			if c.Kind != report.KindSnapshot || c.Exception.Type != tt.typ || c.Exception.Module != tt.module || c.Exception.Message != tt.message {
				t.Errorf("%s: %+v", c.Kind, c.Exception)
			}
			if len(c.Exception.Sub) > 0 != (tt.sub != "") || tt.sub != "" && c.Exception.Sub[0].Message != tt.sub {
				t.Errorf("wraps %+v, want %q", c.Exception.Sub, tt.sub)
			}
			said := strings.Join(c.Evidence, "\n")
			for _, want := range append(tt.evidence, "the reason of the capture: "+f.Core+".sidecar.json") {
				if !strings.Contains(said, want) {
					t.Errorf("evidence lacks %q:\n%s", want, said)
				}
			}
			site := ""
			for _, g := range rep.Goroutines {
				for _, fr := range g.Frames {
					if fr.CrashSite {
						site += fr.Function + " "
					}
				}
			}
			if site != tt.function+" " {
				t.Errorf("crash site %q, want %s", site, tt.function)
			}
			for _, p := range rep.Problems {
				if p.Missing {
					t.Errorf("incomplete: %+v", p)
				}
			}
		})
	}
}

func TestSidecarNames(t *testing.T) {
	for core, want := range map[string]string{
		"/c/pay-1.core": "/c/pay-1.core.sidecar.json /c/pay-1.sidecar.json",
		"/c/core":       "/c/core.sidecar.json",
	} {
		if got := strings.Join(sidecarNames(core), " "); got != want {
			t.Errorf("%s: %s, want %s", core, got, want)
		}
	}
}

func TestReadSidecar(t *testing.T) {
	dir := t.TempDir()
	core := filepath.Join(dir, "x.core")
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if sc, path, err := readSidecar(core, 7); sc != nil || path != "" || err != nil {
		t.Errorf("without a file: %+v %s %v", sc, path, err)
	}
	const secret = "hunter2"
	for text, want := range map[string]string{
		`{"sidecar_version":1,"pid":7,"capture":{"reason":"r"}}`:  "",
		`{"sidecar_version":1,"pid":7,"later":[1]}`:               "",
		`{"sidecar_version":1,"pid":8}`:                           "process 8, the core of process 7",
		`{"sidecar_version":2,"pid":7}`:                           "version 2",
		`{"sidecar_version":"` + secret + `"}`:                    "not valid JSON",
		secret:                                                    "not valid JSON",
		`{"pid":7,"x":"` + strings.Repeat("y", maxSidecar) + `"}`: "more than",
	} {
		write("x.sidecar.json", text)
		sc, _, err := readSidecar(core, 7)
		switch {
		case want == "" && (err != nil || sc == nil):
			t.Errorf("%.40s: %+v, %v", text, sc, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), secret)):
			t.Errorf("%.40s: %v, want %q", text, err, want)
		}
	}
	if err := os.Remove(filepath.Join(dir, "x.sidecar.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "x.sidecar.json")); err != nil {
		t.Fatal(err)
	}
	if _, _, err := readSidecar(core, 7); err == nil {
		t.Error("a link was followed")
	}
}

// TestSidecarErrors: the tree of errors is bounded.
func TestSidecarErrors(t *testing.T) {
	deep := sidecarError{Message: "end"}
	for range 3 * maxSidecarErrors {
		deep = sidecarError{Message: "x", Wraps: []sidecarError{deep, deep}}
	}
	budget := maxSidecarErrors
	x := deep.exception(&budget)
	count := 0
	var walk func(*report.Exception)
	walk = func(e *report.Exception) {
		count++
		for i := range e.Sub {
			walk(&e.Sub[i])
		}
	}
	walk(&x)
	if count != maxSidecarErrors {
		t.Errorf("%d errors, want %d", count, maxSidecarErrors)
	}
}

func TestAsker(t *testing.T) {
	const h = helperPackage
	tests := []struct {
		functions string
		want      int
	}{
		{h + "/internal/snapshot.Take " + h + ".Capture main.f runtime.main", 2},
		{h + ".Capture " + h + ".(*Capturer).Panic " + h + ".Recover runtime.gopanic main.f main.main", 4},
		{"main.f " + h + ".Capture", -1},
		{"runtime.gopark main.f", -1},
		{h + "other.f main.f", -1},
		{h + ".Capture", -1},
		{"", -1},
	}
	for _, tt := range tests {
		var frames []corefile.Frame
		for _, f := range strings.Fields(tt.functions) {
			frames = append(frames, corefile.Frame{Function: f})
		}
		if got := asker(frames); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.functions, got, tt.want)
		}
	}
}

// FuzzSidecar: what is accepted is of the process, and becomes a valid
// exception.
func FuzzSidecar(f *testing.F) {
	f.Add([]byte(`{"sidecar_version":1,"pid":7,"capture":{"reason":"r","error":{"type":"*x.E","message":"m","wraps":[{"message":"n"}]}}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		sc, err := parseSidecar(b, 7)
		if err != nil {
			return
		}
		if sc.PID != 7 || !json.Valid(b) {
			t.Errorf("accepted %q", b)
		}
		if sc.Capture != nil && sc.Capture.Error != nil {
			budget := maxSidecarErrors
			sc.Capture.Error.exception(&budget)
		}
	})
}
