//go:build amd64 || arm64

package monitor

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestUnchanged: with and without a monitor a program dies alike, at each
// traceback level, and leaves a core.
func TestUnchanged(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	for _, level := range []string{"", "none", "single", "all", "system", "crash"} {
		for _, do := range []string{"panic", "nil", "deadlock", "twice", "throw", "exit"} {
			do, level := do, level // go 1.21
			t.Run(do+" "+level, func(t *testing.T) {
				t.Parallel()
				env := []string{"GOTRACEBACK=" + level}
				plain := host{do: do, env: env}.end(t)
				watched := host{do: do, env: env, with: "monitor"}.end(t)
				how := everyByte
				switch verbose := level == "system" || level == "crash"; {
				case do == "twice", do == "deadlock" && verbose:
					how = firstLine // which thread dies, and where it stands, is chance
				case verbose, do == "throw":
					how = firstStack // addresses of the heap and of stacks are chance
				}
				same(t, plain, watched, how)
				// At level none the runtime prints nothing of a throw after the
				// first line, which it does not copy.
				silent := do == "exit" || level == "none" && (do == "deadlock" || do == "throw")
				if core := watched.one(t, CoreSuffix); (core == "") != silent {
					t.Errorf("core %q, want one: %v", core, !silent)
				}
				if left := watched.one(t, ".crash.txt"); silent {
					return
				} else if left == "" {
					t.Error("no crash text")
				}
				if rec := watched.record(t); rec.State != "crashed" || len(rec.Dumps) != 1 || rec.Dumps[0].Problem != "" {
					t.Errorf("record %+v", rec)
				}
			})
		}
	}
}

// TestLevelStays: where the monitor takes the core the traceback level is the
// host's own, whatever Install was asked for; without it Install sets it.
func TestLevelStays(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	plain := host{do: "busy"}.end(t)
	same(t, plain, host{do: "busy", with: "monitor,all"}.end(t), everyByte)
	count := func(r result) int { return strings.Count(r.stderr, "\ngoroutine ") }
	if all := (host{do: "busy", with: "all"}).end(t); count(plain) != 1 || count(all) < 9 {
		t.Errorf("%d goroutines printed without helper, %d at level all", count(plain), count(all))
	}
}

// checkCore opens a core and looks for what must be in it.
func checkCore(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("core %q: %v %v, want mode 0600", path, info, err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_CORE {
		t.Errorf("type %v", f.Type)
	}
	want := []byte(strings.Repeat("truth-of-the-heap ", 3))
	for _, prog := range f.Progs {
		if prog.Type != elf.PT_LOAD || prog.Filesz == 0 || prog.Flags&elf.PF_W == 0 {
			continue
		}
		b, err := io.ReadAll(prog.Open())
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, want) {
			return
		}
	}
	t.Error("the core does not hold the heap")
}

// firstPC is the program counter of a core's first thread.
func firstPC(t *testing.T, path string) uint64 {
	t.Helper()
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f.Progs[0].Open())
	if err != nil || len(b) < 500 {
		t.Fatalf("%d bytes of notes, %v", len(b), err)
	}
	const header, regs = 12 + 8, 112 // of a note named CORE, of pr_reg
	n := map[string]int{"amd64": 16, "arm64": 32}[runtime.GOARCH]
	return binary.LittleEndian.Uint64(b[header+regs+8*n:])
}

// functionAt names the function of the host at pc.
func functionAt(t *testing.T, pc uint64) string {
	t.Helper()
	path, err := hostProgram()
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	symbols, err := f.Symbols()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range symbols {
		if elf.ST_TYPE(s.Info) == elf.STT_FUNC && pc >= s.Value && pc < s.Value+s.Size {
			return s.Name
		}
	}
	return "?"
}

// TestCrashCore: the first thread of the core stands in the write of the
// crash text, the heap is there, and the text is what stderr got.
func TestCrashCore(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	r := host{do: "panic", with: "monitor"}.end(t)
	rec := r.record(t)
	core := r.one(t, CoreSuffix)
	checkCore(t, core)
	if name := functionAt(t, firstPC(t, core)); !strings.HasPrefix(name, "runtime.write1") && !strings.Contains(name, "write") {
		t.Errorf("the first thread stands in %s", name)
	}
	text, err := os.ReadFile(r.one(t, ".crash.txt"))
	if err != nil || string(text) != r.stderr {
		t.Errorf("crash text %q, %v; stderr %q", text, err, r.stderr)
	}
	if d := rec.Dumps[0]; d.Core != core || d.Crashed == 0 || d.Threads < 2 || len(d.Missing) != 0 || d.Bare || rec.Memory == nil || rec.Memory.RSS == 0 || rec.Memory.Limit == 0 {
		t.Errorf("record %+v", rec)
	}
	for _, name := range names(t, r.dir) {
		if strings.HasPrefix(name, ".") {
			t.Errorf("left: %s", name)
		}
	}
}

