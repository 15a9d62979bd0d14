package redact

import (
	"math/rand"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
)

// TestProvidersTable checks every line of the table: expressions compile,
// keywords are lower case and found, windows are bounded.
func TestProvidersTable(t *testing.T) {
	p := (&providerSet{}).ready()
	if p.err != nil {
		t.Fatal(p.err)
	}
	if len(p.rules) < 350 || !strings.Contains(providersTable, "Copyright (c) 2026 Zachary Rice") {
		t.Errorf("%d rules, or no licence", len(p.rules))
	}
	seen := map[string]bool{}
	for _, r := range p.rules {
		re := r.expression()
		switch {
		case re == nil:
			t.Errorf("%s does not compile", r.id)
		case re.MatchString(""), re.MatchString(Placeholder), r.group > re.NumSubexp():
			t.Errorf("%s matches nothing or the placeholder, or has no group %d", r.id, r.group)
		case seen[r.id], len(r.keywords) == 0, r.unbroken < p.unbroken, r.after <= 0, r.after > 4096, r.before > 4096:
			t.Errorf("%s: twice, without keyword, or with a window that has no bound", r.id)
		}
		seen[r.id] = true
		for _, w := range r.keywords {
			if w != strings.ToLower(w) || len(w) < 3 || strings.ContainsAny(w, "[]") {
				t.Errorf("%s: keyword %q", r.id, w)
			}
		}
		if _, err := syntax.Parse(strings.ReplaceAll(r.source, "<)is>", ")"), syntax.Perl); err != nil {
			t.Errorf("%s: %v", r.id, err)
		}
	}
}

// TestKeywords compares the automaton with looking for each keyword.
func TestKeywords(t *testing.T) {
	rnd := rand.New(rand.NewSource(5))
	text := func(n int, letters string) string {
		b := make([]byte, 1+rnd.Intn(n))
		for i := range b {
			b[i] = letters[rnd.Intn(len(letters))]
		}
		return string(b)
	}
	hits := 0
	for range 2000 {
		var words []string
		for range 1 + rnd.Intn(8) {
			if w := text(5, "abc-"); !slices.Contains(words, w) {
				words = append(words, w)
			}
		}
		table, ok := newKeywordTable(words)
		if !ok {
			t.Fatal("too many keywords")
		}
		s, got, want := text(40, "abcABC-x\xff"), map[window]bool{}, map[window]bool{}
		table.each(s, func(word, start int) { got[window{word, start}] = true })
		for k, w := range words {
			for i := range len(s) {
				if strings.HasPrefix(strings.ToLower(s[i:]), w) {
					want[window{k, i}] = true
				}
			}
		}
		hits += len(want)
		if len(got) != len(want) {
			t.Fatalf("%q in %q: %v, want %v", words, s, got, want)
		}
		for h := range want {
			if !got[h] {
				t.Fatalf("%q in %q: %v, want %v", words, s, got, want)
			}
		}
	}
	if hits < 1000 {
		t.Errorf("only %d hits", hits)
	}
	if _, ok := newKeywordTable([]string{strings.Repeat("a", 1<<16)}); ok {
		t.Error("an automaton of more states than there are numbers")
	}
}

