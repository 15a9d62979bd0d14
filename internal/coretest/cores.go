package coretest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Files are what scripts/gen-cores.sh collected of one crash.
type Files struct {
	Name string // of the fixture: "payment", "payment.noopt"
	Dir  string // absolute; holds the following
	Bin  string // the program
	Core string // its core
	// Stdout and Stderr are paths of what it printed; Stderr holds Go's own
	// traceback of the crash.
	Stdout, Stderr string
	// Source says who wrote the core: "kernel", "systemd", "apport" or
	// "withcore".
	Source string
}

// Core returns the files of a fixture. Without them the test is skipped with
// the command that makes them; under SDCORE_REQUIRE_CORES=1 it fails. With
// -short it is skipped always: `make check` needs no cores.
func Core(t testing.TB, name string) Files {
	t.Helper()
	if testing.Short() {
		t.Skipf("needs the core of %s; run without -short (make test)", name)
	}
	dir := filepath.Join(coresDir(t), name)
	f := Files{
		Name: name, Dir: dir,
		Bin:    filepath.Join(dir, "bin"),
		Core:   filepath.Join(dir, "core"),
		Stdout: filepath.Join(dir, "stdout"),
		Stderr: filepath.Join(dir, "stderr"),
	}
	source, err := os.ReadFile(filepath.Join(dir, "source"))
	if err == nil {
		_, err = os.Stat(f.Core)
	}
	if err != nil {
		missing(t, name)
	}
	f.Source = strings.TrimSpace(string(source))
	return f
}

// Names are the names of all fixtures, as scripts/gen-cores.sh lists them.
func Names(t testing.TB) []string {
	t.Helper()
	out, err := exec.Command(filepath.Join(Root(t), "scripts", "gen-cores.sh"), "--list").Output()
	if err != nil {
		t.Skipf("scripts/gen-cores.sh --list: %v", err)
	}
	return strings.Fields(string(out))
}

// Captured reports whether a fixture took its core itself and lived on: Go
// printed no traceback for it.
func Captured(name string) bool {
	base, _, _ := strings.Cut(name, ".")
	return strings.HasSuffix(base, "captured")
}

// missing ends a test that has no core. A fixture that needs a C compiler may
// be absent under SDCORE_REQUIRE_CORES too, where there is none: gen-cores.sh
// was loud about it.
func missing(t testing.TB, name string) {
	t.Helper()
	if why, err := os.ReadFile(filepath.Join(coresDir(t), name, "skipped")); err == nil {
		t.Skipf("no core of %s: %s", name, bytes.TrimSpace(why))
	}
	command := "scripts/gen-cores.sh " + name
	if os.Getenv("SDCORE_REQUIRE_CORES") == "1" && !excused(name) {
		t.Fatalf("no core of %s, and SDCORE_REQUIRE_CORES=1; run: %s", name, command)
	}
	t.Skipf("no core of %s; run: %s", name, command)
}

// Unavailable ends a test that this machine can't run: it is skipped with the
// reason; under SDCORE_REQUIRE_CORES=1, where machines are made for the tests,
// it fails.
func Unavailable(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("SDCORE_REQUIRE_CORES") == "1" {
		t.Fatalf("SDCORE_REQUIRE_CORES=1: "+format, args...)
	}
	t.Skipf(format, args...)
}

// excused reports whether the fixture can't be built on this machine.
func excused(name string) bool {
	base, mode, _ := strings.Cut(name, ".")
	if base != "race" && mode != "race" && mode != "cgo" && !strings.HasPrefix(base, "cgo") {
		return false
	}
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "gcc"
	}
	_, err := exec.LookPath(cc)
	return err != nil
}

// Root is the root directory of the repository.
func Root(t testing.TB) string {
	t.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return rootAbove(t)
	}
	return filepath.Join(filepath.Dir(file), "..", "..")
}

// rootAbove looks for the root above the working directory: with -trimpath the
// caller's file does not tell it.
func rootAbove(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "scripts", "gen-cores.sh")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no scripts/gen-cores.sh above the working directory")
		}
	}
}

func coresDir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("SDCORE_CORES_DIR"); dir != "" {
		return dir
	}
	return filepath.Join(Root(t), "fixtures", "cores")
}

// Truth is what a program said about one of its values before it died.
type Truth struct {
	// G is the goroutine's ID, 0 for package variables.
	G uint64 `json:"g"`
	// Func is the frame's function, "" for package variables; Nth counts its
	// frames in that stack from the innermost, from 0.
	Func string `json:"func"`
	Nth  int    `json:"nth"`
	// Path is the variable and the way into it, as `sdcore print` has it.
	Path string `json:"path"`
	// Want is the value in canonical form: quoted strings, decimal integers,
	// shortest floats, "nil", functions by name.
	Want string `json:"want"`
	// Type is the value's Go type, "" where the program did not say.
	Type string `json:"type"`
}

func (tr Truth) String() string {
	return fmt.Sprintf("goroutine %d, %s#%d, %s = %s", tr.G, tr.Func, tr.Nth, tr.Path, tr.Want)
}

// Truths returns what the fixture said of its variables, in its order; a later
// statement about the same place replaces an earlier one.
func Truths(t testing.TB, name string) []Truth {
	t.Helper()
	return slices.DeleteFunc(allTruths(t, name), Truth.aboutDefer)
}

// DeferTruths returns what the fixture said of the deferred calls of its frames
// that are still to run: `len(defer)` is how many, `defer[0]` the function of
// the one that comes next, `defer[0].x` its captured variable or argument x.
func DeferTruths(t testing.TB, name string) []Truth {
	t.Helper()
	return slices.DeleteFunc(allTruths(t, name), func(tr Truth) bool { return !tr.aboutDefer() })
}

// aboutDefer reports whether a statement is about a deferred call: no variable
// has the name of a keyword.
func (tr Truth) aboutDefer() bool {
	return tr.Path == "len(defer)" || strings.HasPrefix(tr.Path, "defer[")
}

func allTruths(t testing.TB, name string) []Truth {
	t.Helper()
	f := Core(t, name)
	b, err := os.ReadFile(filepath.Join(f.Dir, "truth.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	truths, err := parseTruths(b)
	if err != nil {
		t.Fatalf("%s: %v", f.Dir, err)
	}
	return truths
}

func parseTruths(b []byte) ([]Truth, error) {
	type place struct {
		g    uint64
		fn   string
		nth  int
		path string
	}
	var truths []Truth
	at := map[place]int{}
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 1<<20)
	for n := 1; lines.Scan(); n++ {
		var tr Truth
		dec := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&tr); err != nil {
			return nil, fmt.Errorf("truth.jsonl:%d: %w", n, err)
		}
		if tr.Path == "" || tr.Want == "" || (tr.G == 0) != (tr.Func == "") {
			return nil, fmt.Errorf("truth.jsonl:%d: incomplete statement", n)
		}
		p := place{tr.G, tr.Func, tr.Nth, tr.Path}
		if i, ok := at[p]; ok {
			truths[i] = tr
			continue
		}
		at[p] = len(truths)
		truths = append(truths, tr)
	}
	return truths, lines.Err()
}
