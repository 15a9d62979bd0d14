package safedump

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// TestRetainRecords: of processes that are gone only those records stay that
// tell something, with the files beside them.
func TestRetainRecords(t *testing.T) {
	if !locksWork {
		t.Skip("nothing is pruned here")
	}
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

func TestDumpLaterRefuses(t *testing.T) {
	if err := DumpLater(0, false, false); err == nil {
		t.Error("DumpLater in no time was accepted")
	}
	if err := DumpLater(time.Second, false, false); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("without Install: %v", err)
	}
	Cancel() // does nothing
}

func TestOnSignalRefuses(t *testing.T) {
	for _, sig := range []os.Signal{os.Kill, syscall.SIGSEGV, syscall.SIGABRT} {
		if err := OnSignal(sig, Action{}); err == nil && refused(sig) != nil {
			t.Errorf("%v was accepted", sig)
		}
	}
	if refused(os.Kill) == nil || refused(os.Interrupt) != nil {
		t.Errorf("kill: %v, interrupt: %v", refused(os.Kill), refused(os.Interrupt))
	}
	if err := OnSignal(os.Interrupt, Action{Do: 99}); err == nil {
		t.Error("unknown work was accepted")
	}
	if Unregister(os.Interrupt) {
		t.Error("what was refused is registered")
	}
}
