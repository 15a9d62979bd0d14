//go:build amd64 || arm64

package monitor

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// steps are those of a monitor's work, in order, with how often a step is
// passed before the failure.
var steps = []string{"start", "ready", "crash", "braked", "stopped", "writing", "writing:3", "saved", "released", "holding", "unbraked", "text", "drained"}

// TestMonitorKilled: whenever the monitor dies, the host dies as without it,
// and no half of a core is left.
func TestMonitorKilled(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	plain := host{do: "panic"}.end(t)
	for _, step := range steps {
		step := step // go 1.21
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			r := host{do: "panic", with: "monitor", env: []string{"HOST_FAIL=" + step}}.end(t)
			if step == "start" { // Install does without: level crash, exit by SIGABRT
				if r.state.ExitCode() == 2 || !strings.Contains(r.stderr, "panic: boom") {
					t.Errorf("ended by %v: %q", r.state, r.stderr)
				}
			} else {
				same(t, plain, r, everyByte)
			}
			for _, name := range names(t, r.dir) {
				if strings.HasPrefix(name, ".") {
					t.Errorf("left: %s", name)
				}
			}
		})
	}
}

// TestMonitorKilledMuchText: the pipe is full of text that nobody reads when
// the monitor dies.
func TestMonitorKilledMuchText(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	env := []string{"GOTRACEBACK=all", "HOST_FAIL=text:2"}
	plain := host{do: "goroutines:2000", env: env}.end(t)
	r := host{do: "goroutines:2000", env: env, with: "monitor"}.end(t)
	same(t, plain, r, firstStack)
	if a, b := strings.Count(plain.stderr, "\ngoroutine "), strings.Count(r.stderr, "\ngoroutine "); a != b {
		t.Errorf("%d goroutines, without helper %d", b, a)
	}
}

// TestMonitorHangs: its own deadline ends a monitor that does not go on.
func TestMonitorHangs(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	plain := host{do: "panic"}.end(t)
	for _, step := range []string{"crash", "stopped", "writing:3", "released"} {
		step := step // go 1.21
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			env := []string{"HOST_FAIL=" + step, "HOST_HANG=1"}
			r := host{do: "panic", with: "monitor,short", env: env}.end(t)
			same(t, plain, r, everyByte)
			if core := r.one(t, CoreSuffix); (core != "") != (step == "released") {
				t.Errorf("core %q", core)
			}
		})
	}
}

// TestMonitorGone: the monitor is killed long before the crash, the pipe has
// no reader.
func TestMonitorGone(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	env := []string{"HOST_OLD_MONITOR=1"}
	for _, do := range []string{"panic", "deadlock", "exit", "goroutines:100"} {
		plain := host{do: do}.end(t)
		how := everyByte
		same(t, plain, host{do: do, with: "monitor", env: env}.end(t), how)
	}
}

// TestSlotTaken: without the runtime's one slot, or with a runtime that has
// none, the monitor sees no crash; Install says so and does the rest.
func TestSlotTaken(t *testing.T) {
	needLive(t)
	t.Parallel()
	r := host{do: "panic", with: "monitor,notext", env: []string{"HOST_STATUS=1"}}.end(t)
	if ws, ok := r.state.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGABRT {
		t.Errorf("ended by %v, want SIGABRT", r.state)
	}
	if !strings.Contains(r.stdout, "[warn] monitor-no-core") || !strings.Contains(r.stdout, "traceback-crash") || r.one(t, CoreSuffix) != "" {
		t.Errorf("files %q, status\n%s", names(t, r.dir), r.stdout)
	}
}

// TestSeccomp: without ptrace(2) the brake alone holds the host; without the
// right to start processes there is no monitor, and Install says so.
func TestSeccomp(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	plain := host{do: "panic"}.end(t)
	r := host{do: "panic", with: "monitor", env: []string{"HOST_SECCOMP=ptrace"}}.end(t)
	if r.state.ExitCode() == 8 {
		t.Skip("this kernel knows no seccomp filters")
	}
	same(t, plain, r, everyByte)
	d := r.record(t).Dumps[0]
	if !d.Bare || d.Crashed == 0 || d.Threads == 0 {
		t.Errorf("dump %+v", d)
	}
	checkCore(t, r.one(t, CoreSuffix))
	if name := functionAt(t, firstPC(t, d.Core)); !strings.Contains(name, "write") {
		t.Errorf("the first thread stands in %s", name)
	}
	r = host{with: "monitor", env: []string{"HOST_SECCOMP=ptrace", "HOST_STATUS=1"}}.end(t)
	if !strings.Contains(r.stdout, "[warn] monitor-limited") {
		t.Errorf("status\n%s", r.stdout)
	}
	r = host{do: "panic", with: "monitor", env: []string{"HOST_SECCOMP=fork", "HOST_STATUS=1"}}.end(t)
	if !strings.Contains(r.stdout, "[warn] monitor-failed") || !strings.Contains(r.stderr, "panic: boom") {
		t.Errorf("%v, status\n%s\n%s", r.state, r.stdout, r.stderr)
	}
}

