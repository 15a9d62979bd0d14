package fingerprint_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

var (
	writeSet = flag.Bool("write-set", false, "crash everything and write "+setFile)
	freshGo  = flag.String("fresh-go", "", "the Go version of TestSetIsFresh; the one that there is")
	setGo    = flag.String("set-go", "go1.25.4 go1.26.8 go1.27.0", "the Go versions for -write-set")
)

// modes are the ways to build that the set has, by their flags.
var modes = []struct{ name, gcflags string }{
	{"default", ""}, {"no inlining", "all=-l"}, {"no optimization", "all=-N -l"},
}

// workshop builds crashers and takes their cores.
type workshop struct {
	t        *testing.T
	dir      string
	withcore string
}

func newWorkshop(t *testing.T) *workshop {
	t.Helper()
	w := &workshop{t: t, dir: t.TempDir()}
	w.withcore = filepath.Join(w.dir, "withcore")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", w.withcore, "./cmd/withcore")
	cmd.Dir = filepath.Join("..", "..", "safedump")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		coretest.Unavailable(t, "withcore can't be built: %v\n%s", err, out)
	}
	return w
}

// victim is a local variable that has another name in the shifted variant.
var victim = regexp.MustCompile(`\bvictim\b`)

// shifted is what the lines "//shift" become there.
const shifted = `

/*
A comment that was not there before,
with several lines.
*/

func unrelated%d(n int) func() int {
	if n > 1 {
		return func() int { return n }
	}
	return nil
}

// Another one.
`

// source is the directory of a variant's source.
func (w *workshop) source(variant string) string {
	w.t.Helper()
	dir := filepath.Join(w.dir, "src", variant, strings.Repeat("elsewhere/", len(variant)-4)+"crashers")
	if _, err := os.Stat(dir); err == nil {
		return dir
	}
	from := filepath.Join("testdata", "crashers")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		w.t.Fatal(err)
	}
	if variant == "plain" {
		return dir
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	more, _ := filepath.Glob(filepath.Join(dir, "*", "*.go"))
	n := 0
	for _, path := range append(files, more...) {
		b, err := os.ReadFile(path)
		if err != nil {
			w.t.Fatal(err)
		}
		text := victim.ReplaceAllString(string(b), "renamed")
		for strings.Contains(text, "\n//shift\n") {
			text = strings.Replace(text, "\n//shift\n", fmt.Sprintf(shifted, n), 1)
			n++
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.t.Fatal(err)
		}
	}
	if n < 50 {
		w.t.Fatalf("%d places were shifted", n)
	}
	return dir
}

// build builds crashers.
func (w *workshop) build(b build) string {
	w.t.Helper()
	bin := filepath.Join(w.dir, strings.NewReplacer(" ", "-", ",", "").Replace(b.String()))
	args := []string{"build", "-buildvcs=false", "-mod=vendor", "-o", bin}
	for _, m := range modes {
		if m.name == b.Mode && m.gcflags != "" {
			args = append(args, "-gcflags="+m.gcflags)
		}
	}
	if b.Variant == "shifted" {
		args = append(args, "-trimpath")
	}
	cmd := exec.Command("go", append(args, ".")...)
	cmd.Dir = w.source(b.Variant)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN="+b.Go)
	if out, err := cmd.CombinedOutput(); err != nil {
		coretest.Unavailable(w.t, "%s: %v\n%s", b, err, out)
	}
	return bin
}

// crash lets a bug happen and returns the redacted report.
func (w *workshop) crash(bin string, bug, seed int) (redact.Result, error) {
	dir, err := os.MkdirTemp(w.dir, "crash")
	if err != nil {
		return redact.Result{}, err
	}
	defer os.RemoveAll(dir)
	core := filepath.Join(dir, "core")
	cmd := exec.Command(w.withcore, "-o", core, "--", bin, strconv.Itoa(bug), strconv.Itoa(seed))
	out, _ := cmd.CombinedOutput()
	rep, err := sdcore.Analyze(context.Background(), core, bin, sdcore.Options{Tier: 1})
	if err != nil {
		return redact.Result{}, fmt.Errorf("%w\n%.500s", err, out)
	}
	return redact.Apply(rep, redact.Default())
}

