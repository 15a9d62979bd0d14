// Package testcapture leaves a core of the test process when a test fails.
//
// In:  a running test.
// Out: when it fails or panics, a directory with the core, its sidecar, the
// test binary, without which the core can't be read, and the report of sdcore
// where that is installed. The test's log names the files.
//
// It is a package of its own so that programs don't link package testing.
package testcapture

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/safedump/sdcore/safedump"
)

// Options say where the artifacts go. The zero value is useful.
type Options struct {
	// Dir takes the artifacts of each failed test, in a directory named after
	// it. Default: the test's artifact directory if go test was started with
	// -artifacts (go1.26 or newer), else a new directory that is not removed.
	Dir string
	// Capture are the options of the capture; Dir, Reason and Err are filled in.
	Capture safedump.CaptureOptions
	// NoReport leaves sdcore out, even where it is installed.
	NoReport bool
	// ReportTimeout bounds sdcore. Default: 2 minutes.
	ReportTimeout time.Duration
}

// OnFailure arranges for a capture when the test has failed or panics. A panic
// is captured with the panicking functions on the stack; a test that called
// Fatal has left its functions by then: see Wrap.
//
// go test strips the binaries that it builds only to run them. For the values
// of variables, not only stacks, build with go test -c or -o.
func OnFailure(t testing.TB, o Options) {
	t.Helper()
	arrange(t, o)
}

func arrange(t testing.TB, o Options) *once {
	h := &once{t: t, o: o}
	t.Cleanup(func() {
		switch {
		case panicking(): // package testing marks the test as failed later
			h.capture("panic")
		case t.Failed():
			h.capture("test failed")
		}
	})
	return h
}

// panicking reports whether a panic is under way below the caller.
func panicking() bool {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	for {
		f, more := frames.Next()
		if f.Function == "runtime.gopanic" {
			return true
		}
		if !more {
			return false
		}
	}
}

// Wrap returns a testing.TB that captures at the first failure, when the
// values that led to it are still alive: in Error, Fatal, Fail and their kin,
// before they do what they do. It includes OnFailure.
func Wrap(t testing.TB, o Options) testing.TB {
	t.Helper()
	return &wrapped{TB: t, h: arrange(t, o)}
}

type wrapped struct {
	testing.TB
	h *once
}

func (w *wrapped) Error(args ...any) {
	w.Helper()
	w.h.capture("Error")
	w.TB.Error(args...)
}

func (w *wrapped) Errorf(format string, args ...any) {
	w.Helper()
	w.h.capture("Errorf")
	w.TB.Errorf(format, args...)
}

func (w *wrapped) Fatal(args ...any) {
	w.Helper()
	w.h.capture("Fatal")
	w.TB.Fatal(args...)
}

func (w *wrapped) Fatalf(format string, args ...any) {
	w.Helper()
	w.h.capture("Fatalf")
	w.TB.Fatalf(format, args...)
}

func (w *wrapped) Fail() {
	w.Helper()
	w.h.capture("Fail")
	w.TB.Fail()
}

func (w *wrapped) FailNow() {
	w.Helper()
	w.h.capture("FailNow")
	w.TB.FailNow()
}

// once makes one capture for one test.
type once struct {
	t    testing.TB
	o    Options
	done sync.Once
}

func (h *once) capture(why string) {
	h.t.Helper()
	h.done.Do(func() {
		if err := h.artifacts(why); err != nil {
			h.t.Logf("testcapture: %v", err)
		}
	})
}

// artifacts makes the directory and everything in it.
func (h *once) artifacts(why string) error {
	h.t.Helper()
	dir, err := h.dir()
	if err != nil {
		return err
	}
	c := h.o.Capture
	c.Dir, c.Reason = dir, h.t.Name()+": "+why
	r, err := safedump.Capture(context.Background(), c)
	if r.Path == "" {
		return err
	}
	h.t.Logf("testcapture: core: %s", r.Path)
	bin, copied := keepBinary(dir)
	if err := errors.Join(err, copied); err != nil {
		return err
	}
	h.t.Logf("testcapture: binary: %s", bin)
	return h.report(r.Path, bin)
}

// dir is the directory of this test's artifacts.
func (h *once) dir() (string, error) {
	if h.o.Dir != "" {
		dir := filepath.Join(h.o.Dir, strings.Map(safe, h.t.Name()))
		return dir, os.MkdirAll(dir, 0o700)
	}
	if a, ok := h.t.(interface{ ArtifactDir() string }); ok && wanted() {
		return a.ArtifactDir(), nil
	}
	return os.MkdirTemp("", "testcapture")
}

func safe(r rune) rune {
	if r == '/' || r == os.PathSeparator || r < ' ' {
		return '_'
	}
	return r
}

// keepBinary copies the test binary, which go test removes.
func keepBinary(dir string) (to string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return "", err
	}
	to = filepath.Join(dir, filepath.Base(exe))
	if os.Link(exe, to) == nil {
		return to, nil
	}
	in, err := os.Open(exe)
	if err != nil {
		return "", err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o700)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, in)
	return to, errors.Join(err, out.Close())
}

// report has sdcore make the report, if there is one.
func (h *once) report(core, bin string) error {
	h.t.Helper()
	if h.o.NoReport {
		return nil
	}
	sdcore, err := exec.LookPath("sdcore")
	if err != nil {
		h.t.Logf("testcapture: no report: sdcore is not installed; later: sdcore analyze %s %s", core, bin)
		return nil
	}
	timeout := h.o.ReportTimeout
	if timeout <= 0 {
		timeout = 2 * time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	path := strings.TrimSuffix(core, ".core") + ".safedump.json"
	out, err := exec.CommandContext(ctx, sdcore, "analyze", "--format", "json", "-o", path, core, bin).CombinedOutput()
	if _, missing := os.Stat(path); missing != nil {
		return errors.Join(err, errors.New(strings.TrimSpace(string(out))))
	}
	h.t.Logf("testcapture: report: %s", path)
	return nil
}

// wanted reports whether go test was told to keep artifacts.
func wanted() bool {
	f := flag.Lookup("test.artifacts")
	return f != nil && f.Value.String() == "true"
}