// TestNoProc: without /proc there is no monitor, and Install says so.
func TestNoProc(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	wrap := []string{"unshare", "-m", "sh", "-c", `umount -l /proc && exec "$0"`}
	r := host{do: "panic", with: "monitor", wrap: wrap, env: []string{"HOST_STATUS=1"}}.end(t)
	if !strings.Contains(r.stdout, "[warn] monitor-failed") || !strings.Contains(r.stderr, "panic: boom") {
		t.Errorf("%v, status\n%s\n%s", r.state, r.stdout, r.stderr)
	}
}

// TestFullDisk: a core that does not fit is not begun, one that fits no more is
// removed, and the host dies as ever.
func TestFullDisk(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	plain := host{do: "panic"}.end(t)
	dir := t.TempDir()
	wrap := []string{"unshare", "-m", "sh", "-c", `mount -t tmpfs -o size=2m tmpfs "$HOST_DIR" && "$0"; s=$?; cat "$HOST_DIR"/*.monitor.json > "$HOST_DIR/../out"; ls -a "$HOST_DIR" > "$HOST_DIR/../ls"; exit $s`}
	inner := filepath.Join(dir, "disk")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	r := host{do: "panic", with: "monitor", wrap: wrap, dir: inner}.end(t)
	same(t, plain, r, everyByte)
	out, err := os.ReadFile(filepath.Join(dir, "out"))
	if err != nil || !strings.Contains(string(out), "MiB are free") {
		t.Errorf("record %s, %v", out, err)
	}
	if ls, err := os.ReadFile(filepath.Join(dir, "ls")); err != nil || strings.Contains(string(ls), CoreSuffix) {
		t.Errorf("files %s, %v", ls, err)
	}
	// A file may not grow beyond 64 KiB: the write fails in the middle.
	r = host{do: "panic", with: "monitor", wrap: []string{"sh", "-c", `ulimit -f 128 && exec "$0"`}}.end(t)
	same(t, plain, r, everyByte)
	if d := r.record(t).Dumps[0]; d.Core != "" || !strings.Contains(d.Problem, "file too large") || len(names(t, r.dir)) != 3 {
		t.Errorf("dump %+v, files %v", d, names(t, r.dir))
	}
}

// TestDirectory: one that vanishes is made anew, one that can't be made costs
// the core and nothing else.
func TestDirectory(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	plain := host{do: "panic"}.end(t)
	r := host{do: "vanish", with: "monitor"}.end(t)
	if r.state.ExitCode() != plain.state.ExitCode() {
		t.Errorf("ended by %v", r.state)
	}
	until(t, "a core", func() bool { return r.one(t, CoreSuffix) != "" })
	checkCore(t, r.one(t, CoreSuffix))
	r = host{do: "block", with: "monitor"}.end(t)
	if r.state.ExitCode() != plain.state.ExitCode() || !strings.Contains(r.stderr, "panic: boom") {
		t.Errorf("ended by %v: %s", r.state, r.stderr)
	}
}

// TestNoPermission: Install says that there is no monitor, and the program
// runs.
func TestNoPermission(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	user := &syscall.Credential{Uid: 65534, Gid: 65534}
	r := host{do: "exit", with: "monitor", cred: user, dir: "/proc/safedump", env: []string{"HOST_STATUS=1"}}.end(t)
	if r.state.ExitCode() != 7 || !strings.Contains(r.stdout, "[warn] monitor-failed") {
		t.Errorf("%v, status\n%s", r.state, r.stdout)
	}
}

