//go:build amd64 || arm64

package safedump

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// handled has the package's functions capture into a directory of the test, and
// returns how to read the newest sidecar there.
func handled(t *testing.T) (newest func() *captureRecord, made func() int) {
	t.Helper()
	dir := t.TempDir()
	standard.Options, standard.Spacing = CaptureOptions{Dir: dir, IgnoreHeadroom: true}, 1
	t.Cleanup(func() { standard.Options, standard.Spacing = CaptureOptions{}, 0 })
	list := func() []string {
		paths, err := filepath.Glob(filepath.Join(dir, "*"+sidecarSuffix))
		if err != nil {
			t.Fatal(err)
		}
		return paths // their names begin with the time
	}
	newest = func() *captureRecord {
		t.Helper()
		paths := list()
		if len(paths) == 0 {
			t.Fatal("nothing was captured")
		}
		path := paths[len(paths)-1]
		b, err := os.ReadFile(path)
		var sc sidecar
		if err = errors.Join(err, json.Unmarshal(b, &sc)); err != nil || sc.Capture == nil || sc.Capture.Error == nil || sc.Capture.Caller == nil {
			t.Fatalf("%v\n%s", err, b)
		}
		if info, err := os.Stat(strings.TrimSuffix(path, sidecarSuffix) + coreSuffix); err != nil || info.Size() == 0 {
			t.Fatalf("core: %v, %v", info, err)
		}
		return sc.Capture
	}
	return newest, func() int { return len(list()) }
}

// TestCaptureError: once for each call site, with error and caller.
func TestCaptureError(t *testing.T) {
	newest, made := handled(t)
	if r, err := CaptureError(nil); err != nil || r.Path != "" || made() != 0 {
		t.Errorf("no error: %+v, %v", r, err)
	}
	for i := range [3]int{} {
		_, err := CaptureError(fmt.Errorf("charge %d: %w", i, fs.ErrNotExist))
		if i == 0 && err != nil || i > 0 && !errors.Is(err, ErrLimited) {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	got := newest()
	if made() != 1 || got.Error.Message != "charge 0: file does not exist" || len(got.Error.Wraps) != 1 ||
		!strings.HasSuffix(got.Caller.Function, ".TestCaptureError") || got.Panic || got.Reason != "handled error" {
		t.Errorf("%d captures, %+v, %+v, by %+v", made(), got, got.Error, got.Caller)
	}
}

// TestWatch: an error is captured and returned, a panic is captured and goes on.
func TestWatch(t *testing.T) {
	newest, made := handled(t)
	if err := Watch(func() error { return nil }); err != nil || made() != 0 {
		t.Errorf("no error: %v, %d captures", err, made())
	}
	want := errors.New("queue is full")
	if err := Watch(func() error { return want }); err != want || made() != 1 {
		t.Fatalf("%v, %d captures", err, made())
	}
	if got := newest(); got.Error.Message != "queue is full" || !strings.HasSuffix(got.Caller.Function, ".TestWatch") || got.Panic {
		t.Errorf("%+v, %+v, by %+v", got, got.Error, got.Caller)
	}
	func() {
		defer func() {
			if v := recover(); v != "spilled" {
				t.Errorf("recovered %v, want the panic to go on", v)
			}
		}()
		_ = Watch(func() error { spill(); return nil })
	}()
	if got := newest(); made() != 2 || !got.Panic || got.Error.Message != "spilled" || !strings.HasSuffix(got.Caller.Function, ".spill") {
		t.Errorf("%d captures, %+v, %+v, by %+v", made(), got, got.Error, got.Caller)
	}
}

//go:noinline
func spill() { panic("spilled") }

// TestRecover: a panic is captured and ends.
func TestRecover(t *testing.T) {
	newest, made := handled(t)
	func() {
		defer Recover()
	}()
	if made() != 0 {
		t.Errorf("%d captures without a panic", made())
	}
	func() {
		defer Recover()
		leak()
	}()
	if got := newest(); made() != 1 || !got.Panic || got.Reason != "panic" || got.Error.Message != "leaked" || !strings.HasSuffix(got.Caller.Function, ".leak") {
		t.Errorf("%d captures, %+v, %+v, by %+v", made(), got, got.Error, got.Caller)
	}
}

//go:noinline
func leak() { panic(errors.New("leaked")) }

// TestCaptureRetains: captures into the directory of Install are bounded as
// crashes are; those into another directory are the caller's own.
func TestCaptureRetains(t *testing.T) {
	dir, own := t.TempDir(), t.TempDir()
	if _, err := Install(Options{Dir: dir, Traceback: "keep", NoCrashText: true, NoSidecar: true, Keep: Keep{Crashes: 2}}); errors.Is(err, ErrOptions) {
		t.Fatal(err)
	}
	defer func() {
		if err := Uninstall(); err != nil {
			t.Error(err)
		}
	}()
	for range [4]int{} {
		for _, d := range []string{"", own} {
			if _, err := Capture(context.Background(), CaptureOptions{Dir: d, IgnoreHeadroom: true}); err != nil {
				t.Fatal(err)
			}
		}
	}
	count := func(dir string) int { return len(files(t, dir)) / 2 } // core and sidecar
	if got := count(dir); got != 3 {
		t.Errorf("%d captures are left, want the 2 of before and the last one", got)
	}
	if got := count(own); got != 4 {
		t.Errorf("%d captures are left in a directory of the caller's, want all 4", got)
	}
}
