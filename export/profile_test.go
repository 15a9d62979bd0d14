package export_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/internal/coretest"
)

// TestProfileOpens has go tool pprof read the profile of a core's goroutines: it counts
// what the fixture started, in the functions that those wait in.
func TestProfileOpens(t *testing.T) {
	f := coretest.Core(t, "manywait")
	var b bytes.Buffer
	if err := export.Profile(&b, goroutinesOf(t, f, sdcore.Filter{List: true})); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "goroutines.pb.gz")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("go", "tool", "pprof", "-top", "-cum", "-nodecount=100", path)
	cmd.Env = append(os.Environ(), "PPROF_TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[string]string{
		"main.waitMutex": "150", "main.waitReceive": "150", "main.waitSend": "100", "main.waitRWMutex": "50", "main.waitNothing": "40", "main.waitSyscall": "10",
	}
	for _, line := range strings.Split(string(out), "\n") {
		fields := strings.Fields(line) // flat flat% sum% cum cum% function
		if len(fields) == 6 && want[fields[5]] == fields[3] {
			delete(want, fields[5])
		}
	}
	if len(want) > 0 || !strings.Contains(string(out), "Type: goroutine") {
		t.Errorf("not in what pprof shows: %v\n%s", want, out)
	}
}
