//go:build amd64 || arm64

package ptrace

import (
	"bufio"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// roleVar makes a re-executed test binary the process that is traced.
const roleVar = "PTRACE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVar) == "" {
		os.Exit(m.Run())
	}
	for i := 0; i < 4; i++ {
		go func() {
			runtime.LockOSThread()
			for {
				syscall.Getpid()
			}
		}()
	}
	_, _ = os.Stdout.WriteString("ready\n") // the test waits for it
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(5)
}

// traced starts the process; quit tells it to end, end does so, too, and gives
// its exit status.
func traced(t *testing.T) (pid int, quit func(), end func() int) {
	t.Helper()
	if err := Allowed(); err != nil {
		if os.Getenv("SDCORE_REQUIRE_CORES") == "1" {
			t.Fatalf("ptrace: %v", err)
		}
		t.Skipf("ptrace: %v", err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = []string{roleVar + "=1"}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // it has ended already
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	quit = func() { _ = in.Close() } // the status tells
	return cmd.Process.Pid, quit, func() int {
		quit()
		_ = cmd.Wait()
		return cmd.ProcessState.ExitCode()
	}
}

// stopped counts the threads that stand under a tracer, and all of them.
func stopped(t *testing.T, pid int) (stand, all int) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(pid), "task", "*", "stat"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that ended
		}
		all++
		if strings.HasPrefix(string(b[strings.LastIndexByte(string(b), ')')+1:]), " t") {
			stand++
		}
	}
	return stand, all
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 10 s: %s", what)
		}
	}
}

// TestStopRelease stops and releases the threads of a busy process a few times;
// then it ends as if nothing had been.
func TestStopRelease(t *testing.T) {
	pid, _, end := traced(t)
	for i := 0; i < 20; i++ {
		OwnThread(func() {
			threads := Threads{PID: pid, Attach: true}
			defer threads.Release()
			late, err := threads.Stop()
			if err != nil || len(late) > 0 {
				t.Errorf("late %v, %v", late, err)
			}
			stand, all := stopped(t, pid)
			if stand != all || all < 3 { // how many the runtime has by now is chance
				t.Errorf("%d of %d threads stand", stand, all)
			}
			regs, unread, err := threads.Registers(pid)
			if err != nil || len(unread) > 0 || len(regs) != all || regs[0].TID != pid || len(regs[0].Regs) < 200 {
				t.Errorf("registers of %d threads, unread %v, %v", len(regs), unread, err)
			}
		})
		until(t, "threads that run", func() bool { stand, _ := stopped(t, pid); return stand == 0 })
	}
	if code := end(); code != 5 {
		t.Errorf("exit status %d, want 5", code)
	}
}

// TestTracerEnds: what its tracer never releases goes on when that thread ends.
func TestTracerEnds(t *testing.T) {
	pid, _, end := traced(t)
	OwnThread(func() {
		if syscall.Gettid() == syscall.Getpid() {
			t.Error("this is the main thread, which does not end")
		}
		threads := Threads{PID: pid, Attach: true}
		if late, err := threads.Stop(); err != nil || len(late) > 0 {
			t.Errorf("late %v, %v", late, err)
		}
	})
	until(t, "threads that run", func() bool { stand, _ := stopped(t, pid); return stand == 0 })
	if code := end(); code != 5 {
		t.Errorf("exit status %d, want 5", code)
	}
}

// TestAtExit: the process stands before its end, its descriptors still open.
func TestAtExit(t *testing.T) {
	pid, quit, end := traced(t)
	seized, done := make(chan struct{}), make(chan bool)
	files := 0
	go OwnThread(func() {
		ok := AtExit(pid, func() { close(seized) }, func() {
			entries, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(pid), "fd"))
			if err != nil {
				t.Error(err)
			}
			files = len(entries)
		})
		done <- ok
	})
	<-seized
	quit()
	// Before the parent waits: it is the tracer's process and would get the stop.
	if ok := <-done; !ok || files < 3 {
		t.Errorf("the end was seen: %v, with %d descriptors", ok, files)
	}
	if code := end(); code != 5 {
		t.Errorf("exit status %d, want 5", code)
	}
}

func TestForbidden(t *testing.T) {
	OwnThread(func() {
		threads := Threads{PID: os.Getpid(), Attach: true} // oneself
		if _, err := threads.Stop(); !errors.Is(err, syscall.EPERM) {
			t.Errorf("%v, want %v", err, syscall.EPERM)
		}
		threads = Threads{PID: 1 << 30, Attach: true}
		if _, err := threads.Stop(); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%v, want %v", err, os.ErrNotExist)
		}
	})
}
