package redact

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestSecretMemory: a value that lies in secret memory goes whatever it is
// called, with all below it, and the exceptions that are made of one lose their
// messages.
func TestSecretMemory(t *testing.T) {
	secret := func(v report.Value) report.Value { v.Protected = true; return v }
	in := func() *report.Report {
		flag := report.Value{State: report.StateOK, Kind: report.KindBool, Type: "bool", Text: "true"}
		gone := report.Value{State: report.StateOptimizedOut, Kind: report.KindInt, Type: "int", Note: "no location", Protected: true}
		key := secret(str("silver harbour"))
		table := report.Value{State: report.StateOK, Kind: report.KindMap, Type: "map[string]int", Len: 1, Children: []report.Child{{Key: &key, Value: num("5")}}}
		r := reportWith(variable("a", secret(str("winter meadow"))), variable("b", ptr(secret(structWith("main.T", tagField("N", "", num("77001")))))),
			variable("c", secret(flag)), variable("d", gone), variable("e", table), variable("f", str("plain words")))
		panicked := secret(str("cannot open the orchard"))
		r.Crash.Exception = report.Exception{Type: "*fmt.wrapError", Message: "failed: cannot open the orchard", Sub: []report.Exception{
			{Type: "*errors.errorString", Message: "cannot open the orchard", Relation: report.RelationWrapped, Value: &panicked},
			{Type: "*errors.errorString", Message: "no route", Relation: report.RelationJoined},
		}}
		return r
	}
	for tier := range 5 {
		got := applied(t, in(), Policy{Tier: tier})
		out := encode(t, got)
		for _, s := range []string{"winter", "77001", "silver", "orchard", `"text":"true"`, `"secret":true`} {
			if strings.Contains(out, s) {
				t.Errorf("tier %d: %s is left: %s", tier, s, out)
			}
		}
		if !strings.Contains(out, "no route") || tier > 0 && !strings.Contains(out, "plain words") || tier > 0 && !strings.Contains(out, "no location") {
			t.Errorf("tier %d: too much is gone: %s", tier, out)
		}
		if got.RedactionCounts[RuleMemory] == 0 || Unnumbered(got.Crash.Exception.Message) != Placeholder {
			t.Errorf("tier %d: counts %v", tier, got.RedactionCounts)
		}
	}
	allowed := applied(t, in(), Policy{Tier: 2, AllowPaths: []string{"**.vars.a"}})
	if v := allowed.Goroutines[0].Frames[0].Vars[0].Value; v.Text != "winter meadow" || v.Protected {
		t.Errorf("an allowed place: %+v", v)
	}
	// A report that was written before it was redacted says it too.
	var again report.Report
	if err := json.Unmarshal([]byte(encode(t, in())), &again); err != nil {
		t.Fatal(err)
	}
	if out := encode(t, applied(t, &again, Policy{Tier: 2})); strings.Contains(out, "winter") {
		t.Error("a report that was read from a file shows secret memory")
	}
}
