package report

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// Sample is sample for the tests outside of this package.
var Sample = sample

// sample is a report file as this package writes it.
func sample(t testing.TB) []byte {
	t.Helper()
	ident := uint64(1<<64 - 1)
	rep := &Report{
		Schema: Schema, Generator: Generator{Name: "sdcore"}, Complete: true, Tier: 1,
		CrashTime: time.Date(2026, 11, 22, 12, 11, 53, 45780000, time.UTC),
		Crash:     Crash{Kind: KindPanic, Goroutine: 1, Exception: Exception{Type: "string", Message: "<b>&\u2028\u2029\ufffd"}},
		Goroutines: []Goroutine{{ID: 1, Status: "running", Crashed: true, Group: 1, Frames: []Frame{{
			Function: "main.main", Line: 3, PC: 0x4a9bcb,
			Vars: []Variable{{Name: "x", Role: RoleLocal, Value: Value{State: StateOK, Kind: KindInt, Type: "int", Text: "7", Addr: 0xc000012340}}},
		}}}},
	}
	raw, err := EncodeIndented(rep, "")
	if err != nil {
		t.Fatal(err)
	}
	d := &Document{
		SchemaVersion: 1, SafedumpVersion: SafedumpVersion, Fingerprint: "56b0809a7e55", OccurrenceCount: 3,
		FirstSeen: "2026-11-22T12:11:53.045780+00:00", LastSeen: "2026-11-23T12:11:53.000000+00:00", Timestamp: "2026-11-22T12:11:53.045780+00:00",
		PythonVersion: "go1.26.8", Platform: "linux",
		Exception: DocException{Type: "runtime.boundsError", Message: "a\x1b[31m \"<&>\" \\u2028 \u2028 \x80", Module: "runtime", SubExceptions: []DocException{{Type: "string"}}},
		Frames: []DocFrame{
			{File: "/a.go", Line: 8, Function: "main.f", CodeContext: []string{"\tx := 1"}, IsCrashSite: true, Locals: DocLocals{
				{"zeta", DocLocal{Type: "int", Value: "7"}},
				{"body", DocLocal{Type: "[]uint8", Value: `"aaa"`, IsTruncated: true, OriginalLength: 65536}},
				{"alpha", DocLocal{Type: "string", Value: "[REDACTED]"}},
			}},
			{Index: 1},
		},
		Environment: DocEnvironment{OSName: "posix", OSVersion: "linux", PythonImpl: "gc"},
		Threads:     []DocThread{{Name: "goroutine 1 [running]", Ident: &ident, Crashed: true}, {Name: "goroutine 2 [chan receive]"}},
		Metadata:    map[string]json.RawMessage{"generator": json.RawMessage(`{"name":"x"}`), "sdcore": raw},
	}
	var b bytes.Buffer
	if err := Encode(&b, d); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestRoundTripIsLossless(t *testing.T) {
	data := sample(t)
	f, err := Decode(bytes.NewReader(data), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if !f.Native || f.Compressed || f.Report.Goroutines[0].Frames[0].Vars[0].Value.Addr != 0xc000012340 {
		t.Errorf("the full report did not come back: %+v", f)
	}
	if f.Report.Seen.Count != 3 || f.Report.Seen.Last.Day() != 23 {
		t.Errorf("counters lost: %+v", f.Report.Seen)
	}
	var again bytes.Buffer
	if err := Encode(&again, &f.Document); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again.Bytes()) {
		t.Errorf("Encode(Decode(x)) differs from x:\n%s\n---\n%s", data, again.Bytes())
	}
}

func TestEncodeIsSafedumps(t *testing.T) {
	data := string(sample(t))
	keys := []string{"schema_version", "safedump_version", "fingerprint", "occurrence_count", "first_seen", "last_seen", "timestamp", "python_version",
		"platform", "exception", "frames", "environment", "threads", "redactions", "metadata"}
	last := -1
	for _, k := range keys {
		at := strings.Index(data, "\n  \""+k+"\": ")
		if at <= last {
			t.Errorf("key %s is missing or out of order", k)
		}
		last = at
	}
	if n := strings.Count(data, "\n  \""); n != len(keys) {
		t.Errorf("%d top-level keys, want %d", n, len(keys))
	}
	for _, bad := range []string{`\u003c`, `\u0026`, `\ufffd`, "\x80\""} {
		if strings.Contains(data, bad) {
			t.Errorf("output holds %q", bad)
		}
	}
	if strings.HasSuffix(data, "\n") || !utf8.ValidString(data) {
		t.Error("newline at the end or invalid UTF-8")
	}
	// A backslash before u2028 in the text is not the escape of U+2028.
	if !strings.Contains(data, `\\u2028 `+"\u2028"+" \ufffd") {
		t.Error("escapes were mixed up")
	}
	if z, a := strings.Index(data, `"zeta"`), strings.Index(data, `"alpha"`); z > a {
		t.Error("the order of locals was lost")
	}
	if i := strings.Index(data, "\n  \"metadata\""); strings.Count(data[:i], "null") != 2 { // argv, ident
		t.Error("null in the standard part")
	}
	empty, _ := encodeDocument(&Document{})
	if n := strings.Count(string(empty), "null"); n != 1 || !strings.Contains(string(empty), `"argv": null`) {
		t.Errorf("the empty document has %d nulls", n)
	}
}

func TestDecodeLikeSafedumpsLoader(t *testing.T) {
	gz := func(s string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write([]byte(s))
		_ = z.Close()
		return b.String()
	}
	utf16 := func(s string) string {
		out := "\xff\xfe"
		for _, c := range []byte(s) {
			out += string([]byte{c, 0})
		}
		return out
	}
	const min = `{"safedump_version":"2.0.0"}`
	for _, c := range []struct {
		name, in string
		want     error
		typ, msg string
	}{
		{name: "smallest", in: min},
		{name: "null version", in: `{"safedump_version":null}`},
		{name: "gzip", in: gz(min)},
		{name: "two gzip members", in: gz(min[:5]) + gz(min[5:])},
		{name: "cut gzip", in: gz(min)[:20], want: errAny},
		{name: "byte order mark", in: "\xef\xbb\xbf" + min},
		{name: "UTF-16", in: utf16(min)},
		{name: "empty object", in: `{}`, want: ErrNotReport},
		{name: "array", in: `[]`, want: ErrNotReport},
		{name: "number", in: `5`, want: ErrNotReport},
		{name: "null", in: `null`, want: ErrNotReport},
		{name: "word array", in: `["safedump_version"]`, want: ErrNotReport},
		{name: "empty file", in: ``, want: ErrNotReport},
		{name: "trailing garbage", in: min + "x", want: ErrNotReport},
		{name: "trailing newlines", in: min + "\n\n"},
		{name: "schema 0", in: `{"safedump_version":"","schema_version":0}`},
		{name: "schema -5", in: `{"safedump_version":"","schema_version":-5}`},
		{name: "schema false", in: `{"safedump_version":"","schema_version":false}`},
		{name: "schema 1", in: `{"safedump_version":"","schema_version":1}`},
		{name: "schema 2", in: `{"safedump_version":"","schema_version":2}`, want: ErrNewerSchema},
		{name: "schema huge", in: `{"safedump_version":"","schema_version":99999999999999999999999}`, want: ErrNewerSchema},
		{name: "schema null", in: `{"safedump_version":"","schema_version":null}`, want: ErrNotReport},
		{name: "schema string", in: `{"safedump_version":"","schema_version":"1"}`, want: ErrNotReport},
		{name: "schema float", in: `{"safedump_version":"","schema_version":1.0}`, want: ErrNotReport},
		{name: "own schema newer", in: `{"safedump_version":"","metadata":{"sdcore":{"schema":2}}}`, want: ErrNewerSchema},
		{name: "nan", in: `{"safedump_version":"","occurrence_count":NaN,"metadata":{"x":-Infinity}}`},
		{name: "lone surrogate", in: `{"safedump_version":"","exception":{"type":"T","message":"a\ud800b\ud83d\ude00"}}`, typ: "T", msg: "a\ufffdb\U0001F600"},
		{name: "invalid UTF-8", in: "{\"safedump_version\":\"\",\"exception\":{\"type\":\"T\",\"message\":\"\xff\"}}", typ: "T", msg: "\ufffd"},
		{name: "null everywhere", in: `{"safedump_version":null,"exception":null,"frames":null,"environment":null,"threads":null,"redactions":null,"metadata":null}`},
		{name: "null elements", in: `{"safedump_version":"","frames":[null,{"locals":null},{"locals":[1]},{"locals":{"a":null,"b":5}}],"threads":[null]}`},
		{name: "wrong types", in: `{"safedump_version":"","exception":{"type":5,"message":"m","sub_exceptions":{}},"frames":{},"threads":[{"ident":"x"}]}`, msg: "m"},
		{name: "fallback document", in: `{"safedump_version":"2.0.0","error":"serialization failed","exception_type":"E","exception_message":"m"}`, typ: "E", msg: "m"},
		{name: "deep", in: `{"safedump_version":"","metadata":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `}`, want: ErrTooLarge},
		{name: "900 deep", in: `{"safedump_version":"","metadata":{"x":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `}}`},
		{name: "too many", in: `{"safedump_version":"","frames":[` + strings.Repeat("{},", maxContainers) + `{}]}`, want: ErrTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Decode(strings.NewReader(c.in), DecodeOptions{})
			if c.want != nil {
				if err == nil || c.want != errAny && !errors.Is(err, c.want) {
					t.Fatalf("got error %v, want %v", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if f.Document.SchemaVersion != 1 || f.Native {
				t.Errorf("schema %d, native %v", f.Document.SchemaVersion, f.Native)
			}
			if x := f.Report.Crash.Exception; x.Type != c.typ || x.Message != c.msg {
				t.Errorf("exception %q %q, want %q %q", x.Type, x.Message, c.typ, c.msg)
			}
			var b bytes.Buffer
			if err := Encode(&b, &f.Document); err != nil || !json.Valid(b.Bytes()) {
				t.Errorf("not encoded again: %v", err)
			}
			if err := f.Report.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// errAny stands for any error in a table.
var errAny = errors.New("any")

func TestDecodeBoundsSize(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(`{"safedump_version":"` + strings.Repeat("a", 1<<20) + `"}`))
	_ = z.Close()
	if _, err := Decode(bytes.NewReader(b.Bytes()), DecodeOptions{MaxBytes: 1 << 16}); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a bomb was read: %v", err)
	}
	if f, err := Decode(&b, DecodeOptions{}); err != nil || !f.Compressed {
		t.Errorf("not read within the bound: %v", err)
	}
}

func TestDecodeSafedumpsOwn(t *testing.T) {
	in := `{"safedump_version":"2.0.0","schema_version":1,"timestamp":"2026-11-22T12:11:53.045780+00:00","occurrence_count":2,
"python_version":"3.11.7 (main)","platform":"linux","exception":{"type":"ValueError","message":"bad","module":"builtins","is_explicitly_chained":true,
"sub_exceptions":[{"type":"KeyError","message":"'k'","module":"builtins","is_explicitly_chained":false,"sub_exceptions":[]}]},
"frames":[{"index":0,"file":"a.py","line":18,"function":"<module>","code_context":["x","y"],"locals":{"b":{"type":"int","value":"1","is_truncated":false},
"a":{"type":"str","value":"[REDACTED]","is_truncated":false},"c":{"type":"str","value":7,"is_truncated":true,"original_length":99}},"is_crash_site":true}],
"threads":[{"name":"MainThread","ident":140,"daemon":false,"crashed":true},{"name":"goroutine 2 [chan receive]","ident":2,"daemon":true,"crashed":false}],
"redactions":[{"location":"frames[0].locals.a","reason":"r","rule":"secret_pattern","timestamp":"t"}]}`
	f, err := Decode(strings.NewReader(in), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := f.Report
	if len(r.Goroutines) != 2 || r.Crash.Goroutine != 140 || r.Goroutines[1].WaitReason != "chan receive" {
		t.Fatalf("goroutines %+v", r.Goroutines)
	}
	vars := r.Goroutines[0].Frames[0].Vars
	if vars[0].Name != "b" || vars[0].Value.Kind != KindText || vars[1].Value.State != StateRedacted ||
		vars[2].Value.State != StateTruncated || vars[2].Value.Len != 99 || vars[2].Value.Text != "7" {
		t.Errorf("vars %+v", vars)
	}
	if r.Crash.Exception.Sub[0].Type != "KeyError" || r.RedactionCounts["secret_pattern"] != 1 || r.Seen.Count != 2 || r.CrashTime.Nanosecond() != 45780000 {
		t.Errorf("report %+v", r)
	}
}

func TestDecodeSaysWhatItCouldNotRead(t *testing.T) {
	f, err := Decode(strings.NewReader(`{"safedump_version":"","metadata":{"sdcore":{"schema":1,"complete":"yes","fingerprint":5}}}`), DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if f.Native || f.Report.Complete || len(f.Report.Problems) != 1 || !strings.Contains(f.Report.Problems[0].Message, "complete") {
		t.Errorf("problems %+v", f.Report.Problems)
	}
}
