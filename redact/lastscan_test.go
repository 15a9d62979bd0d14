package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// scanFor is a last scan for secrets.
func scanFor(t testing.TB, secrets ...string) *LastScan {
	t.Helper()
	x, err := New(Policy{Tier: 4})
	if err != nil {
		t.Fatal(err)
	}
	l := newLearned()
	for _, s := range secrets {
		l.secrets.add(s, kept{grade: gradeSure})
	}
	return x.lastScan(l.search(false))
}

// TestLastScanFinds compares with looking for each form by itself, on texts and
// secrets that have much in common, and checks what is said to be open.
func TestLastScanFinds(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	piece := func() string { return []string{"ab3$", "ab3#", "Zq7-", "\"", "é", "x", "ab3$ab3#"}[rnd.IntN(7)] }
	text := func(n int) string {
		var b strings.Builder
		for range n {
			b.WriteString(piece())
		}
		return b.String()
	}
	hits, clean := 0, 0
	for range 3000 {
		var secrets []string
		for range 1 + rnd.IntN(6) {
			if s := text(3 + rnd.IntN(8)); len(s) >= minSpread {
				secrets = append(secrets, s)
			}
		}
		if len(secrets) == 0 {
			continue
		}
		l := scanFor(t, secrets...)
		var forms []string
		for _, list := range l.forms.forms {
			forms = append(forms, list...)
		}
		if len(slices.MaxFunc(forms, func(a, b string) int { return len(a) - len(b) })) != l.Longest() {
			t.Fatalf("longest %d of %q", l.Longest(), forms)
		}
		s := text(20)
		if rnd.IntN(3) == 0 {
			s = text(3) + forms[rnd.IntN(len(forms))] + text(3)
		}
		want := slices.ContainsFunc(forms, func(f string) bool { return strings.Contains(s, f) && !ordinary(f) })
		found, open := l.Find([]byte(s))
		if found != want {
			t.Fatalf("%q in %q: found %v, want %v", secrets, s, found, want)
		}
		if found {
			hits++
			continue
		}
		clean++
		begins := len(s) - minSpread + 1 // the first place from which a form may go on behind the end
		for i := 0; i <= len(s)-minSpread; i++ {
			if slices.ContainsFunc(forms, func(f string) bool { return strings.HasPrefix(f, s[i:]) }) {
				begins = i
				break
			}
		}
		if open > max(begins, 0) {
			t.Fatalf("%q in %q: open from %d, want %d", secrets, s, open, begins)
		}
	}
	if hits < 500 || clean < 500 {
		t.Errorf("%d hits, %d clean texts", hits, clean)
	}
}

// TestLastScanForms: a secret is found as it is and in the forms that are
// promised; one that is longer than what is compared by its first bytes.
func TestLastScanForms(t *testing.T) {
	const s = "p4ss \"wörd\"/&?"
	l := scanFor(t, s)
	for _, form := range []string{
		s, hex.EncodeToString([]byte(s)), strings.ToUpper(hex.EncodeToString([]byte(s))), base64.StdEncoding.EncodeToString([]byte(s)),
		base64.StdEncoding.EncodeToString([]byte("x" + s)), base64.RawURLEncoding.EncodeToString([]byte("xy" + s)),
		fmt.Sprintf("%q", s), fmt.Sprintf("%+q", s), "p4ss+%22w%C3%B6rd%22%2F%26%3F",
	} {
		if found, _ := l.Find([]byte("of " + form + ".")); !found {
			t.Errorf("%s is not found", form)
		}
	}
	if found, open := l.Find([]byte("an innocent text")); found || open != len("an innocent text")-7 {
		t.Errorf("found %v, open %d", found, open)
	}
	var b strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&b, "%x#", i)
	}
	l = scanFor(t, b.String())
	if found, _ := l.Find([]byte(b.String()[:maxForm])); !found || l.Longest() != maxForm {
		t.Errorf("a long one: found %v, longest %d", found, l.Longest())
	}
}

// TestLastScanLeavesOwnWords: what sdcore writes itself is no hit, whatever the
// program calls secret.
func TestLastScanLeavesOwnWords(t *testing.T) {
	for _, own := range []string{"goroutines", "crash_time_source", "variable_name_denylist", "2026-11-29T15:04:10Z", "2026-11-22 12:11:53",
		"0xc000012340", "modification time of the core", "runtime error: invalid memory address"} {
		l := scanFor(t, own, "sure$3cr3t")
		if found, _ := l.Find([]byte(`{"` + own + `":1}`)); found {
			t.Errorf("%s is found", own)
		}
	}
	for _, other := range []string{"c000012340", "20261129150410", "hunter2hunter2", "Correct-Horse-7f"} {
		if found, _ := scanFor(t, other).Find([]byte("x" + other)); !found {
			t.Errorf("%s is not found", other)
		}
	}
	x, err := New(Policy{Tier: 4})
	if err != nil {
		t.Fatal(err)
	}
	res, err := x.Apply(reportWith(variable("n", num("7"))))
	if err != nil || res.LastScan() != nil {
		t.Errorf("a report without secrets is scanned: %v, %v", res.LastScan(), err)
	}
}