// TestQuietEnds: a program that does not crash leaves neither record nor
// core, and one that is killed neither.
func TestQuietEnds(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	for _, do := range []string{"", "exit", "kill"} {
		r := host{do: do, with: "monitor"}.end(t)
		until(t, "no record", func() bool { return r.one(t, RecordSuffix) == "" })
		if core := r.one(t, CoreSuffix); core != "" {
			t.Errorf("%q: core %s", do, core)
		}
	}
	r := host{do: "uninstall", with: "monitor"}.end(t)
	if r.stdout != "<nil>\nno child processes\n" || len(names(t, r.dir)) != 0 {
		t.Errorf("%q, files %v", r.stdout, names(t, r.dir))
	}
}

// TestOutOfMemory: the kernel kills the host, and the record tells of what.
func TestOutOfMemory(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	needRoot(t)
	dir := "/sys/fs/cgroup/memory/monitor-test-" + strconv.Itoa(os.Getpid())
	limit := "memory.limit_in_bytes"
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err != nil {
		dir, limit = "/sys/fs/cgroup/monitor-test-"+strconv.Itoa(os.Getpid()), "memory.max"
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Skipf("no control group can be made here: %v", err)
	}
	t.Cleanup(func() {
		until(t, "an empty control group", func() bool { return os.Remove(dir) == nil })
	})
	if err := os.WriteFile(filepath.Join(dir, limit), []byte("64000000"), 0); err != nil {
		t.Skipf("no limit of memory can be set here: %v", err)
	}
	wrap := []string{"sh", "-c", `echo $$ > ` + dir + `/cgroup.procs && exec "$0"`}
	r := host{do: "grow", with: "monitor", wrap: wrap}.end(t)
	if ws, ok := r.state.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
		t.Skipf("the kernel did not kill: %v", r.state)
	}
	var rec Record
	read := func() {
		rec = Record{}
		b, err := os.ReadFile(r.one(t, RecordSuffix))
		if err != nil || json.Unmarshal(b, &rec) != nil {
			t.Fatalf("record %s, %v", b, err)
		}
	}
	read()
	until(t, "the end of the monitor", func() bool {
		_, err := os.Stat(filepath.Join("/proc", strconv.Itoa(rec.MonitorPID)))
		return err != nil || zombie(t, rec.MonitorPID)
	})
	read()
	// "running" it says when the kernel killed the monitor, too, "ended" when its
	// count could not be read.
	if rec.State == "crashed" || !rec.Memory.Tight() || rec.Memory.Limit > 64000000 || rec.Memory.RSS < 40<<20 {
		t.Errorf("record %+v, memory %+v", rec, rec.Memory)
	}
	t.Logf("state %s, memory %+v", rec.State, *rec.Memory)
}

// zombie reports whether a process has ended and waits for its parent's notice:
// in a container it may have none.
func zombie(t *testing.T, pid int) bool {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	return err != nil || strings.Contains(string(b), "State:\tZ")
}

// TestInheritedDescriptors: what the host was started with does not stay open
// with the monitor.
func TestInheritedDescriptors(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	l := host{do: "live", with: "monitor", wrap: []string{"sh", "-c", `exec 9</dev/zero "$0"`}}.start(t, "ready\n")
	var rec Record
	b, err := os.ReadFile(l.one(t, RecordSuffix))
	if err != nil || json.Unmarshal(b, &rec) != nil {
		t.Fatalf("%s, %v", b, err)
	}
	holds := func(pid int) bool {
		dir := filepath.Join("/proc", strconv.Itoa(pid), "fd")
		for _, name := range names(t, dir) {
			if link, err := os.Readlink(filepath.Join(dir, name)); err == nil && link == "/dev/zero" {
				return true
			}
		}
		return false
	}
	if !holds(rec.PID) || holds(rec.MonitorPID) {
		t.Errorf("/dev/zero is open in the host: %v, in the monitor: %v", holds(rec.PID), holds(rec.MonitorPID))
	}
	l.quit(t)
}

// TestLeakedVariable: a program that inherits the monitor's mark is no monitor.
func TestLeakedVariable(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	r := host{do: "exit", with: "monitor", env: []string{childVar + "=1"}}.end(t)
	if r.state.ExitCode() != 7 {
		t.Errorf("ended by %v", r.state)
	}
	// Nor does an orphan of a monitor become a second host.
	path, err := hostProgram()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path)
	cmd.Args[0], cmd.Env = childName, []string{childVar + "=1", "HOST_DO=exit", "HOST_INSTALL=monitor", "HOST_DIR=" + t.TempDir()}
	_ = cmd.Run() // the state tells
	if cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("ended by %v, want exit status 1", cmd.ProcessState)
	}
}

