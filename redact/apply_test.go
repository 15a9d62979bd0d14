package redact

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// str is a string value, text one of n bytes, and so on: what vars decodes.
func str(s string) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Len: int64(len(s)), Addr: 0xc000010000}
	v.SetContents(s)
	return v
}

func bytesOf(s string) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindBytes, Type: "[]uint8", Len: int64(len(s)), Cap: int64(len(s)), Target: 0xc000020000}
	v.SetContents(s)
	return v
}

func num(s string) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindInt, Type: "int", Text: s}
}

func boolean(s string) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindBool, Type: "bool", Text: s}
}

func structOf(typ string, fields ...any) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindStruct, Type: typ, Addr: 0xc000030000}
	for i := 0; i < len(fields); i += 2 {
		v.Children = append(v.Children, report.Child{Name: fields[i].(string), Value: fields[i+1].(report.Value)})
	}
	return v
}

func mapOf(typ string, entries ...any) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindMap, Type: typ, Target: 0xc000040000, Len: int64(len(entries) / 2)}
	for i := 0; i < len(entries); i += 2 {
		k := entries[i].(report.Value)
		v.Children = append(v.Children, report.Child{Key: &k, Value: entries[i+1].(report.Value)})
	}
	return v
}

func sliceOf(typ string, els ...report.Value) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: typ, Target: 0xc000050000, Len: int64(len(els)), Cap: int64(len(els))}
	for _, e := range els {
		v.Children = append(v.Children, report.Child{Value: e})
	}
	return v
}

func ptr(e report.Value) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindPointer, Type: "*" + e.Type, Target: 0xc000060000, Children: []report.Child{{Value: e}}}
}

func iface(e report.Value) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindInterface, Type: "interface {}", Children: []report.Child{{Value: e}}}
}

func reportWith(vars ...report.Variable) *report.Report {
	return &report.Report{
		Schema: 1,
		Crash:  report.Crash{Kind: report.KindPanic, Goroutine: 1, Exception: report.Exception{Type: "string", Message: "boom"}},
		Goroutines: []report.Goroutine{{ID: 1, Status: "running", Crashed: true, Start: "main.main", Frames: []report.Frame{
			{Function: "main.handle", Package: "main", File: "/src/main.go", Line: 42, CrashSite: true, Vars: vars},
		}}},
	}
}

func variable(name string, v report.Value) report.Variable {
	return report.Variable{Name: name, Role: report.RoleLocal, Value: v}
}

// applied redacts r, checks that r is as it was, that doing it again changes nothing, and
// that the result survives being written and read.
func applied(t *testing.T, r *report.Report, p Policy) *report.Report {
	t.Helper()
	before := encode(t, r)
	res, err := Apply(r, p)
	if err != nil {
		t.Fatal(err)
	}
	if after := encode(t, r); after != before {
		t.Errorf("Apply changed its input:\n%s", difference(before, after))
	}
	once := encode(t, res.Report())
	if r.Validate() == nil {
		if err := res.Report().Validate(); err != nil {
			t.Errorf("a valid report is invalid when redacted: %v", err)
		}
	}
	again, err := Apply(res.Report(), p)
	if err != nil {
		t.Fatal(err)
	}
	if twice := encode(t, again.Report()); twice != once {
		t.Errorf("applying twice is not as applying once:\n%s", difference(once, twice))
	}
	var read report.Report
	if err := json.Unmarshal([]byte(once), &read); err != nil {
		t.Fatal(err)
	}
	third, err := Apply(&read, p)
	if err != nil {
		t.Fatal(err)
	}
	if got := encode(t, third.Report()); got != once {
		t.Errorf("a report from disk is redacted differently:\n%s", difference(once, got))
	}
	return res.Report()
}

// difference shows two texts around the first byte that differs.
func difference(a, b string) string {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return a[max(0, i-200):min(len(a), i+200)] + "\n" + b[max(0, i-200):min(len(b), i+200)]
}

func encode(t *testing.T, r *report.Report) string {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func one(t *testing.T, name string, v report.Value) report.Value {
	t.Helper()
	return applied(t, reportWith(variable(name, v)), Policy{Tier: 4}).Goroutines[0].Frames[0].Vars[0].Value
}

func TestRedactedLeafIsBare(t *testing.T) {
	for _, v := range []report.Value{str("hunter2hunter2"), ptr(str("x")), bytesOf("abc"), num("1234"), sliceOf("[]string", str("a")),
		structOf("main.T", "a", str("b")), {State: report.StateOK, Kind: report.KindPointer, Type: "*int", Nil: true}} {
		got := one(t, "password", v)
		want := report.Value{State: report.StateRedacted, Kind: v.Kind, Type: v.Type}
		if v.Text == "hunter2hunter2" {
			want.Secret = 1
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", v.Type, got, want)
		}
	}
}

func TestAuditRecords(t *testing.T) {
	r := reportWith(
		variable("apiKey", str("zq81-mm20-zz17")),
		variable("cfg", structOf("main.Config", "DB", structOf("main.DB", "Password", str("tr0ub4dor&3")), "Host", str("db1"))),
		variable("m", mapOf("map[string]string", str("Authorization"), str("x y z"), str("plain"), str("text"))),
	)
	r.Crash.Exception.Message = "login failed: password=tr0ub4dor&3"
	r.Process.Args = []string{"svc", "--token", "zq81-mm20-zz17", "-v"}
	got := applied(t, r, Policy{Tier: 4})
	if got.Crash.Exception.Message != "login failed: password=[REDACTED#2]" {
		t.Errorf("message %q", got.Crash.Exception.Message)
	}
	if want := []string{"svc", "--token", PlaceholderOf(1), "-v"}; !reflect.DeepEqual(got.Process.Args, want) {
		t.Errorf("args %q", got.Process.Args)
	}
	want := []report.Redaction{
		{Location: "goroutines[0].frames[0].vars.apiKey", Reason: "matched denylist: 'apikey'", Rule: RuleName},
		{Location: "goroutines[0].frames[0].vars.cfg.DB.Password", Reason: "matched denylist: 'password'", Rule: RuleName},
		{Location: "goroutines[0].frames[0].vars.m.Authorization", Reason: "matched denylist: 'authorization'", Rule: RuleName},
	}
	if !reflect.DeepEqual(got.Goroutines[0].Redactions, want) {
		t.Errorf("records of the goroutine: %+v", got.Goroutines[0].Redactions)
	}
	want = []report.Redaction{
		{Location: "crash.exception.message", Reason: "matched denylist: 'password'", Rule: RuleName},
		{Location: "process.args[2]", Reason: "matched denylist: 'token'", Rule: RuleName},
	}
	if !reflect.DeepEqual(got.Redactions, want) {
		t.Errorf("records: %+v", got.Redactions)
	}
	if want := map[string]int{RuleName: 5}; !reflect.DeepEqual(got.RedactionCounts, want) {
		t.Errorf("counts: %v", got.RedactionCounts)
	}
	if s := encode(t, got); strings.Contains(s, "tr0ub4dor") || strings.Contains(s, "zq81") {
		t.Errorf("a secret is left: %s", s)
	}
}
