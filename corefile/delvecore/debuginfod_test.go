package delvecore

import (
	"os"
	"path/filepath"
	"testing"
)

// fakeDebuginfod makes a directory with a debuginfod-find that leaves a mark
// when it is run.
func fakeDebuginfod(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\n: > " + filepath.Join(dir, "called") + "\n"
	if err := os.WriteFile(filepath.Join(dir, "debuginfod-find"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// checkNotCalled looks for the mark in PATH, which is that directory.
func checkNotCalled(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(os.Getenv("PATH"), "called")); err == nil {
		t.Error("debuginfod-find was run")
	}
}
