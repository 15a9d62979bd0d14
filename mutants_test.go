package sdcore_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
)

// A few run in `make test`, thousands in `make matrix`, see scripts/matrix.sh.
var (
	mutants     = flag.Int("mutants", 60, "damaged cores that TestMutants makes")
	firstMutant = flag.Int("first-mutant", 0, "number of the first of them")
)

// prey are the fixtures that are damaged: small, and different from each other.
var prey = []string{
	"payment", "kinds.noopt", "payment.pie", "stdvalues", "repanic", "manywait", "cgosegv", "stackoverflow", "sigquit", "deadlock",
	"defers", "cgocallback",
}

// TestMutants damages cores and binaries, as coretest.Mutator tells, and
// demands of each what issue reports and scripts rely on: no panic, no hang, no
// unbounded memory; one line of an error, or a report that is valid, can be
// redacted, written and read back, and says of no number anything but what
// the (damaged) memory holds. Every nineteenth goes through the command, too.
//
// One of them again: go test -run 'TestMutants/payment/123$' . -first-mutant 123 -mutants 1
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("needs the fixtures' cores; run without -short (make test)")
	}
	command := buildCommand(t)
	var all tally
	for i, name := range prey {
		t.Run(name, func(t *testing.T) {
			var v *victim
			var core, bin *coretest.Mutator
			for n := *firstMutant; n < *firstMutant+*mutants; n++ {
				if n%len(prey) != i {
					continue
				}
				if v == nil {
					v = newVictim(t, name)
					core = coretest.NewMutator(v.coreData, v.corePlaces(), v.words())
					bin = coretest.NewMutator(v.binData, v.binaryPlaces(), v.words())
				}
				t.Run(fmt.Sprint(n), func(t *testing.T) { v.mutate(t, n, core, bin, command, &all) })
			}
		})
	}
	all.log(t)
}

// mutate makes one mutant and analyzes it.
func (v *victim) mutate(t *testing.T, n int, core, bin *coretest.Mutator, command string, all *tally) {
	file, m, kinds := v.core, core, core.Kinds()
	what := "core"
	// Each fixture starts elsewhere among the kinds: a few mutants have them all.
	k := (n/len(prey) + 7*(n%len(prey))) % (len(core.Kinds()) + len(bin.Kinds()))
	if k >= len(kinds) {
		file, m, k, what = v.bin, bin, k-len(kinds), "binary"
	}
	kind := m.Kinds()[k]
	if err := file.Damage(m.Mutation(kind, uint64(n))); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := file.Repair(); err != nil {
			t.Fatal(err)
		}
	}()
	r := runPipeline(t, v.core.Path, v.bin.Path, sdcore.Options{Globals: n%3 == 0})
	r.fair(t)
	if r.err == nil && r.panic == "" {
		all.numbers += checkNumbers(t, v.core.Path, v.bin.Path, r.rep)
	}
	all.add(t, what+": "+kind, &r)
	if n%19 == 0 { // a prime, to meet every fixture
		all.commands++
		size := []string{"10000000", "0"}[n%2] // 0: goroutine by goroutine
		all.rss = max(all.rss, runCommand(t, r.outcome(), command, "analyze", v.core.Path, v.bin.Path, "--no-save", "--format", "json", "--max-size", size))
	}
}

// buildCommand builds cmd/sdcore.
func buildCommand(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sdcore")
	if out, err := exec.Command("go", "build", "-o", path, "./cmd/sdcore").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return path
}

// runCommand runs the command, which has to tell an outcome by its exit status,
// and returns its peak memory in bytes.
func runCommand(t *testing.T, outcome, command string, args ...string) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, command, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Env = append(os.Environ(), "GOTRACEBACK=all")
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	want := map[string]int{"complete": 0, "refused": 1, "partial": 3}[outcome]
	if got := cmd.ProcessState.ExitCode(); got != want {
		t.Errorf("exit status %d for what is %s, want %d\n%s", got, outcome, want, stderr.String())
	}
	if lines := strings.Count(stderr.String(), "\n"); lines > 1 || lines == 0 && want != 0 || stdout.Len() == 0 && want != 1 {
		t.Errorf("%d bytes on stdout, on stderr:\n%s", stdout.Len(), stderr.String())
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	return usage.Maxrss << 10
}

// tally counts what became of mutants.
type tally struct {
	byKind   map[string]map[string]int // outcomes
	total    map[string]int
	worst    cost
	slowest  string
	commands int
	rss      int64
	numbers  int
}

func (a *tally) add(t *testing.T, kind string, r *run) {
	if a.byKind == nil {
		a.byKind, a.total = map[string]map[string]int{}, map[string]int{}
	}
	if a.byKind[kind] == nil {
		a.byKind[kind] = map[string]int{}
	}
	a.byKind[kind][r.outcome()]++
	a.total[r.outcome()]++
	if r.cost.busy > a.worst.busy {
		a.slowest = t.Name()
	}
	a.worst = a.worst.max(r.cost)
}

func (a *tally) log(t *testing.T) {
	var kinds []string
	for kind := range a.byKind {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		o := a.byKind[kind]
		t.Logf("%-45s %4d complete %4d partial %4d refused", kind, o["complete"], o["partial"], o["refused"])
	}
	t.Logf("damaged cores: %d complete, %d partial, %d refused; %d numbers compared with memory", a.total["complete"], a.total["partial"], a.total["refused"], a.numbers)
	t.Logf("at most %v of CPU (%s), %d MB of heap at once, %d MB in all; %d by the command, at most %d MB resident",
		a.worst.busy.Round(time.Millisecond), a.slowest, a.worst.heap>>20, a.worst.alloc>>20, a.commands, a.rss>>20)
}
