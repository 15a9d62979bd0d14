package safedump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// hostProgram builds testdata/host once.
func hostProgram(t *testing.T) string {
	t.Helper()
	buildHost.Do(func() {
		dir, err := os.MkdirTemp("", "safedump-host-")
		if err != nil {
			buildHost.err = err
			return
		}
		atEnd = append(atEnd, func() { os.RemoveAll(dir) })
		buildHost.path = filepath.Join(dir, "host")
		if out, err := exec.Command("go", "build", "-o", buildHost.path, "./testdata/host").CombinedOutput(); err != nil {
			buildHost.err = fmt.Errorf("%w\n%s", err, out)
		}
		buildHost.err = errors.Join(buildHost.err, os.Chmod(dir, 0o755)) // other users run it, too
	})
	if buildHost.err != nil {
		t.Fatal(buildHost.err)
	}
	return buildHost.path
}

var buildHost struct {
	sync.Once
	path string
	err  error
}

// death is how a run of the host program ended.
type death struct {
	stdout, stderr string
	state          *os.ProcessState
	dir            string // working directory and HOME
}

// hosted runs the host program in a directory of its own, or below a shell
// script whose last word it is.
func hosted(t *testing.T, script string, env ...string) death {
	t.Helper()
	d := death{dir: t.TempDir()}
	cmd := exec.Command(hostProgram(t))
	if script != "" {
		cmd = exec.Command("unshare", append(unshareFlags(), "-m", "sh", "-ec", script+`; exec "$0"`, cmd.Path)...)
	}
	cmd.Dir = d.dir
	cmd.Env = append([]string{"HOME=" + d.dir, "PATH=" + os.Getenv("PATH")}, env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	_ = cmd.Run() // the state tells
	if d.state = cmd.ProcessState; d.state == nil {
		t.Fatal("the program did not start")
	}
	d.stdout, d.stderr = stdout.String(), stderr.String()
	return d
}

func unshareFlags() []string {
	if os.Getuid() != 0 {
		return []string{"-r"}
	}
	return nil
}

// needMounts skips where this host gives no mount namespace.
func needMounts(t *testing.T) {
	t.Helper()
	if out, err := exec.Command("unshare", append(unshareFlags(), "-m", "sh", "-c", "mount -t tmpfs none /mnt")...).CombinedOutput(); err != nil {
		unavailable(t, fmt.Sprintf("no mount namespace here: %v %s", err, out))
	}
}

// unavailable skips a test that this host can't run; in CI that is a failure.
func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("SDCORE_REQUIRE_CORES") == "1" {
		t.Fatal(why)
	}
	t.Skip(why)
}

func (d death) status(t *testing.T) (s Status, err string) {
	t.Helper()
	var out struct {
		Status Status
		Err    string
	}
	if jsonErr := json.Unmarshal([]byte(d.stdout), &out); jsonErr != nil {
		t.Fatalf("%v\nstdout %s\nstderr %s", jsonErr, d.stdout, d.stderr)
	}
	return out.Status, out.Err
}

var anyHex = regexp.MustCompile(`0x[0-9a-f]+|m=[0-9]+`)

// comparable takes out what differs from run to run of the same program: what
// threads print of themselves at level crash, the runtime's own goroutines and
// stacks, which are a matter of timing, and addresses, of which
// and threads, of which levels none and single print none that differ.
func comparable(level, stderr string) string {
	stderr, _, _ = strings.Cut(stderr, "\n-----\n")
	if level == "none" || level == "single" || level == "" {
		return stderr
	}
	var kept []string
	for _, part := range strings.Split(strings.TrimRight(stderr, "\n"), "\n\n") {
		if !strings.HasPrefix(part, "runtime stack:") && !strings.Contains(part, "created by runtime.") && !strings.Contains(part, "created by os/signal.") {
			kept = append(kept, anyHex.ReplaceAllString(part, "?"))
		}
	}
	return strings.Join(kept, "\n\n")
}

// end is how it ended; that there is a core is what the helper is for.
func (d death) end() string { return strings.TrimSuffix(d.state.String(), " (core dumped)") }

