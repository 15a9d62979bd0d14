//go:build amd64 || arm64

package main

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"
)

// roleVar says what a re-executed test binary is: withcore itself, or one of
// the programs that it runs.
const roleVar = "WITHCORE_TEST_ROLE"

func TestMain(m *testing.M) {
	switch role := os.Getenv(roleVar); role {
	case "":
		os.Exit(m.Run())
	case "withcore":
		os.Exit(run(os.Args[1:], os.Stderr))
	default:
		program(role)
	}
}

// threads is how many threads of its own the crashing program has.
const threads = 20

// program is what withcore runs.
func program(role string) {
	switch role {
	case "crash":
		var locked sync.WaitGroup
		locked.Add(threads)
		for i := 0; i < threads; i++ {
			go func() {
				runtime.LockOSThread()
				locked.Done()
				syscall.Pause()
			}()
		}
		truth := make([]byte, 3*4096)
		for i := range truth {
			truth[i] = byte(i * i >> 3)
		}
		locked.Wait()
		fmt.Printf("%#x %d\n", uintptr(unsafe.Pointer(&truth[0])), os.Getpid())
		var nowhere *[1 << 20]int
		runtime.KeepAlive(nowhere)
		nowhere[len(os.Args)] = 1
		runtime.KeepAlive(truth)
	case "clone": // a process, not a thread, without an exit signal
		pid, _, errno := syscall.RawSyscall6(syscall.SYS_CLONE, 0, 0, 0, 0, 0, 0)
		if errno == 0 && pid == 0 {
			for {
				_, _, _ = syscall.RawSyscall(syscall.SYS_EXIT_GROUP, 5, 0, 0)
			}
		}
		const waitAll = 0x40000000 // __WALL: children without an exit signal, too
		var ws syscall.WaitStatus
		if got, err := syscall.Wait4(int(pid), &ws, waitAll, nil); err != nil || got != int(pid) {
			os.Exit(9)
		}
		os.Exit(ws.ExitStatus())
	case "sub":
		out, err := exec.Command("echo", "sub").Output()
		if err != nil || string(out) != "sub\n" {
			os.Exit(9)
		}
	case "catch":
		c := make(chan os.Signal, 1)
		signal.Notify(c, syscall.SIGABRT)
		if err := syscall.Kill(os.Getpid(), syscall.SIGABRT); err != nil {
			os.Exit(9)
		}
		<-c
	}
	os.Exit(0)
}

// result is how withcore ended and what it left.
type result struct {
	state          *os.ProcessState
	stdout, stderr string
	core           string // path, "" when there is none
}

// withcore runs withcore in a directory of its own.
func withcore(t *testing.T, args ...string) result {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = []string{roleVar + "=withcore", "PATH=" + os.Getenv("PATH")}
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_ = cmd.Run() // the state tells
	if cmd.ProcessState == nil {
		t.Fatal("withcore did not start")
	}
	r := result{state: cmd.ProcessState, stdout: out.String(), stderr: errOut.String()}
	if strings.Contains(r.stderr, "ptrace: operation not permitted") {
		if os.Getenv("SDCORE_REQUIRE_CORES") == "1" {
			t.Fatal("this host forbids ptrace")
		}
		t.Skip("this host forbids ptrace")
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "core" {
			t.Errorf("withcore left %s", e.Name())
		}
		r.core = filepath.Join(dir, e.Name())
	}
	return r
}

// self is the command line that plays a role in this test binary, through
// env(1): withcore has to follow an exec.
func self(role string) []string { return []string{"env", roleVar + "=" + role, os.Args[0]} }

func TestGoCrash(t *testing.T) {
	r := withcore(t, append([]string{"--"}, self("crash")...)...)
	if r.state.ExitCode() != 134 {
		t.Fatalf("%v, want exit status 134\n%s", r.state, r.stderr)
	}
	if r.core == "" {
		t.Fatalf("no core\n%s", r.stderr)
	}
	if info, err := os.Stat(r.core); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v, want mode 0600", info, err)
	}
	checkCore(t, r.core, r.stdout)
	if !strings.Contains(r.stderr, "goroutine 1 ") {
		t.Error("the program's own crash text is missing")
	}
}

// TestKernelCore holds a core that the kernel wrote of the same program
// against the same expectations.
func TestKernelCore(t *testing.T) {
	pattern, err := os.ReadFile("/proc/sys/kernel/core_pattern")
	if err != nil || strings.TrimSpace(string(pattern)) != "core" {
		t.Skipf("needs core_pattern %q, not %q: sysctl -w kernel.core_pattern=core", "core", pattern)
	}
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", "ulimit -c unlimited && exec "+os.Args[0])
	cmd.Dir, cmd.Env = dir, []string{roleVar + "=crash", "GOTRACEBACK=crash"}
	out, err := cmd.Output()
	if err == nil {
		t.Fatal("the program did not crash")
	}
	names, _ := filepath.Glob(filepath.Join(dir, "core*"))
	if len(names) != 1 {
		t.Skipf("the kernel wrote %q: is the hard limit of RLIMIT_CORE 0?", names)
	}
	checkCore(t, names[0], string(out))
}

