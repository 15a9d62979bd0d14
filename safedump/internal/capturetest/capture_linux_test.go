//go:build amd64 || arm64

package capturetest

import (
	"debug/elf"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestHeadroom: a real cgroup whose limit is near.
func TestHeadroom(t *testing.T) {
	var dir string
	for _, top := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup"} {
		d := filepath.Join(top, fmt.Sprintf("capturetest-%d", os.Getpid()))
		if err := os.Mkdir(d, 0o755); err != nil {
			continue
		}
		t.Cleanup(func() { os.Remove(d) })
		for _, file := range []string{"memory.max", "memory.limit_in_bytes"} {
			if _, err := os.Stat(filepath.Join(d, file)); err == nil && dir == "" {
				dir = d
			}
		}
	}
	if dir == "" {
		t.Skip("no cgroup with a memory controller can be made here")
	}
	r, out := run(t, "cgroup", setting{arg: dir})
	if r.Kinds[0] != "headroom" || !strings.Contains(r.Errors[0], filepath.Base(dir)) {
		t.Errorf("%s, want a refusal that names the cgroup", r.Errors[0])
	}
	t.Log(r.Errors[0])
	if r.Kinds[1] != "" {
		t.Errorf("on request: %s", r.Errors[1])
	} else {
		openCore(t, filepath.Join(out, relative(r.Results[1].Path)))
	}
}

// whole checks that a capture succeeded and that its core can be opened.
func whole(t *testing.T, r told, dir string) {
	t.Helper()
	if len(r.Results) == 0 {
		t.Fatal("no capture")
	}
	for i, result := range r.Results {
		if r.Kinds[i] != "" {
			t.Errorf("capture %d: %s", i, r.Errors[i])
			continue
		}
		openCore(t, filepath.Join(dir, relative(result.Path)))
	}
}

// relative is the path below the directory of the role.
func relative(path string) string { return filepath.Join("out", filepath.Base(path)) }

func openCore(t *testing.T, path string) *elf.File {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if f.Type != elf.ET_CORE || len(f.Progs) < 10 {
		t.Errorf("%v with %d segments", f.Type, len(f.Progs))
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() < 1<<20 {
		t.Errorf("a core of %d bytes", info.Size())
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	for _, p := range f.Progs {
		if p.Off+p.Filesz > uint64(info.Size()) {
			t.Errorf("segment %#x ends behind the file", p.Vaddr)
		}
	}
	return f
}

func TestWorks(t *testing.T) {
	tests := []struct {
		role string
		s    setting
		long bool
	}{
		{"plain", setting{}, false},
		{"plain", setting{env: []string{"GOMAXPROCS=1"}}, false},
		{"plain", setting{env: []string{"GOMAXPROCS=3"}}, false},
		{"plain", setting{nobody: true}, false},
		{"undumpable", setting{nobody: true}, false},
		{"nolimit", setting{nobody: true}, false},
		{"noclose", setting{}, false},
		{"reaper", setting{}, false},
		{"allocating", setting{}, false},
		{"disturbed", setting{}, false},
		{"busy", setting{}, true},
		{"goroutines", setting{arg: "100000"}, true},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.role, " ", tt.s.env, tt.s.arg), func(t *testing.T) {
			if tt.long && testing.Short() {
				t.Skip("short")
			}
			if tt.role == "goroutines" && raceEnabled {
				tt.s.arg = "5000" // the race detector knows no more than 8128
			}
			r, dir := run(t, tt.role, tt.s)
			whole(t, r, dir)
			if len(r.Results) > 0 {
				x := r.Results[len(r.Results)-1]
				t.Logf("pause %v (clone %v), waited %v for a collection, %d KiB written in %v, %d KiB copied",
					x.Pause, x.Fork, x.GCWait, x.Written>>10, x.Duration, x.Copied>>10)
			}
		})
	}
}

// TestBadTimes: each failure is an error, and leaves no file, no process, no
// descriptor and no changed setting behind.
func TestBadTimes(t *testing.T) {
	root := os.Getuid() == 0
	tests := []struct {
		name, role string
		s          setting
		kinds      string
		left       string // in out/, besides cores of captures that went well
		needsRoot  bool
	}{
		{"full disk", "tinydisk", setting{clone: syscall.CLONE_NEWNS}, "disk", "", true},
		{"file too large", "filelimit", setting{}, "EFBIG", "", false},
		{"no permission", "readonly", setting{nobody: true}, "EACCES", "", false},
		{"no /proc", "noproc", setting{clone: syscall.CLONE_NEWNS}, "ENOENT", "", true},
		{"seccomp forbids clone", "noclone", setting{arg: fmt.Sprint(int(syscall.EPERM))}, "EPERM", "", false},
		{"no memory for the clone", "noclone", setting{arg: fmt.Sprint(int(syscall.ENOMEM))}, "ENOMEM", "", false},
		{"too many processes", "nprocs", setting{nobody: true}, "EAGAIN", "", false},
		{"the directory vanishes", "vanish", setting{}, "ENOENT", "", false},
		{"the image is killed", "murdered", setting{}, "other", "", false},
		{"canceled, and too late", "canceled", setting{}, "canceled,canceled,deadline", "", false},
		{"Error panics", "panics", setting{}, "other,", "", false},
		{"two at once", "twice", setting{}, ",busy", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.needsRoot && !root {
				t.Skip("needs root for a mount")
			}
			r, dir := run(t, tt.role, tt.s)
			if got := strings.Join(r.Kinds, ","); got != tt.kinds {
				t.Errorf("errors %q %q, want %s", got, r.Errors, tt.kinds)
			}
			for _, e := range r.Errors {
				t.Log(e)
			}
			for _, name := range strings.Fields(files(filepath.Join(dir, "out"))) {
				good := false
				for _, result := range r.Results {
					good = good || name == filepath.Base(result.Path) || name == filepath.Base(result.Sidecar)
				}
				if !good {
					t.Errorf("left behind: %s", name)
				}
			}
		})
	}
}

var captures = flag.Int("captures", 100, "how many captures TestManyCaptures makes; 1000 need some 2 minutes")

// TestManyCaptures: no ghost, no hung child, nothing left, while everybody is
// asked to yield all the time.
func TestManyCaptures(t *testing.T) {
	n := *captures
	if testing.Short() || raceEnabled {
		n = min(n, 50)
	}
	r, dir := run(t, "many", setting{arg: fmt.Sprint(n), deadline: 10 * time.Minute})
	whole(t, r, dir)
	if r.Beats == 0 {
		t.Error("the busy goroutines never ran")
	}
	t.Logf("%d captures, longest pause %v, %d beats, %d ghosts", n, r.Results[0].Pause, r.Beats, r.Ghosts)
}
