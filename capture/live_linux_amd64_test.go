package capture_test

import (
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/capture"
	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// server is a running testdata/server.
type server struct {
	t   *testing.T
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	exe string
}

func serve(t *testing.T, goroutines int, flags ...string) *server {
	t.Helper()
	s := &server{t: t, exe: built(t, flags...)}
	s.cmd = exec.Command(s.exe, fmt.Sprint(goroutines))
	var err error
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.out = bufio.NewReaderSize(out, 1<<20)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // may have ended
		_ = s.cmd.Wait()         // killed
	})
	if got := s.line(); got != "ready" {
		t.Fatalf("the server says %q", got)
	}
	return s
}

// built builds testdata/server, once for each set of flags.
func built(t *testing.T, flags ...string) string {
	t.Helper()
	key := strings.Join(flags, " ")
	if exe := servers[key]; exe != "" {
		return exe
	}
	dir, err := os.MkdirTemp("", "capture-server-")
	if err != nil {
		t.Fatal(err)
	}
	exe := filepath.Join(dir, "server")
	args := append(append([]string{"build"}, flags...), "-o", exe, "./testdata/server")
	if b, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	servers[key] = exe
	return exe
}

// servers are the programs that were built; TestMain removes them.
var servers = map[string]string{}

func (s *server) pid() int { return s.cmd.Process.Pid }

func (s *server) line() string {
	s.t.Helper()
	text, err := s.out.ReadString('\n')
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSuffix(text, "\n")
}

// ping asks whether it still serves, and how far its busy goroutines are.
func (s *server) ping() (turns uint64) {
	s.t.Helper()
	fmt.Fprintln(s.in, "ping")
	if _, err := fmt.Sscanf(s.line(), "pong %d", &turns); err != nil {
		s.t.Fatal(err)
	}
	return turns
}

// stacks asks for Go's own view of its goroutines.
func (s *server) stacks() *crashtext.Text {
	s.t.Helper()
	fmt.Fprintln(s.in, "stacks")
	var b strings.Builder
	for l := s.line(); l != "END"; l = s.line() {
		b.WriteString(l + "\n")
	}
	text, err := crashtext.Read(strings.NewReader(b.String()))
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// unharmed checks that it goes on: it answers, works, is nobody's tracee, and
// no thread stands.
func (s *server) unharmed() {
	s.t.Helper()
	before := s.ping()
	deadline := time.Now().Add(20 * time.Second)
	for s.ping() == before {
		if time.Now().After(deadline) {
			s.t.Fatal("its busy goroutines stand still")
		}
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid()))
	if err != nil || !strings.Contains(string(status), "TracerPid:\t0\n") {
		s.t.Errorf("%v, still traced: %s", err, status)
	}
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", s.pid()))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, task := range tasks {
		b, _ := os.ReadFile(task) // it may end
		if _, state, ok := strings.Cut(string(b), ") "); ok && (state[0] == 't' || state[0] == 'T') {
			s.t.Errorf("%s: a thread stands: %.60s", task, b)
		}
	}
}

func (s *server) capture(ctx context.Context, out string) (capture.LiveResult, error) {
	s.t.Helper()
	res, err := capture.Live(ctx, s.pid(), out)
	if errors.Is(err, capture.ErrForbidden) || errors.Is(err, capture.ErrPtraceScope) {
		coretest.Unavailable(s.t, "%v", err)
	}
	return res, err
}

// TestLive captures a running program: it goes on as before, and the core has
// the stacks that Go itself prints.
func TestLive(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flags []string
	}{{"plain", nil}, {"pie", []string{"-buildmode=pie"}}} {
		t.Run(tt.name, func(t *testing.T) {
			s := serve(t, 40, tt.flags...)
			text := s.stacks()
			core := filepath.Join(t.TempDir(), "core")
			res, err := s.capture(context.Background(), core)
			if err != nil {
				t.Fatal(err)
			}
			s.unharmed()
			t.Logf("%+v", res)
			info, err := os.Stat(core)
			if err != nil || info.Mode().Perm() != 0o600 || info.Size() != res.Size || res.Pause <= 0 || res.Unreadable != 0 || len(res.Late) != 0 {
				t.Errorf("%v %v %+v", info, err, res)
			}
			checkLive(t, core, s, text, res)
		})
	}
}

