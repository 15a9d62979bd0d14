package export

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// exporters are the exported functions, with default options.
func exporters() map[string]func(io.Writer, redact.Result) error {
	return map[string]func(io.Writer, redact.Result) error{
		"JSON":            func(w io.Writer, r redact.Result) error { return JSON(w, r, Options{}) },
		"JSONL":           JSONL,
		"Text":            func(w io.Writer, r redact.Result) error { return Text(w, r, TextOptions{Full: true}) },
		"GoroutinesText":  func(w io.Writer, r redact.Result) error { return GoroutinesText(w, r, GoroutineOptions{Locals: true}) },
		"GoroutinesJSON":  func(w io.Writer, r redact.Result) error { return GoroutinesJSON(w, r, GoroutineOptions{Locals: true}) },
		"GlobalsText":     func(w io.Writer, r redact.Result) error { return GlobalsText(w, r, GlobalOptions{}) },
		"GlobalsJSON":     func(w io.Writer, r redact.Result) error { return GlobalsJSON(w, r, GlobalOptions{}) },
		"ValueText":       func(w io.Writer, r redact.Result) error { return ValueText(w, r, ValueOptions{Path: "req"}) },
		"ValueJSON":       func(w io.Writer, r redact.Result) error { return ValueJSON(w, r, ValueOptions{Path: "req"}) },
		"InfoText":        func(w io.Writer, r redact.Result) error { return InfoText(w, r, TextOptions{}) },
		"InfoJSON":        InfoJSON,
		"Markdown":        Markdown,
		"HTML":            HTML,
		"Issue":           func(w io.Writer, r redact.Result) error { return Issue(w, r, IssueOptions{Embed: true}) },
		"Traceback":       Traceback,
		"Profile":         Profile,
		"HeapText":        func(w io.Writer, r redact.Result) error { return HeapText(w, r, HeapOptions{Of: "main.T"}) },
		"HeapJSON":        HeapJSON,
		"HeapProfile":     HeapProfile,
		"HeapSiteProfile": HeapSiteProfile,
		"WaitsText":       func(w io.Writer, r redact.Result) error { return WaitsText(w, r, TextOptions{}) },
		"WaitsJSON":       WaitsJSON,
		"WaitsDot":        WaitsDot,
	}
}

const secret = "hunter2-Correct-Horse"

// wantHash is hashlib.sha256(b'ValueErrorbada.py18').hexdigest()[:8].
const wantHash = "e63f550c"

