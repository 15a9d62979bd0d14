package redact

import (
	"fmt"
	"math/rand"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// varsOf returns the values of the variables of the first frames of all
// goroutines by name.
func varsOf(r *report.Report) map[string]report.Value {
	all := map[string]report.Value{}
	for _, g := range r.Goroutines {
		for _, v := range g.Frames[0].Vars {
			all[v.Name] = v.Value
		}
	}
	return all
}

// TestEqualSecretsHaveOneNumber: the same contents have one number under every
// name, in texts and encoded; what is not looked for elsewhere has none.
func TestEqualSecretsHaveOneNumber(t *testing.T) {
	const a, b, card = "tr0ub4dor&3-horse", "Kx93#mm20-zz17", "5500 0055 5555 5559"
	r := reportWith(
		variable("password", str(a)),
		variable("apiKey", str(b)),
		variable("again", structOf("main.DB", "Password", str(a), "Token", ptr(iface(str(a))))),
		variable("hash", str(b)), // a name that makes nothing known
		variable("addr", str("postgres://u:"+b+"@h/d")),
		variable("text", str("login password="+a+" and "+a+" "+b)),
		variable("b64", str("x 3:dHIwdWI0ZG9yJjMtaG9yc2U=")), // of a
		variable("half", str(`the first of "tr0ub4dor&3-hors"`)),
		variable("card", str(card)),
		variable("pin", str("1234")),
		variable("secretWord", str("administrator")),
		variable("secrets", sliceOf("[]string", str(a), str(b))),
		variable("authToken", report.Value{State: report.StateTruncated, Kind: report.KindString, Type: "string", Text: a, Len: 100}),
		variable("secretRunes", num("7")),
	)
	r.Goroutines[0].Labels = []report.Label{{Key: "token", Value: b}}
	r.Process.Args = []string{"mysql", "-p" + a, "--token", b}
	r.Process.Env = []report.EnvVar{{Name: "TOKEN", Value: a}}
	got := checkStream(t, r, Policy{Tier: 4}, 1)
	vars := varsOf(got)
	leaf := func(name string) int { v := vars[name]; return int(v.Secret) }
	for name, want := range map[string]int{"password": 1, "apiKey": 2, "hash": 2, "card": 3, "pin": 0, "secretWord": 0, "secrets": 0, "authToken": 0} {
		if v := vars[name]; v.State != report.StateRedacted || leaf(name) != want {
			t.Errorf("%s: %+v, want number %d", name, v, want)
		}
	}
	for i, c := range vars["again"].Children {
		if c.Value.Secret != 1 {
			t.Errorf("field %d: %+v", i, c.Value)
		}
	}
	texts := map[string][2]string{
		"text":      {vars["text"].Text, "login password=[REDACTED#1] and [REDACTED#1] [REDACTED#2]"},
		"base64":    {vars["b64"].Text, "x 3:[REDACTED#1]="},
		"label":     {got.Goroutines[0].Labels[0].Value, "[REDACTED#2]"},
		"flag":      {got.Process.Args[1], "-p[REDACTED#1]"},
		"argument":  {got.Process.Args[3], "[REDACTED#2]"},
		"variable":  {got.Process.Env[0].Value, "[REDACTED#1]"},
		"the first": {vars["half"].Text, `the first of "[REDACTED]"`},
		"address":   {vars["addr"].Text, "postgres://u:[REDACTED#2]@h/d"},
	}
	for name, x := range texts {
		if x[0] != x[1] {
			t.Errorf("%s: %s, want %s", name, x[0], x[1])
		}
	}
}

// numbered is a random report in which secrets stand under telling names, behind
// pointers, and in texts.
type numbered struct {
	r       *report.Report
	secrets []int // of the variables, in order
}

// randomNumbered spreads secrets over goroutines in a way that depends on seed
// only.
func randomNumbered(seed int64, secrets []string) numbered {
	rnd := rand.New(rand.NewSource(seed))
	n := numbered{r: reportWith()}
	names := []string{"password", "apiKey", "dbSecret", "token"}
	for i := range 6 {
		var vars []report.Variable
		for range 8 {
			s := rnd.Intn(len(secrets))
			name, v := names[rnd.Intn(len(names))], str(secrets[s])
			switch rnd.Intn(3) {
			case 0:
				v = ptr(v)
			case 1:
				name, v = "x", str("the password="+secrets[s])
			}
			n.secrets = append(n.secrets, s)
			vars = append(vars, variable(name, v))
		}
		n.r.Goroutines = append(n.r.Goroutines, report.Goroutine{ID: uint64(100 - i), Crashed: i == 3, Start: "main.f",
			Frames: []report.Frame{{Function: "main.f", Vars: vars}}})
	}
	n.r.Goroutines = n.r.Goroutines[1:] // without that of reportWith
	return n
}

// numbersIn returns the number at each variable.
func (n *numbered) numbersIn(t *testing.T, r *report.Report) (list []int) {
	t.Helper()
	for _, g := range r.Goroutines {
		for _, x := range g.Frames[0].Vars {
			v := &x.Value
			for len(v.Children) > 0 {
				v = &v.Children[0].Value
			}
			number := int(v.Secret)
			if v.State != report.StateRedacted {
				number = numberIn(v.Text)
			}
			if number == 0 {
				t.Fatalf("%s has no number: %+v", x.Name, v)
			}
			list = append(list, number)
		}
	}
	return list
}

// TestNumbersTellContents: equal contents have equal numbers and others have
// others, however the report is divided among workers, and the numbers stay the
// same when all secrets are replaced by other ones.
func TestNumbersTellContents(t *testing.T) {
	random := func(rnd *rand.Rand) (list []string) {
		const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
		for i := range 9 {
			b := []byte("#")
			for range 12 + i {
				b = append(b, letters[rnd.Intn(len(letters))])
			}
			list = append(list, string(b)+"#7q")
		}
		return list
	}
	for seed := range int64(24) {
		rnd := rand.New(rand.NewSource(seed))
		var first []int
		for range 3 {
			n := randomNumbered(seed, random(rnd))
			got := n.numbersIn(t, checkStream(t, n.r, Policy{Tier: int(1 + seed%4)}, 1, 2, 3))
			if first == nil {
				first = got
			}
			if !reflect.DeepEqual(got, first) {
				t.Fatalf("seed %d: other secrets have other numbers: %v, %v", seed, got, first)
			}
			for i := range got {
				for k := range i {
					if (got[i] == got[k]) != (n.secrets[i] == n.secrets[k]) {
						t.Fatalf("seed %d: secrets %d and %d have numbers %d and %d", seed, n.secrets[i], n.secrets[k], got[i], got[k])
					}
				}
			}
		}
		if crashed := first[3*8 : 4*8]; !slices.Contains(crashed, 1) {
			t.Fatalf("seed %d: the secrets of the crash have numbers %v", seed, crashed)
		}
	}
}

// TestNumbersWhenRedactedAgain: numbers stay, and what is found later gets a
// number that nothing has.
func TestNumbersWhenRedactedAgain(t *testing.T) {
	r := reportWith(variable("password", str("tr0ub4dor&3-horse")), variable("text", str("token=Kx93#mm20-zz17")),
		variable("customer", str("Zq7!later-found")), variable("other", str("holds Zq7!later-found")))
	once := applied(t, r, Policy{Tier: 4})
	again := checkStream(t, once, Policy{Tier: 4, Deny: []string{"customer"}}, 1, 2)
	vars := varsOf(again)
	if n := vars["password"].Secret; n != 1 {
		t.Errorf("password has number %d", n)
	}
	if got := vars["text"].Text; got != "token=[REDACTED#2]" {
		t.Errorf("text %q", got)
	}
	if n, text := vars["customer"].Secret, vars["other"].Text; n != 3 || text != "holds [REDACTED#3]" {
		t.Errorf("found later: %d, %q", n, text)
	}
	if third := encode(t, applied(t, again, Policy{Tier: 4, Deny: []string{"customer"}})); third != encode(t, again) {
		t.Errorf("a third time:\n%s", difference(encode(t, again), third))
	}
}

// TestHostileNumbers: what a program or a file says about numbers takes them out
// of use, and no more.
func TestHostileNumbers(t *testing.T) {
	for text, want := range map[string]int{
		"[REDACTED#3]":                     4,
		"see [REDACTED#7] and [REDACTED#]": 8,
		"[REDACTED#999998]":                999_999,
		"[REDACTED#999999]":                1,
		"[REDACTED#999999] [REDACTED#1]":   2,
		"[REDACTED#1000000]":               1,
		"[REDACTED#99999999999999999999]":  1,
		"[REDACTED#-3] [REDACTED#03]":      1,
		"[REDACTED#":                       1,
	} {
		r := reportWith(variable("note", str(text)), variable("password", str("tr0ub4dor&3-horse")))
		got := checkStream(t, r, Policy{Tier: 4}, 1)
		vars := varsOf(got)
		if int(vars["password"].Secret) != want || vars["note"].Text != text && vars["note"].Secret == 0 {
			t.Errorf("%s: %+v", text, vars)
		}
	}
	for number, want := range map[int32]int32{-1: 0, 5: 5, 999_999: 999_999, 1_000_000: 0, 1 << 30: 0} {
		v := report.Value{State: report.StateRedacted, Kind: report.KindString, Type: "string", Secret: number}
		w := str("shown")
		w.Secret = 4
		got := varsOf(applied(t, reportWith(variable("v", v), variable("w", w)), Policy{Tier: 4}))
		if got["v"].Secret != want || got["w"].Secret != 0 {
			t.Errorf("%d: %+v", number, got)
		}
	}
	var all numberSet
	for n := range maxNumber {
		all.add(n + 1)
	}
	if n := numberSecrets([]text{{s: "a"}}, all); !n.full || n.of("a") != 0 {
		t.Errorf("no number is free: %+v", n)
	}
}

// TestNoNumbers: where none are wanted, those of before go too.
func TestNoNumbers(t *testing.T) {
	r := reportWith(variable("password", str("tr0ub4dor&3-horse")), variable("text", str("token=Kx93#mm20-zz17")))
	r.Crash.Exception.Message = "token=Kx93#mm20-zz17"
	r.Goroutines[0].Labels = []report.Label{{Key: "token", Value: "Kx93#mm20-zz17"}}
	once := applied(t, r, Policy{Tier: 4})
	if !strings.Contains(encode(t, once), "[REDACTED#1]") || !strings.Contains(encode(t, once), `"secret":2`) {
		t.Fatal("nothing has a number")
	}
	for _, p := range []Policy{{Tier: 4, Unnumbered: true}, {Tier: 4, Shape: true}, {Tier: 4, Unnumbered: true, DenyPaths: []string{"goroutines[*].labels.**"}}} {
		for _, in := range []*report.Report{r, once} {
			if s := encode(t, checkStream(t, in, p, 1)); strings.Contains(s, "REDACTED#") || strings.Contains(s, `"secret":`) {
				t.Errorf("%+v: %s", p, s)
			}
		}
	}
}

// TestFingerprintWithoutNumbers: which number a secret has is chance.
func TestFingerprintWithoutNumbers(t *testing.T) {
	r := reportWith()
	r.Crash.Exception.Message = "password=tr0ub4dor&3-horse " + strings.Repeat("x", 300)
	want := applied(t, r, Policy{Tier: 4, Unnumbered: true}).Fingerprint
	for i := range 12 {
		r.Goroutines[0].Frames[0].Vars = append(r.Goroutines[0].Frames[0].Vars, variable("password", str(fmt.Sprintf("Kx%d#mm20-zz17", i))))
		got := applied(t, r, Policy{Tier: 4})
		if got.Fingerprint != want || !strings.Contains(got.Crash.Exception.Message, fmt.Sprintf("[REDACTED#%d]", i+2)) {
			t.Errorf("%s, want %s: %s", got.Fingerprint, want, got.Crash.Exception.Message[:40])
		}
	}
}

// TestCutNumbers: numbers go out of texts and back as they were.
func TestCutNumbers(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	pieces := []string{"[REDACTED", "#", "1", "12", "0", "999999", "]", "[REDACTED#3]", "[REDACTED]", "x", "["}
	for range 20_000 {
		var s string
		for range rnd.Intn(9) {
			s += pieces[rnd.Intn(len(pieces))]
		}
		plain, m := cutNumbers(s)
		if back := m.numbered(plain); back != s || Unnumbered(plain) != plain || (plain != s) != (m != nil) {
			t.Fatalf("%q became %q %v and that %q", s, plain, m, back)
		}
		if isPlaceholder(s) != (plain == Placeholder) || holdsPlaceholder(s) != strings.Contains(plain, Placeholder) {
			t.Fatalf("%q", s)
		}
	}
}
