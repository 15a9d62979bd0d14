package sdcore

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestCapturedOpensInGDB: the stack of the goroutine that asked, as gdb sees it.
// What delve makes of the same cores is in TestAgainstDelve of gounwind and in
// TestVariablesShown.
func TestCapturedOpensInGDB(t *testing.T) {
	gdb, err := exec.LookPath("gdb")
	if err != nil {
		coretest.Unavailable(t, "gdb: %v; install gdb", err)
	}
	for _, name := range []string{"captured", "captured.pie", "captured.race", "cgocaptured"} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			asks := "in main.charge "
			if name == "cgocaptured" {
				asks = "in main.capture "
			}
			out, err := exec.Command(gdb, "-nx", "-batch", "-iex", "set debuginfod enabled off", "-ex", "bt", "-ex", "info threads", f.Bin, f.Core).CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for _, want := range []string{"safedump.Capture (", asks, "in main.main ", "* 1 "} {
				if !strings.Contains(string(out), want) {
					t.Errorf("gdb does not say %q:\n%s", want, out)
				}
			}
			// Where libc is linked, gdb finds the other threads in its lists, and
			// says that their registers are unavailable, which is the truth.
			for _, line := range strings.Split(string(out), "\n") {
				if strings.HasPrefix(line, "#") && strings.Contains(line, "??") || strings.Contains(line, "Cannot access memory") {
					t.Errorf("gdb misses something: %s\n%s", line, out)
				}
			}
		})
	}
}
