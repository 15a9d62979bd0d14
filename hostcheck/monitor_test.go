package hostcheck

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestMonitorSeen: a process that the kernel would not dump has its monitor.
func TestMonitorSeen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("cores are diagnosed on Linux only")
	}
	program := filepath.Join(t.TempDir(), "host")
	build := exec.Command("go", "build", "-o", program, "./testdata/host")
	build.Dir = "../safedump"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build in safedump: %v\n%s", err, out)
	}
	for options, want := range map[string]Destination{`{"KeepLimit":true}`: ToNowhere, `{"Monitor":true}`: ToMonitor} {
		dir := t.TempDir()
		cmd := exec.Command("sh", "-ec", "ulimit -c 0\nexec \"$0\"", program)
		cmd.Dir, cmd.Env = dir, []string{"HOME=" + dir, "HOST_DEATH=sleep", "HOST_OPTIONS=" + options}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 1<<20)
		n, err := out.Read(b) // it is installed
		if err != nil || want == ToMonitor && !strings.Contains(string(b[:n]), `"monitor"`) {
			t.Errorf("%v\n%s", err, b[:n])
		}
		r := Check(Options{PID: cmd.Process.Pid})
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // killed
		if r.Core.Destination != want || (r.Worst() == Fail) != (want == ToNowhere) {
			t.Errorf("%s: %+v, want %s", options, r, want)
		}
	}
}
