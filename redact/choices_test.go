package redact

import (
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// shownVars renders the variables of the first frame: "name=text", or
// "name!rule" for one that was removed.
func shownVars(r *report.Report) []string {
	rules := map[string]string{}
	for _, x := range r.Goroutines[0].Redactions {
		rules[strings.TrimPrefix(x.Location, "goroutines[0].frames[0].vars.")] = x.Rule
	}
	var out []string
	for _, v := range r.Goroutines[0].Frames[0].Vars {
		if v.Value.State == report.StateRedacted {
			out = append(out, v.Name+"!"+rules[v.Name])
		} else {
			out = append(out, v.Name+"="+v.Value.Text)
		}
	}
	return out
}

func TestChoices(t *testing.T) {
	typed := func(typ, s string) report.Value {
		v := str(s)
		v.Type = typ
		return v
	}
	aws := "AKIA" + "Z7QX3M5LK2VN8WPD"
	vars := func() []report.Variable {
		return []report.Variable{
			variable("password", str("hunter2")), variable("tenantNo", str("A-17")), variable("acct", typed("example.com/x/billing.Account", "77")),
			variable("s", typed("main.Secret", "blue")), variable("id", str(aws)),
		}
	}
	for what, c := range map[string]struct {
		p    Policy
		want []string
	}{
		"none":       {Policy{}, []string{"password!" + RuleName, "tenantNo=A-17", "acct=77", "s!" + RuleType, "id!" + RulePattern}},
		"allow name": {Policy{Allow: []string{"pass*"}}, []string{"password=hunter2", "tenantNo=A-17", "acct=77", "s!" + RuleType, "id!" + RulePattern}},
		"deny name":  {Policy{Deny: []string{"TENANT_*"}}, []string{"password!" + RuleName, "tenantNo!" + RuleName, "acct=77", "s!" + RuleType, "id!" + RulePattern}},
		"deny type":  {Policy{DenyTypes: []string{"billing.*"}}, []string{"password!" + RuleName, "tenantNo=A-17", "acct!" + RuleType, "s!" + RuleType, "id!" + RulePattern}},
		"deny full":  {Policy{DenyTypes: []string{"example.com/*.Account"}}, []string{"password!" + RuleName, "tenantNo=A-17", "acct!" + RuleType, "s!" + RuleType, "id!" + RulePattern}},
		"allow type": {Policy{AllowTypes: []string{"main.Secret"}}, []string{"password!" + RuleName, "tenantNo=A-17", "acct=77", "s=blue", "id!" + RulePattern}},
		"deny path":  {Policy{DenyPaths: []string{"goroutines[*].frames[0].vars.acct"}}, []string{"password!" + RuleName, "tenantNo=A-17", "acct!" + RuleCustom, "s!" + RuleType, "id!" + RulePattern}},
		"allow path": {Policy{AllowPaths: []string{"**.vars.password", "**.vars.s", "**.vars.id"}}, []string{"password=hunter2", "tenantNo=A-17", "acct=77", "s=blue", "id!" + RulePattern}},
		"allow text": {Policy{AllowPatterns: []string{"AKIAZ7[A-Z0-9]*"}}, []string{"password!" + RuleName, "tenantNo=A-17", "acct=77", "s!" + RuleType, "id=" + aws}},
		"part only":  {Policy{AllowPatterns: []string{"AKIAZ7"}}, []string{"password!" + RuleName, "tenantNo=A-17", "acct=77", "s!" + RuleType, "id!" + RulePattern}},
	} {
		c.p.Tier = 4
		got := shownVars(applied(t, reportWith(vars()...), c.p))
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", what, got, c.want)
		}
	}
}

