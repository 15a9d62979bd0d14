package capture

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-delve/delve/pkg/proc"
	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/internal/coretest"
)

// build builds the crasher: a binary of `go test` has no DWARF.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "crasher")
	args := append(append([]string{"build"}, flags...), "-o", out, "./testdata/crasher")
	if b, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return out
}

// child runs the crasher and returns what it printed.
func child(t *testing.T, ctx context.Context, exe, how, core string) (Result, string, string, error) {
	t.Helper()
	dir := t.TempDir()
	stdout, stderr := filepath.Join(dir, "stdout"), filepath.Join(dir, "stderr")
	res, err := Child(ctx, Command{Path: exe, Args: []string{how}, Stdout: stdout, Stderr: stderr}, core)
	if err != nil && strings.Contains(err.Error(), "operation not permitted") {
		coretest.Unavailable(t, "this host forbids ptrace")
	}
	o, _ := os.ReadFile(stdout)
	e, _ := os.ReadFile(stderr)
	return res, string(o), string(e), err
}

func TestChild(t *testing.T) {
	exe := build(t)
	for _, tt := range []struct{ how, reason, text string }{
		{"panic", proc.UnrecoveredPanic, "panic: nobody recovers"},
		{"deadlock", proc.FatalThrow, "all goroutines are asleep"},
	} {
		t.Run(tt.how, func(t *testing.T) {
			core := filepath.Join(t.TempDir(), "core")
			res, stdout, stderr, err := child(t, context.Background(), exe, tt.how, core)
			if err != nil {
				t.Fatal(err)
			}
			if res.Reason != tt.reason || res.ExitCode != 2 || res.Signal != 0 {
				t.Errorf("%+v, want reason %s and exit code 2", res, tt.reason)
			}
			if !strings.Contains(stderr, tt.text) {
				t.Errorf("the child did not end as without us: %q", stderr)
			}
			checkCore(t, core, exe, stdout, res)
		})
	}
}

func checkCore(t *testing.T, path, exe, stdout string, res Result) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Size() != res.Size {
		t.Errorf("mode %v, size %d, want 0600 and %d", info.Mode(), info.Size(), res.Size)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var addr uint64
	if _, err := fmt.Sscanf(stdout, "0x%x", &addr); err != nil {
		t.Fatalf("stdout %q: %v", stdout, err)
	}
	got := make([]byte, 3*4096)
	var found []note
	for _, p := range f.Progs {
		if p.Type == elf.PT_NOTE {
			b, err := io.ReadAll(p.Open())
			if err != nil {
				t.Fatal(err)
			}
			if found, err = parseNotes(b); err != nil {
				t.Fatal(err)
			}
		}
		if p.Type == elf.PT_LOAD && addr >= p.Vaddr && addr+uint64(len(got)) <= p.Vaddr+p.Filesz {
			if _, err := p.ReadAt(got, int64(addr-p.Vaddr)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, b := range got {
		if b != byte(i*i>>3) {
			t.Fatalf("memory at %#x is %#x, want %#x", addr+uint64(i), b, byte(i*i>>3))
		}
	}
	if len(found) == 0 || found[0].typ != ntPRStatus || int(binary.LittleEndian.Uint32(found[0].data[prPID:])) != res.TID {
		t.Fatalf("the first note is not the status of thread %d", res.TID)
	}
	threads := 0
	for _, n := range found {
		switch n.typ {
		case ntPRStatus:
			threads++
		case ntFile:
			if !bytes.Contains(n.data, []byte(exe)) {
				t.Errorf("NT_FILE lacks %s", exe)
			}
		}
		if want := map[bool]string{true: "LINUX", false: "CORE"}[n.typ == ntXState]; n.name != want {
			t.Errorf("note %#x is named %q, want %q", n.typ, n.name, want)
		}
	}
	if threads != res.Threads || threads < 2 {
		t.Errorf("%d threads, Result says %d", threads, res.Threads)
	}
}

// TestOneCore: the child dies by a signal and may dump core, but the core that
// was captured stays the only one. The child's directory is this package's.
func TestOneCore(t *testing.T) {
	res, _, stderr, err := child(t, context.Background(), build(t), "abort", filepath.Join(t.TempDir(), "core"))
	if err != nil || res.Signal != int(unix.SIGABRT) || res.ExitCode != -1 {
		t.Fatalf("%+v, %v, want SIGABRT\n%s", res, err, stderr)
	}
	names, err := filepath.Glob("core*")
	if err != nil || len(names) != 0 {
		t.Errorf("the kernel wrote %q, too: %v", names, err)
	}
	for _, name := range names {
		os.Remove(name)
	}
}

func TestChildWithoutCrash(t *testing.T) {
	core := filepath.Join(t.TempDir(), "core")
	res, _, _, err := child(t, context.Background(), build(t), "exit", core)
	if !errors.Is(err, ErrNoCrash) || res.ExitCode != 3 {
		t.Errorf("%+v, %v, want ErrNoCrash and exit code 3", res, err)
	}
	if _, err := os.Stat(core); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a core: %v", err)
	}
}

func TestChildIsKilledOnCancel(t *testing.T) {
	exe := build(t) // before the clock runs
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	dir := t.TempDir()
	res, _, _, err := child(t, ctx, exe, "hang", filepath.Join(dir, "core"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v, want the deadline", err)
	}
	if err := unix.Kill(res.PID, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d still lives: %v", res.PID, err)
	}
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != 0 {
		t.Errorf("left %q", names)
	}
	canceled, stop := context.WithCancel(context.Background())
	stop()
	if _, err := Child(canceled, Command{Path: "/nonexistent"}, "core"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled before the start: %v", err)
	}
}

func TestChildRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := Child(context.Background(), Command{Path: build(t, "-ldflags=-w"), Args: []string{"panic"}}, filepath.Join(dir, "core")); !errors.Is(err, ErrNoDebugInfo) {
		t.Errorf("no DWARF: %v, want ErrNoDebugInfo", err)
	}
	if _, err := Child(context.Background(), Command{Path: filepath.Join(dir, "none")}, filepath.Join(dir, "core")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no program: %v", err)
	}
	res, _, _, err := child(t, context.Background(), build(t), "panic", filepath.Join(dir, "none", "core"))
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory for the core: %v", err)
	}
	if err := unix.Kill(res.PID, 0); !errors.Is(err, unix.ESRCH) {
		t.Errorf("process %d still lives: %v", res.PID, err)
	}
}
