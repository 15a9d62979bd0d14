package coretest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// BuildZoo builds testdata/zoo, a program with every kind of type and function,
// for tests of debug information: it prints what reflect says of its types and
// then waits for its standard input to end. Without the go command the test is
// skipped. The flags are those of go build.
func BuildZoo(t testing.TB, flags ...string) string {
	t.Helper()
	gocmd, err := exec.LookPath("go")
	if err != nil {
		Unavailable(t, "no go command: this test builds a program")
	}
	out := filepath.Join(t.TempDir(), "zoo")
	args := append([]string{"build", "-o", out}, flags...)
	cmd := exec.Command(gocmd, append(args, "./internal/coretest/testdata/zoo")...)
	cmd.Dir = Root(t)
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", cmd.Args[1:], err, msg)
	}
	return out
}
