//go:build amd64 || arm64

package monitor

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lives lists the cores of a host that lives on.
func (r result) lives(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.dir, "*.[0-9]"+CoreSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// TestLater: the monitor dumps from outside, and the host lives on.
func TestLater(t *testing.T) {
	needLive(t)
	t.Parallel()
	l := host{do: "later", with: "monitor", env: []string{"HOST_AFTER=20ms"}}.start(t, "later: monitor\n")
	until(t, "a core", func() bool { return len(l.lives(t)) == 1 })
	time.Sleep(100 * time.Millisecond)
	if n := len(l.lives(t)); n != 1 {
		t.Errorf("%d cores without repeat", n)
	}
	l.quit(t)
	checkCore(t, l.lives(t)[0])
	rec := l.record(t)
	if rec.State != "ended" || len(rec.Dumps) != 1 || rec.Dumps[0].Reason != "later" || rec.Dumps[0].Threads < 2 {
		t.Errorf("record %+v", rec)
	}
}

// TestLaterStuck: every P is taken by a loop that the runtime can't preempt.
func TestLaterStuck(t *testing.T) {
	needLive(t)
	t.Parallel()
	env := []string{"HOST_AFTER=200ms", "GODEBUG=asyncpreemptoff=1"}
	l := host{do: "later-stuck", with: "monitor", env: env}.start(t, "stuck\n")
	until(t, "a core", func() bool { return len(l.lives(t)) == 1 })
	// Without a monitor nothing happens, as Status says.
	g := host{do: "later-stuck", with: "plain", env: env}.start(t, "stuck\n")
	if out := g.printed(t); !strings.Contains(out, "later: goroutine\n") {
		t.Errorf("%q", out)
	}
	time.Sleep(600 * time.Millisecond)
	if left := g.one(t, ".goroutines.txt"); left != "" {
		t.Errorf("a goroutine ran: %s", left)
	}
}

// TestLaterRepeat: the newest three are kept.
func TestLaterRepeat(t *testing.T) {
	needLive(t)
	t.Parallel()
	l := host{do: "later-repeat", with: "monitor", env: []string{"HOST_AFTER=20ms"}}.start(t, "later: monitor\n")
	until(t, "the fifth core", func() bool { return strings.Contains(fmt.Sprint(l.lives(t)), ".5"+CoreSuffix) })
	l.quit(t)
	if n := len(l.lives(t)); n > keepLive {
		t.Errorf("%d cores, want at most %d", n, keepLive)
	}
}

// TestLaterGoroutine: without a monitor it is text and a capture, and repeats,
// too.
func TestLaterGoroutine(t *testing.T) {
	l := host{do: "later-repeat", with: "plain", env: []string{"HOST_AFTER=20ms"}}.start(t, "later: goroutine\n")
	texts := func() []string {
		paths, err := filepath.Glob(filepath.Join(l.dir, "*.goroutines.txt"))
		if err != nil {
			t.Fatal(err)
		}
		return paths
	}
	until(t, "the fifth text", func() bool { return strings.Contains(fmt.Sprint(texts()), ".5.goroutines.txt") })
	l.quit(t)
	if len(texts()) == 0 || len(texts()) > keepLive {
		t.Errorf("%q, want at most %d", texts(), keepLive)
	}
	cores, err := filepath.Glob(filepath.Join(l.dir, "*.core"))
	if err != nil || len(cores) == 0 || len(cores) > keepLive {
		t.Errorf("%q, %v, want at most %d", cores, err, keepLive)
	}
	for _, core := range cores[:min(len(cores), keepLive-1)] { // the newest may be without its sidecar yet
		if _, err := os.Stat(strings.TrimSuffix(core, CoreSuffix) + ".sidecar.json"); err != nil {
			t.Error(err)
		}
	}
	b, err := os.ReadFile(texts()[0])
	if err != nil || !strings.Contains(string(b), "main.later") {
		t.Errorf("%s, %v", b, err)
	}
}

// TestLaterExit: the host is dumped, then it prints its goroutines and ends.
func TestLaterExit(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	for _, with := range []string{"monitor", "plain"} {
		l := host{do: "later-exit", with: with, env: []string{"HOST_AFTER=20ms"}}.start(t, "later: ")
		state := l.wait(t)
		if want := map[string]int{"monitor": 2, "plain": -1}[with]; state.ExitCode() != want {
			t.Errorf("%s: %v, want exit status %d", with, state, want)
		}
		if out := l.printed(t); !strings.Contains(out, "SIGABRT") || !strings.Contains(out, "main.later") {
			t.Errorf("%s: %q", with, out)
		}
		if with == "monitor" && (len(l.lives(t)) != 1 || l.one(t, RecordSuffix) == "") {
			t.Errorf("files %q", names(t, l.dir))
		}
	}
}

// TestLaterKills: a host that catches SIGABRT is killed.
func TestLaterKills(t *testing.T) {
	needLive(t)
	if testing.Short() {
		t.Skip("needs ten seconds")
	}
	for _, with := range []string{"monitor", "plain"} {
		with := with // go 1.21
		t.Run(with, func(t *testing.T) {
			t.Parallel()
			l := host{do: "later-exit", with: with, env: []string{"HOST_AFTER=20ms", "HOST_CATCH=1"}}.start(t, "later: ")
			if ws, ok := l.wait(t).Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
				t.Errorf("ended by %v, want SIGKILL", l.cmd.ProcessState)
			}
		})
	}
}

