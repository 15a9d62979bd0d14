//go:build amd64 || arm64

package capturetest

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/safedump/sdcore/safedump"
)

// roles are the programs that the tests below start.
func roles() map[string]func(*told) {
	background := context.Background()
	plain := func(r *told) { r.capture(background, safedump.CaptureOptions{}) }
	return map[string]func(*told){
		"plain": plain,
		"many":  many,
		"busy":  busy,
		"nolimit": func(r *told) { // no core of the kernel's is to be had
			must(syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}))
			plain(r)
		},
		"undumpable": func(r *told) {
			prctl(4, 0) // PR_SET_DUMPABLE
			plain(r)
		},
		"goroutines": func(r *told) {
			for i := number(os.Getenv(argVar)); i > 0; i-- {
				go func() { select {} }()
			}
			plain(r)
		},
		"allocating": func(r *told) {
			s := startSpin(4)
			for i := 0; i < 20; i++ {
				plain(r)
			}
			s.end(r)
		},
		"noclone": func(r *told) {
			const cloneVM = 0x100 // threads may be made
			refuse(syscall.SYS_CLONE, syscall.Errno(number(os.Getenv(argVar))), cloneVM)
			plain(r)
		},
		"noclose": func(r *told) {
			refuse(sysCloseRange, syscall.ENOSYS, 1<<31)
			for i := 0; i < 600; i++ { // more than fit into one batch
				_, err := syscall.Open("/dev/null", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
				must(err)
			}
			r.Before = state()
			plain(r)
		},
		"filelimit": func(r *told) {
			must(syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 1 << 20, Max: 1 << 20}))
			plain(r)
		},
		"tinydisk": func(r *told) {
			must(os.Mkdir("out", 0o700))
			must(syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
			must(syscall.Mount("none", "out", "tmpfs", 0, "size=1m"))
			plain(r)
		},
		"noproc": func(r *told) {
			must(syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
			must(syscall.Mount("none", "/proc", "tmpfs", 0, ""))
			plain(r)
			must(syscall.Unmount("/proc", 0))
		},
		"readonly": func(r *told) {
			must(os.Mkdir("out", 0o500))
			plain(r)
		},
		"nprocs": func(r *told) {
			idleThreads(16) // the runtime itself dies when it can't make a thread
			const rlimitNProc = 6
			must(syscall.Setrlimit(rlimitNProc, &syscall.Rlimit{Cur: 1, Max: 1}))
			plain(r)
		},
		"vanish":   vanish,
		"murdered": murdered,
		"canceled": canceled,
		"panics": func(r *told) {
			r.capture(background, safedump.CaptureOptions{Err: badError{}})
			plain(r)
		},
		"twice":     twice,
		"disturbed": disturbed,
		"cgroup": func(r *told) { // its limit leaves a tenth of the heap
			b := ballast()
			limit(os.Getenv(argVar))
			r.capture(background, safedump.CaptureOptions{})
			r.capture(background, safedump.CaptureOptions{IgnoreHeadroom: true})
			runtime.KeepAlive(b)
		},
		"reaper": func(r *told) { // as a Go program that is PID 1 does
			stop := make(chan struct{})
			go func() {
				for {
					select {
					case <-stop:
						return
					default:
						_, _ = syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
					}
				}
			}()
			plain(r)
			close(stop)
		},
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func prctl(option, arg uintptr) {
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, option, arg, 0, 0, 0, 0); e != 0 {
		panic(e)
	}
}

// idleThreads makes the runtime have n threads more than it needs.
func idleThreads(n int) {
	var all sync.WaitGroup
	for i := 0; i < n; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			pause := syscall.NsecToTimespec(int64(50 * time.Millisecond))
			must(syscall.Nanosleep(&pause, nil))
		}()
	}
	all.Wait()
}

type badError struct{}

func (badError) Error() string { panic("an Error method that panics") }

// ballast makes a capture take long enough for something to happen meanwhile.
func ballast() []byte {
	b := make([]byte, 256<<20)
	for i := 0; i < len(b); i += 4096 {
		b[i] = 1
	}
	return b
}

// during calls f once a capture has begun to write.
func during(f func(tmp string)) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for {
			if names, _ := filepath.Glob("out/*.tmp"); len(names) > 0 {
				f(names[0])
				return
			}
			time.Sleep(50 * time.Microsecond)
		}
	}()
	return done
}

func vanish(r *told) {
	b := ballast()
	done := during(func(string) { must(os.RemoveAll("out")) })
	r.capture(context.Background(), safedump.CaptureOptions{})
	<-done
	runtime.KeepAlive(b)
}

