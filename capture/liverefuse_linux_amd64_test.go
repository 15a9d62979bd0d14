package capture_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/capture"
	"github.com/safedump/sdcore/internal/coretest"
)

func TestLiveRefuses(t *testing.T) {
	core := filepath.Join(t.TempDir(), "core")
	try := func(pid int, want error, words string) {
		t.Helper()
		_, err := capture.Live(context.Background(), pid, core)
		if !errors.Is(err, want) || !strings.Contains(err.Error(), words) {
			t.Errorf("process %d: %v, want %v with %q", pid, err, want, words)
		}
	}
	try(os.Getpid(), capture.ErrSelf, "")
	try(0, capture.ErrNoProcess, "")
	try(1<<22+1, capture.ErrNoProcess, "")
	sleeper := exec.Command("sleep", "1000")
	if err := sleeper.Start(); err != nil {
		t.Fatal(err)
	}
	try(sleeper.Process.Pid, capture.ErrNotGo, "sleep")
	if err := sleeper.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for { // until it is a zombie
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", sleeper.Process.Pid))
		if err != nil || strings.Contains(string(b), ") Z ") {
			break
		}
		time.Sleep(time.Millisecond)
	}
	try(sleeper.Process.Pid, capture.ErrNoProcess, "has ended")
	_ = sleeper.Wait() // killed
	s := serve(t, 1)
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.pid()))
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		var tid int
		if _, err := fmt.Sscan(task.Name(), &tid); err == nil && tid != s.pid() {
			try(tid, capture.ErrNoProcess, "thread of process")
			break
		}
	}
	if _, err := os.Stat(core); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a core: %v", err)
	}
}

// TestMain is the tracer, the stranger and the victim of the tests that need
// another process.
func TestMain(m *testing.M) {
	if target := os.Getenv("CAPTURE_TEST_TARGET"); target != "" {
		var pid int
		if _, err := fmt.Sscan(target, &pid); err != nil {
			panic(err)
		}
		if os.Getenv("CAPTURE_TEST_HOLD") != "" {
			if err := unix.PtraceSeize(pid); err != nil {
				panic(err)
			}
			fmt.Println("held")
			time.Sleep(time.Hour)
		}
		for { // until killed
			_, err := capture.Live(context.Background(), pid, os.Getenv("CAPTURE_TEST_CORE"))
			fmt.Println(err)
			if err != nil {
				os.Exit(1)
			}
		}
	}
	code := m.Run()
	for _, exe := range servers {
		os.RemoveAll(filepath.Dir(exe))
	}
	os.Exit(code)
}

// other runs this test binary as another process.
func other(t *testing.T, s *server, core string, attr *syscall.SysProcAttr, env ...string) (cmd *exec.Cmd, out *bufio.Reader) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), fmt.Sprintf("CAPTURE_TEST_TARGET=%d", s.pid()), "CAPTURE_TEST_CORE="+core)
	cmd.Env = append(cmd.Env, env...)
	cmd.SysProcAttr = attr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // may have ended
		_ = cmd.Wait()
	})
	return cmd, bufio.NewReader(pipe)
}

// TestLiveIsKilled kills the capturing process at any moment: the program goes
// on all the same.
func TestLiveIsKilled(t *testing.T) {
	s := serve(t, 1000)
	dir := t.TempDir()
	for i := range 15 {
		cmd, out := other(t, s, filepath.Join(dir, "core"), nil)
		if text, err := out.ReadString('\n'); err != nil || text != "<nil>\n" { // it takes one after the other
			coretest.Unavailable(t, "no capture from another process: %s", text)
		}
		time.Sleep(time.Duration(i) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // killed
		s.ping()
	}
	s.unharmed()
}

func TestLiveOfTraced(t *testing.T) {
	s := serve(t, 1)
	_, out := other(t, s, "", nil, "CAPTURE_TEST_HOLD=1")
	if text, err := out.ReadString('\n'); err != nil || text != "held\n" {
		coretest.Unavailable(t, "no tracing from another process: %s", text)
	}
	if _, err := capture.Live(context.Background(), s.pid(), filepath.Join(t.TempDir(), "core")); !errors.Is(err, capture.ErrTraced) {
		t.Errorf("%v, want ErrTraced", err)
	}
}

func TestLiveOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		coretest.Unavailable(t, "another user is needed: run as root")
	}
	s := serve(t, 1)
	dir := t.TempDir()
	for d := dir; d != "/" && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	exe := filepath.Join(dir, "capture.test")
	if b, err := exec.Command("cp", os.Args[0], exe).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, b)
	}
	cmd := exec.Command(exe)
	cmd.Dir = dir
	cmd.Env = []string{fmt.Sprintf("CAPTURE_TEST_TARGET=%d", s.pid()), "CAPTURE_TEST_CORE=" + filepath.Join(dir, "core")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	if err == nil || !strings.Contains(string(out), "the process belongs to another user, number 0") {
		t.Errorf("%v, %s", err, out)
	}
	s.unharmed()
}
