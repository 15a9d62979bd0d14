package redact_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestMarkedCores compares what is made of cores of programs that mark values as
// secret, by struct tags and by runtime/secret, with what the programs say of each.
func TestMarkedCores(t *testing.T) {
	for name, least := range map[string]int{"tagged": 60, "secretmode": 10} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			hidden, shown := readMarked(t, f)
			if len(hidden) < least || len(shown) < 2 {
				t.Fatalf("%d hidden, %d shown", len(hidden), len(shown))
			}
			o := sdcore.Options{Globals: true, RuntimeVars: true, Limits: report.Limits{MaxDepth: -1, MaxItems: -1, MaxNodes: 1 << 20, MaxFrames: 512}}
			rep, err := sdcore.Analyze(context.Background(), f.Core, f.Bin, o)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := json.Marshal(rep)
			if err != nil {
				t.Fatal(err)
			}
			missing := 0
			for s, what := range hidden {
				if !strings.Contains(string(raw), s) {
					missing++
					t.Logf("%s is not in the report before it is redacted", what)
				}
			}
			if missing > 2 { // optimized code may lack some
				t.Errorf("%d of %d values are not decoded: nothing is tested", missing, len(hidden))
			}
			for tier := range 5 {
				checkMarked(t, rep, redact.Policy{Tier: tier, Limits: report.Limits{MaxString: -1}}, hidden, shown)
			}
		})
	}
}

func checkMarked(t *testing.T, rep *report.Report, p redact.Policy, hidden, shown map[string]string) {
	t.Helper()
	res, err := redact.Apply(rep, p)
	if err != nil {
		t.Fatal(err)
	}
	for format, out := range formats(t, res) {
		for s, what := range hidden {
			if strings.Contains(out, s) {
				t.Errorf("tier %d as %s: %s is left", p.Tier, format, what)
			}
		}
		for s, what := range shown {
			if format == "json" && p.Tier >= 3 && !strings.Contains(out, s) {
				t.Errorf("tier %d as %s: %s is gone", p.Tier, format, what)
			}
		}
	}
	rule := redact.RuleTag
	if strings.Contains(hidden["copper-meadow-600"], "box") {
		rule = redact.RuleMemory
	}
	if n := res.Report().RedactionCounts[rule]; p.Tier > 0 && n == 0 {
		t.Errorf("tier %d: no record of %s", p.Tier, rule)
	}
}

// readMarked reads the lines "HIDDEN what value" and "SHOWN what value".
func readMarked(t *testing.T, f coretest.Files) (hidden, shown map[string]string) {
	t.Helper()
	b, err := os.ReadFile(f.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	hidden, shown = map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		to := map[string]map[string]string{"HIDDEN": hidden, "SHOWN": shown}[strings.SplitN(line, " ", 2)[0]]
		if i := strings.LastIndexByte(line, ' '); to != nil {
			to[line[i+1:]] = line[:i]
		}
	}
	return hidden, shown
}

// TestMarkedStream: the same of a stream.
func TestMarkedStream(t *testing.T) {
	for _, name := range []string{"tagged", "secretmode"} {
		f := coretest.Core(t, name)
		hidden, _ := readMarked(t, f)
		rep, err := sdcore.Analyze(context.Background(), f.Core, f.Bin, sdcore.Options{Globals: true})
		if err != nil {
			t.Fatal(err)
		}
		p := redact.Policy{Tier: 4}
		res, err := redact.Apply(rep, p)
		if err != nil {
			t.Fatal(err)
		}
		out := string(encoded(t, redact.Streamed(t, rep, p, 2)))
		if out != string(encoded(t, res.Report())) {
			t.Errorf("%s: the stream differs", name)
		}
		for s, what := range hidden {
			if strings.Contains(out, s) {
				t.Errorf("%s: %s is left in a stream", name, what)
			}
		}
	}
}