func TestProviders(t *testing.T) {
	const R = Placeholder
	mixed, hexes, lower := rep("aB3xK9pQ7mZ2", 400), rep("0a1b2c3d4e5f6978", 200), rep("a1b2c3d4e5f6g7h8", 200)
	uuid := "0a1b2c3d-4e5f-6978-8a9b-" + hexes[:12]
	filler := strings.Repeat("a line of a log that says nothing, at 12:30\n", 60)
	for _, c := range []struct{ in, want string }{
		{"datadog_api_key=" + lower[:32], "datadog_api_key=" + R},
		{`{"cloudflare":"` + hexes[:37] + `"}`, `{"cloudflare":"` + R + `"}`},
		{`{\"fastly\":\"` + lower[:32] + `\"}`, `{\"fastly\":\"` + R + `\"}`},
		{"{Heroku:" + uuid + " Dyno:web}", "{Heroku:" + R + " Dyno:web}"},
		{"algolia: " + lower[:32] + ", next", "algolia: " + R + ", next"},
		{"algolia: " + lower[:32] + ".", "algolia: " + R + "."},
		{filler + "ALGOLIA=" + lower[:32] + "\n" + filler, filler + "ALGOLIA=" + R + "\n" + filler},
		{"x xai-" + mixed[:80] + " y", "x " + R + " y"},
		{"x pcsk_" + mixed[:5] + "_" + mixed[:63] + " y", "x " + R + " y"},
		{"x tskey-api-" + mixed[:30] + " y", "x " + R + " y"},
		{"x rubygems_" + hexes[:48] + " y", "x " + R + " y"},
		{"x API-" + strings.ToUpper(lower[:26]) + " y", "x " + R + " y"},
		{"x AKIA" + rep("Q2W3E4R5T6Y7U3I2", 16) + " y", R},
		{"x LTAI" + mixed[:20] + " y", "x " + R + " y"},
		{"x EAAC" + rep("aB3xK9pQ7mZ2cD4yL8rS6nW1eF5zM0tU", 120) + " y", "x " + R + " y"},
		{"x SWMKEY-1-" + mixed[:43] + " y", "x " + R + " y"},
		{"x dt0c01." + rep("ABC1DEF2", 24) + "." + rep("GH3IJK4L5MNO", 64) + " y", "x " + R + " y"},
		{"x glpat-" + mixed[:20] + mixed[30:40] + " y", "x " + R + " y"},
		{"x FlyV1 fm2_" + mixed[:120] + ",fm2_" + mixed[:80] + " y", "x " + R + " y"},
		{"twilio: x SK" + hexes[:32] + " y", "twilio: x " + R + " y"},
		// Keywords without credentials, and what looks like them.
		{"datadog_api_key=", ""}, {"datadog agent started at 12:30", ""},
		{"datadog: " + R, ""},
		{"import \"github.com/cloudflare/cloudflare-go/v4@v4.1.0\"", ""},
		{"github.com/DataDog/dd-trace-go.v1/ddtrace/tracer.(*tracer).worker(0xc000112000, 0x1a2b3c4d5e6f7081)", ""},
		{"commit: " + hexes[:40], ""}, {"sha256:" + hexes[:64], ""}, {"etag \"" + hexes[:32] + "\"", ""},
		{"h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", ""},
		{"request " + uuid + " took 12.5ms", ""}, {"span-id=" + hexes[:16] + " trace-id=" + hexes[:32], ""},
		{"2026-11-22T14:05:00.123456789Z 1763800000000000000 16777216 0xc000112000 +0x1a5", ""},
		{"/home/x/go/pkg/mod/github.com/linear/linear-algebra@v0.0.0-20260708154117-df4e898c2b6a/box_model.go:214", ""},
		{"text/html; charset=utf-8 " + "aGVsbG8gd29ybGQsIHRoaXMgaXMgbm90aGluZyBzZWNyZXQ=", ""},
		{"mailbox size=1024 linear interpolation: 0.25 checkout complete, travis build 42", ""},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		if got := textAt(t, 4, modeText, c.in); got.out != want {
			t.Errorf("%q:\n got %q\nwant %q", c.in, got.out, want)
		}
	}
	if got := textAt(t, 4, modeText|modeCut, "x rubygems_0a1b2c"); got.out != "x "+R {
		t.Errorf("a credential that was cut: %q", got.out)
	}
}

// TestProvidersHostile checks that keywords in masses cost no more than the
// length of the text allows, and that a text that would is dropped.
func TestProvidersHostile(t *testing.T) {
	long := rep("aB3xK9pQ", 60)
	var words strings.Builder
	for _, r := range (&providerSet{}).ready().rules {
		words.WriteString(r.keywords[0] + "=" + long + " ")
	}
	for _, piece := range []string{"key=", "token=" + long, "datadog=" + long[:31] + " ", "eyJ" + long, words.String(), "sk-" + long + "."} {
		textAt(t, 0, modeText, strings.Repeat(piece, 1+1<<17/len(piece)))
	}
}

// FuzzProviders plants credentials of providers in any text.
func FuzzProviders(f *testing.F) {
	secrets := []string{"tskey-api-" + rep("aB3xK9pQ7mZ2", 30), "rubygems_" + rep("0a1b2c3d4e5f6978", 48), "pul-" + rep("0a1b2c3d4e5f6978", 40)}
	for _, s := range []string{"", "datadog=", "key: ", "\x00\xff", "eyJ", "] ", "[REDACTED]", "token=("} {
		f.Add(s, " "+s, uint8(len(s)))
	}
	f.Fuzz(func(t *testing.T, before, after string, which uint8) {
		secret := secrets[int(which)%len(secrets)]
		if got := textAt(t, 0, modeText, before+" "+secret+" "+after); strings.Contains(got.out, secret[10:]) && !strings.Contains(before+after, secret[10:]) {
			t.Errorf("%q is shown", got.out)
		}
	})
}
