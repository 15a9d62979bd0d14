package redact

import (
	"testing"

	"github.com/safedump/sdcore/report"
)

// TestPersonal: whoever asks for one value at a tier that shows everything can
// still have personal data removed.
func TestPersonal(t *testing.T) {
	in := &report.Report{Globals: []report.Global{
		{Package: "main", Name: "email", Value: report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "not an address"}},
		{Package: "main", Name: "text", Value: report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "write to ada@example.com"}},
	}}
	for _, personal := range []bool{false, true} {
		res, err := Apply(in, Policy{Tier: 3, Personal: personal})
		if err != nil {
			t.Fatal(err)
		}
		name, text := res.Report().Globals[0].Value, res.Report().Globals[1].Value
		if gone := name.State == report.StateRedacted; gone != personal {
			t.Errorf("Personal %v: the value of email is %s", personal, name.State)
		}
		if gone := text.Text != "write to ada@example.com"; gone != personal {
			t.Errorf("Personal %v: the text is %q", personal, text.Text)
		}
	}
}

func TestPersonalForms(t *testing.T) {
	const R = Placeholder
	for _, c := range []struct{ in, want string }{
		{"to DE89370400440532013000 today", "to " + R + " today"},
		{"to DE89 3704 0044 0532 0130 00, please", "to " + R + ", please"},
		{"GB82WEST12345698765432", R},
		{"iso=NO9386011117947;", "iso=" + R + ";"},
		{"DE89370400440532013001 has a wrong checksum", ""},
		{"DE8937040044053201300 is too short", ""}, {"DE893704004405320130001 is too long", ""},
		{"DEFAULT SELECT NOT NULL AT20 BE16", ""},
		{"call +49 151 2345 6789 now", "call " + R + " now"},
		{"call +4915123456789.", "call " + R + "."},
		{"tel:+44-20-7946-0958", "tel:" + R},
		{"+1 (555) 234-5678", R}, {"(555) 234-5678", R}, {"at 555-234-5678,", "at " + R + ","}, {"555.234.5678", R},
		{"main.f(0xc000112000) +0x1a5", ""}, {"1e+10 and 2026-11-22T14:05:00+0100", ""}, {"delta +1763800000000000000 ns", ""},
		{"delta +12345678 bytes", ""}, {"192.168.100.200", ""}, {"id 123-456-7890", ""}, {"range 100-200-3000", ""},
		{"2026-11-22", ""}, {"0a1b2c3d-4e5f-6978-8a9b-001122334455", ""}, {"v1.2.3-20260708154117-df4e898c2b6a", ""}, {"(12345678901)", ""},
		{"card 4111-1111-1111-1111", "card " + R}, {"5105 1051 0510 5100", R}, {"378282246310005", R}, {"4111111111111111", R},
		{"4111111111111112", ""}, {"0.4111111111111111", ""}, {"1763800000000", ""}, {"9223372036854775807", ""}, {"0xc000112000", ""},
	} {
		want := c.want
		if want == "" {
			want = c.in
		}
		if got := textAt(t, 0, modeText, c.in); got.out != want {
			t.Errorf("%q: %q, want %q", c.in, got.out, want)
		}
	}
	if got := textAt(t, 2, modeText, "+49 151 2345 6789"); got.hit {
		t.Errorf("a phone number is removed at tier 2: %q", got.out)
	}
}

func TestAddresses(t *testing.T) {
	const R = Placeholder
	for _, c := range []struct{ in, want string }{
		{"dial tcp 10.1.2.3:5432: connection refused", "dial tcp " + R + ":5432: connection refused"},
		{"from 203.0.113.9, via", "from " + R + ", via"},
		{"[2001:db8::17]:443 and fe80::1", "[" + R + "]:443 and " + R},
		{"listening on 127.0.0.1:80, [::1]:80, 0.0.0.0:80, [::]:80", ""},
		{"go1.26.8 v1.2.3 12:30:45 server.go:214:17 a::b 1.2.3.4.5 10.1.2.300", ""},
	} {
		x, err := New(Policy{Tier: 4, Addresses: true})
		if err != nil {
			t.Fatal(err)
		}
		want := c.want
		if want == "" {
			want = c.in
		}
		u := newRun(x)
		if got := u.text(c.in, u.tiered(modeText)); got.out != want {
			t.Errorf("%q: %q, want %q", c.in, got.out, want)
		}
		if got := textAt(t, 4, modeText, c.in); got.hit {
			t.Errorf("%q is %q without the policy's Addresses", c.in, got.out)
		}
	}
}
