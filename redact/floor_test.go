package redact

import (
	"math/rand"
	"regexp"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// The floor as data, copied from Safedump 2.0.0 (commit ee55e22, _types.py),
// not from floor.go: 40 names in three lists and 6 patterns.
var (
	safedumpExact   = strings.Fields("key pwd pin sid uid cid")
	safedumpBounded = strings.Fields("pass auth cert hash salt cred")
	safedumpParts   = strings.Fields("token secret password passwd apikey api_key credential authorization private_key " +
		"secret_key access_key access_token refresh_token session_key master_key db_password database_url " +
		"connection_string aws_secret aws_key stripe_key github_token ssh_key passphrase certificate " +
		"encryption_key signing_key bearer")
	safedumpPatterns = []string{
		`AKIA[0-9A-Z]{16}`, `ghp_[0-9a-zA-Z]{36}`, `gho_[0-9a-zA-Z]{36}`, `sk_live_[0-9a-zA-Z]{24}`,
		`sk_test_[0-9a-zA-Z]{24}`, `eyJ[a-zA-Z0-9_-]+\.eyJ[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+`,
	}
	// Measured by running Safedump on names as Go programs have them.
	safedumpHits = strings.Fields("Key apiKey APIKey xApiKey secretKey dbPassword passwordHash AuthToken tokens tokenizer " +
		"token_count secretary credentials user_pass commit_hash SSL_CERT_FILE PWD uid UID sid bearer_of_news")
	safedumpMisses = strings.Fields("privateKey accessKey AccessKeyID sessionKey masterKey awsKey stripeKey sshKey SSHKey " +
		"signingKey encryptionKey databaseURL connString connectionString authHeader oauth authz userPass passcode pass1 " +
		"passes tlsCert certs commitHash creds pwd2 keys jwt cookie session sessionID csrf nonce otp cvv ssn dsn hmac seed " +
		"mnemonic pem webhook iban creditCard email phone")
)

func TestFloorIsComplete(t *testing.T) {
	if n := len(safedumpExact) + len(safedumpBounded) + len(safedumpParts); n != 40 {
		t.Fatalf("the table has %d names, want 40", n)
	}
	if n := len(floorExact()) + len(floorBounded()) + len(floorAnywhere()); n != 40 {
		t.Errorf("floor.go has %d names, want 40", n)
	}
	if n := len(floorPatterns()); n != len(safedumpPatterns) {
		t.Errorf("floor.go has %d patterns, want %d", n, len(safedumpPatterns))
	}
	for i, p := range floorPatterns() {
		if p.id != safedumpPatterns[i] || !p.whole || p.bounded {
			t.Errorf("pattern %d is %+v, want %s for the whole value", i, p, safedumpPatterns[i])
		}
	}
}

// floorNameVariants are the names that each entry must hit, whatever stands around it.
func floorNameVariants() (hit []string) {
	for _, n := range safedumpExact {
		hit = append(hit, n, strings.ToUpper(n))
	}
	for _, n := range safedumpBounded {
		hit = append(hit, n, "x_"+n, n+"_x", "a_"+strings.ToUpper(n)+"_b", "x-"+n)
	}
	for _, n := range safedumpParts {
		hit = append(hit, n, "my"+n+"s", strings.ToUpper(n), "x_"+n+"_y", "Z"+strings.ToUpper(n[:1])+n[1:]+"9")
	}
	return append(hit, safedumpHits...)
}

func TestFloorNames(t *testing.T) {
	var vars []report.Variable
	for _, name := range floorNameVariants() {
		if !Denied(name) {
			t.Errorf("%s: Safedump denies it", name)
		}
		for _, form := range []string{name, "&" + name, name + "#2"} {
			for _, v := range []report.Value{str("some text"), num("7"), boolean("true"), structOf("main.T", "a", num("1")), ptr(num("1"))} {
				vars = append(vars, variable(form, v))
			}
		}
	}
	for _, got := range applied(t, reportWith(vars...), Policy{Tier: 4}).Goroutines[0].Frames[0].Vars {
		if v := got.Value; v.State != report.StateRedacted || v.Children != nil || v.Text != "" {
			t.Errorf("variable %s is shown: %+v", got.Name, v)
		}
	}
	for _, name := range safedumpMisses {
		if Denied(name) {
			t.Errorf("%s: Safedump does not deny it; the data was copied wrongly", name)
		}
	}
}

// TestBeyondTheFloor holds what we remove of what Safedump was measured to let
// through, and what we let through on purpose: plain counts and public things.
func TestBeyondTheFloor(t *testing.T) {
	shown := map[string]bool{"commitHash": true, "keys": true}
	for _, name := range safedumpMisses {
		v := applied(t, reportWith(variable(name, str("some text"))), Policy{Tier: 1}).Goroutines[0].Frames[0].Vars[0].Value
		if redacted := v.State == report.StateRedacted; redacted == shown[name] {
			t.Errorf("%s: redacted %v, want %v", name, redacted, !shown[name])
		}
	}
}

func TestFloorPatterns(t *testing.T) {
	a := func(n int) string { return strings.Repeat("aB3", n)[:n] }
	for _, c := range []struct{ hit, miss string }{
		{"AKIA" + strings.ToUpper(a(16)), "AKIA" + strings.ToUpper(a(15))},
		{"ghp_" + a(36), "ghp_" + a(35)},
		{"gho_" + a(36), "gho_" + a(35)},
		{"sk_live_" + a(24), "sk_live" + a(24)},
		{"sk_test_" + a(24), "sk_test" + a(24)},
		{"eyJhbG." + "eyJzdW." + "c2ln", "eyJhbG.c2ln"},
	} {
		for _, text := range []string{c.hit, "x" + c.hit, "before " + c.hit + " after", c.hit + c.hit} {
			for _, v := range []report.Value{str(text), bytesOf("\x00\xff" + text), structOf("main.T", "a", str(text)), iface(ptr(str(text)))} {
				got := one(t, "v", v)
				for len(got.Children) > 0 {
					got = got.Children[0].Value
				}
				if got.State != report.StateRedacted {
					t.Errorf("%q in a %s is shown: %+v", text, v.Kind, got)
				}
			}
			r := reportWith()
			r.Crash.Exception.Message = text
			r.Crash.Exception.Sub = []report.Exception{{Type: "*errors.errorString", Message: text}}
			r.Process.Args = []string{text}
			got := applied(t, r, Policy{Tier: 4})
			for _, s := range []string{got.Crash.Exception.Message, got.Crash.Exception.Sub[0].Message, got.Process.Args[0]} {
				if Unnumbered(s) != Placeholder {
					t.Errorf("%q became %q, want exactly the placeholder", text, s)
				}
			}
		}
		if got := one(t, "v", str(c.miss)); got.State == report.StateRedacted && !strings.HasPrefix(c.miss, "eyJ") {
			t.Errorf("%q is removed", c.miss)
		}
	}
}

// FuzzFloor compares the hand-written matching with Safedump's own regular
// expressions: what they find is removed as a whole.
func FuzzFloor(f *testing.F) {
	var res []*regexp.Regexp
	for _, p := range safedumpPatterns {
		res = append(res, regexp.MustCompile(p))
	}
	rnd := rand.New(rand.NewSource(1))
	pieces := []string{"AKIA", "ghp_", "gho_", "sk_live_", "sk_test_", "eyJ", ".", "-", "=", "password", ":", " ", "aB3xY9",
		"ABCDEFGHIJ234567", "abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijkl0123456789AB", "é", "\x00", "://", "@", "-----BEGIN ", "PRIVATE KEY"}
	for range 2000 {
		var b strings.Builder
		for range 1 + rnd.Intn(9) {
			b.WriteString(pieces[rnd.Intn(len(pieces))])
		}
		f.Add(b.String())
	}
	x, err := New(Policy{Tier: 4})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, s string) {
		u := newRun(x)
		for _, m := range []mode{modeText, modePath, modeCode, modeText | modeSource | modeCut} {
			got := u.text(s, m)
			for _, re := range res {
				if re.MatchString(s) && (!got.whole || got.out != Placeholder) {
					t.Fatalf("%q matches %s and became %q", s, re, got.out)
				}
			}
			if again := u.text(got.out, m); again.hit {
				t.Fatalf("%q became %q, and that %q", s, got.out, again.out)
			}
		}
	})
}
