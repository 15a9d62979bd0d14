package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// TestAttachDocument runs what docs/attach.md shows: its example, and its loop over
// what a night of batch has found, which sends nothing here.
func TestAttachDocument(t *testing.T) {
	payment := coretest.Core(t, "payment")
	dir := t.TempDir()
	doc := string(readFile(t, filepath.Join(coretest.Root(t), "docs/attach.md")))
	shell := func(command string) string {
		t.Helper()
		cmd := exec.Command("sh", "-c", command)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "HOME="+dir, "NO_COLOR=1", "SDCORE_TRACKER_TOKEN=", "GITHUB_TOKEN=", "GITLAB_TOKEN=")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		return string(out)
	}
	shell("sdcore analyze -o crash.safedump.json " + payment.Core + " " + payment.Bin)
	examples := consoleExamples(doc)
	if len(examples) != 1 {
		t.Fatalf("%d examples", len(examples))
	}
	if out := shell(examples[0].command); !examples[0].matches(out) {
		t.Errorf("docs/attach.md says that %s prints\n%s\nbut it prints\n%s", examples[0].command, examples[0].output, out)
	}

	_, loop, _ := strings.Cut(doc, "```sh\nsdcore list")
	loop, _, ok := strings.Cut(loop, "```")
	if !ok || !strings.Contains(loop, "--project team/pay") {
		t.Fatal("docs/attach.md has no loop")
	}
	if err := os.Mkdir(filepath.Join(dir, "crash"), 0o700); err != nil {
		t.Fatal(err)
	}
	shell("cp " + payment.Core + " crash/core.1; touch -d -1hour crash/core.1; sdcore batch crash --bin-path " + filepath.Dir(payment.Bin) + " || [ $? -eq 4 ]")
	out := shell("sdcore list" + strings.ReplaceAll(loop, "--project team/pay", "--project team/pay --dry-run"))
	for _, want := range []string{"POST https://gitlab.com/api/v4/projects/team%2Fpay/uploads", "POST https://gitlab.com/api/v4/projects/team%2Fpay/issues", ": created: nothing was sent: nil dereference"} {
		if !strings.Contains(out, want) {
			t.Errorf("the loop does not print %q but\n%.3000s", want, out)
		}
	}
}
