package safedump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// clock is a Capturer with a time of its own.
func clock(c *Capturer) (advance func(time.Duration)) {
	now := time.Unix(1_000_000, 0)
	c.nowFunc = func() time.Time { return now }
	return func(d time.Duration) { now = now.Add(d) }
}

// at is the occasion of a call site.
func at(pc uintptr) *occasion { return &occasion{caller: []uintptr{pc}} }

func TestLimits(t *testing.T) {
	var c Capturer
	advance := clock(&c)
	steps := []struct {
		after      time.Duration
		site       uintptr
		admitted   bool
		suppressed int
	}{
		{0, 1, true, 0},
		{time.Second, 1, false, 0},
		{time.Second, 2, false, 0}, // another site, but too soon
		{10 * time.Second, 2, true, 1},
		{10 * time.Second, 2, false, 0},
		{10 * time.Second, 1, false, 0},
		{10 * time.Minute, 1, true, 2},
		{10 * time.Second, 2, true, 1},
	}
	for i, s := range steps {
		advance(s.after)
		why := at(s.site)
		err := c.admit(errors.New("x"), why)
		if (err == nil) != s.admitted || err != nil && !errors.Is(err, ErrLimited) {
			t.Errorf("step %d: %v, want admitted %v", i, err, s.admitted)
		}
		if why.suppressed != s.suppressed {
			t.Errorf("step %d: %d suppressed, want %d", i, why.suppressed, s.suppressed)
		}
	}
}

type valueError struct{ list []int } // not comparable

func (valueError) Error() string { return "value" }

// TestDeduplication: an error that goes up through the layers counts once.
func TestDeduplication(t *testing.T) {
	inner := fmt.Errorf("inner: %w", io.EOF)
	tests := []struct {
		name   string
		second error
		seen   bool
	}{
		{"the same", inner, true},
		{"wrapped", fmt.Errorf("outer: %w", inner), true},
		{"joined", errors.Join(io.ErrUnexpectedEOF, inner), true},
		{"another of the same text", fmt.Errorf("inner: %w", io.EOF), false},
		{"what it wraps", io.EOF, false},
		{"a value", valueError{[]int{1}}, false},
		{"no error", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Capturer
			advance := clock(&c)
			if err := c.admit(inner, at(1)); err != nil {
				t.Fatal(err)
			}
			advance(time.Minute)
			if err := c.admit(tt.second, at(2)); (err != nil) != tt.seen {
				t.Errorf("%v, want refused %v", err, tt.seen)
			}
			advance(time.Hour)
			if err := c.admit(tt.second, at(2)); err != nil {
				t.Errorf("an hour later: %v", err)
			}
		})
	}
	var c Capturer
	advance := clock(&c)
	for _, err := range []error{io.EOF, io.EOF, valueError{}, valueError{}} { // they may come from anywhere
		if refused := c.admit(err, at(uintptr(len(c.sites)))); refused != nil {
			t.Errorf("%v: %v", err, refused)
		}
		advance(time.Minute)
	}
}

// TestManySites: what a Capturer remembers is bounded.
func TestManySites(t *testing.T) {
	var c Capturer
	advance := clock(&c)
	for i := 0; i < 3*maxSites; i++ {
		_ = c.admit(fmt.Errorf("error %d: %w", i, io.EOF), at(uintptr(i)))
		advance(10 * time.Millisecond)
	}
	if len(c.sites) > maxSites || len(c.recent) > maxRecent {
		t.Errorf("%d sites, %d errors", len(c.sites), len(c.recent))
	}
}

// selfWrapping never ends.
type selfWrapping struct{}

func (e *selfWrapping) Error() string { return "again" }
func (e *selfWrapping) Unwrap() error { return e }

func TestRecordIsBounded(t *testing.T) {
	r := newCaptureRecord(time.Now(), CaptureOptions{Err: &selfWrapping{}, Reason: strings.Repeat("ä", maxMessage)}, occasion{})
	depth := 0
	for e := r.Error; e != nil; depth++ {
		next := e.Wraps
		if e = nil; len(next) > 0 {
			e = next[0]
		}
	}
	if depth != maxErrors {
		t.Errorf("%d errors of an endless chain, want %d", depth, maxErrors)
	}
	if want := fmt.Sprintf("ä... (%d bytes)", 2*maxMessage); len(r.Reason) > maxMessage+32 || !strings.HasSuffix(r.Reason, want) {
		t.Errorf("reason of %d bytes ends with %q", len(r.Reason), r.Reason[len(r.Reason)-20:])
	}
	var c Capturer
	clock(&c)
	if err := c.admit(&selfWrapping{}, at(1)); err != nil {
		t.Error(err)
	}
	p := newCaptureRecord(time.Now(), CaptureOptions{}, occasion{panicked: true, value: "boom"})
	if !p.Panic || p.Error.Type != "string" || p.Error.Message != "boom" {
		t.Errorf("panic %+v", p.Error)
	}
}

// TestLinksNothingUnasked builds a program with the bare package: it brings in
// neither HTTP, nor logging, nor testing, nor anything that is not of the
// standard library.
func TestLinksNothingUnasked(t *testing.T) {
	const program = "./testdata/bare"
	b, err := exec.Command("go", "list", "-deps", program).Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(b))
	for _, d := range deps {
		switch d {
		case "net", "net/http", "log", "log/slog", "testing", "flag", "crypto/tls":
			t.Errorf("the program links %s", d)
		}
		if strings.Contains(strings.SplitN(d, "/", 2)[0], ".") && !strings.HasPrefix(d, "github.com/safedump/sdcore/safedump") {
			t.Errorf("the program links %s, which is not of the standard library", d)
		}
	}
	if len(deps) < 20 {
		t.Errorf("only %d dependencies: %q", len(deps), deps)
	}
	bin := filepath.Join(t.TempDir(), "bare")
	if b, err := exec.Command("go", "build", "-o", bin, program).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	symbols, err := exec.Command("go", "tool", "nm", bin).Output()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(symbols, []byte(" github.com/safedump/sdcore/safedump.Capture\n")) {
		t.Error("the program lacks Capture")
	}
	for _, unasked := range []string{" net/http.", " log/slog.", " testing."} {
		if bytes.Contains(symbols, []byte(unasked)) {
			t.Errorf("the program holds symbols of%s", unasked)
		}
	}
}
