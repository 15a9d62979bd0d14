package redact

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func tierReport() *report.Report {
	v := structOf("main.E", "N", num("5"))
	deep := num("99")
	for range shallowHops + 3 {
		deep = ptr(deep)
	}
	r := reportWith(variable("n", num("7")), variable("deep", deep))
	r.Crash.Exception.Value = &v
	r.Crash.Exception.Sub = []report.Exception{{Type: "*main.E", Message: "inner", Value: &v}}
	r.Goroutines[0].Labels = []report.Label{{Key: "tenant", Value: "blue"}}
	r.Goroutines[0].Frames[0].Source = &report.Source{First: 41, Lines: []string{"a", "b"}}
	r.Threads = []report.Thread{{TID: 1, Frames: []report.Frame{{Vars: []report.Variable{variable("t", num("8"))}}}}}
	r.Globals = []report.Global{{Package: "main", Name: "count", Value: num("9")}}
	r.Process = report.Process{PID: 3, Name: "svc", Args: []string{"svc", "-v"}, EnvNames: []string{"HOME", "API_KEY", "PWD"},
		Env: []report.EnvVar{{Name: "HOME", Value: "/root"}, {Name: "API_KEY", Value: "abc"}}, Dir: "/srv"}
	return r
}

func TestTiers(t *testing.T) {
	for tier := 0; tier <= 4; tier++ {
		got := applied(t, tierReport(), Policy{Tier: tier})
		f := got.Goroutines[0].Frames[0]
		depth := 0
		for _, x := range f.Vars {
			for v := &x.Value; len(v.Children) > 0; v = &v.Children[0].Value {
				depth++
			}
		}
		for what, ok := range map[string]bool{
			"tier":              got.Tier == tier,
			"frames":            f.Function == "main.handle" && f.Line == 42,
			"message":           got.Crash.Exception.Message == "boom" && got.Crash.Exception.Sub[0].Message == "inner",
			"locals":            (len(f.Vars) == 2) == (tier >= 1) && f.Vars != nil,
			"locals of threads": (len(got.Threads[0].Frames[0].Vars) == 1) == (tier >= 1),
			"source":            (f.Source != nil) == (tier >= 1),
			"labels":            (len(got.Goroutines[0].Labels) == 1) == (tier >= 1),
			"panic value":       (got.Crash.Exception.Value != nil) == (tier >= 1) && (got.Crash.Exception.Sub[0].Value != nil) == (tier >= 1),
			"depth":             depth == []int{0, shallowHops, shallowHops + 3, shallowHops + 3, shallowHops + 3}[tier],
			"globals":           (len(got.Globals) == 1) == (tier >= 3),
			"directory":         (got.Process.Dir == "/srv") == (tier >= 3),
			"names":             slices.Equal(got.Process.EnvNames, []string{"HOME"}) == (tier >= 3),
			"arguments":         (len(got.Process.Args) == 2) == (tier >= 4),
			"environment":       (len(got.Process.Env) == 2) == (tier >= 4),
			"omissions":         (len(got.Omitted) == 0) == (tier == 4),
		} {
			if !ok {
				t.Errorf("tier %d: %s: %s", tier, what, encode(t, got))
			}
		}
		if tier == 4 && (got.Process.Env[1].Value != Placeholder || got.Process.Env[0].Value != "/root") {
			t.Errorf("environment: %+v", got.Process.Env)
		}
	}
	low := applied(t, tierReport(), Policy{Tier: 1})
	if got := applied(t, low, Policy{Tier: 4}); got.Tier != 1 {
		t.Errorf("a report of tier 1 claims tier %d after it was redacted again", got.Tier)
	}
}