const leaked = "Zq7#Lw2-\"Xv9"

// fullReport is a report with something in every list, from which the secret
// was removed. Its goroutine and globals hold values of most kinds.
func fullReport(t *testing.T) Result {
	t.Helper()
	v := structOf("main.T", "Name", str("a"), "M", mapOf("map[string]string", str("k"), str("v")), "L", sliceOf("[]string", str("e")), "I", iface(num("5")))
	r := reportWith(variable("v", v), variable("password", str(leaked)))
	g := &r.Goroutines[0]
	g.Labels, g.Creator, g.StackEnd, g.WaitReason = []report.Label{{Key: "k", Value: "v"}}, &report.Creator{Function: "f", File: "c.go"}, "end", "w"
	g.Frames[0].Source = &report.Source{First: 1, Lines: []string{"a", "b"}}
	g.Frames[0].Defers = []report.Defer{{Function: "d", Wrapper: "w", File: "d.go", Vars: []report.Variable{variable("dv", str("d"))}}}
	r.Crash.Exception.Module, r.Crash.Exception.Value, r.Crash.Evidence = "m", &v, []string{"e"}
	r.Crash.Exception.Sub = []report.Exception{{Type: "T", Message: "sub"}}
	r.Crash.Signal = &report.Signal{Name: "SIGSEGV"}
	r.Process = report.Process{Name: "p", Args: []string{"a"}, EnvNames: []string{"HOME"}, Dir: "/", Env: []report.EnvVar{{Name: "HOME", Value: "/"}}}
	r.Identity = report.Identity{Core: "core", Evidence: []string{"e"}, Deps: []report.Module{{Path: "p", Version: "v"}}, Settings: []report.Setting{{Key: "k", Value: "v"}}}
	r.Threads = []report.Thread{{Function: "f", Frames: []report.Frame{{Function: "f", File: "t.go", Vars: []report.Variable{variable("tv", str("x"))}}}}}
	r.Groups = []report.Group{{Status: "waiting", Frames: []report.FrameRef{{Function: "f", File: "g.go"}}, Creator: &report.Creator{Function: "f", File: "c.go"}}}
	r.Globals = []report.Global{{Package: "main", Name: "g", Value: str("x")}}
	r.Problems = []report.Problem{{Stage: "vars", Subject: "s", Message: "m"}}
	res, err := Apply(r, Policy{Tier: 4})
	if err != nil {
		t.Fatal(err)
	}
	if res.LastScan() == nil {
		t.Fatal("the secret is not known")
	}
	return res
}

// eachLeaf calls f for each string below v that redaction leaves open, and its
// type; those of a few words are not among them.
func eachLeaf(v reflect.Value, f func(reflect.Value)) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachLeaf(v.Field(i), f)
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			eachLeaf(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachLeaf(v.Index(i), f)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			f(v)
		}
	}
}

// TestDroppedLeaves plants the secret in one string of a redacted report after
// the other: each is dropped, and nothing else is; the record says so.
func TestDroppedLeaves(t *testing.T) {
	res := fullReport(t)
	leaves := 0
	eachLeaf(reflect.ValueOf(res.Report()), func(v reflect.Value) {
		leaves++
		before := v.String()
		for _, plant := range []string{leaked, "in " + leaked + " text", base64.StdEncoding.EncodeToString([]byte("??" + leaked))} {
			v.SetString(plant)
			out, n := res.Dropped(Drop{})
			if s := encode(t, out.Report()); n.Dropped == 0 || strings.Contains(s, `Zq7#Lw2-`) || strings.Contains(s, plant) {
				t.Errorf("%d dropped for %q in place of %q:\n%s", n.Dropped, plant, before, s)
			}
			all := slices.Clone(out.Report().Redactions)
			for _, g := range out.Report().Goroutines {
				all = append(all, g.Redactions...)
			}
			recorded := 0
			for _, x := range all {
				if x.Reason == lastScanReason && x.Rule == RuleError {
					recorded++
				}
			}
			if got := out.Report().RedactionCounts[RuleError]; got != recorded {
				t.Errorf("%d records, counted %d, for %q", recorded, got, before)
			}
			if again, n := out.Dropped(Drop{}); n.Dropped != 0 || encode(t, again.Report()) != encode(t, out.Report()) {
				t.Errorf("%d more dropped the second time, for %q", n.Dropped, before)
			}
		}
		v.SetString(before)
	})
	if leaves < 60 {
		t.Errorf("only %d leaves", leaves)
	}
	if same, n := res.Dropped(Drop{}); n.Dropped != 0 || encode(t, same.Report()) != encode(t, res.Report()) {
		t.Errorf("%d dropped of a report without a leak", n.Dropped)
	}
	always := func(int) bool { return true }
	out, n := res.Dropped(Drop{Gone: always})
	s := encode(t, out.Report())
	if n.Dropped == 0 || strings.Contains(s, `"boom"`) || strings.Contains(s, "main.go") || !strings.Contains(s, "main.handle") {
		t.Errorf("%d dropped of all:\n%s", n.Dropped, s)
	}
	if all, n := res.Dropped(Drop{Gone: always, Names: true}); n.Dropped != n.Leaves || strings.Contains(encode(t, all.Report()), "main.handle") {
		t.Errorf("%+v of all and the names", n)
	}
	for gone := range n.Leaves { // the same are counted, whatever goes
		if _, m := res.Dropped(Drop{Gone: func(leaf int) bool { return leaf == gone }}); m != (Drops{n.Leaves, 1}) {
			t.Errorf("%+v of %d without leaf %d", m, n.Leaves, gone)
		}
	}
}

