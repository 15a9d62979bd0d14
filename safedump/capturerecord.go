package safedump

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"time"
	"unicode/utf8"
)

// coreSuffix ends the name of a core that Capture wrote.
const coreSuffix = ".core"

// occasion is why a capture is made, as far as CaptureOptions do not say it.
type occasion struct {
	caller     []uintptr // the innermost frame that is not ours, first
	panicked   bool
	value      any // of the panic
	suppressed int // captures that the limit of this call site has refused since the last one
}

// captureRecord is what the sidecar of a capture says of it.
type captureRecord struct {
	Time       string        `json:"time"` // of the call, RFC 3339, UTC
	Reason     string        `json:"reason,omitempty"`
	Panic      bool          `json:"panic,omitempty"` // error is the value of a panic that is under way
	Error      *errorRecord  `json:"error,omitempty"`
	Caller     *callerRecord `json:"caller,omitempty"`
	Suppressed int           `json:"suppressed,omitempty"`
	PauseNS    int64         `json:"pause_ns"`
	GCWaitNS   int64         `json:"gc_wait_ns"`
	DurationNS int64         `json:"duration_ns"`
	Written    int64         `json:"written_bytes"`
	Copied     int64         `json:"copied_bytes"` // -1: unknown
	Unreadable int64         `json:"unreadable_bytes,omitempty"`
}

// errorRecord is an error and what it wraps.
type errorRecord struct {
	Type    string         `json:"type"`              // as %T prints it
	Package string         `json:"package,omitempty"` // import path of the type
	Message string         `json:"message"`
	Wraps   []*errorRecord `json:"wraps,omitempty"`
}

type callerRecord struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

func newCaptureRecord(now time.Time, o CaptureOptions, why occasion) *captureRecord {
	r := &captureRecord{Time: now.UTC().Format(time.RFC3339Nano), Reason: bounded(o.Reason), Panic: why.panicked, Suppressed: why.suppressed}
	budget := maxErrors
	switch err, isErr := why.value.(error); {
	case why.panicked && isErr:
		r.Error = describe(err, &budget)
	case why.panicked:
		r.Error = &errorRecord{Type: fmt.Sprintf("%T", why.value), Package: packageOf(why.value), Message: bounded(fmt.Sprint(why.value))}
	case o.Err != nil:
		r.Error = describe(o.Err, &budget)
	}
	if len(why.caller) > 0 {
		f, _ := runtime.CallersFrames(why.caller).Next()
		r.Caller = &callerRecord{Function: f.Function, File: f.File, Line: f.Line}
	}
	return r
}

func (c *captureRecord) measured(r Result) {
	c.PauseNS, c.GCWaitNS, c.DurationNS = int64(r.Pause), int64(r.GCWait), int64(r.Duration)
	c.Written, c.Copied, c.Unreadable = r.Written, r.Copied, r.Unreadable
}

// maxErrors bounds how many errors of a chain or tree are told, maxMessage the
// text of each.
const (
	maxErrors  = 32
	maxMessage = 16 << 10
)

// describe follows what err wraps. An error may wrap itself; the budget ends
// that.
func describe(err error, budget *int) *errorRecord {
	*budget--
	r := &errorRecord{Type: fmt.Sprintf("%T", err), Package: packageOf(err), Message: bounded(err.Error())}
	for _, w := range unwrap(err) {
		if w != nil && *budget > 0 {
			r.Wraps = append(r.Wraps, describe(w, budget))
		}
	}
	return r
}

// unwrap is errors.Unwrap for errors that wrap one or several.
func unwrap(err error) []error {
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return []error{u.Unwrap()}
	case interface{ Unwrap() []error }:
		return u.Unwrap()
	}
	return nil
}

// packageOf is the import path of the type of v, or of what it points to.
func packageOf(v any) string {
	t := reflect.TypeOf(v)
	if t == nil {
		return ""
	}
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t.PkgPath()
}

// bounded cuts a text that is too long, between characters.
func bounded(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) <= maxMessage {
		return s
	}
	n := maxMessage
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + fmt.Sprintf("... (%d bytes)", len(s))
}

// callers returns the stack, beginning skip frames above the caller.
func callers(skip int) []uintptr {
	var pcs [64]uintptr
	return pcs[:runtime.Callers(skip+2, pcs[:])]
}

// writeCaptureSidecar writes the sidecar beside a core and returns its path.
func writeCaptureSidecar(core string, now time.Time, record *captureRecord) (string, error) {
	sc := newSidecar(now, Status{Core: Core{Destination: ToFile, Path: core}, Diagnoses: []Diagnosis{}})
	sc.Capture = record
	path := strings.TrimSuffix(core, coreSuffix) + sidecarSuffix
	f, err := sc.write(path)
	if err != nil {
		return "", fmt.Errorf("sidecar: %w", err)
	}
	return path, f.Close()
}
