package hostcheck

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// TestSameAnswerAsHelper asks about one process from both sides: the helper
// inside of it, and this package outside.
func TestSameAnswerAsHelper(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("cores are diagnosed on Linux only")
	}
	helper := filepath.Join(t.TempDir(), "helper.test")
	build := exec.Command("go", "test", "-c", "-o", helper, ".")
	build.Dir = "../safedump"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go test -c in safedump: %v\n%s", err, out)
	}
	dir := t.TempDir()
	cmd := exec.Command(helper)
	cmd.Dir, cmd.Env = dir, []string{"SAFEDUMP_TEST_SCENARIO=wait", "HOME=" + dir}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("helper: %v", err)
		}
	})
	var said struct {
		Statuses []struct {
			Core      Core
			Diagnoses []struct {
				Code     Code
				Severity Status
			}
		}
	}
	if err := json.NewDecoder(out).Decode(&said); err != nil || len(said.Statuses) != 1 {
		t.Fatalf("helper: %d statuses, %v", len(said.Statuses), err)
	}
	inside, outside := said.Statuses[0], Check(Options{PID: cmd.Process.Pid})
	if inside.Core != outside.Core {
		t.Errorf("core inside %+v, outside %+v", inside.Core, outside.Core)
	}
	a, b := map[Code]Status{}, map[Code]Status{}
	for _, d := range inside.Diagnoses {
		a[d.Code] = d.Severity
	}
	for _, f := range outside.Findings {
		b[f.Code] = f.Status
	}
	shared := sharedCodes(t)
	drop := func(c Code, _ Status) bool { return !shared[c] || strings.HasPrefix(string(c), "dumpable") }
	if os.Getuid() != 0 { // of a process of root it can't be told from outside
		drop = func(c Code, _ Status) bool { return !shared[c] }
	}
	maps.DeleteFunc(a, drop)
	maps.DeleteFunc(b, drop)
	if !maps.Equal(a, b) || len(a) == 0 {
		t.Errorf("inside  %v\noutside %v", sorted(a), sorted(b))
	}
}

func sorted(m map[Code]Status) []string {
	var all []string
	for c, s := range m {
		all = append(all, string(c)+" "+string(s))
	}
	slices.Sort(all)
	return all
}

// sharedCodes are those that docs/helper.md lists for both sides.
func sharedCodes(t *testing.T) map[Code]bool {
	t.Helper()
	text, err := os.ReadFile("../docs/helper.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- contract: diagnosis codes -->\n```json\n")
	block, _, _ := strings.Cut(rest, "\n```")
	var contract struct{ Both map[Code]string }
	if err := json.Unmarshal([]byte(block), &contract); err != nil {
		t.Fatal(err)
	}
	shared := map[Code]bool{}
	for c := range contract.Both {
		shared[c] = true
	}
	return shared
}