func TestShortening(t *testing.T) {
	long := strings.Repeat("é ", 1000)
	for _, c := range []struct {
		limit, want int
	}{{0, 1023}, {10, 9}, {-1, 3000}, {1, 0}} {
		got := applied(t, reportWith(variable("v", str(long)), variable("b", bytesOf("\xff"+long))), Policy{Tier: 1, Limits: report.Limits{MaxString: c.limit}})
		v := got.Goroutines[0].Frames[0].Vars[0].Value
		s, ok := v.Contents()
		if !ok || len(s) != c.want || !strings.HasPrefix(long, s) || v.Len != 3000 || (v.State == report.StateTruncated) != (c.want < 3000) {
			t.Errorf("limit %d: %d bytes, state %s, len %d", c.limit, len(s), v.State, v.Len)
		}
	}
	// A secret that the cut would halve was judged whole, and the cut does not
	// go through the placeholder.
	secret := "ghp_" + rep("aB3xK9", 36)
	for limit := 1; limit < 60; limit++ {
		got := applied(t, reportWith(variable("v", str("0123456789 password=hunter2 and then some more text to be cut off "+secret[:9]))),
			Policy{Tier: 1, Limits: report.Limits{MaxString: limit}}).Goroutines[0].Frames[0].Vars[0].Value
		if strings.Contains(got.Text, "hunt") || strings.Contains(strings.ReplaceAll(got.Text, Placeholder, ""), "[") || len(got.Text) > limit {
			t.Errorf("limit %d: %q", limit, got.Text)
		}
		got = applied(t, reportWith(variable("v", str(strings.Repeat("x", limit)+" "+secret))),
			Policy{Tier: 1, Limits: report.Limits{MaxString: limit}}).Goroutines[0].Frames[0].Vars[0].Value
		if got.State != report.StateRedacted {
			t.Errorf("limit %d: %+v", limit, got)
		}
	}
}

func TestPartlyRedactedLength(t *testing.T) {
	got := one(t, "v", str("password=hunter2"))
	if got.Text != "password="+Placeholder || got.Len != int64(len(got.Text)) || got.Note != partly || got.State != report.StateOK {
		t.Errorf("%+v", got)
	}
}

func TestFingerprint(t *testing.T) {
	r := reportWith()
	sum := func(s string) string {
		h := sha256.Sum256([]byte(s))
		return hex.EncodeToString(h[:])[:12]
	}
	r.Goroutines[0].Frames = append([]report.Frame{{Function: "runtime.gopanic", File: "panic.go", Line: 1, Runtime: true}}, r.Goroutines[0].Frames...)
	if got := applied(t, r, Policy{}).Fingerprint; got != sum("string"+"boom"+"/src/main.go"+"42") {
		t.Errorf("fingerprint %s", got)
	}
	r.Crash.Exception.Message = strings.Repeat("é", 150)
	if got := applied(t, r, Policy{}).Fingerprint; got != sum("string"+strings.Repeat("é", 100)+"/src/main.go"+"42") {
		t.Errorf("fingerprint of a long message %s", got)
	}
	r.Crash.Exception.Message = "password=one"
	one := applied(t, r, Policy{}).Fingerprint
	r.Crash.Exception.Message = "password=two"
	if two := applied(t, r, Policy{}).Fingerprint; two != one {
		t.Errorf("the fingerprint depends on what was removed")
	}
	if got := applied(t, &report.Report{}, Policy{}).Fingerprint; got != sum("") {
		t.Errorf("fingerprint of nothing %s", got)
	}
}

func TestPolicyIsValidated(t *testing.T) {
	for _, p := range []Policy{
		{Tier: -1}, {Tier: 5}, {Limits: report.Limits{MaxString: -2}}, {Entropy: -1}, {Entropy: 9}, {Allow: []string{""}}, {Deny: []string{"--"}},
		{Rules: []Rule{{}}}, {Rules: []Rule{{Pattern: "("}}}, {Rules: []Rule{{Pattern: "a", ApplyTo: "files"}}},
		{Rules: []Rule{{Pattern: "x*"}}}, {Rules: []Rule{{Pattern: "R"}}}, {Rules: []Rule{{Pattern: "a", Replacement: "banana"}}},
	} {
		if err := p.Validate(); err == nil {
			t.Errorf("%+v is let through", p)
		}
		if res, err := Apply(reportWith(), p); err == nil || res.Report() != nil {
			t.Errorf("%+v: applied", p)
		}
	}
	if err := Default().Validate(); err != nil {
		t.Error(err)
	}
	if _, err := Apply(nil, Policy{}); err == nil {
		t.Error("no report: no error")
	}
}

