package redact_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// TestRedactedOnceIsRedactedEverywhere: a value of eight bytes or more that is
// removed in one place of a real report is in no byte of any format.
func TestRedactedOnceIsRedactedEverywhere(t *testing.T) {
	all := 0
	for _, name := range coretest.Names(t) {
		if strings.HasSuffix(name, ".stripped") {
			continue // no values
		}
		f := coretest.Core(t, name)
		o := sdcore.Options{Tier: 4, Globals: true, Limits: report.Limits{MaxString: -1, MaxItems: 300, MaxDepth: 12, MaxNodes: 100_000}}
		rep, err := sdcore.Analyze(context.Background(), f.Core, f.Bin, o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, tier := range []int{1, 4} {
			res, secrets, words := redact.Watched(t, rep, redact.Policy{Tier: tier, Limits: report.Limits{MaxString: -1}})
			all += len(secrets)
			forms := map[[8]byte][]string{}
			for _, s := range secrets {
				quoted, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				for _, form := range []string{s, string(quoted[1 : len(quoted)-1])} {
					key := [8]byte([]byte(form))
					forms[key] = append(forms[key], form)
				}
			}
			for format, out := range everyFormat(t, res) {
				for i := 0; i+8 <= len(out); i++ {
					for _, form := range forms[[8]byte([]byte(out[i:i+8]))] {
						if strings.HasPrefix(out[i:], form) {
							t.Errorf("%s at tier %d as %s holds %q, which was removed elsewhere: %q", name, tier, format, form, out[max(0, i-60):min(len(out), i+len(form)+20)])
						}
					}
				}
			}
			t.Logf("%s at tier %d: %d secrets, and %d words", name, tier, len(secrets), words)
		}
	}
	if all < 3000 {
		t.Errorf("only %d secrets were removed: hardly anything is tested", all)
	}
}

// everyFormat is what a result looks like in all formats.
func everyFormat(t *testing.T, res redact.Result) map[string]string {
	t.Helper()
	out := formats(t, res)
	for format, write := range map[string]func(*bytes.Buffer) error{
		"markdown":    func(b *bytes.Buffer) error { return export.Markdown(b, res) },
		"Go literals": func(b *bytes.Buffer) error { return export.GoLiterals(b, res, export.GoOptions{All: true}) },
		"redactions":  func(b *bytes.Buffer) error { return export.RedactionsText(b, res, export.TextOptions{Full: true}) },
		"globals":     func(b *bytes.Buffer) error { return export.GlobalsText(b, res, export.GlobalOptions{}) },
		"goroutines":  func(b *bytes.Buffer) error { return export.GoroutinesText(b, res, export.GoroutineOptions{}) },
	} {
		var b bytes.Buffer
		if err := write(&b); errors.Is(err, export.ErrNoFrame) {
			continue // no goroutine crashed: a deadlock
		} else if err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		out[format] = b.String()
	}
	return out
}
