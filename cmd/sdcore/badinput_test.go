package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// oneLineError checks that stderr is one line of ours that contains the words,
// and no stack trace.
func oneLineError(t *testing.T, stderr string, words ...string) {
	t.Helper()
	if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "sdcore: ") || strings.Contains(stderr, "goroutine ") {
		t.Errorf("stderr is not one line of an error:\n%s", stderr)
	}
	for _, w := range words {
		if !strings.Contains(stderr, w) {
			t.Errorf("stderr lacks %q:\n%s", w, stderr)
		}
	}
}

// files lists what is in a directory.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestFullDisk writes reports to a file system without room: one line, no half
// report, nor a temporary file. The default directory has a fallback.
func TestFullDisk(t *testing.T) {
	f := coretest.Core(t, "payment")
	dir := t.TempDir()
	small := filepath.Join(dir, "small")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", small, "tmpfs", 0, "size=16k"); err != nil {
		if os.Geteuid() != 0 { // TestWriteFileIsWholeOrAbsent covers the writing
			t.Skipf("no file system of 16 KB can be mounted (%v); run as root", err)
		}
		coretest.Unavailable(t, "mount: %v", err)
	}
	defer func() {
		if err := syscall.Unmount(small, 0); err != nil {
			t.Error(err)
		}
	}()
	var stdout, stderr bytes.Buffer
	code := run(context.Background(), []string{"analyze", f.Core, f.Bin, "-o", filepath.Join(small, "r.json")}, nil, &stdout, &stderr)
	if code != exitFailed {
		t.Errorf("exit status %d, want %d", code, exitFailed)
	}
	oneLineError(t, stderr.String(), "r.json", "no space left on device")
	if left := files(t, small); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}

	t.Setenv("HOME", small)
	t.Setenv("TMPDIR", dir)
	stdout.Reset()
	stderr.Reset()
	if code := run(context.Background(), []string{"analyze", f.Core, f.Bin}, nil, &stdout, &stderr); code != exitComplete {
		t.Errorf("exit status %d, want %d: the fallback directory has room", code, exitComplete)
	}
	oneLineError(t, stderr.String(), "no space left on device", "fallback")
	if left := files(t, filepath.Join(small, ".safedump")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "safedump-fallback-*", "*.safedump.json")); len(found) != 1 {
		t.Errorf("reports in the fallback directory: %v", found)
	}
}

// TestNoPermission reads a core that belongs to somebody else.
func TestNoPermission(t *testing.T) {
	f := coretest.Core(t, "payment")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The command runs under its own name, as somebody who may read nothing
	// of ours but the binary of the test.
	dir, err := os.MkdirTemp("", "sdcore-permission-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	command := filepath.Join(dir, "sdcore")
	core := filepath.Join(dir, "core")
	copyFile(t, self, command, 0o755)
	copyFile(t, f.Core, core, 0o600)
	cmd := exec.Command(command, "analyze", core, f.Bin)
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	} else if err := os.Chmod(core, 0); err != nil {
		t.Fatal(err)
	}
	cmd.Env = []string{"HOME=" + dir}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Errorf("%v, want exit status %d\n%s", err, exitFailed, stderr.String())
	}
	oneLineError(t, stderr.String(), core, "permission denied", "run as the user that owns it")
	if stdout.Len() > 0 {
		t.Errorf("stdout: %s", stdout.String())
	}
}

func copyFile(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, mode); err != nil {
		t.Fatal(err)
	}
}

// TestWriteFileIsWholeOrAbsent lets a writer fail half way.
func TestWriteFileIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "r.json")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("failed half way")
	err := writeFile(path, func(w io.Writer) error {
		if _, err := io.WriteString(w, "half of a new"); err != nil {
			t.Fatal(err)
		}
		return failed
	})
	if !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "old" {
		t.Errorf("the old file now holds %q", b)
	}
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := writeFile(path, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err }); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode())
	}
}

// TestSaveNewKeepsOtherReports: a file of the same name is never replaced.
func TestSaveNewKeepsOtherReports(t *testing.T) {
	dir := t.TempDir()
	save := func(contents string) string {
		t.Helper()
		path, err := saveNew(dir, "x.safedump.json", func(w io.Writer) error { _, err := io.WriteString(w, contents); return err })
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Base(path)
	}
	for _, step := range []struct{ contents, want string }{
		{"one", "x.safedump.json"},
		{"one", "x.safedump.json"},
		{"two", "x-2.safedump.json"},
		{"two", "x-2.safedump.json"},
		{"three", "x-3.safedump.json"},
	} {
		if got := save(step.contents); got != step.want {
			t.Errorf("saving %q went to %s, want %s", step.contents, got, step.want)
		}
	}
	if left := files(t, dir); len(left) != 3 {
		t.Errorf("files: %v", left)
	}
}
