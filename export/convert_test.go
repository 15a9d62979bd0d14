package export

import (
	"bytes"
	"strings"
	"testing"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// stored writes a report to a file, with counters as a store updates them.
func stored(t *testing.T, r *report.Report) []byte {
	t.Helper()
	res, err := redact.Apply(r, redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := JSON(&b, res, Options{}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// convert reads a file and writes it again, through redaction.
func convert(t *testing.T, data []byte) (*report.File, []byte) {
	t.Helper()
	f, err := report.Decode(bytes.NewReader(data), report.DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return f, stored(t, f.Report)
}

func TestConvertingIsStable(t *testing.T) {
	first := stored(t, payReport())
	counted := strings.Replace(string(first), `"occurrence_count": 1,`, `"occurrence_count": 3,`, 1)
	counted = strings.Replace(counted, `"last_seen": "2026-11-22`, `"last_seen": "2026-11-24`, 1)
	_, second := convert(t, []byte(counted))
	for _, want := range []string{`"occurrence_count": 3,`, `"last_seen": "2026-11-24`, `"first_seen": "2026-11-22`} {
		if !strings.Contains(string(second), want) {
			t.Errorf("%s was lost", want)
		}
	}
	_, third := convert(t, second)
	if !bytes.Equal(second, third) {
		t.Errorf("converting again changes the file: %s", firstDifference(second, third))
	}
}

func TestConvertSafedumpsOwn(t *testing.T) {
	f, out := convert(t, []byte(`{"schema_version":1,"safedump_version":"2.0.0","fingerprint":"56b0809a7e55","occurrence_count":2,
"timestamp":"2026-11-22T12:11:53.045780+00:00","python_version":"3.11.7 (main)","platform":"linux",
"exception":{"type":"ValueError","message":"bad [/x]","module":"builtins","is_explicitly_chained":false,"sub_exceptions":[]},
"frames":[{"index":0,"file":"a.py","line":18,"function":"<module>","code_context":["a","b"],"locals":{"n":{"type":"int","value":"1","is_truncated":false}},"is_crash_site":true}],
"environment":{"os_name":"posix","os_version":"linux","python_impl":"cpython","python_path":[],"cwd":"","env_var_names":[],"argv":null},
"threads":[{"name":"MainThread","ident":1,"daemon":false,"crashed":true}],"redactions":[],"metadata":{}}`))
	if f.Native {
		t.Error("taken for a report of sdcore's")
	}
	doc, err := report.Decode(bytes.NewReader(out), report.DecodeOptions{})
	if err != nil || !doc.Native {
		t.Fatal(err)
	}
	d := doc.Document
	if d.Exception.Type != "ValueError" || d.Frames[0].Function != "<module>" || d.Frames[0].Locals[0].Local.Value != "1" ||
		d.OccurrenceCount != 2 || d.Threads[0].Name != "MainThread" {
		t.Errorf("lost in conversion: %+v", d)
	}
	var b bytes.Buffer
	if err := writeText(&b, doc.Report, TextOptions{}); err != nil || !strings.Contains(b.String(), "ValueError: bad [/x]") {
		t.Errorf("%v\n%s", err, b.String())
	}
}

func TestPrinted(t *testing.T) {
	r := &report.Report{Goroutines: []report.Goroutine{{ID: 7, Frames: []report.Frame{{Function: "main.f", File: "/f.go", Line: 3,
		Vars: []report.Variable{local("req", ptrVal("*main.T", 0xc000, structVal("main.T", field("N", intVal("42")))))}}}}}}
	res, err := redact.Apply(r, redact.Policy{Tier: 3})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := PrintedText(&b, res, PrintedOptions{Path: "req.N\x1b", Depth: 2}); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "req.N\\x1b int = 42\n  in main.f  /f.go:3  goroutine 7\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	b.Reset()
	if err := PrintedJSON(&b, res, PrintedOptions{Path: "req.N", Depth: 2}); err != nil || !strings.Contains(b.String(), `"text": "42"`) {
		t.Errorf("%v\n%s", err, b.String())
	}
	if err := PrintedText(&b, res, PrintedOptions{Path: "req.N.x", Depth: 3}); err == nil {
		t.Error("a value below a scalar was found")
	}
}

// TestPrintedPart: a byte of a secret text, and the value behind a secret's
// flag, are not shown by their paths; nor is what stands beside the answer.
func TestPrintedPart(t *testing.T) {
	digit := report.Value{State: report.StateOK, Kind: report.KindUint, Type: "uint8", Text: "104"}
	text := strVal("user=x password=hunter22")
	text.Children = []report.Child{{Value: digit}}
	list := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]string",
		Children: []report.Child{{Value: strVal("--password")}, {Value: strVal("hunter22")}}}
	for want, v := range map[string]report.Value{
		"x string = \"user=x password=[REDACTED#1]\"\n": text,
		"x string = [REDACTED#1]\n":                     list,
	} {
		r := &report.Report{Goroutines: []report.Goroutine{
			{ID: 7, Frames: []report.Frame{{Function: "main.f", Vars: []report.Variable{local("v", v)}}}},
			{ID: 7, Frames: []report.Frame{{Function: "main.f", Vars: []report.Variable{local("other", strVal("beside"))}}, {Function: "main.g"}}},
		}}
		res, err := redact.Apply(r, redact.Policy{Tier: 4})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := PrintedText(&b, res, PrintedOptions{Path: "x", Depth: 1}); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(b.String(), "  in "); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if strings.Contains(b.String(), "beside") || strings.Contains(b.String(), "hunter") {
			t.Errorf("more than the answer: %s", b.String())
		}
	}
}
