package sdcore_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// leakFact is what fixtures/leaks said of one of its goroutines before it died.
type leakFact struct {
	Goroutine     uint64
	Verdict, Case string
	Keeps         uint64
}

func leakFacts(t *testing.T, stdout string) (out []leakFact) {
	t.Helper()
	f, err := os.Open(stdout)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if line, ok := strings.CutPrefix(s.Text(), "LEAKS "); ok {
			var fact leakFact
			if err := json.Unmarshal([]byte(line), &fact); err != nil {
				t.Fatal(err)
			}
			out = append(out, fact)
		}
	}
	return out
}

// leaksOf are the findings of leaks by goroutine.
func leaksOf(t *testing.T, core, bin string, q sdcore.WaitQuery) (map[uint64]*report.WaitFinding, *report.Report) {
	t.Helper()
	s, err := sdcore.Open(context.Background(), core, bin, sdcore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	q.MaxListed = 1 << 20
	rep, err := s.Waits(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	if err := rep.Validate(); err != nil {
		t.Fatal(err)
	}
	out := map[uint64]*report.WaitFinding{}
	for i := range rep.Waits.Findings {
		if f := &rep.Waits.Findings[i]; f.Kind == report.FindLeak {
			for _, id := range f.Goroutines {
				out[id] = f
			}
		}
	}
	return out, rep
}

// leaksHeading begins the section of docs/waits.md that -update writes.
const leaksHeading = "## Judged by a program that leaks"

// TestLeaksJudged compares what is found in the core of fixtures/leaks with what the
// program said of itself.
func TestLeaksJudged(t *testing.T) {
	f := coretest.Core(t, "leaks")
	found, rep := leaksOf(t, f.Core, f.Bin, sdcore.WaitQuery{})
	for _, p := range rep.Problems {
		t.Errorf("problem: %+v", p)
	}
	facts := leakFacts(t, f.Stdout)
	if len(facts) < 150 {
		t.Fatalf("the fixture told %d facts", len(facts))
	}
	count := map[string]*judged{"proven": {}, "candidate": {}, "weak": {}, "alive": {}}
	for _, fact := range facts {
		got := "alive"
		finding := found[fact.Goroutine]
		if finding != nil {
			got = string(finding.Grade)
		}
		if got == fact.Verdict {
			count[got].right++
		} else {
			count[got].wrong++
			count[fact.Verdict].missed++
			t.Errorf("%s, goroutine %d: %s, and is said to be %s", fact.Case, fact.Goroutine, fact.Verdict, got)
		}
		if finding != nil && (finding.Retained < fact.Keeps || fact.Keeps > 0 && finding.Retained > 2*fact.Keeps) {
			t.Errorf("%s: keeps %d bytes, and is said to keep %d", fact.Case, fact.Keeps, finding.Retained)
		}
	}
	table := fmt.Sprintf(`
What is found in the core of `+"`fixtures/leaks`"+`, beside what the program printed of its goroutines before it died. Written by
`+"`go test -run TestLeaksJudged -update .`"+`.

| goroutines | right | wrong | missed |
|---|---:|---:|---:|
| nobody can wake them: proven | %v |
| forgotten in a package variable: candidates | %v |
| may wait for work: weak | %v |
| somebody will wake them: no finding | %v |
`, count["proven"], count["candidate"], count["weak"], count["alive"])
	if *update {
		writeSection(t, leaksHeading, table)
	} else if _, got, _ := waitsSection(t, leaksHeading); got != table {
		t.Errorf("docs/waits.md has another judgement (go test -run TestLeaksJudged -update .):\n%s\nwant\n%s", got, table)
	}
}

// TestLeakPaths: candidates have the way from the variable, without keys of maps.
func TestLeakPaths(t *testing.T) {
	f := coretest.Core(t, "leaks")
	found, _ := leaksOf(t, f.Core, f.Bin, sdcore.WaitQuery{})
	want := map[string]string{
		"entry of a map": "main.pending pointer value done", "element of a slice": "main.subscribers pointer index", "sends to a variable": "main.results pointer",
		"waits for workers": "main.tasks", "wants that lock": "main.guard", "worker": "main.jobs pointer", "until the end": "main.srv quit",
	}
	for _, fact := range leakFacts(t, f.Stdout) {
		finding := found[fact.Goroutine]
		if finding == nil {
			continue
		}
		if finding.Path == nil {
			if fact.Verdict == "candidate" {
				t.Errorf("%s: no path", fact.Case)
			}
			continue
		}
		p := finding.Path
		text := p.Root.Package + "." + p.Root.Name
		for i := range p.Steps {
			if p.Steps[i].Key != nil {
				t.Errorf("%s: a key on the path", fact.Case)
			}
			text += " " + cmp.Or(p.Steps[i].Name, p.Steps[i].Kind)
		}
		if w := want[fact.Case]; w != "" && text != w {
			t.Errorf("%s: kept by %q, want %q", fact.Case, text, w)
		}
	}
}

// TestLeaksLeftOut: without the walk over the heap there are none, and nothing is
// weighed.
func TestLeaksLeftOut(t *testing.T) {
	f := coretest.Core(t, "leaks")
	found, rep := leaksOf(t, f.Core, f.Bin, sdcore.WaitQuery{WithoutLeaks: true})
	if len(found) > 0 || slices.ContainsFunc(rep.Waits.Findings, func(f report.WaitFinding) bool { return f.Retained > 0 }) {
		t.Errorf("%d goroutines are said to have leaked", len(found))
	}
}

// TestWaitByName: where a text is no wait reason it is looked for in names.
func TestWaitByName(t *testing.T) {
	f := coretest.Core(t, "leaks")
	s, err := sdcore.Open(context.Background(), f.Core, f.Bin, sdcore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	by := map[string][]uint64{}
	for _, fact := range leakFacts(t, f.Stdout) {
		by[fact.Case+" "+fact.Verdict] = append(by[fact.Case+" "+fact.Verdict], fact.Goroutine)
	}
	for text, want := range map[string][]uint64{
		"main.srv.quit": by["until the end weak"], "main.server.quit": append(by["until the end weak"], by["of a variable alive"]...),
		"main.guard": by["wants that lock candidate"], "main.jobs": append(by["worker weak"], by["worker with another weak"]...), "no.such": nil,
	} {
		rep, err := s.Goroutines(context.Background(), sdcore.Filter{Wait: text, List: true})
		if err != nil {
			t.Fatal(err)
		}
		var got []uint64
		for i := range rep.Goroutines {
			got = append(got, rep.Goroutines[i].ID)
		}
		slices.Sort(got)
		if slices.Sort(want); !slices.Equal(got, want) {
			t.Errorf("--wait %s: %v, want %v", text, got, want)
		}
	}
}

// TestLeaksOfPartialCores: where a part of the core is missing nothing is proven, and
// the report says so.
func TestLeaksOfPartialCores(t *testing.T) {
	f := coretest.Core(t, "leaks")
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	scratch := coretest.NewScratch(t, t.TempDir()+"/core", data[:len(data)-len(data)/100])
	found, rep := leaksOf(t, scratch.Path, f.Bin, sdcore.WaitQuery{})
	for id, finding := range found {
		if finding.Grade == report.WaitProven {
			t.Errorf("goroutine %d: %+v", id, finding)
		}
	}
	if len(rep.Problems) == 0 {
		t.Error("no problems")
	}
}

// TestLeaksMutants: damage is no panic and no report that contradicts itself. It may
// hide that somebody leaked. That of somebody who will be woken it is said to be
// proven takes damage to the very word that leads there, which nothing shows: in
// hundreds of goroutines it is rare.
func TestLeaksMutants(t *testing.T) {
	v := newVictim(t, "leaks")
	verdicts := map[uint64]leakFact{}
	for _, fact := range leakFacts(t, coretest.Core(t, "leaks").Stdout) {
		verdicts[fact.Goroutine] = fact
	}
	m := coretest.NewMutator(v.coreData, v.corePlaces(), v.words())
	kinds := m.Kinds()
	proven, wrong := 0, 0
	for n := range 60 {
		if err := v.core.Damage(m.Mutation(kinds[n%len(kinds)], uint64(n))); err != nil {
			t.Fatal(err)
		}
		s, err := sdcore.Open(context.Background(), v.core.Path, v.bin.Path, sdcore.Options{})
		if err == nil {
			if rep, err := s.Waits(context.Background(), sdcore.WaitQuery{MaxListed: 1 << 20}); err == nil {
				if err := rep.Validate(); err != nil {
					t.Errorf("mutant %d (%s): %v", n, kinds[n%len(kinds)], err)
				}
				for i := range rep.Waits.Findings {
					f := &rep.Waits.Findings[i]
					if f.Kind != report.FindLeak || f.Grade != report.WaitProven {
						continue
					}
					for _, id := range f.Goroutines {
						proven++
						if fact, ok := verdicts[id]; ok && fact.Verdict != "proven" {
							wrong++
							t.Logf("mutant %d (%s): %s, goroutine %d, is said to be proven", n, kinds[n%len(kinds)], fact.Case, id)
						}
					}
				}
			}
			s.Close()
		}
		if err := v.core.Repair(); err != nil {
			t.Fatal(err)
		}
	}
	if proven == 0 || wrong*100 > proven {
		t.Errorf("%d proven, %d of them wrongly", proven, wrong)
	}
}
