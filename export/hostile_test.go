package export

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/safedump/sdcore/report"
)

// renderings are all outputs that people read.
func renderings() map[string]func(io.Writer, *report.Report) error {
	all := map[string]func(io.Writer, *report.Report) error{
		"text": func(w io.Writer, r *report.Report) error { return writeText(w, r, TextOptions{}) },
		"full": func(w io.Writer, r *report.Report) error { return writeText(w, r, TextOptions{Full: true, Width: 60}) },
		"goroutines": func(w io.Writer, r *report.Report) error {
			return writeGoroutines(onPaper(w), r, GoroutineOptions{})
		},
		"locals": func(w io.Writer, r *report.Report) error {
			return writeGoroutines(onPaper(w), r, GoroutineOptions{Locals: true})
		},
		"globals": func(w io.Writer, r *report.Report) error {
			s := newScreen(r, TextOptions{})
			s.globals(r.Globals)
			return s.flush(w)
		},
		"info":     func(w io.Writer, r *report.Report) error { return writeInfo(w, r, TextOptions{Full: true}) },
		"markdown": writeMarkdown,
		"html":     writeHTML,
		"annotation": func(w io.Writer, r *report.Report) error {
			_, err := io.WriteString(w, gitHubError(r, ""))
			return err
		},
		"traceback": func(w io.Writer, r *report.Report) error { return writeTraceback(onPaper(w), r) },
	}
	for part, p := range heapParts() {
		all["heap "+part] = func(w io.Writer, r *report.Report) error { return writeHeap(w, r, HeapOptions{Part: p, Of: evil()}) }
	}
	return all
}

func TestHostileTextShowsAsText(t *testing.T) {
	for name, render := range renderings() {
		var b bytes.Buffer
		if err := render(&b, hostileReport()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if bad := unprintable(b.String()); bad != "" {
			t.Errorf("%s holds %s", name, bad)
		}
		if !strings.Contains(b.String(), `\x1b`) || !strings.Contains(b.String(), `\u202e`) {
			t.Errorf("%s does not show the escapes:\n%s", name, b.String())
		}
	}
}

// unprintable tells what in s a terminal could act on, "" for nothing.
func unprintable(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for _, r := range strings.ReplaceAll(s, "\n\t", "\n") { // tracebacks indent by tabs
		if r != '\n' && !unicode.IsPrint(r) {
			return "the character " + escapeRune(r)
		}
	}
	return ""
}

func TestHostileTextInFiles(t *testing.T) {
	var b bytes.Buffer
	if err := writeJSON(&b, hostileReport(), Options{}); err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil || !utf8.Valid(b.Bytes()) {
		t.Fatalf("not JSON: %v", err)
	}
	delete(doc, "metadata") // keeps the exact text, which viewers do not show
	walkStrings(doc, func(s string) {
		if bad := unprintable(strings.ReplaceAll(s, "\t", "")); bad != "" {
			t.Errorf("the standard part holds %s in %q", bad, s)
		}
	})
	f, err := report.Decode(&b, report.DecodeOptions{})
	if err != nil || !f.Native {
		t.Fatalf("not read back: %v", err)
	}
	if m := f.Report.Crash.Exception.Message; m != strings.ToValidUTF8(evil(), "\ufffd") {
		t.Errorf("the metadata changed the message: %q", m)
	}
	b.Reset()
	if err := writeJSONL(&b, hostileReport()); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if len(lines) != 5 { // report, goroutine, global, problem, end
		t.Errorf("%d lines", len(lines))
	}
	for _, l := range lines {
		if !json.Valid([]byte(l)) {
			t.Errorf("not JSON: %q", l)
		}
	}
}

func walkStrings(v any, f func(string)) {
	switch x := v.(type) {
	case string:
		f(x)
	case []any:
		for _, e := range x {
			walkStrings(e, f)
		}
	case map[string]any:
		for k, e := range x {
			f(k)
			walkStrings(e, f)
		}
	}
}

// TestMarkdownKeepsTextInCode removes fenced blocks and code spans: nothing of
// the process may be left.
func TestMarkdownKeepsTextInCode(t *testing.T) {
	var b bytes.Buffer
	if err := writeMarkdown(&b, hostileReport()); err != nil {
		t.Fatal(err)
	}
	var outside []string
	fence := ""
	for _, l := range strings.Split(b.String(), "\n") {
		run := l[:len(l)-len(strings.TrimLeft(l, "`"))]
		switch {
		case fence != "" && l == fence:
			fence = ""
		case fence == "" && len(run) >= 3 && strings.TrimSpace(strings.TrimPrefix(l, run)) == "text":
			fence = run
		case fence == "":
			outside = append(outside, l)
		}
	}
	if fence != "" {
		t.Error("a fenced block is not closed")
	}
	text := strings.Join(outside, "\n")
	for {
		run := regexp.MustCompile("`+").FindString(text)
		if run == "" {
			break
		}
		before, rest, _ := strings.Cut(text, run)
		_, after, ok := strings.Cut(rest, run)
		if !ok {
			t.Fatalf("a code span is not closed: %q", text)
		}
		text = before + after
	}
	for _, bad := range []string{"script", "@all", "[x]", "# head", "owned", "amp"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q outside of code:\n%s", bad, text)
		}
	}
}

func TestEmptyReportsRender(t *testing.T) {
	for name, render := range renderings() {
		for _, r := range []*report.Report{{}, threadReport(), deepReport(10_000)} {
			if err := render(io.Discard, r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// FuzzRender renders reports of any shape: no panic, nothing that acts.
func FuzzRender(f *testing.F) {
	for _, r := range []*report.Report{payReport(), hostileReport(), threadReport(), {}} {
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &report.Report{}
		if json.Unmarshal(data, r) != nil {
			return
		}
		for name, render := range renderings() {
			var b bytes.Buffer
			if err := render(&b, r); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if bad := unprintable(b.String()); bad != "" {
				t.Fatalf("%s holds %s", name, bad)
			}
		}
		var b bytes.Buffer
		if err := writeJSON(&b, r, Options{MaxSize: 1 << 16}); err != nil {
			t.Fatal(err)
		}
		if _, err := report.Decode(&b, report.DecodeOptions{}); err != nil {
			t.Fatalf("not read back: %v", err)
		}
	})
}
