//go:build amd64 || arm64

package monitor

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
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

var crashes = flag.Int("crashes", 10, "how many crashes TestManyCrashes makes; 100 need about 20 s")

// patience bounds one run of a host.
const patience = time.Minute

// hostProgram builds testdata/host once.
var hostProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "monitor-host")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "host")
	cmd := exec.Command("go", "build", "-o", path, "./testdata/host")
	// With cgo the runtime does not detect deadlocks.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return path, os.Chmod(dir, 0o755) // for an ordinary user
})

func TestMain(m *testing.M) {
	code := m.Run()
	if path, err := hostProgram(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path)) // nobody waits for it
	}
	os.Exit(code)
}

// host is one program that the tests start.
type host struct {
	do   string   // HOST_DO
	env  []string // beside what command sets
	with string   // options of Install; "" is no helper
	wrap []string // command line before the program
	cred *syscall.Credential
	dir  string // of the helper, default one of its own
}

// result is how a host ended and what it left.
type result struct {
	state          *os.ProcessState
	stdout, stderr string
	dir            string
	took           time.Duration
}

func (r host) command(t *testing.T) (*exec.Cmd, string) {
	t.Helper()
	path, err := hostProgram()
	if err != nil {
		t.Fatal(err)
	}
	dir := r.dir
	if dir == "" {
		dir = filepath.Join(t.TempDir(), "safedump")
	}
	args := append(append([]string{}, r.wrap...), path)
	cmd := exec.Command(args[0], args[1:]...)
	// No core of the kernel's own, but by a soft limit: Install may raise it.
	cmd.Dir = filepath.Dir(dir)
	cmd.Env = append([]string{"HOST_DO=" + r.do, "HOST_DIR=" + dir, "PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(dir)}, r.env...)
	if r.with != "" {
		cmd.Env = append(cmd.Env, "HOST_INSTALL="+r.with)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: r.cred}
	return cmd, dir
}

// end runs the host to its end.
func (r host) end(t *testing.T) result {
	t.Helper()
	cmd, dir := r.command(t)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	timer := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // ended is fine
	_ = cmd.Wait()                                                       // the state tells
	if !timer.Stop() {
		t.Fatalf("the host did not end in %v: stderr %q", patience, errOut.String())
	}
	return result{cmd.ProcessState, out.String(), errOut.String(), dir, time.Since(begin)}
}

// record waits for the monitor, which may outlive the host by a moment.
func (r result) record(t *testing.T) Record {
	t.Helper()
	var rec Record
	until(t, "a record that says more than running", func() bool {
		b, err := os.ReadFile(r.one(t, RecordSuffix))
		if err != nil {
			return false
		}
		rec = Record{}
		return json.Unmarshal(b, &rec) == nil && rec.State != "running" && (rec.State != "crashed" || rec.TextBytes > 0)
	})
	return rec
}

// one is the path of the only file with this suffix, "" when there is none.
func (r result) one(t *testing.T, suffix string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, "*"+suffix))
	if err != nil || len(names) > 1 {
		t.Fatalf("%v %v: want one file", names, err)
	}
	if len(names) == 0 {
		return ""
	}
	return names[0]
}

func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// needMonitor skips the test where a monitor can't take the core of a crash.
func needMonitor(t *testing.T) {
	t.Helper()
	need(t, func(status string) bool { return strings.Contains(status, "[ok] monitor: ") })
}

// needLive skips the test where there is no monitor; one that can't see a crash
// will do.
func needLive(t *testing.T) {
	t.Helper()
	need(t, func(status string) bool {
		return strings.Contains(status, "[ok] monitor: ") || strings.Contains(status, "it serves DumpLater and OnSignal")
	})
}

// probed is what Install says on this machine.
var probed struct {
	sync.Once
	status string
}

func probe(t *testing.T) string {
	t.Helper()
	probed.Do(func() {
		r := host{with: "monitor", env: []string{"HOST_STATUS=1"}}.end(t)
		probed.status = r.stdout + r.stderr
	})
	return probed.status
}

func need(t *testing.T, enough func(status string) bool) {
	t.Helper()
	status := probe(t)
	switch {
	case enough(status):
	case strings.Contains(status, "came with go1.23"):
		t.Skip("needs debug.SetCrashOutput of go1.23")
	case os.Getenv("SDCORE_REQUIRE_CORES") == "1":
		t.Fatalf("no monitor here:\n%s", status)
	default:
		t.Skipf("no monitor here:\n%s", status)
	}
}

// needRoot skips the test for an ordinary user.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root, to make namespaces and change the user")
	}
}

// numbers are what differs between two runs of one program: addresses, and
// goroutines, of which the runtime makes more or fewer.
var numbers = regexp.MustCompile(`0x[0-9a-f]+\??|goroutine \d+|\+0x[0-9a-f]+|m=\w+|\d+ minutes`)

// alike is how much of the text of two crashes must be equal.
type alike int

const (
	everyByte  alike = iota
	firstStack       // up to the end of the first stack, without numbers
	firstLine
)

func (a alike) of(text string) string {
	parts := strings.SplitN(text, "\n\n", 3)
	switch {
	case a == firstLine:
		line, _, _ := strings.Cut(text, "\n")
		return line
	case a == firstStack && len(parts) > 1:
		return numbers.ReplaceAllString(parts[0]+"\n\n"+parts[1], "#")
	}
	return text
}

// same fails the test unless both hosts ended alike and printed the same.
func same(t *testing.T, plain, watched result, how alike) {
	t.Helper()
	a, _ := plain.state.Sys().(syscall.WaitStatus)
	b, _ := watched.state.Sys().(syscall.WaitStatus)
	if a != b {
		t.Errorf("ended by %v, without helper by %v", watched.state, plain.state)
	}
	if want, got := how.of(plain.stderr), how.of(watched.stderr); want != got {
		t.Errorf("stderr\n%s\nwithout helper\n%s", got, want)
	}
	if plain.stdout != watched.stdout {
		t.Errorf("stdout %q, without helper %q", watched.stdout, plain.stdout)
	}
}

// live is a host that runs while the test goes on.
type live struct {
	result
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *os.File
}

// start runs the host until it has printed the given text.
func (r host) start(t *testing.T, text string) *live {
	t.Helper()
	cmd, dir := r.command(t)
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	l := &live{result: result{dir: dir}, cmd: cmd, out: out}
	cmd.Stdout, cmd.Stderr = out, out
	if l.stdin, err = cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = l.stdin.Close(), cmd.Process.Kill() // it has ended already
		_, _ = cmd.Process.Wait()
		_ = out.Close() // only written to by the host
	})
	until(t, text, func() bool { return strings.Contains(l.printed(t), text) })
	return l
}

func (l *live) printed(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(l.out.Name())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// quit lets the host return from main, which it does only if it still runs.
func (l *live) quit(t *testing.T) {
	t.Helper()
	if err := l.stdin.Close(); err != nil {
		t.Error(err)
	}
	if err := l.cmd.Wait(); err != nil {
		t.Errorf("the host did not live on: %v\n%s", err, l.printed(t))
	}
}

// wait waits for a host that ends by itself.
func (l *live) wait(t *testing.T) *os.ProcessState {
	t.Helper()
	timer := time.AfterFunc(patience, func() { _ = l.cmd.Process.Kill() }) // ended is fine
	defer timer.Stop()
	var exit *exec.ExitError
	if err := l.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		t.Error(err)
	}
	return l.cmd.ProcessState
}
