package coretest

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// TestGenCores runs the test of scripts/gen-cores.sh: every source of cores is
// forced, with stand-ins for what this host does not have.
func TestGenCores(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and crashes a program several times")
	}
	for _, need := range []string{"bash", "go", "timeout", "sha256sum"} {
		if _, err := exec.LookPath(need); err != nil {
			Unavailable(t, "%s not found", need)
		}
	}
	out, err := exec.Command(filepath.Join(Root(t), "scripts", "gen_cores_test.sh")).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