// TestLiveHangs: a disk that hangs does not hold a host that lives on for longer
// than the timeout.
func TestLiveHangs(t *testing.T) {
	needLive(t)
	t.Parallel()
	env := []string{"HOST_AFTER=20ms", "HOST_FAIL=writing:3", "HOST_HANG=1"}
	l := host{do: "later", with: "monitor,short", env: env}.start(t, "later: monitor\n")
	var rec Record
	until(t, "a record of the failure", func() bool {
		b, err := os.ReadFile(l.one(t, RecordSuffix))
		return err == nil && json.Unmarshal(b, &rec) == nil && len(rec.Dumps) == 1
	})
	if d := rec.Dumps[0]; !strings.Contains(d.Problem, "deadline") || d.Core != "" || len(l.lives(t)) != 0 {
		t.Errorf("dump %+v, cores %q", d, l.lives(t))
	}
	l.quit(t)
}

// TestLaterCancel: nothing comes of it.
func TestLaterCancel(t *testing.T) {
	needLive(t)
	t.Parallel()
	for _, with := range []string{"monitor", "plain"} {
		l := host{do: "later-cancel", with: with, env: []string{"HOST_AFTER=100ms"}}.start(t, "later: ")
		time.Sleep(300 * time.Millisecond)
		l.quit(t)
		for _, name := range names(t, l.dir) {
			if strings.HasSuffix(name, CoreSuffix) || strings.HasSuffix(name, ".goroutines.txt") {
				t.Errorf("%s: %s", with, name)
			}
		}
	}
}

// TestOnSignal plays each kind of work.
func TestOnSignal(t *testing.T) {
	needLive(t)
	t.Parallel()
	tools := t.TempDir() // stands in for sdcore: fixtures/ has the real one
	script := "#!/bin/sh\necho report of $2 by $SAFEDUMP_MONITOR. $*\ntest -s $2\n"
	if err := os.WriteFile(filepath.Join(tools, "sdcore"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	withTool := "PATH=" + tools + ":" + os.Getenv("PATH")
	tests := []struct {
		name, with string
		env        []string
		want       string // printed
		core       bool
	}{
		{"goroutines", "monitor", []string{"HOST_ACTION=goroutines"}, "main.onSignal", false},
		{"goroutines alone", "", []string{"HOST_ACTION=goroutines"}, "main.onSignal", false},
		{"core", "monitor", []string{"HOST_ACTION=core"}, "1.core\" <nil>", true},
		{"core alone", "plain", []string{"HOST_ACTION=core"}, ".core\" <nil>", true},
		{"core, monitor gone", "monitor", []string{"HOST_ACTION=core", "HOST_OLD_MONITOR=1"}, ".core\" <nil>", true},
		{"core, bare", "monitor", []string{"HOST_ACTION=core", "HOST_SECCOMP=ptrace"}, "1.core\" <nil>", true},
		{"report", "monitor", []string{"HOST_ACTION=report", withTool}, "1.core by . goroutines", false},
		{"report alone", "plain", []string{"HOST_ACTION=report", withTool}, ".core by . goroutines", false},
		{"report without sdcore", "monitor", []string{"HOST_ACTION=report", "PATH=/nonexistent"}, "main.onSignal", true},
		{"other receiver", "monitor", []string{"HOST_ACTION=core", "HOST_OTHER=1"}, "other", true},
	}
	for _, tt := range tests {
		tt := tt // go 1.21
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := host{do: "signal", with: tt.with, env: tt.env}.start(t, "ready\n")
			if err := l.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
				t.Fatal(err)
			}
			until(t, "the action", func() bool { return strings.Contains(l.printed(t), "done ") })
			until(t, tt.want, func() bool { return strings.Contains(l.printed(t), tt.want) })
			l.quit(t)
			cores, err := filepath.Glob(filepath.Join(l.dir, "*.core"))
			if got := len(cores) == 1; err != nil || got != tt.core {
				t.Errorf("cores %q, want one: %v\n%s", cores, tt.core, l.printed(t))
			}
		})
	}
}