func names(t *testing.T, dir string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

// TestManyCrashes: no crash is missed beside threads that never pause.
func TestManyCrashes(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	want := host{do: "busy"}.end(t)
	begin := time.Now()
	for i := 0; i < *crashes; i++ {
		level := []string{"single", "crash"}[i%2]
		r := host{do: "busy", with: "monitor", env: []string{"GOTRACEBACK=" + level}}.end(t)
		rec := r.record(t)
		core := r.one(t, CoreSuffix)
		if core == "" || rec.Dumps[0].Crashed == 0 || rec.Dumps[0].Threads < 3 {
			t.Fatalf("crash %d of %d: core %q, record %+v", i, *crashes, core, rec)
		}
		if name := functionAt(t, firstPC(t, core)); !strings.Contains(name, "write") {
			t.Errorf("crash %d: the first thread stands in %s", i, name)
		}
		if level == "single" {
			same(t, want, r, everyByte)
		}
		if err := os.RemoveAll(r.dir); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d crashes, %d cores, %v", *crashes, *crashes, time.Since(begin).Round(time.Millisecond))
}

// TestPID1: an app as PID 1 of its namespace takes all processes with it; core,
// record and the last line of the text are there by then.
func TestPID1(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	wrap := []string{"unshare", "-pf", "--mount-proc"}
	for _, do := range []string{"panic", "goroutines:2000"} {
		env := []string{"GOTRACEBACK=all"}
		plain := host{do: do, env: env, wrap: wrap}.end(t)
		r := host{do: do, env: env, wrap: wrap, with: "monitor"}.end(t)
		same(t, plain, r, map[string]alike{"panic": everyByte, "goroutines:2000": firstStack}[do])
		text, err := os.ReadFile(r.one(t, ".crash.txt"))
		if err != nil || string(text) != r.stderr {
			t.Errorf("%s: %d bytes of crash text, %v; %d of stderr", do, len(text), err, len(r.stderr))
		}
		if rec := r.record(t); rec.PID != 1 || rec.Dumps[0].Core == "" || rec.TextBytes != int64(len(text)) {
			t.Errorf("%s: record %+v", do, rec)
		}
		checkCore(t, r.one(t, CoreSuffix))
	}
}

// TestForeignProc: /proc of another PID namespace names other processes by the
// same numbers.
func TestForeignProc(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	r := host{do: "panic", wrap: []string{"unshare", "-pf"}, with: "monitor", env: []string{"HOST_STATUS=1"}}.end(t)
	if !strings.Contains(r.stdout, "monitor-no-core") || !strings.Contains(r.stdout, "another PID namespace") || r.one(t, CoreSuffix) != "" {
		t.Errorf("files %v, status\n%s", names(t, r.dir), r.stdout)
	}
	if !strings.Contains(r.stderr, "panic: boom") {
		t.Errorf("stderr %q", r.stderr)
	}
	l := host{do: "later", wrap: []string{"unshare", "-pf"}, with: "monitor", env: []string{"HOST_AFTER=20ms"}}.start(t, "later: goroutine\n")
	until(t, "a text of goroutines", func() bool { return l.one(t, ".goroutines.txt") != "" })
	l.quit(t)
}

// TestOrdinaryUser: neither root nor a limit of the kernel's is needed.
func TestOrdinaryUser(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	const nobody = 65534
	dir, err := os.MkdirTemp("", "ordinary") // t.TempDir is closed to others
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	user := &syscall.Credential{Uid: nobody, Gid: nobody}
	r := host{do: "panic", with: "monitor", cred: user, dir: filepath.Join(dir, "safedump")}.end(t)
	if rec := r.record(t); rec.Dumps[0].Problem != "" {
		t.Errorf("record %+v", rec)
	}
	checkCore(t, r.one(t, CoreSuffix))
}

// TestNoCoreLimit: ulimit -c 0, hard, and a piped pattern are no concern of
// the monitor's; the limit stays as it was.
func TestNoCoreLimit(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	wrap := []string{"sh", "-c", `ulimit -c 0 && exec "$0"`}
	for _, level := range []string{"single", "crash"} {
		env := []string{"GOTRACEBACK=" + level}
		plain := host{do: "panic", env: env, wrap: wrap}.end(t)
		r := host{do: "panic", env: env, wrap: wrap, with: "monitor"}.end(t)
		same(t, plain, r, map[string]alike{"single": everyByte, "crash": firstStack}[level])
		checkCore(t, r.one(t, CoreSuffix))
	}
}

// TestTwoAtOnce: two processes that crash at once in one directory.
func TestTwoAtOnce(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "safedump")
	var both sync.WaitGroup
	for i := 0; i < 2; i++ {
		both.Add(1)
		go func() {
			defer both.Done()
			if r := (host{do: "panic", with: "monitor", dir: dir}).end(t); r.state.ExitCode() != 2 {
				t.Errorf("ended by %v", r.state)
			}
		}()
	}
	both.Wait()
	cores, err := filepath.Glob(filepath.Join(dir, "*"+CoreSuffix))
	if err != nil || len(cores) != 2 {
		t.Fatalf("cores %v, %v", cores, err)
	}
	for _, core := range cores {
		checkCore(t, core)
	}
}

// TestManyGoroutines: the text of many goroutines passes the pipe at full
// speed: it is out of packet mode, and large.
func TestManyGoroutines(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	env := []string{"GOTRACEBACK=all"}
	r := host{do: "goroutines:20000", env: env, with: "monitor"}.end(t)
	r.record(t) // the text is whole by then
	if n := strings.Count(r.stderr, "\ngoroutine "); n < 20000 {
		t.Errorf("%d goroutines on stderr", n)
	}
	text, err := os.ReadFile(r.one(t, ".crash.txt"))
	if err != nil || string(text) != r.stderr {
		t.Errorf("%d bytes of crash text, %v; %d of stderr", len(text), err, len(r.stderr))
	}
	t.Logf("20 000 goroutines, %d bytes: %v", len(text), r.took.Round(time.Millisecond))
}
