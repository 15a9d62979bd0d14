package testcapture_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/safedump/testcapture"
)

// dirVar is set for the tests below that are meant to fail.
const dirVar = "TESTCAPTURE_TEST_DIR"

func options(t *testing.T) testcapture.Options {
	dir := os.Getenv(dirVar)
	if dir == "" {
		t.Skip("a victim of another test")
	}
	return testcapture.Options{Dir: dir}
}

func TestVictimFails(t *testing.T) {
	testcapture.OnFailure(t, options(t))
	t.Error("it fails")
}

func TestVictimPanics(t *testing.T) {
	testcapture.OnFailure(t, options(t))
	panic("it panics")
}

func TestVictimWrapped(t *testing.T) {
	tb := testcapture.Wrap(t, options(t))
	answer := 41
	if answer != 42 {
		tb.Fatalf("answer %d", answer)
	}
}

func TestVictimPasses(t *testing.T) {
	testcapture.OnFailure(t, options(t))
	testcapture.Wrap(t, options(t)).Log("fine")
}

// TestArtifacts runs the victims, with an sdcore that is a script.
func TestArtifacts(t *testing.T) {
	bin := t.TempDir()
	script := "#!/bin/sh\n[ \"$1 $2 $3 $4\" = \"analyze --format json -o\" ] && echo \"$6 $7\" >\"$5\"\n"
	if err := os.WriteFile(filepath.Join(bin, "sdcore"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{"TestVictimFails": true, "TestVictimPanics": true, "TestVictimWrapped": true, "TestVictimPasses": false} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cmd := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.v")
			cmd.Env = append(os.Environ(), dirVar+"="+dir, "PATH="+bin+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			if (err != nil) != want {
				t.Fatalf("%v\n%s", err, out)
			}
			dir = filepath.Join(dir, name)
			if !want {
				if _, err := os.Stat(dir); err == nil {
					t.Error("artifacts of a test that passed")
				}
				return
			}
			for _, pattern := range []string{"*.core", "*.sidecar.json", "*.test", "*.safedump.json"} {
				if got, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(got) != 1 {
					t.Errorf("%s: %q, %v\n%s", pattern, got, err, out)
				}
			}
			if !strings.Contains(string(out), "testcapture: report: "+dir) {
				t.Errorf("the log does not name the report:\n%s", out)
			}
		})
	}
}

// TestWithoutSdcore: the log says how to get a report later.
func TestWithoutSdcore(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestVictimFails$")
	cmd.Env = append(os.Environ(), dirVar+"="+dir, "PATH=")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no report: sdcore is not installed; later: sdcore analyze "+dir) {
		t.Errorf("%v\n%s", err, out)
	}
}