// TestUnchanged compares how a program dies with the helper and without it, at
// the same traceback level: the same status, and the same bytes on stderr.
func TestUnchanged(t *testing.T) {
	for _, death := range []string{"panic", "nil", "deadlock", "exit", "goroutine"} {
		for _, level := range []string{"", "none", "single", "all", "system", "crash"} {
			t.Run(death+" "+level, func(t *testing.T) {
				env := []string{"HOST_DEATH=" + death, "HOST_QUIET=1"}
				if level != "" {
					env = append(env, "GOTRACEBACK="+level)
				}
				without := hosted(t, "", env...)
				options := `{"Traceback":"keep"}`
				if level == "crash" {
					options = `{}`
				}
				with := hosted(t, "", append(env, "HOST_OPTIONS="+options)...)
				if with.end() != without.end() {
					t.Errorf("ends by %v, without the helper by %v", with.state, without.state)
				}
				a, b := comparable(level, without.stderr), comparable(level, with.stderr)
				if death == "goroutine" { // numbers are given out in parts for each processor
					id := regexp.MustCompile(`goroutine \d+`)
					a, b = id.ReplaceAllString(a, "goroutine"), id.ReplaceAllString(b, "goroutine")
				}
				if a != b || with.stdout != "" {
					t.Errorf("stderr with the helper\n%s\nwithout\n%s\nstdout %q", b, a, with.stdout)
				}
			})
		}
	}
}

// TestPrice is what level crash changes, as Status says.
func TestPrice(t *testing.T) {
	d := hosted(t, "", "HOST_DEATH=panic", "HOST_OPTIONS={}")
	s, _ := d.status(t)
	if ws := d.state.Sys().(syscall.WaitStatus); !ws.Signaled() || ws.Signal() != syscall.SIGABRT || s.Traceback != "crash" || !s.Has(CodeTracebackCrash) {
		t.Errorf("ended by %v, level %q\n%s", d.state, s.Traceback, s)
	}
	d = hosted(t, "", "HOST_DEATH=panic", `HOST_OPTIONS={"Traceback":"all"}`)
	if s, _ := d.status(t); d.state.ExitCode() != 2 || s.Traceback != "all" || !s.Has(CodeTracebackKept) {
		t.Errorf("ended by %v, level %q", d.state, s.Traceback)
	}
}

// TestBadTimes: whatever is wrong with the host, the program runs on, dies of
// what it dies of, and the status says what is wrong.
func TestBadTimes(t *testing.T) {
	needMounts(t)
	const tmpfs = `mkdir -p d; mount -t tmpfs -o size=64k none d; `
	tests := []struct {
		name, script, options string
		want                  []Code
		noFiles               bool
	}{
		{"full disk", tmpfs + `dd if=/dev/zero of=d/fill bs=1k 2>/dev/null || true`, `{"Dir":"d"}`, []Code{CodeKeptDiskLow, CodeSidecarFailed}, false},
		{"no inode left", `mkdir d; mount -t tmpfs -o size=64k,nr_inodes=1 none d`, `{"Dir":"d"}`, []Code{CodeCrashTextFailed, CodeSidecarFailed}, true},
		{"read-only", `mkdir d; mount -t tmpfs -o ro none d`, `{"Dir":"d"}`, []Code{CodeCrashTextFailed, CodeSidecarFailed}, true},
		{"read-only above", `mkdir d; mount -t tmpfs -o ro none d`, `{"Dir":"d/x"}`, []Code{CodeCrashTextFailed, CodeSidecarFailed}, true},
		{"read-only working directory", `mkdir d; mount -t tmpfs -o ro none d; cd d`, `{"Dir":"/proc/x"}`, nil, true},
		{"no /proc", `mount -t tmpfs none /proc`, `{"Dir":"d"}`, []Code{CodePatternUnreadable, CodeFilterUnreadable}, false},
		{"cores to a tmpfs", tmpfs + `cd d`, `{}`, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := hosted(t, tt.script, "HOST_DEATH=panic", "HOST_OPTIONS="+tt.options)
			s, _ := d.status(t)
			for _, code := range tt.want {
				if !s.Has(code) {
					t.Errorf("no %s in\n%s", code, s)
				}
			}
			if tt.noFiles && (s.CrashText != "" || s.Sidecar != "") {
				t.Errorf("files %q %q", s.CrashText, s.Sidecar)
			}
			if tt.name == "read-only working directory" && s.Core.Pattern == "core" && !s.Has(CodeDirectoryUnwritable) {
				t.Errorf("no %s in\n%s", CodeDirectoryUnwritable, s)
			}
			if tt.name == "cores to a tmpfs" && s.Core.Pattern == "core" && !s.Has(CodeDiskLow) && !s.Has(CodeMemoryRoom) && !s.Has(CodeMemoryLow) {
				t.Errorf("no word of the tmpfs in\n%s", s)
			}
			without := hosted(t, "", "HOST_DEATH=panic", "GOTRACEBACK=crash")
			if a, b := comparable("crash", without.stderr), comparable("crash", d.stderr); a != b || d.end() != without.end() {
				t.Errorf("dies as\n%s%v\nwithout the helper as\n%s%v", b, d.state, a, without.state)
			}
		})
	}
}

