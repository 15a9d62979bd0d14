package redact_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// planted are the secrets of fixtures/payment, and a piece of each that occurs
// nowhere else. They are put together from pieces as they are there.
var planted = map[string]string{
	"API key":       "4eC39HqLyj" + "WDarjtT1zdp7dc",
	"DSN password":  "Tr0ub4dor" + "-and-3",
	"URL password":  "hunter22" + "secret",
	"card number":   "4242" + "4242" + "4242" + "4242",
	"JWT":           "dBjftJeZ4CVP" + "-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
	"JWT's payload": "eyJzdWIiOiI0MSIs" + "Im5hbWUiOiJBZGEifQ",
}

// TestNoSecretOfARealCore analyzes the core of the payment fixture at every
// tier with everything decoded, and looks for its secrets, plain and encoded,
// in every format.
func TestNoSecretOfARealCore(t *testing.T) {
	for _, name := range []string{"payment", "payment.noopt"} {
		core := coretest.Core(t, name)
		o := sdcore.Options{Limits: report.Limits{MaxDepth: 12, MaxItems: 1000, MaxNodes: 100_000}}
		rep, err := sdcore.Analyze(context.Background(), core.Core, core.Bin, o)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(rep)
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range planted {
			if !bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s: the unredacted report does not hold the %s: nothing is tested", name, what)
			}
		}
		for tier := 0; tier <= 4; tier++ {
			for _, limit := range []int{0, 20, -1} {
				res, err := redact.Apply(rep, redact.Policy{Tier: tier, Limits: report.Limits{MaxString: limit}})
				if err != nil {
					t.Fatal(err)
				}
				for format, out := range formats(t, res) {
					checkPlanted(t, name+" as "+format, out)
				}
			}
		}
	}
}

// TestStreamOfCores: a real report redacted as a stream is what Apply makes of
// it.
func TestStreamOfCores(t *testing.T) {
	for _, name := range []string{"payment", "stdvalues", "manywait", "deadlock", "repanic"} {
		core := coretest.Core(t, name)
		rep, err := sdcore.Analyze(context.Background(), core.Core, core.Bin, sdcore.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, tier := range []int{0, 1, 4} {
			p := redact.Policy{Tier: tier, Limits: report.Limits{MaxString: 30}}
			res, err := redact.Apply(rep, p)
			if err != nil {
				t.Fatal(err)
			}
			want, got := encoded(t, res.Report()), encoded(t, redact.Streamed(t, rep, p, 2))
			if !bytes.Equal(got, want) {
				t.Errorf("%s at tier %d: the stream differs", name, tier)
			}
		}
	}
}

func encoded(t *testing.T, r *report.Report) []byte {
	t.Helper()
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func formats(t *testing.T, res redact.Result) map[string]string {
	t.Helper()
	out := map[string]string{}
	for format, write := range map[string]func(*bytes.Buffer) error{
		"json":     func(b *bytes.Buffer) error { return export.JSON(b, res, export.Options{MaxSize: -1}) },
		"text":     func(b *bytes.Buffer) error { return export.Text(b, res, export.TextOptions{Full: true, Width: 400}) },
		"jsonl":    func(b *bytes.Buffer) error { return export.JSONL(b, res) },
		"tracebck": func(b *bytes.Buffer) error { return export.Traceback(b, res) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
		out[format] = b.String()
	}
	name, err := export.FileName(res)
	if err != nil {
		t.Fatal(err)
	}
	out["file name"] = name
	return out
}

func checkPlanted(t *testing.T, where, out string) {
	t.Helper()
	if len(out) < 10 {
		t.Errorf("%s: only %d bytes", where, len(out))
	}
	for what, secret := range planted {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))[:12], hex.EncodeToString([]byte(secret)), url.QueryEscape(secret)} {
			if strings.Contains(out, form) {
				t.Errorf("%s: holds the %s", where, what)
			}
		}
		for i := 0; i+8 <= len(secret); i++ { // any piece of eight bytes
			if piece := secret[i : i+8]; strings.Contains(out, piece) && piece != "42424242" {
				t.Errorf("%s: holds a piece of the %s", where, what)
				break
			}
		}
	}
}
