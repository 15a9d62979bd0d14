package redact

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/report"
)

// TestEveryStringHasADecision fails when a string field is added to the report
// model without a redact tag.
func TestEveryStringHasADecision(t *testing.T) {
	plan, err := reportPlan()
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.fields) < 10 {
		t.Errorf("the plan of a report has %d fields", len(plan.fields))
	}
}

func TestUndecidedFieldsAreRefused(t *testing.T) {
	type inner struct {
		S string
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{struct{ S string }{}, "without a redact tag"},
		{struct{ S []string }{}, "without a redact tag"},
		{struct {
			S string `redact:"maybe"`
		}{}, "none of the known ones"},
		{struct{ In []inner }{}, "without a redact tag"},
		{struct{ P *inner }{}, "without a redact tag"},
		{struct{ M map[string]int }{}, "without a redact tag"},
		{struct {
			M map[string]string `redact:"text"`
		}{}, "no way is known"},
		{struct {
			M map[string]int `redact:"text"`
		}{}, "must be safe"},
		{struct{ B []byte }{}, "no way is known"},
		{struct{ A any }{}, "no way is known"},
		{struct{ F func() }{}, "no way is known"},
		{struct{ SS [][]string }{}, "no way is known"},
		{struct{ S *string }{}, ""},
	} {
		_, err := planOf(reflect.TypeOf(c.v), map[reflect.Type]*structPlan{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want an error with %q", c.v, err, c.want)
		}
	}
	if _, err := planOf(reflect.TypeOf(struct {
		T time.Time
		N []uint64
		S []string `redact:"text"`
	}{}), map[reflect.Type]*structPlan{}); err != nil {
		t.Errorf("a decided struct: %v", err)
	}
}

// fillStrings puts s into every string that v holds, but for the fields that
// are sdcore's own, and gives slices and pointers an element.
func fillStrings(v reflect.Value, s string, depth int) (n int) {
	if depth > 7 {
		return 0
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag := f.Tag.Get("redact")
			if !f.IsExported() || tag == "safe" || v.Type() == reflect.TypeFor[report.Redaction]() && f.Name != "Location" {
				continue
			}
			n += fillStrings(v.Field(i), s, depth+1)
		}
	case reflect.String:
		v.SetString(s)
		n++
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return 0
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		n += fillStrings(v.Index(0), s, depth+1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		n += fillStrings(v.Elem(), s, depth+1)
	}
	return n
}

// TestEveryStringIsScanned plants a provider's token in every string of a
// report and looks for it in the result.
func TestEveryStringIsScanned(t *testing.T) {
	token := "ghp_" + rep("aB3xK9", 36)
	for tier := 0; tier <= 4; tier++ {
		r := &report.Report{}
		n := fillStrings(reflect.ValueOf(r).Elem(), "x "+token+" y", 0)
		if n < 80 {
			t.Fatalf("only %d strings were filled", n)
		}
		res, err := Apply(r, Policy{Tier: tier})
		if err != nil {
			t.Fatal(err)
		}
		if s := encode(t, res.Report()); strings.Contains(s, token[4:20]) {
			i := strings.Index(s, token[4:20])
			t.Errorf("tier %d: the token is left: %s", tier, s[max(0, i-200):i+60])
		}
	}
}

func TestPropagation(t *testing.T) {
	const secret = "tr0ub4dor&3+x"
	forms := []string{secret, base64.StdEncoding.EncodeToString([]byte("ab" + secret + "cd")), base64.URLEncoding.EncodeToString([]byte(secret)),
		hex.EncodeToString([]byte(secret)), strings.ToUpper(hex.EncodeToString([]byte(secret))), url.QueryEscape(secret),
		strconv.Quote(secret), `tr0ub4dor\u00263+x`}
	for _, sample := range forms {
		r := reportWith(
			variable("dbPassword", str(secret)),
			variable("buf", bytesOf("xx"+sample+"yy")),
			variable("list", sliceOf("[]string", str("a"), str(sample))),
			variable("m", mapOf("map[string]int", str("k"+sample), num("1"))),
		)
		r.Crash.Exception.Message = "failed: " + sample
		r.Crash.Exception.Sub = []report.Exception{{Message: sample}}
		r.Process.Args = []string{"svc", sample}
		r.Goroutines[0].Labels = []report.Label{{Key: "tenant", Value: sample}}
		r.Goroutines[0].Frames[0].Source = &report.Source{Lines: []string{"x := " + sample}}
		r.Problems = []report.Problem{{Message: "at " + sample}}
		r.Identity.Settings = []report.Setting{{Key: "-ldflags", Value: "-X main.x=" + sample}}
		r.Identity.Core = "/tmp/" + sample
		got := applied(t, r, Policy{Tier: 4})
		s := encode(t, got)
		if strings.Contains(s, sample) || strings.Contains(s, sample[4:]) {
			t.Errorf("%q is left:\n%s", sample, s)
		}
		if got.Crash.Exception.Message == "failed: "+sample || got.RedactionCounts[RuleSpread] == 0 && sample == secret {
			t.Errorf("%q: counts %v", sample, got.RedactionCounts)
		}
	}
}

// TestPropagationOfPieces: a buffer can hold the middle of a token only.
func TestPropagationOfPieces(t *testing.T) {
	const token = "q7Lm2Xc9Rt4Vb8Nz1Kd6Wp3Hs5"
	for from := 0; from+minSpread <= len(token); from++ {
		for to := from + minSpread; to <= len(token); to++ {
			got := applied(t, reportWith(variable("apiToken", str(token)), variable("buf", bytesOf("the \x00"+token[from:to]+" end"))), Policy{Tier: 4})
			s, _ := got.Goroutines[0].Frames[0].Vars[1].Value.Contents()
			if want := "the \x00" + Placeholder + " end"; s != want {
				t.Fatalf("%q: %q", token[from:to], s)
			}
		}
	}
	// Words and names of the program in a secret are no pieces of it.
	r := reportWith(variable("apiToken", str("payments-q7Lm2Xc9Rt4V-production")), variable("v", str("payments in production, orders2Cash8")),
		variable("w", str("chargeCard2Fast9")), variable("otherToken", str("x.chargeCard2Fast9.q7Lm2")))
	r.Goroutines[0].Frames[0].Function = "main.chargeCard2Fast9"
	vars := applied(t, r, Policy{Tier: 4}).Goroutines[0].Frames[0].Vars
	for _, v := range vars[1:3] {
		if v.Value.Text != r.Goroutines[0].Frames[0].Vars[1].Value.Text && v.Value.Text != "chargeCard2Fast9" {
			t.Errorf("%s became %q", v.Name, v.Value.Text)
		}
	}
}

func TestPropagationKeepsWords(t *testing.T) {
	for _, c := range []struct {
		name, value string
		spread      bool
	}{
		{"password", "tr0ub4dor", true},
		{"password", "hunter2", false},                   // too short
		{"password", "administrator", false},             // a word
		{"hash", "d0be2dc421be4fcd", false},              // Safedump's list alone says so
		{"token", "main.chargeCard", false},              // a name of the program
		{"tokenURL", "https://login.example/tok", false}, // a place, not a secret
		{"sslCert", "/etc/ssl/certs/ca.pem", false},
		{"secret", "aaaaaaaaaaaa", false},
		{"sessionToken", "8f14e45fceea167a5a36dedd4bea2543", true},
	} {
		r := reportWith(variable(c.name, str(c.value)), variable("v", str("a "+c.value+" b")))
		r.Goroutines[0].Frames[0].Function = "main.chargeCard"
		vars := applied(t, r, Policy{Tier: 4}).Goroutines[0].Frames[0].Vars
		if vars[0].Value.State != report.StateRedacted {
			t.Errorf("%s is shown", c.name)
		}
		if spread := vars[1].Value.Text != "a "+c.value+" b"; spread != c.spread {
			t.Errorf("%s = %s: removed elsewhere %v, want %v", c.name, c.value, spread, c.spread)
		}
	}
}

// TestHiddenSecretsAreKnown: what a tier does not show is still a secret.
func TestHiddenSecretsAreKnown(t *testing.T) {
	deep := str("tr0ub4dor&3")
	for range shallowHops + 2 {
		deep = ptr(structOf("main.T", "password", deep))
	}
	for name, plant := range map[string]func(r *report.Report){
		"environment": func(r *report.Report) { r.Process.Env = []report.EnvVar{{Name: "DB_PASSWORD", Value: "tr0ub4dor&3"}} },
		"arguments":   func(r *report.Report) { r.Process.Args = []string{"--password", "tr0ub4dor&3"} },
		"global": func(r *report.Report) {
			r.Globals = []report.Global{{Package: "main", Name: "password", Value: str("tr0ub4dor&3")}}
		},
		"local": func(r *report.Report) {
			r.Goroutines[0].Frames[0].Vars = []report.Variable{variable("password", str("tr0ub4dor&3"))}
		},
		"deep": func(r *report.Report) { r.Goroutines[0].Frames[0].Vars = []report.Variable{variable("x", deep)} },
		"panic value": func(r *report.Report) {
			v := structOf("main.E", "Password", str("tr0ub4dor&3"))
			r.Crash.Exception.Value = &v
		},
	} {
		for tier := 0; tier <= 1; tier++ {
			r := reportWith()
			r.Crash.Exception.Message = "cannot log in with tr0ub4dor&3 today"
			plant(r)
			if s := encode(t, applied(t, r, Policy{Tier: tier})); strings.Contains(s, "tr0ub4") {
				t.Errorf("%s at tier %d: %s", name, tier, s)
			}
		}
	}
}

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
	} {
		if got, ok := SafedumpLocation(in, 2, 4); got != want || ok != (want != "") {
			t.Errorf("%s: %q, %v, want %q", in, got, ok, want)
		}
	}
}