func TestParseWaiter(t *testing.T) {
	w, err := parseWaiter("1 0x7 0xc000012000 0x5 0x0 0x0 0x0 0x7ffc12 0x48aa2e\n")
	if err != nil || w.number != 1 || w.args[0] != 7 || w.sp != 0x7ffc12 || w.pc != 0x48aa2e {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err = parseWaiter("-1 0x10 0x20"); err != nil || w.number != ^uint64(0) || w.sp != 0x10 || w.pc != 0x20 {
		t.Errorf("%+v, %v", w, err)
	}
	for _, bad := range []string{"running", "", "1 2 3 4", "-1 x y", "a 0x7 0xc000012000 0x5 0x0 0x0 0x0 0x7ffc12 0x48aa2e"} {
		if w, err := parseWaiter(bad); err == nil {
			t.Errorf("%q: %+v", bad, w)
		}
	}
}

func TestGroupDirs(t *testing.T) {
	tests := map[string]string{
		"0::/kubepods/pod1\n":                 "/sys/fs/cgroup/kubepods/pod1 /sys/fs/cgroup",
		"4:cpu,memory:/a\n0::/\n":             "/sys/fs/cgroup/memory/a /sys/fs/cgroup/memory /sys/fs/cgroup /sys/fs/cgroup",
		"3:cpuset:/x\nnonsense\n5:memory:a\n": "",
	}
	for text, want := range tests {
		var dirs []string
		for _, g := range groupDirs(text) {
			dirs = append(dirs, g.dir)
		}
		if got := strings.Join(dirs, " "); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// TestRecordRewrites: a shorter record after a longer one is still JSON.
func TestRecordRewrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "r")
	r, err := newRecord(path, os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < maxDumps+5; i++ {
		r.add(Dump{Reason: strings.Repeat("r", 100), Time: strconv.Itoa(i)})
	}
	r.Dumps = r.Dumps[maxDumps-1:]
	if err := r.finish("crashed"); err != nil {
		t.Fatal(err)
	}
	var got Record
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &got) != nil || len(got.Dumps) != 1 || got.DumpsDropped != 5 || got.State != "crashed" || len(b)%4096 != 0 {
		t.Errorf("%d bytes, %+v, %v", len(b), got, err)
	}
	r.measure()
	if r.Memory == nil || r.Memory.RSS == 0 || r.Memory.Limit == 0 {
		t.Errorf("memory %+v", r.Memory)
	}
	r.drop()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the record is still there: %v", err)
	}
	none, err := newRecord("/nonexistent/r", os.Getpid())
	if err == nil || none.finish("ended") != nil {
		t.Errorf("%v", err)
	}
	none.drop()
}

// TestLost: a monitor that never comes to Install is not waited for long, and
// no second host is left.
func TestLost(t *testing.T) {
	needLive(t)
	t.Parallel()
	for _, how := range []string{"exit", "sleep"} {
		how := how // go 1.21
		t.Run(how, func(t *testing.T) {
			if how == "sleep" && testing.Short() {
				t.Skip("needs ten seconds")
			}
			t.Parallel()
			r := host{do: "exit", with: "monitor", env: []string{"HOST_STATUS=1", "HOST_LOST=" + how}}.end(t)
			if r.state.ExitCode() != 7 || !strings.Contains(r.stdout, "[warn] monitor-failed") || !strings.Contains(r.stdout, "first statement of main") {
				t.Errorf("ended by %v, status\n%s", r.state, r.stdout)
			}
		})
	}
}

// TestSocket: a socket without an answer, and without another end.
func TestSocket(t *testing.T) {
	a, b, err := newSockets()
	if err != nil {
		t.Fatal(err)
	}
	var r Ready
	if err := a.receive(&r, 10*time.Millisecond); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("%v", err)
	}
	b.close()
	if err := a.receive(&r, time.Second); err != ErrGone {
		t.Errorf("%v, want %v", err, ErrGone)
	}
	if err := a.send(r); err != ErrGone {
		t.Errorf("%v, want %v", err, ErrGone)
	}
	a.close()
}
