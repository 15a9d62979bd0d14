package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestReportFromPipe: a pipe without a writer is not waited for, and a device
// is no report.
func TestReportFromPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		coretest.Unavailable(t, "mkfifo: %v", err)
	}
	for path, says := range map[string]string{pipe: "pass a *.safedump.json file", "/dev/zero": "not a regular file"} {
		done := make(chan int, 1)
		var out, errs bytes.Buffer
		go func() {
			done <- run(context.Background(), []string{"view", path}, strings.NewReader(""), &out, &errs)
		}()
		select {
		case code := <-done:
			if code != exitFailed || !strings.Contains(errs.String(), says) || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("%s: exit %d, %q", path, code, errs.String())
			}
		case <-time.After(10 * time.Second):
			if f, err := os.OpenFile(pipe, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
				f.Close()
			}
			t.Fatalf("%s is waited for", path)
		}
	}
}

// TestWriteToWhatIsNoFile: a link and a pipe are still there afterwards.
func TestWriteToWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	file, link, pipe := filepath.Join(dir, "file"), filepath.Join(dir, "link"), filepath.Join(dir, "pipe")
	write := func(w io.Writer) error { _, err := io.WriteString(w, "report"); return err }
	if err := errors.Join(os.WriteFile(file, []byte("old"), 0o600), os.Symlink(file, link), syscall.Mkfifo(pipe, 0o600)); err != nil {
		coretest.Unavailable(t, "mkfifo: %v", err)
	}
	if err := writeFile(link, write); err != nil {
		t.Error(err)
	}
	if got, err := os.ReadFile(file); string(got) != "report" {
		t.Errorf("the link's file holds %q, %v", got, err)
	}
	if err := writeFile(pipe, write); !errors.Is(err, syscall.ENXIO) {
		t.Errorf("a pipe without a reader: %v", err)
	}
	r, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := writeFile(pipe, write); err != nil {
		t.Error(err)
	}
	buf := make([]byte, 16)
	if n, err := r.Read(buf); string(buf[:n]) != "report" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
	for name, want := range map[string]fs.FileMode{link: fs.ModeSymlink, pipe: fs.ModeNamedPipe} {
		if info, err := os.Lstat(name); err != nil || info.Mode().Type() != want {
			t.Errorf("%s was replaced: %v", name, err)
		}
	}
}
