package safedump

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// leave makes the files of a process that has ended: a sidecar, its crash text
// (nil: none), its core at corePath.
func leave(t *testing.T, dir, name string, pid int, at time.Time, text *string, corePath string) {
	t.Helper()
	base := filepath.Join(dir, fmt.Sprintf("%s-%s-%d", name, at.UTC().Format(timeLayout), pid))
	sc := sidecar{Version: 1, PID: pid, StartTime: at.Add(-time.Minute).UTC().Format(time.RFC3339Nano), CrashText: base + crashTextSuffix}
	if corePath != "" {
		sc.Core = Core{Destination: ToFile, Path: corePath}
	}
	b, err := json.Marshal(sc)
	if err != nil {
		t.Fatal(err)
	}
	put := func(path, content string) {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	put(base+sidecarSuffix, string(b))
	if text != nil {
		put(base+crashTextSuffix, *text)
	}
	if corePath != "" {
		put(corePath, fakeCore(pid))
	}
}

// beside makes more files of a process.
func beside(t *testing.T, dir, name string, pid int, at time.Time, suffixes ...string) {
	t.Helper()
	for _, suffix := range suffixes {
		path := filepath.Join(dir, fmt.Sprintf("%s-%s-%d%s", name, at.UTC().Format(timeLayout), pid, suffix))
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
}

// fakeCore is the head of a core: one program header, a status note, and the
// note with the number of the process.
func fakeCore(pid int) string {
	le := binary.LittleEndian
	note := func(typ uint32, size int) []byte {
		b := make([]byte, 12, 20+size)
		le.PutUint32(b, 5)
		le.PutUint32(b[4:], uint32(size))
		le.PutUint32(b[8:], typ)
		return append(append(b, "CORE\x00\x00\x00\x00"...), make([]byte, size)...)
	}
	notes := note(1, 336)
	info := note(notePSInfo, 136)
	le.PutUint32(info[20+psinfoPID:], uint32(pid))
	notes = append(notes, info...)
	head := make([]byte, 64+phSize)
	copy(head, "\x7fELF\x02\x01\x01")
	le.PutUint16(head[16:], elfTypeCore)
	le.PutUint64(head[32:], 64)
	le.PutUint16(head[54:], phSize)
	le.PutUint16(head[56:], 1)
	le.PutUint32(head[64:], ptNote)
	le.PutUint64(head[64+8:], uint64(len(head)))
	le.PutUint64(head[64+32:], uint64(len(notes)))
	return string(head) + string(notes)
}

func left(t *testing.T, dir string) string {
	t.Helper()
	var names []string
	for _, name := range files(t, dir) {
		prog, _, _ := strings.Cut(name, "-")
		switch {
		case strings.HasSuffix(name, sidecarSuffix):
			name = prog + ".s"
		case strings.HasSuffix(name, crashTextSuffix):
			name = prog + ".t"
		default:
			if i := strings.LastIndexByte(name, '-'); i > 0 { // what follows the number of the process
				_, rest, _ := strings.Cut(name[i:], ".")
				name = prog + "." + rest
			}
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func str(s string) *string { return &s }

func TestRetain(t *testing.T) {
	now := time.Now()
	const hour = time.Hour
	for _, tt := range []struct {
		name  string
		keep  Keep
		setup func(dir string)
		want  string
	}{
		{"those that ended well go, crashes stay", Keep{-1, -1, -1}, func(dir string) {
			leave(t, dir, "well", 11, now.Add(-hour), str(""), "")
			leave(t, dir, "gone", 12, now.Add(-hour), nil, "")
			leave(t, dir, "died", 13, now.Add(-hour), str("panic: x"), "")
		}, "died.t died.s"},
		{"count", Keep{2, -1, -1}, func(dir string) {
			for i := 1; i <= 4; i++ {
				leave(t, dir, fmt.Sprint("p", i), 10+i, now.Add(-time.Duration(i)*hour), str("panic: x"), "")
			}
		}, "p1.t p1.s p2.t p2.s"},
		{"bytes", Keep{-1, 3000, -1}, func(dir string) {
			for i := 1; i <= 4; i++ {
				leave(t, dir, fmt.Sprint("p", i), 10+i, now.Add(-time.Duration(i)*hour), str(strings.Repeat("x", 1000)), "")
			}
		}, "p1.t p1.s p2.t p2.s"},
		{"age", Keep{-1, -1, 2*hour + time.Minute}, func(dir string) {
			for i := 1; i <= 4; i++ {
				leave(t, dir, fmt.Sprint("p", i), 10+i, now.Add(-time.Duration(i)*hour), str("panic: x"), "")
			}
		}, "p1.t p1.s p2.t p2.s"},
		{"the newest always stays", Keep{1, 1, 1}, func(dir string) {
			leave(t, dir, "p1", 11, now.Add(-hour), str("panic: x"), "")
			leave(t, dir, "p2", 12, now.Add(-2*hour), str("panic: x"), "")
		}, "p1.t p1.s"},
		{"cores count and go with their process", Keep{1, -1, -1}, func(dir string) {
			leave(t, dir, "p1", 11, now.Add(-hour), str("panic: x"), filepath.Join(dir, "core.11"))
			leave(t, dir, "p2", 12, now.Add(-2*hour), str("panic: x"), filepath.Join(dir, "core.12"))
		}, "core.11 p1.t p1.s"},
		{"a core keeps the files of a process without a text", Keep{-1, -1, -1}, func(dir string) {
			leave(t, dir, "p1", 11, now.Add(-hour), str(""), filepath.Join(dir, "core.11"))
		}, "core.11 p1.t p1.s"},
		{"a core beside its sidecar is one", Keep{-1, 2500, -1}, func(dir string) {
			for i := 1; i <= 3; i++ {
				at := now.Add(-time.Duration(i) * hour)
				leave(t, dir, fmt.Sprint("p", i), 10+i, at, nil, filepath.Join(dir, fmt.Sprintf("p%d-%s-%d.core", i, at.UTC().Format(timeLayout), 10+i)))
			}
		}, "p1.core p1.s p2.core p2.s"},
		{"what a monitor made goes with its process", Keep{1, -1, -1}, func(dir string) {
			for i := 1; i <= 2; i++ {
				at := now.Add(-time.Duration(i) * hour)
				leave(t, dir, fmt.Sprint("p", i), 10+i, at, str(""), "")
				beside(t, dir, fmt.Sprint("p", i), 10+i, at, ".monitor.json", ".core", ".1.core", ".2.safedump.json", ".1.goroutines.txt")
			}
		}, "p1.1.core p1.1.goroutines.txt p1.2.safedump.json p1.core p1.t p1.monitor.json p1.s"},
		{"a monitor's files without a sidecar", Keep{1, -1, -1}, func(dir string) {
			for i := 1; i <= 2; i++ {
				beside(t, dir, fmt.Sprint("p", i), 10+i, now.Add(-time.Duration(i)*hour), ".monitor.json", ".core")
			}
		}, "p1.core p1.monitor.json"},
		{"a core that was never finished goes, one without a sidecar stays", Keep{1, -1, -1}, func(dir string) {
			beside(t, dir, "torn", 11, now.Add(-hour), ".core.tmp")
			beside(t, dir, "now", 12, now, ".core.tmp")
			beside(t, dir, "bare", 13, now.Add(-hour), ".core")
		}, "bare.core now.core.tmp"},
		{"another's core is not touched", Keep{1, -1, -1}, func(dir string) {
			leave(t, dir, "p1", 11, now.Add(-hour), str("panic: x"), "")
			leave(t, dir, "p2", 12, now.Add(-2*hour), str("panic: x"), filepath.Join(dir, "core"))
			if err := os.WriteFile(filepath.Join(dir, "core"), []byte(fakeCore(99)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "core p1.t p1.s"},
		{"an older core is not touched", Keep{1, -1, -1}, func(dir string) {
			leave(t, dir, "p1", 11, now.Add(-hour), str("panic: x"), "")
			leave(t, dir, "p2", 12, now.Add(-2*hour), str("panic: x"), filepath.Join(dir, "core"))
			old := now.Add(-9 * hour)
			if err := os.Chtimes(filepath.Join(dir, "core"), old, old); err != nil {
				t.Fatal(err)
			}
		}, "core p1.t p1.s"},
		{"what is not ours stays", Keep{1, 1, 1}, func(dir string) {
			for _, name := range []string{"notes.crash.txt", "x-20261129T150000.000000000-1.txt", "y.sidecar.json", "a-20261129T150000.000000000-7.sidecar.json", "b-1-2.crash.txt"} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte("{}"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Symlink("/etc/passwd", filepath.Join(dir, "c-20261129T150000.000000000-8.crash.txt")); err != nil {
				t.Fatal(err)
			}
		}, "a.s b.t c.t notes.crash.txt.t x.txt y.sidecar.json.s"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			tt.setup(dir)
			retain(dir, tt.keep, now)
			got := left(t, dir)
			if got != tt.want {
				t.Errorf("left %q, want %q", got, tt.want)
			}
		})
	}
}

// TestRetainSparesTheLiving: a lock on either file keeps all of a process's.
func TestRetainSparesTheLiving(t *testing.T) {
	now := time.Now()
	for _, suffix := range []string{sidecarSuffix, crashTextSuffix} {
		dir := t.TempDir()
		leave(t, dir, "new", 1, now, str("panic: x"), "")
		leave(t, dir, "alive", 2, now.Add(-time.Hour), str("panic: x"), filepath.Join(dir, "core.2"))
		names, err := filepath.Glob(filepath.Join(dir, "alive-*"+suffix))
		if err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
		f := openLocked(names[0])
		if f == nil {
			t.Fatal("no lock")
		}
		retain(dir, Keep{1, 1, 1}, now)
		if got := left(t, dir); got != "alive.t alive.s core.2 new.t new.s" {
			t.Errorf("%s locked: left %q", suffix, got)
		}
		f.Close()
		retain(dir, Keep{1, 1, 1}, now)
		if got := left(t, dir); got != "new.t new.s" {
			t.Errorf("unlocked: left %q", got)
		}
	}
}

// TestRetainAtOnce lets many clean one directory while others come and go.
func TestRetainAtOnce(t *testing.T) {
	dir := t.TempDir()
	now := time.Now()
	for i := range [40]int{} {
		leave(t, dir, fmt.Sprint("p", i), 100+i, now.Add(-time.Duration(i)*time.Minute), str("panic: x"), "")
	}
	var wg sync.WaitGroup
	var mine []string
	var mu sync.Mutex
	for i := range [8]int{} {
		i := i
		wg.Add(1)
		go func() {
			defer wg.Done()
			base := filepath.Join(dir, fmt.Sprintf("live%d-%s-%d", i, now.UTC().Format(timeLayout), 500+i))
			sc := sidecar{Version: 1, PID: 500 + i, CrashText: base + crashTextSuffix}
			text, err := createLocked(base + crashTextSuffix)
			if err != nil {
				t.Error(err)
				return
			}
			defer text.Close()
			f, err := sc.write(base + sidecarSuffix)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			for range [20]int{} {
				retain(dir, Keep{3, -1, -1}, now)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, suffix := range []string{sidecarSuffix, crashTextSuffix} {
				if _, err := os.Stat(base + suffix); err != nil {
					t.Errorf("a living process's file is gone: %v", err)
				}
				mine = append(mine, base+suffix)
			}
		}()
	}
	wg.Wait()
	for _, path := range mine {
		os.Remove(path)
	}
	retain(dir, Keep{3, -1, -1}, now)
	if got := left(t, dir); got != "p0.t p0.s p1.t p1.s p2.t p2.s" {
		t.Errorf("left %q", got)
	}
}

// TestRetainRecords: of processes that are gone only those records stay that
// tell something, with the files beside them.
func TestRetainRecords(t *testing.T) {
	records := map[string]string{
		"quiet":  `{"state":"running","memory":{"rss":10,"limit":100}}`,
		"narrow": `{"state":"running","memory":{"rss":85,"limit":100}}`,
		"group":  `{"state":"running","memory":{"rss":10,"cgroup_usage":95,"limit":100}}`,
		"oom":    `{"state":"out-of-memory"}`,
		"dumped": `{"state":"ended","dumps":[{"reason":"later"}]}`,
		"ended":  `{"state":"ended"}`,
		"broken": `{`,
	}
	dir := t.TempDir()
	now := time.Now()
	const pid = 7
	for prog, record := range records {
		leave(t, dir, prog, pid, now.Add(-time.Hour), str(""), "")
		path := filepath.Join(dir, fmt.Sprintf("%s-%s-%d%s", prog, now.Add(-time.Hour).UTC().Format(timeLayout), pid, monitor.RecordSuffix))
		if err := os.WriteFile(path, []byte(record), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	retain(dir, Keep{-1, -1, -1}, now)
	var left []string
	for _, name := range files(t, dir) {
		if base, ok := strings.CutSuffix(name, monitor.RecordSuffix); ok {
			prog, _, _ := strings.Cut(base, "-")
			left = append(left, prog)
		}
	}
	if got, want := strings.Join(left, " "), "broken dumped group narrow oom"; got != want {
		t.Errorf("left: %s, want: %s", got, want)
	}
}

func TestCorePID(t *testing.T) {
	if pid, err := corePID(strings.NewReader(fakeCore(4711))); err != nil || pid != 4711 {
		t.Errorf("%d, %v", pid, err)
	}
	core := fakeCore(4711)
	for i := range core { // cut anywhere, with any byte of the head damaged: no panic, no other number
		if pid, err := corePID(strings.NewReader(core[:i])); err == nil && pid != 4711 {
			t.Errorf("cut at %d: %d", i, pid)
		}
		if i < 200 {
			b := []byte(core)
			b[i] ^= 0xff
			_, _ = corePID(strings.NewReader(string(b)))
		}
	}
}
