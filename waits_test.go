package sdcore_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// waitFact is what a fixture said of one of its goroutines before it died.
type waitFact struct {
	Goroutine uint64
	Kind, Op  string
	Name      string
	Holders   []uint64
	Weak      bool
}

// waitFacts reads what a fixture printed.
func waitFacts(t *testing.T, stdout string) []waitFact {
	t.Helper()
	f, err := os.Open(stdout)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out []waitFact
	for s := bufio.NewScanner(f); s.Scan(); {
		if line, ok := strings.CutPrefix(s.Text(), "WAITS "); ok {
			var fact waitFact
			if err := json.Unmarshal([]byte(line), &fact); err != nil {
				t.Fatal(err)
			}
			out = append(out, fact)
		}
	}
	return out
}

// waitsOf asks a core who waits for whom.
func waitsOf(t *testing.T, core, bin string) *report.Report {
	t.Helper()
	s, err := sdcore.Open(context.Background(), core, bin, sdcore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rep, err := s.Waits(context.Background(), sdcore.WaitQuery{})
	if err != nil {
		t.Fatal(err)
	}
	if err := rep.Validate(); err != nil {
		t.Fatal(err)
	}
	return rep
}

// judged counts what is right.
type judged struct{ right, wrong, missed int }

func (j judged) String() string {
	return fmt.Sprintf("%d | %d | %d", j.right, j.wrong, j.missed)
}

// waitsJudgement is how what was found compares with what is so.
type waitsJudgement struct {
	waiters, names, strong, weak judged
}

// TestWaitsJudged compares what is found in the core of fixtures/waiters with what
// the program said of itself. Who waits for what has to be right for every
// goroutine; nobody may be named as a holder with strong evidence who is none.
func TestWaitsJudged(t *testing.T) {
	f := coretest.Core(t, "waiters")
	rep := waitsOf(t, f.Core, f.Bin)
	facts := waitFacts(t, f.Stdout)
	if len(facts) < 30 {
		t.Fatalf("the fixture told %d facts", len(facts))
	}
	var j waitsJudgement
	for _, fact := range facts {
		j.judge(t, rep.Waits, &fact)
	}
	for _, p := range rep.Problems {
		t.Errorf("problem: %+v", p)
	}
	if j.waiters.wrong+j.waiters.missed > 0 || j.strong.wrong+j.strong.missed > 0 || j.names.wrong+j.names.missed > 0 {
		t.Errorf("judgement: %+v", j)
	}
	checkJudgement(t, &j)
}

// judge looks at one goroutine.
func (j *waitsJudgement) judge(t *testing.T, w *report.Waits, fact *waitFact) {
	var object *report.WaitObject
	for i := range w.Objects {
		o := &w.Objects[i]
		if slices.ContainsFunc(o.Waiters, func(x report.Waiter) bool { return x.Goroutine == fact.Goroutine && x.Op == fact.Op }) && string(o.Kind) == fact.Kind {
			object = o
		}
	}
	if object == nil {
		j.waiters.missed++
		t.Errorf("goroutine %d waits to %s a %s: not found", fact.Goroutine, fact.Op, fact.Kind)
		return
	}
	j.waiters.right++
	if fact.Name != "" {
		var names []string
		for _, n := range object.Names {
			names = append(names, strings.TrimPrefix(n.Package+"."+n.Variable+n.Path, ".")+strings.TrimSuffix(" of "+n.Function, " of "))
		}
		if slices.Contains(names, fact.Name) {
			j.names.right++
		} else {
			j.names.wrong++
			t.Errorf("goroutine %d waits for %s, it is called %q", fact.Goroutine, fact.Name, names)
		}
	}
	for i := range object.Holders {
		h := &object.Holders[i]
		to := &j.strong
		if h.Grade != report.WaitStrong {
			to = &j.weak
		}
		if slices.Contains(fact.Holders, h.Goroutine) {
			to.right++
		} else {
			to.wrong++
			if h.Grade == report.WaitStrong {
				t.Errorf("goroutine %d is no holder of %s: %+v", h.Goroutine, fact.Name, h)
			}
		}
	}
	for _, id := range fact.Holders {
		i := slices.IndexFunc(object.Holders, func(h report.WaitHolder) bool { return h.Goroutine == id })
		switch {
		case i < 0 && fact.Weak:
			j.weak.missed++
		case i < 0 || !fact.Weak && object.Holders[i].Grade != report.WaitStrong:
			j.strong.missed++
			t.Errorf("goroutine %d holds %s: candidates are %+v", id, fact.Name, object.Holders)
		}
	}
}

// judgementHeading begins the section of docs/waits.md that -update writes.
const judgementHeading = "## Judged"

// checkJudgement compares with the table in docs/waits.md.
func checkJudgement(t *testing.T, j *waitsJudgement) {
	t.Helper()
	table := fmt.Sprintf(`
What is found in the core of `+"`fixtures/waiters`"+`, beside what the program printed of itself before it died. Written by
`+"`go test -run TestWaitsJudged -update .`"+`.

| | right | wrong | missed |
|---|---:|---:|---:|
| who waits, for what, how | %v |
| the name that the program has for it | %v |
| holders, strong evidence | %v |
| holders, weak evidence | %v |
`, j.waiters, j.names, j.strong, j.weak)
	if *update {
		writeSection(t, judgementHeading, table)
	} else if _, got, _ := waitsSection(t, judgementHeading); got != table {
		t.Errorf("docs/waits.md has another judgement (go test -run TestWaitsJudged -update .):\n%s\nwant\n%s", got, table)
	}
}

// waitsDoc is the file that judgements are written into.
func waitsDoc(t *testing.T) string { return filepath.Join(coretest.Root(t), "docs", "waits.md") }

// waitsSection takes docs/waits.md apart at the section below a heading.
func waitsSection(t *testing.T, heading string) (before, section, after string) {
	t.Helper()
	doc, err := os.ReadFile(waitsDoc(t))
	if err != nil {
		t.Fatal(err)
	}
	before, section, ok := strings.Cut(string(doc), heading+"\n")
	if !ok {
		t.Fatalf("docs/waits.md has no section %q", heading)
	}
	if i := strings.Index(section, "\n## "); i >= 0 {
		section, after = section[:i], section[i:]
	}
	return before, section, after
}

// writeSection replaces the section below a heading of docs/waits.md.
func writeSection(t *testing.T, heading, section string) {
	t.Helper()
	before, _, after := waitsSection(t, heading)
	if err := os.WriteFile(waitsDoc(t), []byte(before+heading+"\n"+section+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestWaitsFindings: what is wrong in fixtures/waiters is found, and nothing else.
func TestWaitsFindings(t *testing.T) {
	f := coretest.Core(t, "waiters")
	w := waitsOf(t, f.Core, f.Bin).Waits
	var got []string
	for i := range w.Findings {
		f := &w.Findings[i]
		if f.Kind == report.FindLeak && f.Grade == report.WaitWeak {
			continue // that some wait for a package variable
		}
		at := f.Function
		if len(f.Steps) > 0 {
			at = f.Steps[len(f.Steps)-1].Function
		}
		got = append(got, fmt.Sprintf("%s %s %d %s", f.Kind, f.Grade, f.Count, at))
	}
	slices.Sort(got)
	want := []string{
		"cancelled context candidate 1 main.patient",
		"deadlock strong 2 main.transfer",
		"forever proven 1 main.noChannel",
		"leak candidate 1 main.(*cache).read",
		"leak candidate 1 main.(*cache).write",
		"leak candidate 1 main.occupy",
		"leak candidate 1 main.useIt",
		"leak candidate 1 main.waitGroup",
		"leak candidate 2 main.transfer",
		"leak proven 1 main.choose",
		"leak proven 1 main.patient",
		"lock held across strong 1 main.(*relock).keep",
		"lock held across strong 1 main.initialize.func1",
		"lock held across strong 1 main.occupy",
		"lock held across strong 12 main.(*queue).drain",
		"lock held across strong 2 main.(*cache).slowRead",
		"lock held across weak 1 main.(*vault).count",
		"self-deadlock strong 1 main.twice",
	}
	if !slices.Equal(got, want) {
		t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestWaitsOfOthers: fixtures that were not made for this.
func TestWaitsOfOthers(t *testing.T) {
	f := coretest.Core(t, "deadlock")
	w := waitsOf(t, f.Core, f.Bin).Waits
	if len(w.Findings) == 0 || w.Findings[0].Kind != report.FindDeadlock || w.Findings[0].Grade != report.WaitStrong || w.Findings[0].Count != 2 {
		t.Errorf("deadlock: %+v", w.Findings)
	}
	f = coretest.Core(t, "manywait")
	w = waitsOf(t, f.Core, f.Bin).Waits
	counts := map[report.WaitKind]int{}
	for i := range w.Objects {
		counts[w.Objects[i].Kind] += w.Objects[i].Waiting
	}
	for kind, want := range map[report.WaitKind]int{
		report.WaitMutex: 150, report.WaitRWMutex: 50, report.WaitWaitGroup: 100, report.WaitCond: 50, report.WaitTimer: 150,
		report.WaitNetwork: 50, report.WaitSyscall: 10, report.WaitNothing: 40, report.WaitChannel: 150 + 100 + 3*150,
	} {
		if counts[kind] != want {
			t.Errorf("%d wait for %s, want %d", counts[kind], kind, want)
		}
	}
	details := map[string]int{}
	for i := range w.Objects {
		for _, x := range w.Objects[i].Waiters {
			switch w.Objects[i].Kind {
			case report.WaitNetwork, report.WaitSyscall:
				details[x.Detail]++
			case report.WaitTimer:
				if !strings.HasPrefix(x.Detail, "at most 59m") {
					t.Errorf("goroutine %d sleeps %q", x.Goroutine, x.Detail)
				}
			}
		}
	}
	// Each listens on a file of its own; the others read.
	if details["system call 0"] != 10 || len(details) != 51 {
		t.Errorf("details of 50 listeners and 10 readers: %v", details)
	}
	if w.Blocked != 1000 {
		t.Errorf("%d goroutines are blocked, want 1000", w.Blocked)
	}
	for i := range w.Objects {
		o := &w.Objects[i]
		for _, h := range o.Holders { // main has locked both
			if (o.Kind == report.WaitMutex || o.Kind == report.WaitRWMutex) && (h.Goroutine != 1 || h.Grade != report.WaitStrong) {
				t.Errorf("%s: %+v", o.Kind, h)
			}
		}
	}
}

// TestWaitsMutants: damage to what goroutines wait with is never a panic, never a
// report that contradicts itself.
func TestWaitsMutants(t *testing.T) {
	v := newVictim(t, "waiters")
	m := coretest.NewMutator(v.coreData, v.corePlaces(), v.words())
	kinds := slices.DeleteFunc(m.Kinds(), func(kind string) bool {
		return !slices.Contains([]string{"sudog", "g", "runtime variables", "stacks", "memory"}, kind)
	})
	if !slices.Contains(kinds, "sudog") {
		t.Fatalf("no damage is aimed at sudogs: %q", kinds)
	}
	problems := 0
	for n := range 40 {
		if err := v.core.Damage(m.Mutation(kinds[n%len(kinds)], uint64(n))); err != nil {
			t.Fatal(err)
		}
		s, err := sdcore.Open(context.Background(), v.core.Path, v.bin.Path, sdcore.Options{})
		if err == nil {
			var rep *report.Report
			if rep, err = s.Waits(context.Background(), sdcore.WaitQuery{}); err == nil {
				if err := rep.Validate(); err != nil {
					t.Errorf("mutant %d: %v", n, err)
				}
				problems += len(rep.Problems)
			}
			s.Close()
		}
		if err := v.core.Repair(); err != nil {
			t.Fatal(err)
		}
	}
	if problems == 0 {
		t.Error("no mutant had a problem")
	}
}
