package export

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestStandardPartHasNoNumbers: what Safedump's own tools read says [REDACTED],
// wherever a limit cuts, while the metadata has the numbers.
func TestStandardPartHasNoNumbers(t *testing.T) {
	for _, text := range []string{"[REDACTED#12]", "ab [REDACTED#12] ", strings.Repeat("ab [REDACTED#12] ", 700), strings.Repeat("[REDACTED#999999]", 700)} {
		r := reportOf(text)
		frame := &r.Goroutines[0].Frames[0]
		frame.Vars = append(frame.Vars, local("gone", report.Value{State: report.StateRedacted, Kind: report.KindString, Type: "string", Secret: 12}),
			local("all", listVal("[]string", report.KindSlice, report.Value{State: report.StateRedacted, Kind: report.KindString, Type: "string", Secret: 12})))
		var b bytes.Buffer
		if err := writeJSON(&b, r, Options{MaxSize: -1}); err != nil {
			t.Fatal(err)
		}
		var parts map[string]json.RawMessage
		if err := json.Unmarshal(b.Bytes(), &parts); err != nil {
			t.Fatal(err)
		}
		if meta := string(parts["metadata"]); !strings.Contains(meta, text) || !strings.Contains(meta, `"secret":12`) {
			t.Errorf("the metadata has no numbers")
		}
		for key, part := range parts {
			if i := bytes.Index(part, []byte("REDACTED#")); i >= 0 && key != "metadata" {
				t.Errorf("%s: %s", key, part[max(0, i-60):min(len(part), i+60)])
			}
		}
		if want := `"value": "[REDACTED]"`; !bytes.Contains(b.Bytes(), []byte(want)) || !bytes.Contains(b.Bytes(), []byte(`"value": "[ [REDACTED]]"`)) {
			t.Errorf("no local is %s", want)
		}
	}
}

// TestTallies: numbers are counted in values and texts, once each.
func TestTallies(t *testing.T) {
	r := payReport()
	r.Crash.Exception.Message = `[REDACTED#1]: {"secret":7} [REDACTED#007] [REDACTED#3`
	got, err := tallies(r)
	if want := []tally{{1, 3}, {2, 2}}; err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}
