package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/triage/discover"
	"github.com/safedump/sdcore/triage/index"
)

// workerRole makes the test's own executable a worker: one that tries what it
// must not, or misbehaves.
const workerRole = "SDCORE_TEST_WORKER"

func TestMain(m *testing.M) {
	if role := os.Getenv(workerRole); role != "" {
		os.Exit(misbehave(role))
	}
	os.Exit(m.Run())
}

// tries is what a worker found that it can do.
type tries struct {
	ReadInput, ReadOther, WriteOwn, WriteOther, WriteInput, Exec, Dial, Signal bool
	NoNewPrivs                                                                 bool
	Interfaces                                                                 int
	CoreLimit, DataLimit                                                       uint64
}

func misbehave(role string) int {
	j, err := readJob(os.Stdin)
	if err != nil {
		return 7
	}
	if err := restrict(j); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 8
	}
	say := func(data string) {
		_ = os.WriteFile(filepath.Join(j.Dir, answerFile), []byte(data), 0o600) // the test sees that it is not there
	}
	switch role {
	case "try":
		data, err := json.Marshal(attempt(j))
		if err != nil {
			return 9
		}
		_ = os.WriteFile(filepath.Join(j.Dir, "tries"), data, 0o600) // as above
		say(`{"state":"failed"}`)
	case "memory":
		debug.SetMemoryLimit(1 << 40)
		var all [][]byte
		for range 1000 {
			b := make([]byte, 64<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			all = append(all, b)
		}
		return len(all)
	case "sleep":
		time.Sleep(time.Hour)
	case "panic":
		panic("sk_live_from_the_core")
	case "silent":
	case "long":
		say(`{"state":"failed","reason":"` + strings.Repeat("x", maxAnswer) + `"}`)
	case "other":
		say(`{"state":"done","occurrence":{"key":"of another one"}}`)
	case "link":
		_ = os.Symlink("/etc/passwd", filepath.Join(j.Dir, reportFile)) // as above
		say(fmt.Sprintf(`{"state":"done","occurrence":{"key":%q}}`, j.Key))
	}
	return 0
}

// attempt tries what a worker may do, and what it may not.
func attempt(j *job) tries {
	readable := func(path string) bool { _, err := os.ReadFile(path); return err == nil }
	writable := func(path string) bool { return os.WriteFile(path, []byte("x"), 0o600) == nil }
	t := tries{
		ReadInput: readable(j.Path), ReadOther: readable(filepath.Join(filepath.Dir(j.Path), "other")),
		WriteOwn: writable(filepath.Join(j.Dir, "own")), WriteOther: writable(filepath.Join(filepath.Dir(j.Path), "new")), WriteInput: writable(j.Path),
		Exec: exec.Command(filepath.Join(j.Dir, "own")).Run() == nil, Signal: unix.Kill(os.Getppid(), 0) == nil,
	}
	if c, err := net.DialTimeout("tcp", j.Host, time.Second); err == nil {
		c.Close()
		t.Dial = true
	}
	if all, err := net.Interfaces(); err == nil {
		for _, i := range all {
			if i.Flags&net.FlagUp != 0 {
				t.Interfaces++
			}
		}
	}
	if n, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err == nil {
		t.NoNewPrivs = n == 1
	}
	var l unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CORE, &l) == nil {
		t.CoreLimit = l.Cur
	}
	if unix.Getrlimit(unix.RLIMIT_DATA, &l) == nil {
		t.DataLimit = l.Cur
	}
	return t
}

