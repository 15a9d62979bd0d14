package policyfile

import (
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

func text(typ, s string) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindString, Type: typ, Text: s, Len: int64(len(s))}
}

// explainable is a report with removals by name and by type in every kind of
// place.
func explainable() *report.Report {
	field := func(name string, v report.Value) report.Child { return report.Child{Name: name, Value: v} }
	cfg := report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "main.Config", Children: []report.Child{field("DBPassword", text("string", "hunter2"))}}
	key := text("string", "Authorization")
	header := report.Value{State: report.StateOK, Kind: report.KindMap, Type: "map[string]string", Children: []report.Child{{Key: &key, Value: text("string", "x y")}}}
	tokens := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]string", Children: []report.Child{{Value: text("string", "abc")}}}
	return &report.Report{
		Tier:    4,
		Crash:   report.Crash{Exception: report.Exception{Message: "login failed: password=tr0ub4dor"}},
		Globals: []report.Global{{Package: "example.com/x/main", Name: "apiKey", Value: text("string", "blue")}},
		Process: report.Process{Env: []report.EnvVar{{Name: "DB_PASSWORD", Value: "red"}}, Args: []string{"svc", "--token", "q1w2"}},
		Goroutines: []report.Goroutine{{ID: 1, Crashed: true, Labels: []report.Label{{Key: "session_id", Value: "s7"}}, Frames: []report.Frame{{
			Function: "main.f", Vars: []report.Variable{
				{Name: "cfg", Value: cfg}, {Name: "h", Value: header}, {Name: "cookies", Value: tokens}, {Name: "&secret#2", Value: text("string", "green")},
				{Name: "s", Value: text("main.UserSecret", "grey")}, {Name: "c", Value: text("net/url.Userinfo", "u")},
			}}}}},
	}
}

func records(r *report.Report) []report.Redaction {
	return append(append([]report.Redaction{}, r.Redactions...), r.Goroutines[0].Redactions...)
}

// TestAllowedAsExplained: what an explanation says to write into a policy keeps
// the value.
func TestAllowedAsExplained(t *testing.T) {
	res, err := redact.Apply(explainable(), redact.Policy{Tier: 4})
	if err != nil {
		t.Fatal(err)
	}
	all, tried := records(res.Report()), 0
	for _, x := range all {
		e := redact.Explain(x)
		yaml, _, _ := strings.Cut(e.Allow, ", or ")
		if !strings.HasPrefix(yaml, "allow: {") || strings.Contains(yaml, "...") {
			t.Errorf("%+v: %s", x, e.Allow)
			continue
		}
		f, err := Parse("p", []byte(yaml))
		if err != nil {
			t.Errorf("%+v: %v", x, err)
			continue
		}
		res, err := redact.Apply(explainable(), f.Apply(redact.Policy{Tier: 4}))
		if err != nil {
			t.Fatal(err)
		}
		tried++
		for _, y := range records(res.Report()) {
			if reflect.DeepEqual(x, y) {
				t.Errorf("%+v: still there with %s", x, yaml)
			}
		}
	}
	if tried < 10 {
		t.Errorf("only %d of the records could be tried: %+v", tried, all)
	}
}

// TestEveryRuleIsExplained: no rule is unknown, and the words quote nothing but
// the record.
func TestEveryRuleIsExplained(t *testing.T) {
	unknown := redact.Explain(report.Redaction{Rule: "of tomorrow"})
	for _, rule := range []string{redact.RuleName, redact.RulePattern, redact.RuleEntropy, redact.RuleCustom, redact.RuleError, redact.RuleType, redact.RuleSpread, redact.RuleShape} {
		e := redact.Explain(report.Redaction{Rule: rule})
		if e.Rule == "" || e.Allow == "" || e == unknown {
			t.Errorf("%s: %+v", rule, e)
		}
	}
}
