//go:build amd64 || arm64

package main

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// started is a withcore that runs while the test goes on.
type started struct {
	cmd *exec.Cmd
	pid int // of the program
}

// start runs a shell script under withcore; the script prints its PID first.
func start(t *testing.T, script string) started {
	t.Helper()
	cmd := exec.Command(os.Args[0], "--", "sh", "-c", "echo $$; "+script)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{roleVar + "=withcore", "PATH=" + os.Getenv("PATH")}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended already
	line, err := bufio.NewReader(out).ReadString('\n')
	if errors.Is(err, io.EOF) {
		t.Skip("the program did not start: does this host forbid ptrace?")
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	return started{cmd, pid}
}

// state is the letter of /proc/PID/stat, "" when the process is gone.
func (s started) state() string {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(s.pid), "stat"))
	if err != nil {
		return ""
	}
	return string(b[strings.LastIndexByte(string(b), ')')+2:][:1])
}

// until waits for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

// TestJobControl: a stopped program stays stopped until it is continued.
func TestJobControl(t *testing.T) {
	s := start(t, "kill -STOP $$; exit 6")
	until(t, "the program stops", func() bool { return s.state() == "T" || s.state() == "t" })
	time.Sleep(50 * time.Millisecond)
	if got := s.state(); got != "T" && got != "t" {
		t.Errorf("state %q: the program did not stay stopped", got)
	}
	if err := syscall.Kill(s.pid, syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // the exit code tells
	if got := s.cmd.ProcessState.ExitCode(); got != 6 {
		t.Errorf("%v, want exit status 6", s.cmd.ProcessState)
	}
}

// TestForward: who ends withcore means the program.
func TestForward(t *testing.T) {
	s := start(t, "exec sleep 60")
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // the exit code tells
	if got := s.cmd.ProcessState.ExitCode(); got != 143 {
		t.Errorf("%v, want exit status 143", s.cmd.ProcessState)
	}
}

// TestKilledWithcore: no program is left behind.
func TestKilledWithcore(t *testing.T) {
	s := start(t, "exec sleep 60")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.cmd.Wait() // killed
	until(t, "the program is gone", func() bool { return s.state() == "" || s.state() == "Z" })
}

// TestOneCore: the kernel, allowed to dump, writes no second core.
func TestOneCore(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", `ulimit -c unlimited || exit 77; exec "$0" -o ours sh -c 'kill -ABRT $$'`, os.Args[0])
	cmd.Dir, cmd.Env = dir, []string{roleVar + "=withcore", "PATH=" + os.Getenv("PATH")}
	_ = cmd.Run() // the exit code tells
	switch cmd.ProcessState.ExitCode() {
	case 134:
	case 77, exitNotStart:
		t.Skip("the hard limit of RLIMIT_CORE or ptrace forbids it")
	default:
		t.Fatalf("%v, want exit status 134", cmd.ProcessState)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 || entries[0].Name() != "ours" {
		t.Errorf("files %v, %v, want one: ours", entries, err)
	}
}