// checkCore checks what must be in a core of the crash program.
func checkCore(t *testing.T, path, stdout string) {
	t.Helper()
	var addr uint64
	var pid int
	if _, err := fmt.Sscanf(stdout, "0x%x %d", &addr, &pid); err != nil {
		t.Fatalf("stdout %q: %v", stdout, err)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_CORE {
		t.Errorf("type %v", f.Type)
	}
	got := make([]byte, 3*4096)
	if err := readAt(f, addr, got); err != nil {
		t.Fatalf("memory at %#x: %v", addr, err)
	}
	for i, b := range got {
		if b != byte(i*i>>3) {
			t.Fatalf("memory at %#x is %#x, want %#x", addr+uint64(i), b, byte(i*i>>3))
		}
	}
	notes := readNotes(t, f)
	if n := len(notes[1]); n < threads+1 {
		t.Errorf("%d threads, want at least %d", n, threads+1)
	}
	if sig := binary.LittleEndian.Uint16(notes[1][0][12:]); sig != uint16(syscall.SIGABRT) {
		t.Errorf("pr_cursig %d", sig)
	}
	pc := programCounter(notes[1][0])
	if name := functionAt(t, pc); name != "runtime.raise" && name != "runtime.tgkill" && name != "runtime.raiseproc" {
		t.Errorf("the first thread stands in %s at %#x, want the one that raised SIGABRT", name, pc)
	}
	if got := binary.LittleEndian.Uint32(notes[3][0][24:]); int(got) != pid {
		t.Errorf("pr_pid %d, want %d", got, pid)
	}
	if si := notes[0x53494749]; len(si) != 1 || binary.LittleEndian.Uint32(si[0]) != uint32(syscall.SIGABRT) {
		t.Errorf("NT_SIGINFO %x", si)
	}
	exe, err := filepath.EvalSymlinks(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	if files := notes[0x46494c45]; len(files) != 1 || !bytes.Contains(files[0], []byte(exe)) {
		t.Errorf("NT_FILE lacks %s", exe)
	}
	if len(notes[6]) != 1 || len(notes[2]) != len(notes[1]) {
		t.Errorf("%d NT_AUXV, %d NT_FPREGSET for %d threads", len(notes[6]), len(notes[2]), len(notes[1]))
	}
	header := make([]byte, 4)
	if err := readAt(f, firstMapping(notes[0x46494c45][0]), header); err != nil || string(header) != elf.ELFMAG {
		t.Errorf("first page of the executable: %q, %v", header, err)
	}
}

// readAt reads the memory that a core holds.
func readAt(f *elf.File, addr uint64, p []byte) error {
	for _, prog := range f.Progs {
		if prog.Type == elf.PT_LOAD && addr >= prog.Vaddr && addr+uint64(len(p)) <= prog.Vaddr+prog.Filesz {
			_, err := prog.ReadAt(p, int64(addr-prog.Vaddr))
			return err
		}
	}
	return io.ErrUnexpectedEOF
}

// readNotes returns the notes by type, in order.
func readNotes(t *testing.T, f *elf.File) map[uint32][][]byte {
	t.Helper()
	notes := map[uint32][][]byte{}
	for _, prog := range f.Progs {
		if prog.Type != elf.PT_NOTE {
			continue
		}
		b, err := io.ReadAll(prog.Open())
		if err != nil {
			t.Fatal(err)
		}
		for len(b) >= 12 {
			nameSize, size := int(binary.LittleEndian.Uint32(b)), int(binary.LittleEndian.Uint32(b[4:]))
			typ := binary.LittleEndian.Uint32(b[8:])
			b = b[12+(nameSize+3)&^3:]
			notes[typ] = append(notes[typ], b[:size])
			b = b[(size+3)&^3:]
		}
	}
	for _, typ := range []uint32{1, 3, 0x53494749, 0x46494c45} {
		if len(notes[typ]) == 0 {
			t.Fatalf("no note of type %#x", typ)
		}
	}
	return notes
}

// programCounter reads pr_reg: rip is number 16 of amd64's registers, pc
// number 32 of arm64's.
func programCounter(status []byte) uint64 {
	n := map[string]int{"amd64": 16, "arm64": 32}[runtime.GOARCH]
	return binary.LittleEndian.Uint64(status[112+8*n:])
}

func firstMapping(fileNote []byte) uint64 { return binary.LittleEndian.Uint64(fileNote[16:]) }

// functionAt names the function at pc of this binary, which is not position
// independent.
func functionAt(t *testing.T, pc uint64) string {
	t.Helper()
	fn := runtime.FuncForPC(uintptr(pc))
	if fn == nil {
		return "?"
	}
	return fn.Name()
}

func TestExitStatus(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		core bool
		text string // in stderr
	}{
		{"success", []string{"true"}, 0, false, ""},
		{"exit status", []string{"sh", "-c", "exit 7"}, 7, false, ""},
		{"signal without a core", []string{"sh", "-c", "kill -TERM $$"}, 143, false, ""},
		{"fatal signal", []string{"sh", "-c", "kill -QUIT $$"}, 131, true, "killed process"},
		{"caught signal", self("catch"), 0, false, ""},
		{"cloned process", self("clone"), 5, false, ""},
		{"program started by the program", self("sub"), 0, false, ""},
		{"ignored signal", []string{"sh", "-c", "trap '' ABRT; kill -ABRT $$; exit 4"}, 4, false, ""},
		{"a child's signal", []string{"sh", "-c", "exec 2>/dev/null; sh -c 'kill -ABRT $$'; exit 3"}, 3, false, ""},
		{"other name", []string{"-o", "./core", "--", "sh", "-c", "kill -ABRT $$"}, 134, true, "./core"},
		{"no place for the core", []string{"-o", "/nonexistent/core", "sh", "-c", "kill -ABRT $$"}, 134, false, "no core: "},
		{"not found", []string{"/nonexistent"}, 127, false, "start"},
		{"not executable", []string{os.TempDir()}, 126, false, "start"},
		{"nothing to run", nil, 125, false, "usage"},
		{"unknown flag", []string{"-x", "true"}, 125, false, "usage"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := withcore(t, tt.args...)
			if got := r.state.ExitCode(); got != tt.code {
				t.Errorf("%v, want %d\n%s", r.state, tt.code, r.stderr)
			}
			if got := r.core != ""; got != tt.core {
				t.Errorf("core %q, want one: %v\n%s", r.core, tt.core, r.stderr)
			}
			if !strings.Contains(r.stderr, tt.text) || (tt.text == "" && r.stderr != "") {
				t.Errorf("stderr %q, want %q", r.stderr, tt.text)
			}
		})
	}
}