// TestNoExporterShowsASecret goes the whole way: an unredacted report through
// redact into every format.
func TestNoExporterShowsASecret(t *testing.T) {
	r := payReport()
	req := r.Goroutines[0].Frames[1].Vars[2].Value.Children[0].Value.Children[0].Value.Children[0].Value
	for i := range req.Children {
		if req.Children[i].Name == "Password" {
			req.Children[i].Value = strVal(secret)
		}
	}
	r.Globals[0].Value.Children[0].Value.Children[0].Value.Children[0].Value = strVal("password=" + secret)
	if v, err := r.Goroutines[0].Frames[1].At(mustPath(t, "req.User.Password")); err != nil || v.Text != secret {
		t.Fatalf("the secret is not in the report: %v", err)
	}
	res, err := redact.Apply(r, redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range exporters() {
		var b bytes.Buffer
		if err := write(&b, res); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if b.Len() == 0 || strings.Contains(b.String(), secret) {
			t.Errorf("%s: %d bytes, or the secret", name, b.Len())
		}
	}
	var b bytes.Buffer
	if err := JSON(&b, res, Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"location": "frames[0].locals.req"`) {
		t.Error("the audit record of req is missing in the standard part")
	}
	if err := compiled(t).Validate(tree(t, res.Report())); err != nil {
		t.Error(err)
	}
}

func mustPath(t *testing.T, s string) report.Path {
	t.Helper()
	p, err := report.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestZeroResultIsRefused(t *testing.T) {
	for name, write := range exporters() {
		if err := write(io.Discard, redact.Result{}); !errors.Is(err, ErrNoReport) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := FileName(redact.Result{}); !errors.Is(err, ErrNoReport) {
		t.Error(err)
	}
}

// failingWriter fails after n bytes.
type failingWriter struct{ n int }

var errFull = errors.New("no space left")

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrorsAreReturned(t *testing.T) {
	res, err := redact.Apply(payReport(), redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	for name, write := range exporters() {
		if err := write(&failingWriter{}, res); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := JSON(&failingWriter{n: 10}, res, Options{Gzip: true}); !errors.Is(err, errFull) {
		t.Error(err)
	}
}

func TestFileName(t *testing.T) {
	r := payReport()
	if got, want := fileName(r), "2026-11-22-12-11-53-runtime-errorString-"; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ".safedump.json") || len(got) != len(want)+8+len(".safedump.json") {
		t.Errorf("got %s", got)
	}
	for typ, want := range map[string]string{
		"*errors.errorString": "errors-errorString", "ValueError": "ValueError", "": "unknown", "../../etc/passwd": "etc-passwd",
		"fatal error": "fatal-error", "__x--y__": "__x-y__", "日本": "unknown", strings.Repeat("a", 300): strings.Repeat("a", 80),
	} {
		if got := fileWord(typ); got != want {
			t.Errorf("%q: got %s, want %s", typ, got, want)
		}
	}
	if got := fileName(&report.Report{}); !strings.HasPrefix(got, "unknown-time-unknown-") {
		t.Errorf("got %s", got)
	}
}

// TestSafedumpHash compares with what Python's hashlib gives for Safedump's
// recipe.
func TestSafedumpHash(t *testing.T) {
	r := &report.Report{Crash: report.Crash{Exception: report.Exception{Type: "ValueError", Message: "bad"}}}
	r.Goroutines = []report.Goroutine{{Crashed: true, Frames: []report.Frame{{File: "a.py", Line: 18}}}}
	if got := shortHash(r); got != wantHash {
		t.Errorf("got %s, want %s", got, wantHash)
	}
}

func TestProfileCountsGoroutines(t *testing.T) {
	res, err := redact.Apply(payReport(), redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := Profile(&b, res); err != nil {
		t.Fatal(err)
	}
	p, err := profile.Parse(&b)
	if err != nil {
		t.Fatal(err)
	}
	total := int64(0)
	for _, s := range p.Sample {
		total += s.Value[0]
	}
	if total != 5 || p.SampleType[0].Type != "goroutine" {
		t.Errorf("%d goroutines in %v", total, p.SampleType)
	}
}

func TestSelection(t *testing.T) {
	r := payReport()
	waiting := func(g *report.Goroutine) bool { return g.WaitReason == "sync.Mutex.Lock" && g.ID > 18 }
	var b bytes.Buffer
	if err := writeGoroutines(onPaper(&b), r, GoroutineOptions{Select: waiting, All: true}); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, "goroutines: 2 in 1 group ") || strings.Contains(s, "goroutine 18 ") || !strings.Contains(s, "goroutine 20 ") {
		t.Errorf("got\n%s", s)
	}
}

// TestNoNullOrNonString is the contract of Safedump's viewers, field by field:
// every string is one, nothing is null but argv and ident.
func TestNoNullOrNonString(t *testing.T) {
	for name, r := range map[string]*report.Report{"pay": payReport(), "hostile": hostileReport(), "empty": {}, "thread": threadReport()} {
		doc := tree(t, r).(map[string]any)
		for key, kind := range map[string]string{
			"safedump_version": "string", "fingerprint": "string", "timestamp": "string", "first_seen": "string", "last_seen": "string",
			"python_version": "string", "platform": "string", "occurrence_count": "number", "schema_version": "number",
			"exception": "object", "frames": "array", "environment": "object", "threads": "array", "redactions": "array", "metadata": "object",
			"exception.type": "string", "exception.message": "string", "exception.module": "string", "exception.sub_exceptions": "array",
			"environment.os_name": "string", "environment.os_version": "string", "environment.python_impl": "string", "environment.cwd": "string",
			"environment.python_path": "array", "environment.env_var_names": "array",
		} {
			if got := kindOf(lookup(doc, key)); got != kind {
				t.Errorf("%s: %s is %s, want %s", name, key, got, kind)
			}
		}
		for i, f := range doc["frames"].([]any) {
			frame := f.(map[string]any)
			for key, kind := range map[string]string{"file": "string", "function": "string", "line": "number", "index": "number", "code_context": "array", "locals": "object", "is_crash_site": "bool"} {
				if got := kindOf(frame[key]); got != kind {
					t.Errorf("%s: frames[%d].%s is %s, want %s", name, i, key, got, kind)
				}
			}
			for local, l := range frame["locals"].(map[string]any) {
				v := l.(map[string]any)
				if kindOf(v["type"]) != "string" || kindOf(v["value"]) != "string" || kindOf(v["is_truncated"]) != "bool" {
					t.Errorf("%s: local %q: %v", name, local, v)
				}
			}
		}
		nulls(t, name, "", doc)
	}
}

func lookup(doc map[string]any, path string) any {
	key, rest, more := strings.Cut(path, ".")
	if !more {
		return doc[key]
	}
	return lookup(doc[key].(map[string]any), rest)
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case bool:
		return "bool"
	case []any:
		return "array"
	case map[string]any:
		return "object"
	}
	return "number"
}

// nulls fails for every null but argv's.
func nulls(t *testing.T, name, path string, v any) {
	switch x := v.(type) {
	case nil:
		if path != ".environment.argv" {
			t.Errorf("%s: %s is null", name, path)
		}
	case []any:
		for _, e := range x {
			nulls(t, name, path+"[]", e)
		}
	case map[string]any:
		for k, e := range x {
			nulls(t, name, path+"."+k, e)
		}
	}
}

// TestCrashedGroup: the group of the goroutine that crashed is marked also
// where no goroutine is listed by itself.
func TestCrashedGroup(t *testing.T) {
	r := payReport()
	r.Goroutines = nil
	var b bytes.Buffer
	if err := writeGoroutines(onPaper(&b), r, GoroutineOptions{}); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "running, crashed"); n != 1 {
		t.Errorf("marked %d times:\n%s", n, b.String())
	}
}

// TestSignalFromOutside: where a signal found no goroutine running, the screen
// shows where they are.
func TestSignalFromOutside(t *testing.T) {
	r := payReport()
	r.Crash = report.Crash{Kind: report.KindSignal, Exception: report.Exception{Type: "SIGQUIT"}}
	for i := range r.Goroutines {
		r.Goroutines[i].Crashed = false
	}
	var b bytes.Buffer
	if err := writeText(&b, r, TextOptions{}); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); !strings.Contains(s, "no goroutine was running") || !strings.Contains(s, "\ngoroutine 18 [sync.Mutex.Lock]\n") {
		t.Error(s)
	}
}

// TestSnapshotHasNoCrash: a process that was captured while it ran is shown
// without a word that it crashed.
func TestSnapshotHasNoCrash(t *testing.T) {
	r := &report.Report{
		Schema: report.Schema, Complete: true,
		Crash:      report.Crash{Kind: report.KindSnapshot, Goroutine: 1},
		Threads:    []report.Thread{{TID: 9}},
		Goroutines: []report.Goroutine{{ID: 1, Status: "syscall", Crashed: true, Group: 1, Frames: []report.Frame{{Function: "main.main", Line: 3}}}},
		Groups:     []report.Group{{ID: 1, Count: 1, Status: "syscall", IDs: []uint64{1}, Frames: []report.FrameRef{{Function: "main.main", Line: 3}}}},
	}
	res, err := redact.Apply(r, redact.Default())
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, err := range []error{Text(&b, res, TextOptions{}), GoroutinesText(&b, res, GoroutineOptions{All: true}), InfoText(&b, res, TextOptions{})} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(b.String(), "crashed") || !strings.Contains(b.String(), "first thread's") {
		t.Errorf("%s", b.String())
	}
}
