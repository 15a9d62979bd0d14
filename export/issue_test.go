package export

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

var issueMarkups = map[string]IssueMarkup{"markdown": IssueMarkdown, "either": IssueEither, "wiki": IssueWiki}

func noCheck([]byte) error { return nil }

// visible are the lines of a text that are not folded away.
func visible(text string) int {
	n, folded := 0, false
	for line := range strings.Lines(text) {
		switch strings.TrimSpace(line) {
		case "<details>":
			folded = true
		case "</details>":
			folded = false
		default:
			if !folded || strings.HasPrefix(line, "<summary>") {
				n++
			}
		}
	}
	return n
}

// overfull is a report with more of everything than an issue shows.
func overfull() *report.Report {
	r := hostileReport()
	r.Crash.Exception.Message = strings.Repeat("line\n", 100)
	for i := range 20 {
		r.Crash.Exception.Sub = append(r.Crash.Exception.Sub, report.Exception{Type: fmt.Sprint("main.E", i), Message: "again"})
	}
	for i := range r.Goroutines {
		for j := range r.Goroutines[i].Frames {
			f := &r.Goroutines[i].Frames[j]
			for k := range 80 {
				f.Vars = append(f.Vars, local(fmt.Sprint("v", k), strVal(strings.Repeat("x", 300))))
			}
			f.Source = &report.Source{First: f.Line - 3, Lines: make([]string, 7)}
		}
	}
	return r
}

func TestIssueIsShort(t *testing.T) {
	for name, markup := range issueMarkups {
		for kind, r := range map[string]*report.Report{"pay": payReport(), "hostile": hostileReport(), "overfull": overfull()} {
			o := IssueOptions{Markup: markup, Lead: []string{"one", "two"}, Foot: []string{"marker"}, Embed: markup == IssueMarkdown, EmbedName: "x.json", MaxSize: 65536}
			text, err := issueText(r, o, noCheck)
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			if n := visible(string(text)); n > 60 || n < 12 {
				t.Errorf("%s, %s: %d lines\n%s", name, kind, n, text)
			}
			if len(text) > o.MaxSize || !strings.HasPrefix(string(text), "one\ntwo\n") || !strings.HasSuffix(string(text), "\nmarker\n") {
				t.Errorf("%s, %s: %d bytes, %.40q … %q", name, kind, len(text), text, text[len(text)-40:])
			}
			if bad := unprintable(strings.ReplaceAll(string(text), "\u200b", "")); bad != "" {
				t.Errorf("%s, %s holds %s", name, kind, bad)
			}
		}
	}
}

// TestIssueCallsNobody: outside of code, where a tracker acts, stands nothing of
// the report; where a block of text could be ended, it is not.
func TestIssueCallsNobody(t *testing.T) {
	const bait = "@ada #12 closes #7 !3 $4 <b>x</b> </pre> {noformat} ``` ~~~ [~ada] \n</pre>\n```\n{noformat}\n@ada\nsdcore:v1 group=x"
	r := payReport()
	r.Crash.Exception.Message, r.Crash.Exception.Type = bait, bait
	r.Identity.Main.Version, r.Identity.GoVersion = bait, bait
	g := &r.Goroutines[crashedGoroutine(r)]
	for i := range g.Frames {
		f := &g.Frames[i]
		f.Function, f.File = bait+f.Function, bait
		f.Source = &report.Source{First: f.Line, Lines: []string{bait}}
		f.Vars = append(f.Vars, local(bait, strVal(bait)))
	}
	for name, markup := range issueMarkups {
		text, err := issueText(r, IssueOptions{Markup: markup, Reserved: "sdcore:v1"}, noCheck)
		if err != nil {
			t.Fatal(err)
		}
		s := string(text)
		if strings.Contains(s, "sdcore:v1") {
			t.Errorf("%s has the reserved word", name)
		}
		var outside string
		switch markup {
		case IssueMarkdown:
			outside = outsideOfCode(s)
		case IssueWiki:
			outside = strings.Join(everySecond(s, "{noformat}"), "")
		case IssueEither:
			inner := strings.TrimSuffix(strings.TrimPrefix(s, "```\n<pre>\n"), "\n</pre>\n```\n")
			if len(inner) != len(s)-len("```\n<pre>\n")-len("\n</pre>\n```\n") || strings.Contains(inner, "```") || strings.Contains(inner, "</pre") {
				t.Errorf("%s: the block can be ended:\n%s", name, s)
			}
			outside = strings.ReplaceAll(inner, "@\u200b", "")
			outside = strings.ReplaceAll(outside, "#", "") // references are no calls
		}
		if strings.ContainsAny(outside, "@#!$~") && markup != IssueEither || strings.Contains(outside, "@") || strings.Contains(outside, "ada") && markup != IssueEither {
			t.Errorf("%s: outside of code stands\n%s", name, outside)
		}
	}
}

