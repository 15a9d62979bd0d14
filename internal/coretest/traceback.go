package coretest

import (
	"os"
	"testing"

	"github.com/safedump/sdcore/crashtext"
)

// Traceback is what Go printed when the program died.
type Traceback = crashtext.Text

// TracebackGoroutine is one goroutine of a Traceback.
type TracebackGoroutine = crashtext.Goroutine

// TracebackFrame is a line pair of a Traceback.
type TracebackFrame = crashtext.Frame

// Traceback parses the fixture's Stderr. Its frames may be changed by the
// caller; they are shared between goroutines with equal stacks.
func (f Files) Traceback(t testing.TB) Traceback {
	t.Helper()
	r, err := os.Open(f.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tb, err := crashtext.Read(r)
	if err != nil {
		t.Fatalf("%s: %v", f.Stderr, err)
	}
	return *tb
}
