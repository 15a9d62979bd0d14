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

// TestSameAnswerAsHelper asks about one process from both sides, the helper
// inside of it and this package outside, in each situation that a shell can
// make without help.
func TestSameAnswerAsHelper(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("cores are diagnosed on Linux only")
	}
	program := filepath.Join(t.TempDir(), "host")
	build := exec.Command("go", "build", "-o", program, "./testdata/host")
	build.Dir = "../safedump"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in safedump: %v\n%s", err, out)
	}
	for _, tt := range []struct {
		name, script, options string
		want                  Code // at least
	}{
		{"as it is", "", `{}`, ""},
		{"no cores", "ulimit -c 0", `{"KeepLimit":true}`, CodeLimitZero},
		{"short cores", "ulimit -c 1000", `{}`, CodeLimitBounded},
		{"short files", "ulimit -f 1000", `{"NoCrashText":true}`, CodeFileSizeLimit},
		{"no files", "ulimit -f 0", `{"Preset":"minimal"}`, CodeFileSizeZero},
		{"cores without heap", "echo 0x10 > /proc/self/coredump_filter", `{"KeepFilter":true}`, CodeFilterNoMemory},
		{"all mappings", "", `{"Preset":"debug"}`, CodeFilterComplete},
		{"no directory", `mkdir gone; cd gone; rmdir ../gone`, `{}`, ""},
		{"in memory", `cd /dev/shm`, `{}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) { compareSides(t, program, tt.script, tt.options, tt.want) })
	}
}

func compareSides(t *testing.T, program, script, options string, want Code) {
	dir := t.TempDir()
	cmd := exec.Command("sh", "-ec", script+"\nexec \"$0\"", program)
	cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "HOST_DEATH=sleep", "HOST_OPTIONS=" + options}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
	}()
	var said struct {
		Status struct {
			Core      Core
			Diagnoses []struct {
				Code     Code
				Severity Status
			}
		}
	}
	if err := json.NewDecoder(out).Decode(&said); err != nil {
		t.Fatal(err)
	}
	inside, outside := said.Status, Check(Options{PID: cmd.Process.Pid})
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
	if _, ok := b[want]; want != "" && !ok && inside.Core.Destination != ToPipe && inside.Core.Destination != ToSocket {
		t.Errorf("no %s in %v", want, sorted(b))
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