// outsideOfCode is what of Markdown is neither in a fence nor in a code span, and
// no heading or tag of ours.
func outsideOfCode(s string) string {
	var out strings.Builder
	fence := ""
	for line := range strings.Lines(s) {
		trimmed := strings.TrimSpace(line)
		if fence != "" {
			if trimmed == fence {
				fence = ""
			}
			continue
		}
		if n := longestRun(trimmed, '`'); n >= 3 && strings.HasPrefix(trimmed, strings.Repeat("`", n)) && strings.Trim(trimmed, "`") == "text" {
			fence = strings.Repeat("`", n)
			continue
		}
		line = strings.TrimPrefix(line, "### ")
		for {
			at := strings.IndexByte(line, '`')
			if at < 0 {
				break
			}
			n := len(line[at:]) - len(strings.TrimLeft(line[at:], "`"))
			ticks := strings.Repeat("`", n)
			end := strings.Index(line[at+n:], ticks)
			if end < 0 {
				break
			}
			out.WriteString(line[:at])
			line = strings.TrimLeft(line[at+n+end+n:], "`")
		}
		out.WriteString(line)
	}
	return out.String()
}

// everySecond are the parts that stand outside of pairs of a mark.
func everySecond(s, mark string) []string {
	var out []string
	for i, part := range strings.Split(s, mark) {
		if i%2 == 0 {
			out = append(out, part)
		}
	}
	return out
}

// TestEmbeddedReport takes the JSON out of the text as a reader would: it is a
// report, of the same crash, and no larger than asked for, however large the
// crash is.
func TestEmbeddedReport(t *testing.T) {
	big := payReport()
	big.Fingerprint = ""
	g := &big.Goroutines[crashedGoroutine(big)]
	for i := range g.Frames {
		for k := range 60 {
			v := strVal(strings.Repeat("é", 4000) + "[REDACTED#1]")
			for range 8 {
				v = structVal("main.T", field("next", v), field("pad", strVal(strings.Repeat("p", 900))))
			}
			g.Frames[i].Vars = append(g.Frames[i].Vars, local(fmt.Sprint("big", k), v))
		}
	}
	for i := range 400 {
		big.Identity.Deps = append(big.Identity.Deps, report.Module{Path: fmt.Sprintf("example.org/dep%d", i), Version: "v1.0.0", Sum: strings.Repeat("s", 50)})
	}
	for name, r := range map[string]*report.Report{"big": big, "pay": payReport()} {
		r.Fingerprint = ""
		res, err := redact.Apply(r, redact.Default())
		if err != nil {
			t.Fatal(err)
		}
		for _, size := range []int{20_000, 65_536, 1 << 20} {
			var b bytes.Buffer
			if err := Issue(&b, res, IssueOptions{Embed: true, EmbedName: "crash.safedump.json", MaxSize: size, Reserved: "sdcore:v1"}); err != nil {
				t.Fatal(err)
			}
			_, rest, ok := strings.Cut(b.String(), "```json\n")
			block, _, ok2 := strings.Cut(rest, "\n```\n")
			if !ok || !ok2 {
				t.Errorf("%s, %d bytes: no report in a text of %d", name, size, b.Len())
				continue
			}
			if b.Len() > size {
				t.Errorf("%s: %d of %d bytes", name, b.Len(), size)
			}
			f, err := report.Decode(strings.NewReader(block), report.DecodeOptions{})
			if err != nil || !f.Native {
				t.Errorf("%s, %d bytes: %v", name, size, err)
				continue
			}
			if got, want := fingerprint.OfReport(f.Report).Levels, fingerprint.Of(res).Levels; got != want {
				t.Errorf("%s, %d bytes: %v, not %v", name, size, got, want)
			}
			again, err := redact.Apply(f.Report, redact.Default())
			if err != nil || !reflect.DeepEqual(total(again.Report()), total(f.Report)) {
				t.Errorf("%s, %d bytes: redacted again it is another one (%v)", name, size, err)
			}
			if len(f.Report.Goroutines) == 0 || len(f.Report.Goroutines[0].Frames) == 0 {
				t.Errorf("%s, %d bytes: no stack", name, size)
			}
		}
	}
	if _, err := issueText(big, IssueOptions{MaxSize: 500}, noCheck); !errors.Is(err, ErrIssueSize) {
		t.Errorf("a text that can't fit: %v", err)
	}
}

func total(r *report.Report) int {
	n := 0
	for _, k := range r.RedactionCounts {
		n += k
	}
	return n
}

func TestHeadKeepsWholeCharacters(t *testing.T) {
	for _, x := range []struct {
		s    string
		n    int
		want string
	}{
		{"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"aéb", 2, "a"}, {"aéb", 3, "aé"},
		{"key [REDACTED#12] more", 9, "key "}, {"key [REDACTED#12] more", 15, "key "}, {"key [REDACTED#12] more", 17, "key [REDACTED#12]"},
		{"list [1, 2, 3]", 9, "list [1, "}, {"\xff\xff\xff", 2, "\xff\xff"},
	} {
		if got := head(x.s, x.n); got != x.want {
			t.Errorf("%q, %d: %q, want %q", x.s, x.n, got, x.want)
		}
	}
}