func TestKeepExit(t *testing.T) {
	for _, name := range []string{"TERM", "ABRT", "SEGV", "KILL"} {
		r := withcore(t, "-keep-exit", "sh", "-c", "kill -"+name+" $$")
		ws, ok := r.state.Sys().(syscall.WaitStatus)
		if !ok || !ws.Signaled() || ws.CoreDump() || !strings.Contains("SIG"+name, signalName(ws.Signal())) {
			t.Errorf("%s: %v\n%s", name, r.state, r.stderr)
		}
	}
}

func signalName(s syscall.Signal) string {
	return map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGABRT: "SIGABRT", syscall.SIGSEGV: "SIGSEGV", syscall.SIGKILL: "SIGKILL"}[s]
}

// TestEnvironment checks that only GOTRACEBACK is added, and only if unset.
func TestEnvironment(t *testing.T) {
	if got := withcore(t, "sh", "-c", "echo $GOTRACEBACK").stdout; got != "crash\n" {
		t.Errorf("GOTRACEBACK is %q", got)
	}
	if got := withcore(t, "-no-env", "sh", "-c", "echo $GOTRACEBACK").stdout; got != "\n" {
		t.Errorf("GOTRACEBACK is %q", got)
	}
	t.Setenv("GOTRACEBACK", "all")
	for _, kv := range environment(false) {
		if strings.HasPrefix(kv, "GOTRACEBACK=") && kv != "GOTRACEBACK=all" {
			t.Errorf("%s was changed", kv)
		}
	}
}

func TestFatalBy(t *testing.T) {
	tests := []struct {
		status string
		sig    int
		want   bool
	}{
		{"SigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n", 6, true},
		{"SigIgn:\t0000000000000000\nSigCgt:\tfffffffc3bbae25f\n", 6, true}, // Go, about to die
		{"SigIgn:\t0000000000000000\nSigCgt:\tfffffffc3bbae27f\n", 6, false},
		{"SigIgn:\t0000000000000020\nSigCgt:\t0000000000000000\n", 6, false},
		{"SigCgt:\t0000000000000000\n", 6, false},
		{"SigIgn:\tx\nSigCgt:\t0000000000000000\n", 6, false},
		{"", 6, false},
	}
	for _, tt := range tests {
		if got := fatalBy(tt.status, tt.sig); got != tt.want {
			t.Errorf("fatalBy(%q, %d) = %v, want %v", tt.status, tt.sig, got, tt.want)
		}
	}
	for _, sig := range []int{0, -1, 65, int(syscall.SIGTERM), int(syscall.SIGKILL), int(syscall.SIGCHLD)} {
		if fatal(os.Getpid(), sig) {
			t.Errorf("signal %d counts as one that dumps core", sig)
		}
	}
}