// murdered: the image is killed from outside. One that has ended before the
// murderer came doesn't count.
func murdered(r *told) {
	b := ballast()
	for try := 0; try < 50; try++ {
		hit := make(chan bool, 1)
		over := make(chan struct{})
		go func() {
			for {
				select {
				case <-over:
					hit <- false
					return
				default:
				}
				if pid := child(); pid != 0 {
					_ = syscall.Kill(pid, syscall.SIGSEGV) // blocked, as every signal
					hit <- syscall.Kill(pid, syscall.SIGKILL) == nil
					return
				}
			}
		}()
		result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out"})
		close(over)
		if <-hit && err != nil {
			r.note(result, err)
			break
		}
		must(errors.Join(err, os.Remove(result.Path), os.Remove(result.Sidecar)))
	}
	runtime.KeepAlive(b)
	r.capture(context.Background(), safedump.CaptureOptions{})
}

// child is the PID of a child of this process, 0 without one.
func child() int {
	tasks, _ := filepath.Glob("/proc/self/task/*/children")
	for _, path := range tasks {
		text, _ := os.ReadFile(path)
		if pids := strings.Fields(string(text)); len(pids) > 0 {
			return number(pids[0])
		}
	}
	return 0
}

// canceled: in the middle, before the beginning, by a deadline.
func canceled(r *told) {
	b := ballast()
	for try := 0; try < 50; try++ {
		ctx, cancel := context.WithCancel(context.Background())
		done := during(func(string) { cancel() })
		result, err := safedump.Capture(ctx, safedump.CaptureOptions{Dir: "out"})
		<-done
		if err != nil {
			r.note(result, err)
			r.capture(ctx, safedump.CaptureOptions{})
			break
		}
		must(errors.Join(os.Remove(result.Path), os.Remove(result.Sidecar))) // it was faster
	}
	r.capture(context.Background(), safedump.CaptureOptions{Timeout: time.Millisecond})
	runtime.KeepAlive(b)
}

// disturbed: somebody else sets GOMAXPROCS all the time. A capture either is of
// one moment or says that it isn't.
func disturbed(r *told) {
	stop, over := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(over)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
				runtime.GOMAXPROCS(2 + n%2)
			}
		}
	}()
	for i := 0; i < 30; i++ {
		result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out"})
		if err == nil || !strings.Contains(err.Error(), "GOMAXPROCS was changed") {
			r.note(result, err)
		}
	}
	close(stop)
	<-over
	if n := runtime.GOMAXPROCS(r.Before.Procs); n < 2 {
		r.note(safedump.Result{}, fmt.Errorf("GOMAXPROCS stayed %d", n))
	}
}

// limit moves this process into the cgroup and gives that a limit.
func limit(dir string) {
	must(os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprint(os.Getpid())), 0))
	used, file := "memory.current", "memory.max"
	if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
		used, file = "memory.usage_in_bytes", "memory.limit_in_bytes"
	}
	text, err := os.ReadFile(filepath.Join(dir, used))
	must(err)
	// What was used before belongs to the old cgroup.
	must(os.WriteFile(filepath.Join(dir, file), []byte(fmt.Sprint(number(strings.TrimSpace(string(text)))+25<<20)), 0))
}

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

func twice(r *told) {
	b := ballast()
	var second error
	done := during(func(string) { _, second = safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out"}) })
	r.capture(context.Background(), safedump.CaptureOptions{})
	<-done
	r.note(safedump.Result{}, second)
	runtime.KeepAlive(b)
}

// many captures in a row, each of which is asked to give up its processor in
// the middle: others stop the world all the time, which asks everybody.
func many(r *told) {
	s := startSpin(2)
	stop := make(chan struct{})
	var asking sync.WaitGroup
	asking.Add(1)
	go func() {
		defer asking.Done()
		var m runtime.MemStats
		for {
			select {
			case <-stop:
				return
			default:
				runtime.ReadMemStats(&m)
				time.Sleep(50 * time.Microsecond)
			}
		}
	}()
	var first safedump.Result
	for i := number(os.Getenv(argVar)); i > 0; i-- {
		result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: "out", NoSidecar: true})
		if err != nil {
			r.note(result, err)
			break
		}
		if first.Path == "" {
			first = result
		} else {
			must(os.Remove(result.Path))
		}
		first.Pause = max(first.Pause, result.Pause)
	}
	close(stop)
	asking.Wait()
	s.end(r)
	r.note(first, nil)
}

// busy keeps every processor busy with loops that can't be left but by force.
func busy(r *told) {
	stop := make(chan struct{})
	var n [8]int
	for i := range n {
		i := i
		go func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				for k := 0; k < 1<<30; k++ {
					n[i] ^= k
				}
			}
		}()
	}
	for i := 0; i < 5; i++ {
		r.capture(context.Background(), safedump.CaptureOptions{})
	}
	close(stop)
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
		{"the image is killed", "murdered", setting{}, "other,", "", false},
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

// TestManyCaptures: no ghost, no hung child, nothing left, while everybody is
// asked to yield all the time.
func TestManyCaptures(t *testing.T) {
	n := 1000
	if testing.Short() || raceEnabled {
		n = 50
	}
	r, dir := run(t, "many", setting{arg: fmt.Sprint(n), deadline: 10 * time.Minute})
	whole(t, r, dir)
	if r.Beats == 0 {
		t.Error("the busy goroutines never ran")
	}
	t.Logf("%d captures, longest pause %v, %d beats, %d ghosts", n, r.Results[0].Pause, r.Beats, r.Ghosts)
}

