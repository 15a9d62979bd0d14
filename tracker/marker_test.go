package tracker

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
)

const (
	aGroup   = "sd1:group:0123456789abcdef"
	aVariant = "sd1:narrow:fedcba9876543210"
)

func TestMarkers(t *testing.T) {
	full := Marker{Group: aGroup, Variant: aVariant, Build: "v1.4.0-rc.1+dirty", Pending: true, Reopens: true, DuplicateOf: "PAY-12"}
	for _, m := range []Marker{{Group: aGroup}, full, {Group: aGroup, DuplicateOf: "7"}} {
		for _, text := range []string{m.String(), m.hidden(), "words\r\n\r\n  " + m.hidden() + "  \r\nmore"} {
			if got := markers(text); len(got) != 1 || got[0] != m {
				t.Errorf("%q is read as %+v", text, got)
			}
		}
	}
	for _, text := range []string{
		"", "sdcore:v1", "sdcore:v1 ", "sdcore:v1 group=", "sdcore:v1 group=x", "sdcore:v1 variant=" + aVariant,
		"> " + full.String(), full.String() + " ", "see " + full.String(), "<!-- " + full.String(), full.String() + " -->",
		strings.ToUpper(full.String()), full.String() + " more=x", "sdcore:v1  group=" + aGroup, "sdcore:v1 group=" + aGroup + " group=" + aGroup,
		"sdcore:v1 build=v1 group=" + aGroup, "sdcore:v1 group=" + aGroup + " build=a/b", "sdcore:v2 group=" + aGroup,
	} {
		if got := markers(text); len(got) != 0 && strings.TrimSpace(text) != full.String() {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
	body := "text\n\n" + full.hidden() + "\n"
	done := full
	done.Pending = false
	if got := withoutPending(body); got != "text\n\n"+done.hidden()+"\n" || withoutPending(got) != got {
		t.Errorf("%q", got)
	}
}

func TestFixVersions(t *testing.T) {
	for name, want := range map[string]string{
		"v1.4.0": "v1.4.0", "1.4": "v1.4.0", "Release 2": "v2.0.0", "v1.5.0-rc1": "v1.5.0-rc1", "": "", "next": "", "v1.x": "", "1.2.3.4": "", "\x00": "", "Q3 2026": "v2026.0.0",
	} {
		if got := canonical(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	i := Issue{Body: "sdcore: fixed in v9.9.9 and more", FixVersions: []string{"v1.6.0", "1.4.3", "later"}}
	if got := fixOf(&i); got != "v1.4.3" {
		t.Error(got)
	}
	i.Comments = []Comment{{Body: "sdcore: fixed in v1.5.0"}, {Body: "no:\r\n sdcore: fixed in 1.7.1 \r\n"}, {Body: "sdcore: fixed in never"}}
	if got := fixOf(&i); got != "v1.7.1" {
		t.Error(got)
	}
}

// TestHostileReportSaysNothing: what a report says in the tracker's or in sdcore's own
// words is not read, and calls nobody.
func TestHostileReportSaysNothing(t *testing.T) {
	bait := "boom\n" + Marker{Group: "sd1:group:ffffffffffffffff"}.hidden() + "\n" + Marker{Group: "sd1:group:ffffffffffffffff"}.String() + "\nsdcore: fixed in v99.0.0\n/close\n@ada #1 !2 $3 %4 ~5 &6"
	s := sample{version: "v1.4.0", message: bait}
	r := s.report()
	r.Crash.Exception.Type, r.Crash.Exception.Module = "main.E", "main"
	at := &r.Goroutines[0].Frames[0]
	at.Source.Lines = []string{bait}
	at.Vars[0].Value.SetContents(bait)
	at.Vars[0].Name = bait
	res, err := redact.Apply(r, redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Ready("x", res.Report(), res)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range kinds {
		b := newBoard(t, kind)
		url := b.serve().URL
		out := b.one(url, rep)
		want(t, out, Created)
		i := b.issues[0]
		c := crashOf(rep)
		if got := markers(i.body); len(got) != 1 || got[0].Group != c.group {
			t.Errorf("%s: markers %+v", kind, got)
		}
		if fix := fixOf(&Issue{Body: i.body}); fix != "" {
			t.Errorf("%s: the report says that it is fixed in %s", kind, fix)
		}
		for _, word := range []string{"@a", "#1", "!2", "$3", "%4", "~5", "&6", "\n"} {
			if strings.Contains(i.title, word) {
				t.Errorf("%s: the title is %q", kind, i.title)
			}
		}
		want(t, b.one(url, rep), Known)
		if strings.Contains(i.body, "\n/close") && kind == "gitlab" && !strings.Contains(i.body, "```text\n") {
			t.Errorf("%s: a command stands outside of code", kind)
		}
	}
}

func TestHeading(t *testing.T) {
	c := crash{title: "panic(main.E \"@ada\" #12 \u202e\x1b) in (*T).f" + strings.Repeat("é", 300), group: aGroup}
	for _, limit := range []int{40, 255, 256} {
		got := c.heading(limit)
		if len(got) > limit || !utf8.ValidString(got) || strings.ContainsAny(got, "\u202e\x1b") || !strings.Contains(got, "@ ada") || !strings.Contains(got, "# 12") && limit > 40 {
			t.Errorf("%d: %q", limit, got)
		}
	}
}

// FuzzMarkers: whatever stands in a tracker, reading it ends, and what is read is what
// would be written.
func FuzzMarkers(f *testing.F) {
	full := Marker{Group: aGroup, Variant: aVariant, Build: "v1.4.0", Pending: true, Reopens: true, DuplicateOf: "7"}
	for _, s := range []string{"", full.String(), full.hidden(), "a\n" + full.hidden() + "\nsdcore: fixed in v1.2.3\n", "sdcore:v1 group=" + aGroup + " build=", "<!-- -->", "sdcore: fixed in \u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		coretest.Bounded(t, len(s), 2_000, func() {
			for _, m := range markers(s) {
				if again, ok := parseMarker(m.String()); !ok || again != m {
					t.Errorf("%+v is written %q and read %+v", m, m.String(), again)
				}
				if again, ok := parseMarker(m.hidden()); !ok || again != m {
					t.Errorf("%+v hidden is read %+v", m, again)
				}
			}
			for _, m := range markers(withoutPending(s)) {
				if m.Pending {
					t.Errorf("%+v is still pending", m)
				}
			}
			i := Issue{Body: s, Comments: []Comment{{Body: s}}, FixVersions: []string{s}}
			fixOf(&i)
			c := crash{title: s, group: aGroup}
			if h := c.heading(255); len(h) > 255 {
				t.Errorf("a title of %d bytes", len(h))
			}
		})
	})
}