func checkLive(t *testing.T, core string, s *server, text *crashtext.Text, res capture.LiveResult) {
	t.Helper()
	session, err := sdcore.Open(context.Background(), core, "", sdcore.Options{BinaryDirs: []string{filepath.Dir(s.exe)}})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	rep, err := session.Report(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if rep.Crash.Kind != report.KindSnapshot || rep.Identity.Match != report.MatchBuildID || !rep.Complete {
		t.Errorf("%s, %s, complete %v: %+v", rep.Crash.Kind, rep.Identity.Match, rep.Complete, rep.Problems)
	}
	if rep.Process.PID != s.pid() || len(rep.Threads) != res.Threads || rep.Threads[0].TID != s.pid() {
		t.Errorf("process %d with %d threads, the first %d: want %d with %d", rep.Process.PID, len(rep.Threads), rep.Threads[0].TID, s.pid(), res.Threads)
	}
	have := map[uint64]*report.Goroutine{}
	for i := range rep.Goroutines {
		g := &rep.Goroutines[i]
		have[g.ID] = g
		in := func(f report.Frame) bool { return f.Function == g.Start }
		if g.Start == "main.clock" && !slices.ContainsFunc(g.Frames, in) {
			t.Errorf("the goroutine that reads the clock: %+v", g.Frames)
		}
	}
	compared, orders := 0, map[string]bool{}
	for _, want := range text.Goroutines {
		if want.Status != "chan receive" {
			continue // the others have moved on
		}
		g := have[want.ID]
		if g == nil || g.WaitReason != want.Status {
			t.Errorf("goroutine %d: %+v, Go says %s", want.ID, g, want.Status)
			continue
		}
		n := 0
		for i := range g.Frames {
			f := &g.Frames[i]
			if f.Runtime || strings.Contains(f.Function, ".gowrap") {
				continue // Go prints none of them here
			}
			if n < len(want.Frames) && (f.Function != want.Frames[n].Func || f.Line != want.Frames[n].Line) {
				t.Errorf("goroutine %d: %s:%d, Go says %s:%d", want.ID, f.Function, f.Line, want.Frames[n].Func, want.Frames[n].Line)
			}
			for _, v := range f.Vars {
				if v.Name == "order" && v.Value.State == report.StateOK {
					orders[v.Value.Text] = true
				}
			}
			n++
		}
		if n != len(want.Frames) {
			t.Errorf("goroutine %d: %d frames, Go says %d", want.ID, n, len(want.Frames))
		}
		compared++
	}
	if compared < 40 || len(orders) != 40 || !orders["order-39"] {
		t.Errorf("%d stacks compared, %d orders found", compared, len(orders))
	}
}

// TestLiveThreads compares what the notes say of each thread with the kernel.
func TestLiveThreads(t *testing.T) {
	s := serve(t, 4)
	core := filepath.Join(t.TempDir(), "core")
	res, err := s.capture(context.Background(), core)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.Open(core)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Type != elf.ET_CORE || f.Machine != elf.EM_X86_64 || len(f.Progs) < 10 {
		t.Errorf("%v %v with %d segments", f.Type, f.Machine, len(f.Progs))
	}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.pid()))
	if err != nil || res.Threads > len(tasks) || res.Threads < 3 {
		t.Errorf("%d threads in the core, %d now: %v", res.Threads, len(tasks), err)
	}
	session, err := sdcore.Open(context.Background(), core, s.exe, sdcore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	rep, err := session.Goroutines(context.Background(), sdcore.Filter{Func: "main.spin", Frames: true})
	if err != nil || len(rep.Goroutines) != 2 {
		t.Fatalf("%d busy goroutines, %v", len(rep.Goroutines), err)
	}
	for _, g := range rep.Goroutines { // where the registers say, not where they parked last
		if g.Status == "running" && (g.Thread == 0 || len(g.Frames) == 0) {
			t.Errorf("goroutine %d runs on thread %d with %d frames", g.ID, g.Thread, len(g.Frames))
		}
	}
}

// TestLiveMany: a hundred thousand goroutines, again and again.
func TestLiveMany(t *testing.T) {
	if testing.Short() {
		t.Skip("a large process")
	}
	s := serve(t, 100_000)
	core := filepath.Join(t.TempDir(), "core")
	for range 2 {
		res, err := s.capture(context.Background(), core)
		if err != nil {
			t.Fatal(err)
		}
		s.unharmed()
		t.Logf("pause %v, %d MB of memory, %d threads", res.Pause, res.Copied>>20, res.Threads)
	}
	session, err := sdcore.Open(context.Background(), core, s.exe, sdcore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	rep, err := session.Goroutines(context.Background(), sdcore.Filter{Func: "main.wait"})
	if err != nil || rep.Groups[0].Count != 100_000 {
		t.Errorf("%d goroutines in the first group, %v", rep.Groups[0].Count, err)
	}
}

// TestLiveLetsGo: whatever goes wrong, the process goes on, and nothing is left.
func TestLiveLetsGo(t *testing.T) {
	s := serve(t, 10)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.capture(ctx, filepath.Join(dir, "core")); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	s.unharmed()
	if _, err := s.capture(context.Background(), filepath.Join(dir, "none", "core")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	s.unharmed()
	for i := range 20 { // at any moment
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(i)*3*time.Millisecond)
		_, err := s.capture(ctx, filepath.Join(dir, "core"))
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("deadline of %d ms: %v", 3*i, err)
		}
		s.ping()
	}
	s.unharmed()
	os.Remove(filepath.Join(dir, "core"))
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("left %v, %v", names, err)
	}
}

// TestLiveStoppedProcess: a process that stands for another reason stays so.
func TestLiveStoppedProcess(t *testing.T) {
	s := serve(t, 10)
	if err := unix.Kill(s.pid(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stands := func() bool {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid()))
		_, state, ok := strings.Cut(string(b), ") ")
		return err == nil && ok && state[0] == 'T'
	}
	for !stands() {
		time.Sleep(time.Millisecond)
	}
	if _, err := s.capture(context.Background(), filepath.Join(t.TempDir(), "core")); err != nil {
		t.Error(err)
	}
	for deadline := time.Now().Add(10 * time.Second); !stands(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) { // the kernel wakes it to stop again
			t.Fatal("the capture woke it up")
		}
	}
	if err := unix.Kill(s.pid(), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	s.unharmed()
}
