package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/triage/night"
)

// A batch that is told to stop finishes what it is at and says so; the next
// one does the rest, and nothing twice.
func TestBatchStops(t *testing.T) {
	dir, store := t.TempDir(), t.TempDir()
	const n = 6
	core := readFile(t, coretest.Core(t, "customerror").Core)
	for i := range n { // of another length each: other files
		path := filepath.Join(dir, fmt.Sprint(i))
		if err := os.WriteFile(path, append(core[:len(core):len(core)], make([]byte, i)...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bins := filepath.Dir(coretest.Core(t, "customerror").Bin)
	cmd := exec.Command("sdcore", "batch", dir, "--store", store, "--settle", "0", "--bin-path", bins, "--jobs", "1", "--format", "json")
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	reports := func() int {
		found, err := filepath.Glob(filepath.Join(store, "reports", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	for reports() == 0 { // the test's own time limit ends a wait for nothing
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != exitNew {
		t.Fatalf("%v\n%s", err, out.String())
	}
	var first night.Night
	if err := json.Unmarshal(out.Bytes(), &first); err != nil {
		t.Fatal(err)
	}
	done := reports()
	if o := first.Outcome; !o.Interrupted || o.Reported != done || done == n || len(o.Failed) > 0 {
		t.Errorf("%d reports of %d: %+v", done, n, o)
	}
	s, second := finish(t, dir, bins, store)
	if o := second.Outcome; o.Reported != n-done || o.Known != done || o.Resumed != 0 || o.Interrupted {
		t.Errorf("the rest: %+v", o)
	}
	if len(s.Groups) != 1 || s.Groups[0].Count != n || !strings.Contains(s.Groups[0].Title, "StageError") {
		t.Errorf("%+v", s.Groups)
	}
}
