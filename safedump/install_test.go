package safedump

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// scenarioVar names the scenario that a re-executed test binary plays.
const scenarioVar = "SAFEDUMP_TEST_SCENARIO"

// played is what a scenario prints on stdout: nothing else may be there.
type played struct {
	Statuses []Status
	Errors   []string
	NoCore   []bool // errors.Is(err, ErrNoCore)
	Enabled  []bool
	Limits   []Limit
	Filters  []uint32
	Routines []int
}

func TestMain(m *testing.M) {
	if name := os.Getenv(scenarioVar); name != "" {
		play(name)
		os.Exit(0)
	}
	code := m.Run()
	for _, f := range atEnd {
		f()
	}
	os.Exit(code)
}

// atEnd runs when all tests are done.
var atEnd []func()

// note records the state of the process.
func (p *played) note() {
	l, _ := readLimit()
	f, _ := readFilter()
	p.Limits, p.Filters = append(p.Limits, l), append(p.Filters, f)
	p.Enabled, p.Routines = append(p.Enabled, IsEnabled()), append(p.Routines, runtime.NumGoroutine())
}

func (p *played) install(o Options) {
	s, err := Install(o)
	p.Statuses, p.NoCore = append(p.Statuses, s), append(p.NoCore, errors.Is(err, ErrNoCore))
	p.Errors = append(p.Errors, fmt.Sprint(err))
	p.note()
}

func (p *played) uninstall() {
	p.Errors = append(p.Errors, fmt.Sprint(Uninstall()))
	p.note()
}

func (p *played) print() {
	if err := json.NewEncoder(os.Stdout).Encode(p); err != nil {
		panic(err)
	}
}

// run starts the scenario in a directory of its own and returns what it
// printed and how it ended.
func run(t *testing.T, name string, env ...string) (p played, stderr, dir string, state *os.ProcessState) {
	t.Helper()
	dir = t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	cmd.Dir = dir
	cmd.Env = []string{scenarioVar + "=" + name, "HOME=" + dir, "PAYMENT_TOKEN=hunter2-secret"}
	cmd.Env = append(cmd.Env, env...)
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	_ = cmd.Run() // the state tells
	if cmd.ProcessState == nil {
		t.Fatal("the scenario did not start")
	}
	if err := json.Unmarshal(out.Bytes(), &p); err != nil {
		t.Fatalf("stdout: %v\n%s\nstderr:\n%s", err, out.String(), errOut.String())
	}
	return p, errOut.String(), dir, cmd.ProcessState
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestInstallTwice(t *testing.T) {
	p, stderr, dir, state := run(t, "twice")
	if !state.Success() || stderr != "" {
		t.Fatalf("%v, stderr %q", state, stderr)
	}
	a, b := p.Statuses[0], p.Statuses[1]
	if a.Sidecar == "" || a.Sidecar != b.Sidecar || a.CrashText != b.CrashText {
		t.Errorf("the second Install made other files: %q %q, then %q %q", a.Sidecar, a.CrashText, b.Sidecar, b.CrashText)
	}
	if got := filepath.Dir(a.Sidecar); got != filepath.Join(dir, ".safedump") {
		t.Errorf("files are in %s, want ~/.safedump", got)
	}
	if !p.Enabled[0] || !p.Enabled[1] {
		t.Errorf("IsEnabled() = %v", p.Enabled)
	}
	if p.Routines[0] != 1 {
		t.Errorf("%d goroutines after Install, want 1", p.Routines[0])
	}
	if got := files(t, filepath.Join(dir, ".safedump")); len(got) > 2 {
		t.Errorf("files: %q", got)
	}
}

func TestSidecarHoldsNoValues(t *testing.T) {
	p, _, _, _ := run(t, "twice")
	path := p.Statuses[0].Sidecar
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var sc sidecar
	if err := json.Unmarshal(b, &sc); err != nil {
		t.Fatal(err)
	}
	if sc.Version != sidecarVersion || sc.PID == 0 || sc.StartTime == "" || sc.Executable == "" || sc.Cwd == "" || sc.Build.GoVersion != runtime.Version() {
		t.Errorf("sidecar lacks something: %s", b)
	}
	if !strings.Contains(strings.Join(sc.EnvNames, " "), "PAYMENT_TOKEN") {
		t.Errorf("env_names = %q, want PAYMENT_TOKEN among them", sc.EnvNames)
	}
	if bytes.Contains(b, []byte("hunter2")) {
		t.Errorf("the sidecar holds the value of an environment variable: %s", b)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v, want 0600", info.Mode(), err)
	}
}

func TestInstallWithoutDirectory(t *testing.T) {
	p, stderr, _, state := run(t, "blocked")
	if !state.Success() || stderr != "" {
		t.Fatalf("%v, stderr %q", state, stderr)
	}
	s := p.Statuses[0]
	if !s.Has(CodeCrashTextFailed) || !s.Has(CodeSidecarFailed) || s.Sidecar != "" || s.CrashText != "" {
		t.Errorf("status: %s", s)
	}
	if p.Errors[1] != "<nil>" {
		t.Errorf("Uninstall: %s", p.Errors[1])
	}
}

func TestInstallWithoutHome(t *testing.T) {
	p, stderr, _, state := run(t, "twice", "HOME=")
	if s := p.Statuses[0]; !state.Success() || stderr != "" || !s.Has(CodeCrashTextFailed) || !s.Has(CodeSidecarFailed) {
		t.Errorf("%v, stderr %q, %s", state, stderr, s)
	}
}

func TestUninstallToleratesRemovedFiles(t *testing.T) {
	p, _, _, _ := run(t, "vanished")
	if p.Errors[1] != "<nil>" {
		t.Errorf("Uninstall: %s", p.Errors[1])
	}
}

func TestUninstallWithoutInstall(t *testing.T) {
	if err := Uninstall(); err != nil || IsEnabled() {
		t.Errorf("Uninstall: %v, Enabled %v", err, IsEnabled())
	}
}

func TestCodesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/helper.md")
	if err != nil {
		t.Skipf("outside of the repository: %v", err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- contract: diagnosis codes -->\n```json\n")
	block, _, ok := strings.Cut(rest, "\n```")
	var contract struct{ Both, Helper map[Code]string }
	if err := json.Unmarshal([]byte(block), &contract); err != nil || !ok {
		t.Fatalf("docs/helper.md: no list of codes: %v", err)
	}
	listed := len(contract.Both) + len(contract.Helper)
	for _, c := range codes() {
		if contract.Both[c]+contract.Helper[c] == "" {
			t.Errorf("docs/helper.md lacks %s", c)
		}
	}
	if got := len(codes()); got != listed {
		t.Errorf("docs/helper.md lists %d codes for the helper, the package has %d", listed, got)
	}
}

func TestStatusWords(t *testing.T) {
	s := Status{Core: Core{Destination: ToFile, Path: "/c/core.*", Glob: true},
		Diagnoses: []Diagnosis{{Code: CodeDiskLow, Severity: Warn, Message: "little", Remedy: "make room"}}}
	want := "a core will be written to a file that matches /c/core.*\n[warn] disk-low: little (make room)"
	if got := s.String(); got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if err := s.failures(); err != nil {
		t.Errorf("a warning became an error: %v", err)
	}
	s.Diagnoses[0].Severity = Fail
	if err := s.failures(); !errors.Is(err, ErrNoCore) {
		t.Errorf("failures() = %v, want ErrNoCore", err)
	}
}
