package safedump

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/safedump/internal/monitor"
)

// TestPruneRecords: of processes that are gone only those records stay that
// tell something, with the files beside them.
func TestPruneRecords(t *testing.T) {
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
	for base, record := range records {
		for suffix, text := range map[string]string{sidecarSuffix: "{}", crashTextSuffix: "", monitor.RecordSuffix: record} {
			if err := os.WriteFile(filepath.Join(dir, base+suffix), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	pruneDead(dir)
	var left []string
	for _, name := range files(t, dir) {
		if base, ok := strings.CutSuffix(name, monitor.RecordSuffix); ok {
			left = append(left, base)
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