// witness is looked up in the core.
type witness struct {
	magic [4]uint64
	text  [64]byte
}

// TestContent captures this very process and reads it back: memory by address,
// the thread, the process, the files.
func TestContent(t *testing.T) {
	w := &witness{magic: [4]uint64{0x5afed0, 1, 2, 0xc0ffee}}
	copy(w.text[:], "the state at the moment of the capture")
	dir := t.TempDir()
	result, err := safedump.Capture(context.Background(), safedump.CaptureOptions{Dir: dir, Reason: "a reason",
		Err: fmt.Errorf("charge: %w", errors.Join(io.ErrUnexpectedEOF, os.ErrPermission))})
	if err != nil {
		t.Fatal(err)
	}
	want := append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(w)), unsafe.Sizeof(*w))...)
	copy(w.text[:], "another state, later")
	f := openCore(t, result.Path)
	if got := readAt(t, f, uint64(uintptr(unsafe.Pointer(w))), len(want)); !bytes.Equal(got, want) {
		t.Errorf("memory of %p: %q, want %q", w, got, want)
	}
	if result.Written < 1<<20 || result.Written > result.Size || result.Unreadable != 0 || result.Copied < 0 {
		t.Errorf("%+v", result)
	}
	notes := noteData(t, f)
	le := binary.LittleEndian
	if tid := int(le.Uint32(notes[1][32:])); tid == 0 || le.Uint32(notes[1]) != 0 {
		t.Errorf("thread %d, signal %d", tid, le.Uint32(notes[1]))
	}
	if pid := int(le.Uint32(notes[3][24:])); pid != os.Getpid() {
		t.Errorf("NT_PRPSINFO says process %d, this is %d", pid, os.Getpid())
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(notes[0x46494c45], []byte(exe)) {
		t.Error("NT_FILE lacks the executable")
	}
	checkSidecar(t, result)
	if left := files(dir); len(strings.Fields(left)) != 2 {
		t.Errorf("files: %s", left)
	}
}

func checkSidecar(t *testing.T, result safedump.Result) {
	t.Helper()
	b, err := os.ReadFile(result.Sidecar)
	if err != nil {
		t.Fatal(err)
	}
	type errorRecord struct {
		Type, Package, Message string
		Wraps                  []errorRecord
	}
	var sc struct {
		PID     int
		Core    struct{ Path string }
		Capture struct {
			Reason string
			Error  errorRecord
			Caller struct {
				Function, File string
				Line           int
			}
			Written int64 `json:"written_bytes"`
		}
	}
	if err := json.Unmarshal(b, &sc); err != nil {
		t.Fatal(err)
	}
	c := sc.Capture
	if sc.PID != os.Getpid() || sc.Core.Path != result.Path || c.Reason != "a reason" || c.Written != result.Written {
		t.Errorf("%s", b)
	}
	if c.Error.Type != "*fmt.wrapError" || c.Error.Package != "fmt" || c.Error.Message != "charge: unexpected EOF\npermission denied" ||
		len(c.Error.Wraps) != 1 || len(c.Error.Wraps[0].Wraps) != 2 || c.Error.Wraps[0].Wraps[1].Message != "permission denied" {
		t.Errorf("error %+v", c.Error)
	}
	if !strings.HasSuffix(c.Caller.Function, "capturetest.TestContent") || filepath.Base(c.Caller.File) != "capture_linux_test.go" || c.Caller.Line == 0 {
		t.Errorf("caller %+v", c.Caller)
	}
	if info, err := os.Stat(result.Sidecar); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func readAt(t *testing.T, f *elf.File, addr uint64, n int) []byte {
	t.Helper()
	for _, p := range f.Progs {
		if p.Type == elf.PT_LOAD && p.Vaddr <= addr && addr+uint64(n) <= p.Vaddr+p.Filesz {
			b := make([]byte, n)
			if _, err := p.ReadAt(b, int64(addr-p.Vaddr)); err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("%#x is not in the core", addr)
	return nil
}

// noteData returns the first note of each type.
func noteData(t *testing.T, f *elf.File) map[uint32][]byte {
	t.Helper()
	notes := map[uint32][]byte{}
	for _, p := range f.Progs {
		if p.Type != elf.PT_NOTE {
			continue
		}
		b, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		le := binary.LittleEndian
		for len(b) >= 12 {
			name, size, kind := int(le.Uint32(b)+3)&^3, int(le.Uint32(b[4:])), le.Uint32(b[8:])
			data := b[12+name:][:size]
			if notes[kind] == nil {
				notes[kind] = data
			}
			b = b[12+name+(size+3)&^3:]
		}
	}
	return notes
}