// TestChosenPlaces: paths reach fields, texts, arguments and source lines, and
// leave the names of the program alone.
func TestChosenPlaces(t *testing.T) {
	r := tierReport()
	r.Goroutines[0].Frames[0].Vars = append(r.Goroutines[0].Frames[0].Vars,
		variable("req", structOf("main.Req", "Header", mapOf("map[string]string", str("Lang"), str("de"), str("Via"), str("proxy")), "N", num("3"))))
	got := applied(t, r, Policy{Tier: 4, DenyPaths: []string{
		"**.req.Header.*", "process.args[*]", "**.source.lines[1]", "**.labels.tenant.value", "crash.exception.sub[*].message", "**.function", "process.dir",
	}})
	g := got.Goroutines[0]
	for _, c := range g.Frames[0].Vars[2].Value.Children[0].Value.Children {
		if c.Key.State != report.StateRedacted || c.Value.State != report.StateRedacted {
			t.Errorf("header %+v", c)
		}
	}
	for what, ok := range map[string]bool{
		"field":     g.Frames[0].Vars[2].Value.Children[1].Value.Text == "3",
		"arguments": reflect.DeepEqual(got.Process.Args, []string{Placeholder, Placeholder}),
		"source":    reflect.DeepEqual(g.Frames[0].Source.Lines, []string{"a", Placeholder}),
		"label":     g.Labels[0] == report.Label{Key: "tenant", Value: Placeholder},
		"message":   got.Crash.Exception.Message == "boom" && got.Crash.Exception.Sub[0].Message == Placeholder,
		"function":  g.Frames[0].Function == "main.handle",
		"directory": got.Process.Dir == Placeholder,
		"record":    got.Redactions[0] == report.Redaction{Location: "crash.exception.sub[0].message", Rule: RuleCustom, Reason: "matched custom rule: path crash.exception.sub[*].message"},
	} {
		if !ok {
			t.Errorf("%s: %s", what, encode(t, got))
		}
	}
}

func TestChoicesAreValidated(t *testing.T) {
	for _, p := range []Policy{
		{AllowTypes: []string{"*"}}, {DenyTypes: []string{""}}, {DenyPaths: []string{"**"}}, {AllowPaths: []string{"*.*"}},
		{AllowPatterns: []string{"("}}, {AllowPatterns: []string{""}}, {Deny: []string{"*"}}, {Allow: []string{"**"}},
	} {
		if err := p.Validate(); err == nil || !strings.HasPrefix(err.Error(), "redact: ") {
			t.Errorf("%+v: %v", p, err)
		}
		if _, err := New(p); err == nil {
			t.Errorf("%+v: ready for use", p)
		}
	}
}

// TestPresets: each is a policy, and no two do the same.
func TestPresets(t *testing.T) {
	seen := map[string]string{}
	for _, name := range Presets() {
		p, ok := Preset(name)
		if !ok {
			t.Errorf("%s is not known", name)
		}
		r := tierReport()
		r.Goroutines[0].Frames[0].Vars = append(r.Goroutines[0].Frames[0].Vars,
			variable("dense", str("q8Zr4LmT0yXw7VbN2cKd")), variable("long", str(strings.Repeat("ab ", 3000))))
		got := encode(t, applied(t, r, p))
		if other := seen[got]; other != "" {
			t.Errorf("%s does what %s does", name, other)
		}
		seen[got] = name
	}
	if _, ok := Preset("nonsense"); ok {
		t.Error("a preset that there is not")
	}
}

// TestChoicesInStreams: with choices of every kind, applying twice is applying
// once, and a stream makes the same.
func TestChoicesInStreams(t *testing.T) {
	for seed := range int64(60) {
		p := Policy{
			Tier: int(seed % 5), Limits: report.Limits{MaxString: int(seed%40) - 1},
			Deny: []string{"s*"}, DenyTypes: []string{"*T"}, DenyPaths: []string{"**.cfg.*", "process.args[*]", "crash.exception.message", "**.lines[0]"},
			Allow: []string{"sess*"}, AllowTypes: []string{"*.U"}, AllowPaths: []string{"**.vars.password"}, AllowPatterns: []string{".*@.*"},
			Rules: []Rule{{Name: "n", Pattern: "pla[a-z]+", Replacement: "<p>"}},
		}
		got := checkStream(t, randomStream(seed, "bob@mail.example.org"), p, 1, 3)
		twice, err := Apply(got, p)
		if err != nil {
			t.Fatal(err)
		}
		if a, b := encode(t, got), encode(t, twice.Report()); a != b {
			t.Fatalf("seed %d: twice differs: %s", seed, difference(a, b))
		}
	}
}