// testBatch is a batch whose workers are of a role, and an item for them.
func testBatch(t *testing.T, role string) (*batch, *discover.Item) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"core", "other"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("data"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b := &batch{o: Options{Worker: []string{exe}, Env: []string{workerRole + "=" + role}}, store: Store{t.TempDir()}, processors: 1, run: 1}
	b.o.Bounds = Bounds{Memory: 512 << 20, Time: 20 * time.Second}.withDefaults()
	b.isolation = newIsolation(b.o.Worker)
	unlock, err := b.store.Lock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unlock)
	if b.index, err = index.Open(context.Background(), b.store.Index(), index.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.index.Close() })
	if b.binaries, err = discover.ReadBinaries(b.store.binaries()); err != nil {
		t.Fatal(err)
	}
	return b, &discover.Item{Kind: discover.Core, ID: strings.Repeat("ab", 16), Path: filepath.Join(dir, "core"), Host: "h"}
}

// A worker reads its input and writes its directory, and nothing else.
func TestIsolation(t *testing.T) {
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	b, it := testBatch(t, "try")
	it.Host = server.Addr().String()
	j := &job{Key: it.ID, Kind: string(it.Kind), Path: it.Path, Host: it.Host, Dir: filepath.Join(b.store.work(), it.ID), Bounds: b.o.Bounds}
	s := b.source(it)
	if err := b.prepare(j, &s); err != nil {
		t.Fatal(err)
	}
	if _, err := b.work(context.Background(), j, b.readable(it)); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(j.Dir, "tries"))
	if err != nil {
		t.Fatal(err)
	}
	var got tries
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if !got.ReadInput || !got.WriteOwn || !got.NoNewPrivs || got.CoreLimit != 0 || got.DataLimit != uint64(b.o.Bounds.Memory) {
		t.Errorf("%+v", got)
	}
	if b.isolation.landlock > 0 && (got.ReadOther || got.WriteOther || got.WriteInput) {
		t.Errorf("Landlock %d: %+v", b.isolation.landlock, got)
	}
	if b.isolation.landlock >= 6 && got.Signal {
		t.Error("it can send signals to the batch")
	}
	if b.isolation.namespaces != 0 && (got.Dial || got.Interfaces > 0) {
		t.Errorf("in a network namespace of its own: %+v", got)
	}
	names := strings.Join(b.isolation.names(), "\n")
	if strings.Contains(names, "no Landlock") != (b.isolation.landlock == 0) || strings.Contains(names, "no network namespace") != (b.isolation.namespaces == 0) {
		t.Errorf("it says %q", names)
	}
	// What was taken from the worker was not taken from the batch.
	if err := os.WriteFile(filepath.Join(filepath.Dir(it.Path), "new"), nil, 0o600); err != nil {
		t.Error(err)
	}
}

// Whatever a worker does, its crash is a file that failed, with a reason that
// holds nothing of what it said.
func TestBadWorkers(t *testing.T) {
	for role, want := range map[string]string{
		"memory": "it needs more than 536870912 bytes of memory (--worker-memory)",
		"sleep":  "it took longer than 500ms",
		"panic":  "the worker died: exit status 2",
		"silent": "no such file or directory",
		"long":   "the worker's answer makes no sense",
		"other":  "the worker's answer makes no sense",
		"link":   "the worker's answer makes no sense: it has no report", // and no other file is taken for one
	} {
		t.Run(role, func(t *testing.T) {
			b, it := testBatch(t, role)
			if role == "sleep" {
				b.o.Bounds.Time = 500 * time.Millisecond
			}
			if err := b.one(context.Background(), it); err != nil {
				t.Fatal(err)
			}
			if len(b.out.Failed) != 1 || !strings.Contains(b.out.Failed[0].Reason, want) || strings.Contains(b.out.Failed[0].Reason, "sk_live") {
				t.Errorf("%+v", b.out.Failed)
			}
			rows, err := b.index.Sources(context.Background(), index.Failed, 10)
			if err != nil || len(rows) != 1 || rows[0].Path != it.Path {
				t.Errorf("%+v, %v", rows, err)
			}
			if left, err := os.ReadDir(b.store.work()); err != nil || len(left) > 0 {
				t.Errorf("left: %v, %v", left, err)
			}
		})
	}
}