// TestDroppedOfAGoroutine: the same for a goroutine of a stream, whose record
// says where it stands. The one that it was given stays as it is.
func TestDroppedOfAGoroutine(t *testing.T) {
	res := fullReport(t)
	g := res.Goroutine(0)
	g.Goroutine().Frames[0].Vars[0].Value.Children[0].Value.SetContents("so " + leaked)
	before := encode(t, res.Report())
	out, n := g.Dropped(Drop{})
	if encode(t, res.Report()) != before {
		t.Error("the goroutine was changed")
	}
	r := out.Goroutine()
	last := r.Redactions[len(r.Redactions)-1]
	if want := (report.Redaction{Location: "goroutines[0].frames[0].vars.v.Name", Reason: "last scan", Rule: RuleError}); n.Dropped != 1 || last != want {
		t.Errorf("%d dropped, %+v", n.Dropped, last)
	}
	if v := r.Frames[0].Vars[0].Value.Children[0].Value; v.State != report.StateRedacted || v.Text != "" {
		t.Errorf("%+v", v)
	}
	if v := r.Frames[0].Vars[0].Value.Children[2].Value.Children[0].Value; v.Text != "e" {
		t.Errorf("the one beside it: %+v", v)
	}
}

// TestRecordsComeAfter: an audit record stands for what has been removed, never
// for what is about to be. Recording fails here, and the secret is gone.
func TestRecordsComeAfter(t *testing.T) {
	x, err := New(Policy{Tier: 4, DenyPaths: []string{"**.denied"}})
	if err != nil {
		t.Fatal(err)
	}
	const gone = "tr0ub4dor&3xQ"
	for name, r := range map[string]*report.Report{
		"name":    reportWith(variable("password", str(gone))),
		"type":    reportWith(variable("v", structOf("oauth2.Token", "AccessToken", str(gone)))),
		"text":    reportWith(variable("v", str("password="+gone))),
		"summary": reportWith(variable("v", report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "T", Text: "password=" + gone})),
		"denied":  reportWith(variable("denied", str(gone))),
		"list":    reportWith(variable("v", sliceOf("[]string", str("--password"), str(gone)))),
		"spelled": reportWith(variable("v", spell("[]uint16", "password="+gone))),
		"args":    {Process: report.Process{Args: []string{"svc", "--password", gone}}},
		"env":     {Process: report.Process{EnvNames: []string{"PASSWORD_" + gone}}},
		"value":   {Process: report.Process{Env: []report.EnvVar{{Name: "PASSWORD", Value: gone}}}},
		"message": {Crash: report.Crash{Exception: report.Exception{Message: "password=" + gone}}},
	} {
		u := newRun(x)
		u.counts = nil // a record panics
		if guard(func() { u.judgeReport(r) }) {
			t.Errorf("%s: nothing was recorded", name)
		}
		if s := encode(t, r); strings.Contains(s, gone) {
			t.Errorf("%s: recorded before it was removed: %s", name, s)
		}
	}
	u := newRun(x)
	u.counts = nil
	v := str("password=" + gone)
	if guard(func() { u.replaced(&v, judged{out: "password=" + Placeholder, hit: true, why: []why{{RuleName, ""}}}) }) || strings.Contains(v.Text, gone) {
		t.Errorf("a piece of a text: %+v", v)
	}
}

// TestLastScanShortened: half of a secret or more is found where an output has cut it
// off, and only there.
func TestLastScanShortened(t *testing.T) {
	l := scanFor(t, "Zq7xLw2yXv9kTr4m", "Zq7xLw2yXv9kTr4mAndMore", "Aa1bB2cC3dD4", `q"Kd8fJw2p\zQx5`)
	for text, want := range map[string]bool{
		`name "Zq7xLw2yXv9kTr"… +2 bytes`:             true,
		"name \"Zq7xLw2yXv9kTr\"\x1b[90m… +2 bytes":   true,
		"Zq7xLw2yXv9k…":                               true,
		`{\"name\": \"Zq7xLw2yXv9k\"… +4 bytes}`:      true,
		`"q\"Kd8fJw2p"… +5 bytes`:                     true,
		"Aa1bB2cC3…":                                  true,
		`"Zq7xLw2"… +9 bytes`:                         false, // next to nothing of it
		"Zq7xLw2yXv9kTr, and then":                    false, // another text
		"Zq7xLw2yXv9kTr":                              false,
		"Zq7xLw2yXv9kT\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"": false,
	} {
		if found, _ := l.Find([]byte(text)); found != want {
			t.Errorf("%q: found %v, want %v", text, found, want)
		}
	}
}
