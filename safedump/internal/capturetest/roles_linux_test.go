//go:build amd64 || arm64

package capturetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/safedump"
)

// roleVar names what a re-executed test binary plays, argVar its argument.
const (
	roleVar = "CAPTURE_TEST_ROLE"
	argVar  = "CAPTURE_TEST_ARG"
)

func TestMain(m *testing.M) {
	name := os.Getenv(roleVar)
	if name == "" {
		os.Exit(m.Run())
	}
	role, ok := roles()[name]
	if !ok {
		panic("unknown role " + name)
	}
	report := told{Before: state()}
	role(&report)
	report.After = state()
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		panic(err)
	}
}

// told is what a role prints: nothing else may be on stdout or stderr.
type told struct {
	Results       []safedump.Result
	Errors        []string
	Kinds         []string // which of the package's errors, and system errors, each is
	Before, After processState
	Ghosts        int // goroutines that ran in another process than theirs
	Beats         int // how often they ran at all
}

// processState is what a capture must leave as it was.
type processState struct {
	Procs, Files, Children int
	Mask                   string
}

func state() processState {
	s := processState{Procs: runtime.GOMAXPROCS(0)}
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		// The runtime opens its poller's descriptors when it first needs them.
		if to, err := os.Readlink(fd); err == nil && !strings.HasPrefix(to, "anon_inode:[event") {
			s.Files++
		}
	}
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range tasks {
		b, _ := os.ReadFile(path)
		s.Children += len(strings.Fields(string(b)))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b, _ := os.ReadFile("/proc/thread-self/status")
	for _, line := range strings.Split(string(b), "\n") {
		if strings.HasPrefix(line, "SigBlk:") {
			s.Mask = strings.TrimSpace(line[7:])
		}
	}
	return s
}

// capture makes one capture into the directory "out" and notes how it went.
func (r *told) capture(ctx context.Context, o safedump.CaptureOptions) (safedump.Result, error) {
	if o.Dir == "" {
		o.Dir = "out"
	}
	result, err := safedump.Capture(ctx, o)
	r.note(result, err)
	return result, err
}

func (r *told) note(result safedump.Result, err error) {
	r.Results = append(r.Results, result)
	r.Errors = append(r.Errors, fmt.Sprint(err))
	r.Kinds = append(r.Kinds, kind(err))
}

func kind(err error) string {
	for _, k := range []struct {
		err  error
		name string
	}{
		{safedump.ErrBusy, "busy"}, {safedump.ErrHeadroom, "headroom"}, {safedump.ErrDiskSpace, "disk"},
		{context.DeadlineExceeded, "deadline"}, {context.Canceled, "canceled"},
		{syscall.EPERM, "EPERM"}, {syscall.EACCES, "EACCES"}, {syscall.ENOMEM, "ENOMEM"}, {syscall.EAGAIN, "EAGAIN"},
		{syscall.ENOSPC, "ENOSPC"}, {syscall.EFBIG, "EFBIG"}, {syscall.ENOENT, "ENOENT"},
	} {
		if errors.Is(err, k.err) {
			return k.name
		}
	}
	if err != nil {
		return "other"
	}
	return ""
}

// setting is how a role is started.
type setting struct {
	arg      string
	env      []string
	nobody   bool
	clone    uintptr // namespaces
	exe      string  // another program than the test binary
	deadline time.Duration
}

// run starts a role in a directory of its own.
func run(t *testing.T, role string, s setting) (r told, dir string) {
	t.Helper()
	// Another user must be able to search every directory on the way.
	dir, err := os.MkdirTemp("", "capture")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	exe := s.exe
	if exe == "" {
		exe = os.Args[0]
	}
	attr := &syscall.SysProcAttr{Unshareflags: s.clone}
	if s.nobody && os.Getuid() == 0 {
		const nobody = 65534
		exe = copyFile(t, exe, filepath.Join(dir, "bin"))
		if err := errors.Join(os.Chmod(dir, 0o755), os.Chmod(exe, 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
		attr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	deadline := s.deadline
	if deadline == 0 {
		deadline = time.Minute
	}
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "-test.run=^$")
	cmd.Dir, cmd.SysProcAttr = dir, attr
	cmd.Env = append(append(os.Environ(), roleVar+"="+role, argVar+"="+s.arg), s.env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if s.clone != 0 && errors.Is(err, syscall.EPERM) {
			t.Skip("no namespaces here: ", err)
		}
		t.Fatalf("%s: %v\n%s%s", role, err, stdout.String(), stderr.String())
	}
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("%v\n%s", err, stdout.String())
	}
	if r.Before != r.After {
		t.Errorf("the process is not as before: %+v, was %+v", r.After, r.Before)
	}
	if r.Ghosts > 0 {
		t.Errorf("%d goroutines ran in an image", r.Ghosts)
	}
	return r, dir
}

func copyFile(t *testing.T, from, to string) string {
	t.Helper()
	b, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, b, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// files lists a directory, "" when it is not there.
func files(dir string) string {
	entries, _ := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

// spin keeps goroutines busy that notice when they run in another process.
type spin struct {
	stop  chan struct{}
	ended chan [2]int
	n     int
}

func startSpin(n int) *spin {
	s := &spin{stop: make(chan struct{}), ended: make(chan [2]int), n: n}
	pid := os.Getpid()
	// A ghost has the memory of its image, so it tells through a descriptor.
	r, w, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	go func() {
		count := [2]int{}
		b := make([]byte, 4096)
		for {
			n, err := r.Read(b)
			if err != nil {
				r.Close()
				s.ended <- count
				return
			}
			count[0] += bytes.Count(b[:n], []byte("g"))
			count[1] += bytes.Count(b[:n], []byte("."))
		}
	}()
	left := make(chan struct{}, n)
	for i := 0; i < n; i++ {
		go func() {
			defer func() { left <- struct{}{} }()
			var waste [][]byte
			for k := 0; ; k++ {
				select {
				case <-s.stop:
					return
				default:
				}
				for x := 0; x < 20000; x++ { // a loop without a call
					k ^= x
				}
				waste = append(waste, make([]byte, 1<<10))
				if len(waste) > 1000 {
					waste = nil
				}
				mark := []byte(".")
				if syscall.Getpid() != pid {
					mark[0] = 'g'
				}
				_, _ = w.Write(mark)
			}
		}()
	}
	go func() {
		for i := 0; i < n; i++ {
			<-left
		}
		w.Close()
	}()
	return s
}

func (s *spin) end(r *told) {
	close(s.stop)
	count := <-s.ended
	r.Ghosts, r.Beats = count[0], count[1]
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return n
}
