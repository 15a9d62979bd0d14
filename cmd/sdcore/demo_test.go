package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestDemo builds the command and runs its demo in an empty directory: without
// Go, without a core file, without any program to help it. The program in PATH
// that delve would ask for debug information must not be run.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("crashes a process under ptrace; run without -short (make test)")
	}
	dir := t.TempDir()
	bin := filepath.Join(dir, "sdcore")
	build := exec.Command("go", "build", "-o", bin, "./cmd/sdcore")
	build.Dir = coretest.Root(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	tell := filepath.Join(dir, "called")
	script := "#!/bin/sh\necho called > " + tell + "\nexit 1\n"
	if err := os.WriteFile(filepath.Join(dir, "debuginfod-find"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, "demo")
	cmd.Dir = dir
	cmd.Env = []string{"HOME=" + dir, "PATH=" + dir + ":/bin:/usr/bin"}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("demo: %v\n%s", err, stderr.String())
	}
	for _, want := range []string{
		"panic: runtime error: invalid memory address or nil pointer dereference",
		"main.(*demoServer).charge", `Tier: "premium_plus"`, "chan receive", "Crash report saved: " + dir + "/.safedump/",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("the demo does not show %q:\n%s", want, stdout.String())
		}
	}
	saved, err := filepath.Glob(filepath.Join(dir, ".safedump", "*.safedump.json"))
	if err != nil || len(saved) != 1 {
		t.Fatalf("saved reports: %v, %v", saved, err)
	}
	report, err := os.ReadFile(saved[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Fr1day-n1ght", "correct horse", "eyJhbGciOiJub25lIn0"} {
		if bytes.Contains(report, []byte(secret)) || strings.Contains(stdout.String(), secret) {
			t.Errorf("the secret %q is in the report", secret)
		}
	}
	if _, err := os.Stat(tell); err == nil {
		t.Error("debuginfod-find was run")
	}
}