// bugs lists the numbers of the bugs.
func (w *workshop) bugs(bin string) []int {
	w.t.Helper()
	out, err := exec.Command(bin).Output()
	if err != nil {
		w.t.Fatal(err)
	}
	var all []int
	for _, word := range strings.Fields(string(out)) {
		n, err := strconv.Atoi(word)
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, n)
	}
	slices.Sort(all)
	return all
}

// seedOf makes occurrences of a bug differ, always in the same way.
func seedOf(b build, bug int) int {
	sum := bug
	for _, c := range b.String() {
		sum += int(c)
	}
	return 1 + sum%4
}

// take crashes all bugs of a build and adds them to s.
func (w *workshop) take(s *set, b build, want func(bug int) bool) {
	w.t.Helper()
	bin := w.build(b)
	defer os.Remove(bin)
	var mu sync.Mutex
	var wg sync.WaitGroup
	turn := make(chan bool, 2)
	for _, bug := range w.bugs(bin) {
		if want != nil && !want(bug) {
			continue
		}
		wg.Go(func() {
			turn <- true
			defer func() { <-turn }()
			seed := seedOf(b, bug)
			res, err := w.crash(bin, bug, seed)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				w.t.Errorf("%s, bug %d: %v", b, bug, err)
				return
			}
			checkIdentity(w.t, res.Report())
			x := s.add(bug, seed, b, res.Report())
			if got, want := fingerprint.OfReport(s.report(x)), fingerprint.Of(res); !reflect.DeepEqual(got, want) {
				w.t.Errorf("%s, bug %d: what is kept of the report gives %v, %q, the report %v, %q", b, bug, got.Levels, got.Title, want.Levels, want.Title)
			}
		})
	}
	wg.Wait()
}

// checkIdentity checks what set.report writes down of every build.
func checkIdentity(t *testing.T, r *report.Report) {
	t.Helper()
	id := &r.Identity
	replaced := func(m report.Module) bool { return m.Path == "example.com/ours" && m.Replaced != "" }
	if id.MainPackage != "example.com/crashers" || id.Main.Path != "example.com/crashers" || !slices.ContainsFunc(id.Deps, replaced) || len(id.Deps) != 2 {
		t.Errorf("main package %q, module %q, others %+v", id.MainPackage, id.Main.Path, id.Deps)
	}
}

// TestWriteSet makes the labelled set: every bug, with every Go version, built in
// every way from both variants of the source.
func TestWriteSet(t *testing.T) {
	if !*writeSet {
		t.Skip("not asked for: scripts/fingerprint-set.sh")
	}
	w := newWorkshop(t)
	s := &set{}
	for _, version := range strings.Fields(*setGo) {
		for _, m := range modes {
			for _, variant := range []string{"plain", "shifted"} {
				b := build{version, m.name, variant}
				w.take(s, b, nil)
				t.Logf("%s: %d crashes, %d frames", b, len(s.samples), len(s.frames))
			}
		}
	}
	if t.Failed() {
		t.Log("the set is written nevertheless")
	}
	if err := s.write(setFile); err != nil {
		t.Fatal(err)
	}
}

// TestSetIsFresh crashes some of the bugs again, with the Go that is there, and
// compares what the readers make of the cores now with the set: their
// fingerprints are among those that the bug has there.
func TestSetIsFresh(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and crashes programs")
	}
	version := *freshGo
	if version == "" {
		out, err := exec.Command("go", "env", "GOVERSION").Output()
		if err != nil {
			t.Fatal(err)
		}
		version = strings.TrimSpace(string(out))
	}
	known := map[int]map[string]bool{}
	j := judge(t)
	for i := range j.samples {
		bug := j.samples[i].Bug
		if known[bug] == nil {
			known[bug] = map[string]bool{}
		}
		known[bug][j.values[i].Levels[fingerprint.Group]] = true
	}
	w := newWorkshop(t)
	s := &set{}
	b := build{version, "default", "shifted"}
	w.take(s, b, func(bug int) bool { return bug%6 == 3 })
	for i := range s.samples {
		x := &s.samples[i]
		if v := fingerprint.OfReport(s.report(x)); !known[x.Bug][v.Levels[fingerprint.Group]] {
			t.Errorf("bug %d: %s, %q, which is not in %s: make it anew with scripts/fingerprint-set.sh", x.Bug, v.Levels[fingerprint.Group], v.Title, setFile)
		}
	}
	if len(s.samples) < 15 {
		t.Errorf("%d crashes", len(s.samples))
	}
	t.Logf("%s: %d bugs crashed again", b, len(s.samples))
}
