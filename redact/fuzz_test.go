package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"math/rand"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// randomReport builds a report of fragments of text, some of which hold the
// secret, in every channel that a report has.
func randomReport(rnd *rand.Rand, secret string, extra string) *report.Report {
	names := []string{"user", "apiKey", "x", "cfg", "hash", "session", "email", "token", "id", "key", "url", "data"}
	texts := []string{"", "plain", "password=", "a: b", "https://u:", "@h/x", "token: ", "\x00\xff", "é", "\"", "eyJ", "AKIA", "Bearer ", extra, secret, secret[2:], secret[:10], hex.EncodeToString([]byte(secret[1:])), base64.StdEncoding.EncodeToString([]byte("a:" + secret)),
		url.QueryEscape(secret), Placeholder, "[REDA", "[REDACTED#3]"}
	text := func() string {
		var b strings.Builder
		for range rnd.Intn(5) {
			b.WriteString(texts[rnd.Intn(len(texts))])
		}
		return b.String()
	}
	name := func() string { return names[rnd.Intn(len(names))] }
	var value func(depth int) report.Value
	value = func(depth int) report.Value {
		switch k := rnd.Intn(9); {
		case k < 3 || depth > 5:
			v := str(text())
			if rnd.Intn(4) == 0 {
				v.State, v.Len = report.StateTruncated, v.Len+10
			}
			return v
		case k == 3:
			return bytesOf(text())
		case k == 4:
			return structOf("main.T", name(), value(depth+1), name(), value(depth+1))
		case k == 5:
			return mapOf("map[string]T", str(text()), value(depth+1), str(name()), value(depth+1))
		case k == 6:
			return sliceOf("[]T", value(depth+1), str("--token"), value(depth+1))
		case k == 7:
			return ptr(value(depth + 1))
		}
		v := iface(value(depth + 1))
		v.Note = text()
		return v
	}
	r := reportWith(variable(name(), value(0)), variable(name(), value(0)))
	r.Goroutines[0].Labels = []report.Label{{Key: name(), Value: text()}}
	r.Goroutines[0].Frames[0].Source = &report.Source{Lines: []string{text(), text()}}
	r.Crash.Exception.Message = text()
	v := value(0)
	r.Crash.Exception.Value = &v
	r.Crash.Exception.Sub = []report.Exception{{Message: text()}}
	r.Process.Args = []string{text(), "--" + name(), text()}
	r.Process.Env = []report.EnvVar{{Name: strings.ToUpper(name()), Value: text()}}
	r.Globals = []report.Global{{Package: "main", Name: name(), Value: value(0)}}
	r.Identity.Settings = []report.Setting{{Key: "-ldflags", Value: text()}}
	r.Problems = []report.Problem{{Subject: text(), Message: text()}}
	// The place that makes the secret known.
	r.Goroutines[0].Frames[0].Vars = append(r.Goroutines[0].Frames[0].Vars, variable("dbPassword", str(secret)))
	return r
}

// piecesOf are eight bytes of a secret in each form that is looked for.
func piecesOf(t *testing.T, secret string) map[string]bool {
	t.Helper()
	pieces := map[string]bool{}
	for at := 0; at+minSpread <= len(secret); at++ {
		piece := secret[at : at+minSpread]
		quoted, err := json.Marshal(piece)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{piece, string(quoted[1 : len(quoted)-1]), hex.EncodeToString([]byte(piece)), url.QueryEscape(piece)} {
			pieces[form] = true
		}
	}
	for shift := range 3 {
		form := base64.StdEncoding.EncodeToString([]byte("..."[:shift] + secret))
		for at := 2; at+13 < len(form); at++ {
			pieces[form[at:at+12]] = true
		}
	}
	return pieces
}

// FuzzApply plants a secret all over a report and checks that no string of the
// result holds it, that the input stays as it is, and that applying twice is
// as applying once.
func FuzzApply(f *testing.F) {
	for seed := range int64(300) {
		f.Add(seed, "x", uint8(seed), int16(seed%80))
	}
	for _, extra := range []string{`password="`, "-----BEGIN PRIVATE KEY-----", "://a:b", "4111 1111 1111 1111", "bob@mail.example.org", "]", "&", `\"`, "sk-",
		"[REDACTED#", "[REDACTED#999999]", "[REDACTED#99999999999]", "#3]"} {
		f.Add(int64(7), extra, uint8(3), int16(20))
	}
	const secret = "Zk7#q\"9Lw&x2"
	f.Fuzz(func(t *testing.T, seed int64, extra string, tier uint8, limit int16) {
		r := randomReport(rand.New(rand.NewSource(seed)), secret, extra)
		p := Policy{Tier: int(tier % 5), Limits: report.Limits{MaxString: max(-1, int(limit))}}
		before, _ := json.Marshal(r)
		res, err := Apply(r, p)
		if err != nil {
			t.Fatal(err)
		}
		if after, _ := json.Marshal(r); string(after) != string(before) {
			t.Fatal("the input was changed")
		}
		once, _ := json.Marshal(res.Report())
		for piece := range piecesOf(t, secret) {
			if i := strings.Index(string(once), piece); i >= 0 && !strings.Contains(extra, piece[:4]) {
				t.Fatalf("%q of the secret is left: %s", piece, once[max(0, i-300):min(len(once), i+100)])
			}
		}
		again, err := Apply(res.Report(), p)
		if err != nil {
			t.Fatal(err)
		}
		if twice, _ := json.Marshal(again.Report()); string(twice) != string(once) {
			t.Fatalf("applying twice is not as applying once:\n%s", difference(string(once), string(twice)))
		}
	})
}

// TestLongest compares the search among sorted secrets with looking at each.
func TestLongest(t *testing.T) {
	rnd := rand.New(rand.NewSource(3))
	word := func(n int) string {
		b := []byte("prefix--")
		for range rnd.Intn(n) {
			b = append(b, "ab"[rnd.Intn(2)])
		}
		return string(b)
	}
	hits := 0
	for range 3000 {
		var set secretSet
		var all []string
		for range 1 + rnd.Intn(12) {
			all = append(all, word(9))
		}
		set.build(slices.Clone(all))
		s, want := word(12), 0
		for _, secret := range all {
			if strings.HasPrefix(s, secret) {
				want = max(want, len(secret))
			}
		}
		got := 0
		set.find(s, false, func(_, end, _ int) { got = max(got, end) })
		if got < want {
			t.Fatalf("%q among %q: %d bytes, want %d", s, all, got, want)
		}
		if want > 0 {
			hits++
		}
	}
	if hits < 300 {
		t.Errorf("only %d hits", hits)
	}
}
