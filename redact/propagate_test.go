package redact

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

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

// TestPropagationAroundPlaceholders: a secret that looks like a placeholder, or
// holds one, is looked for all the same.
func TestPropagationAroundPlaceholders(t *testing.T) {
	const a, b = "q7Lm2Xc9Rt4Vb8", "Nz1Kd6Wp3Hs5"
	for _, secret := range []string{"[REDACTED#3]" + a, a + Placeholder, a + "[REDACTED#3]" + b, Placeholder + a + Placeholder} {
		got := applied(t, reportWith(variable("password", str(secret)), variable("v", str("got "+secret)), variable("w", str(a+" and "+b))), Policy{Tier: 4})
		s := encode(t, got)
		if strings.Contains(s, a) || strings.Contains(s, b) && strings.Contains(secret, b) {
			t.Errorf("%q is left:\n%s", secret, s)
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
			number := 0
			if to-from == len(token) {
				number = 1
			}
			if want := "the \x00" + PlaceholderOf(number) + " end"; s != want {
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

// TestPropagationOfForms: pieces of secrets of every kind are found in every
// form, and pieces that are words or numbers stay.
func TestPropagationOfForms(t *testing.T) {
	for _, c := range []struct {
		secret, piece, want string
	}{
		{"kVqzTrmWpLsNbdGh", "zTrmWpLs", "<>"}, // letters alone
		{"xkqvwzjtrpmlgh", "kqvwzjtr", "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", "q&Zk2\"mR", "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", hex.EncodeToString([]byte("q&Zk2\"mR")), "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", "0" + strings.ToUpper(hex.EncodeToString([]byte("q&Zk2\"mR5x"))), "0<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", base64.RawStdEncoding.EncodeToString([]byte("q&Zk2\"mR5")), "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", base64.RawURLEncoding.EncodeToString([]byte("~~q&Zk2\"mR")), "fn<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", "q%26Zk2%22mR", "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", `q\u0026Zk2\"mR`, "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", `q\\u0026Zk2\\\"mR`, "<>"}, // quoted twice
		{"vT8q&Zk2\"mR5x/Wb9+Ld", `q\046Zk2\x22mR`, "<>"},
		{"vT8q&Zk2\"mR5x/Wb9+Ld", "q&amp;Zk2&#34;mR", "<>"},
		{"Grüße von Zk2qmR5", `r\u00fc\u00dfe von Zk2`, "<>"},
		{"=open Zk2qmR5", "open+Zk2qmR5", "<>"},
		{"correct horse battery staple", "correct%20horse%20battery%20staple", "<>"},
		{"correct-horse-battery-staple", "horse-battery", "horse-battery"},
		{"correct-horse-battery-staple", "correct-horse-battery-staple", "<>"},
		{"Server=db1;Database=orders;Pwd=Zk2qmR5x", ";Database=orders;", ";Database=orders;"},
		{"839201746532918", "746532918", "746532918"},
		{"839201746532918", "920174653291", "<>"},
	} {
		for _, around := range []string{"%", "see % here", "\x00%\x00"} {
			in := strings.ReplaceAll(around, "%", c.piece)
			got := applied(t, reportWith(variable("dbPassword", str(c.secret)), variable("buf", bytesOf(in))), Policy{Tier: 4}).Goroutines[0].Frames[0].Vars[1].Value
			text, _ := got.Contents()
			text = Unnumbered(text)
			if got.State == report.StateRedacted {
				text = Placeholder
			}
			if want := strings.ReplaceAll(strings.ReplaceAll(around, "%", c.want), "<>", Placeholder); text != want {
				t.Errorf("%q of %q became %q, want %q", in, c.secret, text, want)
			}
		}
	}
}

// TestRemovedTextsAreRead: a name that removes a text and says nothing about its
// contents does not hide what is secret by form.
func TestRemovedTextsAreRead(t *testing.T) {
	const token = "gh" + "p_aB3dE5gH7jK9mN1pQ2rS4tU6vW8xY0zA2bC4"
	hook := "https://hooks." + "slack.com/services/T0AB1CD2E/B3FG4HI5J/aB3dE5gH7jK9mN1pQ2rS4tU6"
	for name, c := range map[string]struct {
		v     report.Variable
		piece string
	}{
		"weak name":   {variable("hash", str(token)), hex.EncodeToString([]byte(token[4:]))},
		"list":        {variable("tokens", sliceOf("[]main.event", structOf("main.event", "Note", str(hook)))), "aB3dE5gH7jK9mN1p"},
		"weak struct": {variable("auth", structOf("main.login", "Password", str("tr0ub4dor&3"))), "tr0ub4dor"},
	} {
		got := applied(t, reportWith(c.v, variable("x", str("at "+c.piece+" end"))), Policy{Tier: 4}).Goroutines[0].Frames[0].Vars
		if got[0].Value.State != report.StateRedacted {
			t.Errorf("%s: %s is shown", name, c.v.Name)
		}
		if s := got[1].Value.Text; s != "at "+Placeholder+" end" {
			t.Errorf("%s: %q", name, s)
		}
	}
}

// TestLongestForm: a text that is searched in parts which share as many bytes
// as the longest form holds nothing that is found in the whole only.
func TestLongestForm(t *testing.T) {
	l := newLearned()
	const secret = "vT8q&Zk2\"mR5x/Wb9+Ld"
	l.secret(secret, gradeLoose, 0)
	set := l.search(false)
	escaped := ""
	for _, r := range secret {
		escaped += fmt.Sprintf(`\U%08x`, r)
	}
	for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), url.QueryEscape(secret), strconv.Quote(secret), escaped} {
		if len(form) > set.longestForm() {
			t.Errorf("%q has %d bytes, more than %d", form, len(form), set.longestForm())
		}
		text := strings.Repeat("an innocent line\n", 50) + form + strings.Repeat("and another one\n", 50)
		shared := set.longestForm()
		for size := 2 * shared; size < 3*shared; size += 17 {
			found := false
			for at := 0; at < len(text); at += size - shared {
				found = found || set.holds(text[at:min(len(text), at+size)], false)
			}
			if !found {
				t.Errorf("%q is not found in parts of %d bytes", form, size)
			}
		}
	}
}
