package export

import (
	"bytes"
	"io"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/safedump/sdcore/report"
)

// eachFilled calls f with reports that have a payload in every text, each of
// them in every field once.
func eachFilled(f func(turn int, words bool, r *report.Report)) {
	for turn := range payloads {
		for _, words := range []bool{false, true} {
			r, _ := filled(turn, words)
			f(turn, words, r)
		}
	}
}

// TestFilled: every text of a report has a payload, whatever is added to it.
func TestFilled(t *testing.T) {
	type inner struct {
		S string
		T *[]map[string]string
	}
	type kind string
	type sample struct {
		K kind
		I []inner
	}
	var s sample
	f := &filler{}
	f.fill(reflect.ValueOf(&s).Elem(), 0)
	if f.n != 3 || s.K != "" || s.I[0].S == "" || len((*s.I[0].T)[0]) != 1 {
		t.Errorf("%d texts in %+v", f.n, s)
	}
	r, n := filled(0, true)
	var empty []string
	emptyTexts(reflect.ValueOf(r).Elem(), "Report", &empty)
	if n < 1000 || len(empty) > 0 {
		t.Errorf("%d texts; without one: %q", n, empty)
	}
}

// emptyTexts lists the texts below v that are empty.
func emptyTexts(v reflect.Value, where string, out *[]string) {
	switch v.Kind() {
	case reflect.String:
		if v.Len() == 0 {
			*out = append(*out, where)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			emptyTexts(v.Elem(), where, out)
		}
	case reflect.Slice:
		for i := range v.Len() {
			emptyTexts(v.Index(i), where+"[]", out)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().String() != "time.Time" {
				emptyTexts(v.Field(i), where+"."+v.Type().Field(i).Name, out)
			}
		}
	}
}

// ownInk are the colours that sdcore writes.
var ownInk = regexp.MustCompile("\x1b\\[(0|1|1;31|33|90)m")

// TestHostileFieldsOnTerminals: no text of any field is a control character on a
// terminal, in any output for one; with colours there are only sdcore's own.
func TestHostileFieldsOnTerminals(t *testing.T) {
	all := renderings()
	all["colour"] = func(w io.Writer, r *report.Report) error {
		return writeText(w, r, TextOptions{Color: true, Full: true})
	}
	all["waits"] = func(w io.Writer, r *report.Report) error { return writeWaits(w, r, TextOptions{Full: true}) }
	all["waits in colour"] = func(w io.Writer, r *report.Report) error { return writeWaits(w, r, TextOptions{Color: true}) }
	delete(all, "html") // in a browser: TestPage
	shown := map[string]map[string]bool{}
	eachFilled(func(turn int, words bool, r *report.Report) {
		for name, render := range all {
			var b bytes.Buffer
			if err := render(&b, r); err != nil {
				t.Errorf("%s, turn %d: %v", name, turn, err)
				continue
			}
			out := b.String()
			if strings.Contains(name, "colour") {
				out = ownInk.ReplaceAllString(out, "")
			}
			if bad := unprintable(out); bad != "" {
				t.Errorf("%s, turn %d, words %v: holds %s", name, turn, words, bad)
			}
			if shown[name] == nil {
				shown[name] = map[string]bool{}
			}
			for _, number := range regexp.MustCompile(`\(\d+\)`).FindAllString(out, -1) {
				shown[name][number] = true
			}
		}
	})
	for name, numbers := range shown {
		if len(numbers) == 0 {
			t.Errorf("%s shows no field", name)
		}
		t.Logf("%s: %d fields", name, len(numbers))
	}
}

// TestHostileMarkdown reads the Markdown as GitHub does: nothing of any field is
// anything but code.
func TestHostileMarkdown(t *testing.T) {
	shown := map[string]bool{}
	eachFilled(func(turn int, words bool, r *report.Report) {
		var b bytes.Buffer
		if err := writeMarkdown(&b, r); err != nil {
			t.Fatal(err)
		}
		for _, bad := range acting(b.Bytes(), shown) {
			t.Errorf("turn %d, words %v: %s", turn, words, bad)
		}
	})
	if len(shown) < 100 {
		t.Errorf("only %d fields are shown", len(shown))
	}
	t.Logf("%d fields are shown", len(shown))
}

// TestActingIsFound: what the test above looks for, it finds.
func TestActingIsFound(t *testing.T) {
	for _, bad := range []string{"[l](http://e)", "![i](http://e)", "http://e.example", "<b>", "<script>x</script>\n", "*x*", "~~x~~", "- x\n", "> x\n", "# @all\n",
		"| a | b |\n|---|---|\n| c | d |\n", "***\n", "In `x` @all", "    code\n", "#12", "</details>\n<details open>\n", "a@b.example", "- [ ] x\n"} {
		if got := acting([]byte("### Crash: `x`\n\n"+bad), map[string]bool{}); len(got) == 0 {
			t.Errorf("%q acts, and is not found", bad)
		}
	}
	var b bytes.Buffer
	if err := writeMarkdown(&b, payReport()); err != nil {
		t.Fatal(err)
	}
	if got := acting(b.Bytes(), map[string]bool{}); len(got) > 0 {
		t.Errorf("an ordinary report has %q", got)
	}
}

// ownHTML are the lines of HTML that the exporter writes, ownWords what it
// writes outside of code.
var (
	ownHTML  = regexp.MustCompile(`^(<details>|</details>|<summary>(Stack: \d+ frames|Goroutines: -?\d+ in \d+ groups?|Heap: [\d.]+ (B|[KMGTPE]iB) live|Build, problems, redaction)</summary>)?$`)
	ownWords = regexp.MustCompile(`^(Crash: |In | at |\(unknown\))*$`)
)

// acting lists what a Markdown text has besides code and the exporter's own
// words, and notes the numbers of the fields that stand in code.
func acting(source []byte, shown map[string]bool) []string {
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	var bad []string
	code := func(s string) {
		for _, number := range regexp.MustCompile(`\(\d+\)`).FindAllString(s, -1) {
			shown[number] = true
		}
	}
	_ = ast.Walk(md.Parser().Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch x := n.(type) {
		case *ast.Document, *ast.Paragraph, *ast.TextBlock:
		case *ast.Heading:
			if x.Level != 3 || n.Parent().FirstChild() != n {
				bad = append(bad, "a heading: "+string(x.Lines().Value(source)))
			}
		case *ast.CodeSpan:
			for c := x.FirstChild(); c != nil; c = c.NextSibling() {
				code(string(c.(*ast.Text).Segment.Value(source)))
			}
			return ast.WalkSkipChildren, nil
		case *ast.FencedCodeBlock:
			if string(x.Language(source)) != "text" {
				bad = append(bad, "a block of another language")
			}
			code(string(x.Lines().Value(source)))
		case *ast.HTMLBlock:
			html := string(x.Lines().Value(source))
			if x.HasClosure() {
				html += string(x.ClosureLine.Value(source))
			}
			for l := range strings.Lines(html) {
				if !ownHTML.MatchString(strings.TrimSpace(l)) {
					bad = append(bad, "HTML: "+l)
				}
			}
		case *ast.Text:
			if s := string(x.Segment.Value(source)); !ownWords.MatchString(s) {
				bad = append(bad, "text: "+s)
			}
		default:
			bad = append(bad, "a "+n.Kind().String())
		}
		return ast.WalkContinue, nil
	})
	return bad
}