// TestDirectoryVanishes: the crash text goes into a file without a name.
func TestDirectoryVanishes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	env := []string{"HOST_DEATH=panic", "GOTRACEBACK=single", "HOST_QUIET=1"}
	with := hosted(t, "", append(env, `HOST_OPTIONS={"Dir":"`+dir+`","Traceback":"keep"}`, "HOST_REMOVES="+dir)...)
	without := hosted(t, "", env...)
	if with.stderr != without.stderr || with.end() != without.end() {
		t.Errorf("%v %s\nwithout the helper\n%v %s", with.state, with.stderr, without.state, without.stderr)
	}
}

// TestNoPermission runs as a user who may write nowhere.
func TestNoPermission(t *testing.T) {
	if os.Getuid() != 0 {
		unavailable(t, "another user is needed: run as root")
	}
	dir := t.TempDir() // of root, 0700 above
	cmd := exec.Command(hostProgram(t))
	cmd.Dir, cmd.Env = "/", []string{"HOME=" + dir, `HOST_OPTIONS={}`, "HOST_DEATH=exit"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	out, err := cmd.Output()
	d := death{stdout: string(out), state: cmd.ProcessState}
	if cmd.ProcessState == nil || cmd.ProcessState.ExitCode() != 7 {
		t.Fatalf("%v, %v", cmd.ProcessState, err)
	}
	s, _ := d.status(t)
	if !s.Has(CodeCrashTextFailed) || !s.Has(CodeSidecarFailed) || s.Core.Pattern == "core" && !s.Has(CodeDirectoryUnwritable) {
		t.Errorf("%s", s)
	}
}

// TestCrashLoop: the disk holds what Keep says, however often a program dies.
func TestCrashLoop(t *testing.T) {
	home := t.TempDir()
	var cores []string // of the kernel, where it writes files
	for range [6]int{} {
		d := hosted(t, "", "HOST_DEATH=panic", `HOST_OPTIONS={"Dir":"`+home+`","Keep":{"Crashes":2}}`)
		s, _ := d.status(t)
		if s.CrashText == "" && !s.Has(CodeCrashTextUnsupported) {
			t.Fatalf("%s", s)
		}
		if s.Core.Destination == ToFile && !s.Core.Glob && strings.HasPrefix(s.Core.Path, d.dir) {
			if _, err := os.Stat(s.Core.Path); err != nil {
				t.Errorf("no core: %v", err)
			}
			cores = append(cores, s.Core.Path)
		}
	}
	for range [3]int{} { // and these end well: they leave nothing behind the next one's start
		hosted(t, "", "HOST_DEATH=exit", `HOST_OPTIONS={"Dir":"`+home+`","Keep":{"Crashes":2}}`)
	}
	for i, path := range cores {
		_, err := os.Stat(path)
		if supported, _ := setCrashOutput(nil); supported && (err == nil) != (i >= len(cores)-2) {
			t.Errorf("core %d of %d: %v", i+1, len(cores), err)
		}
	}
	t.Logf("%d cores of the kernel", len(cores))
	texts, _ := filepath.Glob(filepath.Join(home, "*"+crashTextSuffix))
	printed := 0
	for _, path := range texts {
		if info, err := os.Stat(path); err == nil && info.Size() > 0 {
			printed++
		}
	}
	sidecars, _ := filepath.Glob(filepath.Join(home, "*"+sidecarSuffix))
	if supported, _ := setCrashOutput(nil); supported && (printed != 2 || len(texts) > 3 || len(sidecars) > 3) {
		t.Errorf("%d crash texts, %d of them not empty, %d sidecars", len(texts), printed, len(sidecars))
	}
}

// TestRunningIsLocked: while a program runs, nobody takes its files for a dead
// one's: the runtime's duplicate keeps the lock of the crash text.
func TestRunningIsLocked(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(hostProgram(t))
	cmd.Env = []string{`HOST_OPTIONS={"Dir":"` + dir + `"}`, "HOST_DEATH=sleep"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	var said struct{ Status Status }
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		t.Fatal(err)
	}
	retain(dir, Keep{1, 1, 1}, time.Now().Add(1000*time.Hour))
	for _, path := range []string{said.Status.CrashText, said.Status.Sidecar} {
		if path == "" {
			continue // an old Go keeps no crash text
		}
		if _, err := os.Stat(path); err != nil || unlocked(path) {
			t.Errorf("%s: %v, or its lock is free", path, err)
		}
	}
}

// TestPresetsOfProcess: what the presets differ in is seen from outside.
func TestPresetsOfProcess(t *testing.T) {
	for preset, want := range map[string]struct {
		filter    string
		files     int
		arguments bool
		env       bool
	}{
		"production": {"33", 2, false, true}, "development": {"37", 2, false, true}, "debug": {"7f", 2, true, true}, "minimal": {"33", 0, false, false},
	} {
		d := hosted(t, "", `HOST_OPTIONS={"Preset":"`+preset+`"}`, "HOST_DEATH=exit")
		s, _ := d.status(t)
		if got := fmt.Sprintf("%x", s.Filter); got != want.filter && s.FilterKnown {
			t.Errorf("%s: filter %s, want %s", preset, got, want.filter)
		}
		names := files(t, filepath.Join(d.dir, ".safedump"))
		if supported, _ := setCrashOutput(nil); supported && len(names) != want.files {
			t.Errorf("%s: files %q", preset, names)
		}
		b, _ := os.ReadFile(s.Sidecar) // minimal has none
		if got := bytes.Contains(b, []byte(`"args": [`)); got != want.arguments {
			t.Errorf("%s: arguments in the sidecar: %v", preset, got)
		}
		if got := bytes.Contains(b, []byte(`"HOST_DEATH"`)); got != want.env {
			t.Errorf("%s: names of the environment in the sidecar: %v", preset, got)
		}
	}
	d := hosted(t, "", `HOST_OPTIONS={"Preset":"nonsense"}`, "HOST_DEATH=exit")
	if s, err := d.status(t); !s.Has(CodeOptionsInvalid) || !strings.Contains(err, "nonsense") || s.Sidecar == "" {
		t.Errorf("%s\n%s", err, s)
	}
}

// TestAuto: the environment alone, in a program that only imports the package.
func TestAuto(t *testing.T) {
	d := hosted(t, "", "HOST_DEATH=panic")
	if d.state.ExitCode() != 2 || len(files(t, filepath.Join(d.dir, ".safedump"))) != 0 {
		t.Errorf("without SAFEDUMP: %v, files in ~/.safedump", d.state)
	}
	d = hosted(t, "", "HOST_DEATH=panic", "SAFEDUMP=1", "SAFEDUMP_DIR=kept")
	if ws := d.state.Sys().(syscall.WaitStatus); !ws.Signaled() || !strings.HasPrefix(d.stderr, "panic: boom") || d.stdout != "" || len(files(t, filepath.Join(d.dir, "kept"))) == 0 {
		t.Errorf("SAFEDUMP=1: %v, stdout %q, stderr %.200s", d.state, d.stdout, d.stderr)
	}
	d = hosted(t, "", "HOST_DEATH=exit", "SAFEDUMP=debug", "SAFEDUMP_TRACEBACK=sideways", "SAFEDUMP_VERBOSE=1")
	if !strings.Contains(d.stderr, "traceback-crash") || !strings.Contains(d.stderr, "sideways") || d.state.ExitCode() != 7 {
		t.Errorf("verbose: %v %s", d.state, d.stderr)
	}
}

// TestSetDumpable: on request only.
func TestSetDumpable(t *testing.T) {
	for _, scenario := range []string{"undumpable", "dumpable on request"} {
		p, _, _, _ := run(t, scenario)
		s := p.Statuses[0]
		asked := scenario != "undumpable"
		if s.Has(CodeDumpableSet) != asked || s.Has(CodeDumpable) != asked || s.Has(CodeDumpableNo) == asked {
			t.Errorf("%s: %s", scenario, s)
		}
	}
}
