package redact

import (
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestPersonal: whoever asks for one value at a tier that shows everything can
// still have personal data removed.
func TestPersonal(t *testing.T) {
	in := &report.Report{Globals: []report.Global{
		{Package: "main", Name: "email", Value: report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "not an address"}},
		{Package: "main", Name: "text", Value: report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "write to ada@example.com"}},
	}}
	for _, personal := range []bool{false, true} {
		res, err := Apply(in, Policy{Tier: 3, Personal: personal})
		if err != nil {
			t.Fatal(err)
		}
		name, text := res.Report().Globals[0].Value, res.Report().Globals[1].Value
		if gone := name.State == report.StateRedacted; gone != personal {
			t.Errorf("Personal %v: the value of email is %s", personal, name.State)
		}
		if gone := text.Text != "write to ada@example.com"; gone != personal {
			t.Errorf("Personal %v: the text is %q", personal, text.Text)
		}
	}
}
