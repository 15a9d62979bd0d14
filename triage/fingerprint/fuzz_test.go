package fingerprint_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

var levelForm = regexp.MustCompile(`^(sd1:(narrow|group|wide):[0-9a-f]{16})?$`)

// checkValue checks what holds of every fingerprint.
func checkValue(t *testing.T, v fingerprint.Value) {
	t.Helper()
	for i, level := range v.Levels {
		if !levelForm.MatchString(level) || (level == "") != !v.Known() {
			t.Errorf("level %d: %q", i, level)
		}
	}
	if v.Version != fingerprint.Version || len(v.Kind) > 2000 || len(v.Title) > 200 || v.Title == "" || len(v.Frames) > 24 {
		t.Errorf("version %q, kind of %d bytes, title of %d, %d frames", v.Version, len(v.Kind), len(v.Title), len(v.Frames))
	}
	texts := []string{v.Kind, v.Title}
	for i := range v.Frames {
		f := &v.Frames[i]
		texts = append(texts, f.Function, f.Place, f.Wait, f.Use)
	}
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || len(s) > 4096 {
			t.Errorf("%d bytes: %.100q", len(s), s)
		}
	}
}

// FuzzOfReport gives it reports that somebody has edited.
func FuzzOfReport(f *testing.F) {
	long := strings.Repeat("[", 3000) + strings.Repeat("a/v2.", 3000)
	for _, r := range []*report.Report{
		nilPanic(frame("main.f[main.T]", 12), frame("main.main.func1.2", -3), frame(long, 1<<40), frame("\x1b[31m\xff\u202e", 0), frame("...", 1), frame("/", 1), frame("", 1)),
		{Crash: report.Crash{Kind: report.KindFatal, Exception: report.Exception{Message: "stack overflow" + long}}, Goroutines: []report.Goroutine{{Crashed: true, Frames: []report.Frame{{Function: "main.f", Repeat: -1}, {Function: "main.f", Repeat: 1 << 50}}}}},
		{Crash: report.Crash{Kind: report.KindDeadlock}, Groups: []report.Group{{Count: -5, Status: "waiting", WaitReason: "select", Frames: []report.FrameRef{{Function: "main.f-range1-range2", Within: "[]]["}}}}},
		{Crash: report.Crash{Kind: report.KindPanic, Exception: report.Exception{Type: long, Message: "\"'`\n" + long}}},
	} {
		b, err := json.Marshal(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var r report.Report
		if json.Unmarshal(data, &r) != nil {
			return
		}
		r.Fingerprint = "x"
		var v fingerprint.Value
		coretest.Bounded(t, len(data), 2_000, func() { v = fingerprint.OfReport(&r) })
		checkValue(t, v)
		if again := fingerprint.OfReport(&r); !reflect.DeepEqual(again, v) {
			t.Errorf("%+v, then %+v", v, again)
		}
		if reason, ok := fingerprint.Similar(v, v); ok != v.Known() {
			t.Errorf("like itself: %v, %q", ok, reason)
		}
		res, err := redact.Apply(&r, redact.Default())
		if err != nil {
			return
		}
		once := fingerprint.Of(res)
		checkValue(t, once)
		if res, err = redact.Apply(res.Report(), redact.Default()); err != nil {
			t.Fatal(err)
		}
		if twice := fingerprint.Of(res); !reflect.DeepEqual(twice, once) {
			t.Errorf("redacted once %+v, twice %+v", once, twice)
		}
	})
}