func TestCustomRules(t *testing.T) {
	p := Policy{Tier: 4, Allow: []string{"commit_hash", "Key"}, Deny: []string{"colour"}, Entropy: 4, Rules: []Rule{
		{Pattern: `PROP-\d+`}, {Pattern: `cust-\d+`, Replacement: "cust-N"}, {Pattern: `(?i)^tenant`, ApplyTo: ApplyNames}}}
	r := reportWith(
		variable("commitHash", str("d0be2dc")), variable("key", str("left")), variable("myColour", str("red")), variable("Colour", str("red")),
		variable("v", str("see PROP-77 of cust-5")), variable("tenantName", str("blue")), variable("w", str("PROP-1")),
		variable("dense", str("q8Zr4LmT0yXw7VbN2cKd")),
	)
	r.Crash.Exception.Message = "msg PROP-777"
	got := applied(t, r, p)
	var out []string
	for _, v := range got.Goroutines[0].Frames[0].Vars {
		out = append(out, fmt.Sprint(v.Value.State, " ", v.Value.Text))
	}
	want := []string{"ok d0be2dc", "ok left", "ok red", "redacted ", "ok see [REDACTED] of cust-N", "redacted ", "redacted ", "redacted "}
	if !slices.Equal(out, want) {
		t.Errorf("got %q\nwant %q", out, want)
	}
	if got.Crash.Exception.Message != "msg [REDACTED]" {
		t.Errorf("message %q", got.Crash.Exception.Message)
	}
	last := got.Goroutines[0].Redactions[len(got.Goroutines[0].Redactions)-1]
	if last.Rule != RuleEntropy || !strings.HasPrefix(last.Reason, "high entropy: 4.") {
		t.Errorf("entropy: %+v", last)
	}
}

// TestPanicDropsTheValue: what can't be judged is not let through.
func TestPanicDropsTheValue(t *testing.T) {
	x, err := New(Policy{Tier: 4})
	if err != nil {
		t.Fatal(err)
	}
	x.rules = []compiledRule{{re: &regexp.Regexp{}, values: true}} // not compiled: panics when used
	r := reportWith(variable("v", str("some text")), variable("n", num("7")))
	res, err := x.Apply(r)
	if err != nil {
		t.Fatal(err)
	}
	got := res.Report()
	v := got.Goroutines[0].Frames[0].Vars[0].Value
	if v.State != report.StateRedacted || v.Text != "" || got.Crash.Exception.Message != Placeholder || got.RedactionCounts[RuleError] == 0 {
		t.Errorf("%+v, message %q, counts %v", v, got.Crash.Exception.Message, got.RedactionCounts)
	}
	if s := encode(t, got); strings.Contains(s, "some text") || strings.Contains(s, "boom") {
		t.Errorf("what could not be judged is shown: %s", s)
	}
}

// TestHostileTrees: depth, cycles and escapes that are none.
func TestHostileTrees(t *testing.T) {
	v := num("1")
	for range maxDepth + 50 {
		v = report.Value{State: report.StateOK, Kind: report.KindPointer, Type: "*T", Children: []report.Child{{Value: v}}}
	}
	got := applied(t, reportWith(variable("v", v)), Policy{Tier: 2})
	if got.RedactionCounts[RuleError] == 0 {
		t.Errorf("counts %v", got.RedactionCounts)
	}
	cycle := &report.Value{State: report.StateOK, Kind: report.KindMap, Type: "map[string]T"}
	cycle.Children = []report.Child{{Key: cycle}, {Key: cycle}}
	c := cloner{maxNodes: 1000}
	dup := *cycle
	if c.root(&dup); c.dropped == 0 || c.nodes > 3000 {
		t.Errorf("a cycle of two: %d nodes, %d dropped", c.nodes, c.dropped)
	}
	bad := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: `\xzz"`, Quoted: true}
	if got := one(t, "v", bad); got.State != report.StateRedacted {
		t.Errorf("contents that can't be read: %+v", got)
	}
	e := report.Exception{Message: "m"}
	for range maxNested + 10 {
		e = report.Exception{Message: "m", Sub: []report.Exception{e}}
	}
	r := reportWith()
	r.Crash.Exception = e
	applied(t, r, Policy{})
}

func TestSafedumpLocation(t *testing.T) {
	for in, want := range map[string]string{
		"goroutines[2].frames[5].vars.cfg.db[3].Password": "frames[1].locals.cfg",
		"goroutines[2].frames[4].source.lines[1]":         "frames[0].code_context",
		"goroutines[2].frames[3].vars.x":                  "",
		"goroutines[1].frames[5].vars.x":                  "",
		"goroutines[2].labels.tenant":                     "",
		"crash.exception.message":                         "exception.message",
		"crash.exception.sub[1].sub[0].message":           "exception.sub[2].message",
		"crash.exception.sub[1].value.message":            "",
		"process.args[3]":                                 "environment.argv[3]",
		"process.env_names":                               "environment.env_var_names",
		"process.dir":                                     "environment.cwd",
		"globals.main.key":                                "",
		"frames[3].locals.password":                       "frames[3].locals.password",
		"environment.cwd":                                 "environment.cwd",
		"threads[140].name":                               "threads[140].name",
		"threads[0].frames[0].vars.x":                     "",
	} {
		if got, ok := SafedumpLocation(in, 2, 4); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", in, got, ok, want)
		}
	}
}