// TestOnSignalEnds: what ends the process.
func TestOnSignalEnds(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	l := host{do: "signal", with: "monitor", env: []string{"HOST_ACTION=abort"}}.start(t, "ready\n")
	if err := l.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if state := l.wait(t); state.ExitCode() != 2 || !strings.Contains(l.printed(t), "main.onSignal") {
		t.Errorf("abort: %v\n%s", state, l.printed(t))
	}
	checkCore(t, l.one(t, CoreSuffix))
	for name, env := range map[string]string{"chain": "HOST_CHAIN=1", "unregister": "HOST_UNREGISTER=1"} {
		l := host{do: "signal", with: "monitor", env: []string{"HOST_ACTION=goroutines", "HOST_TERM=1", env}}.start(t, "ready\n")
		if err := l.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if ws, ok := l.wait(t).Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGTERM {
			t.Errorf("%s: %v, want the signal's default action", name, l.cmd.ProcessState)
		}
		if ran := strings.Contains(l.printed(t), "done "); ran != (name == "chain") {
			t.Errorf("%s: the action ran: %v", name, ran)
		}
	}
}

// TestChainOther: with another receiver the process lives, and that one sees
// the signal twice, as documented.
func TestChainOther(t *testing.T) {
	env := []string{"HOST_ACTION=goroutines", "HOST_CHAIN=1", "HOST_OTHER=1"}
	l := host{do: "signal", env: env}.start(t, "ready\n")
	if err := l.cmd.Process.Signal(syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	until(t, "the second one", func() bool { return strings.Count(l.printed(t), "other\n") == 2 })
	l.quit(t)
}

// TestManyLiveCores: threads that were stopped again and again run on, with
// all their signals: the runtime's own (SIGURG) arrive all the time.
func TestManyLiveCores(t *testing.T) {
	needLive(t)
	t.Parallel()
	l := host{do: "later-repeat", with: "monitor", env: []string{"HOST_AFTER=1ms", "HOST_BUSY=1"}}.start(t, "later: monitor\n")
	until(t, "the ninth core", func() bool { return strings.Contains(fmt.Sprint(l.lives(t)), ".9"+CoreSuffix) })
	l.quit(t)
	out := l.printed(t)
	var sent, got int
	if _, err := fmt.Sscanf(out[strings.Index(out, "signals:"):], "signals: %d %d", &sent, &got); err != nil || sent == 0 || got != sent {
		t.Errorf("%d signals sent, %d arrived, %v", sent, got, err)
	}
}

// TestAnalyze: with sdcore there is a report and no core.
func TestAnalyze(t *testing.T) {
	needMonitor(t)
	t.Parallel()
	tools := t.TempDir()
	for name, script := range map[string]string{"good": `touch "$7"; exit 3`, "bad": "exit 1", "liar": "exit 0", "none": ""} {
		path := filepath.Join(tools, name)
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if script != "" {
			if err := os.WriteFile(filepath.Join(path, "sdcore"), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		r := host{do: "panic", with: "monitor,analyze", env: []string{"PATH=" + path + ":/usr/bin:/bin"}}.end(t)
		done := func() bool {
			rec := r.record(t)
			return rec.Dumps[0].Report != "" || rec.Dumps[0].Problem != "" || name == "none"
		}
		until(t, "the end of the analysis of "+name, done)
		rec := r.record(t)
		if good := name == "good"; (r.one(t, ReportSuffix) != "") != good || (r.one(t, CoreSuffix) == "") != good || (rec.Dumps[0].Report != "") != good {
			t.Errorf("%s: files %q, record %+v", name, names(t, r.dir), rec)
		}
	}
}
