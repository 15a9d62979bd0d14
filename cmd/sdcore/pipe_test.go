package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestReportFromPipe: a pipe without a writer is not waited for, and a device
// is no report.
func TestReportFromPipe(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip(err)
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
