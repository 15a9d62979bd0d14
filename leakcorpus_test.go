package sdcore_test

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/report"
)

// corpusTruth is what is known of one program of Go's corpus.
type corpusTruth struct {
	profile map[uint64]bool  // goroutines that the goroutineleak profile printed as leaked
	leaks   []*regexp.Regexp // what Go's own test expects, of "function(...) [wait reason]"
	listed  bool             // by that test
}

// corpusJudgement counts goroutines.
type corpusJudgement struct {
	programs, withLeaks       int
	profile                   int // what the profile found
	proven                    judged
	beyond                    int // proven, right, and not in the profile
	candidate, weak           judged
	locks, strong, weakHolder int
}

// TestLeakCorpus compares what is found in the cores of Go's own corpus with Go's
// goroutineleak profile of the same programs. scripts/leak-corpus.sh makes the cores and
// runs it.
func TestLeakCorpus(t *testing.T) {
	dir := os.Getenv("SDCORE_LEAK_CORPUS")
	if dir == "" {
		t.Skip("scripts/leak-corpus.sh runs it")
	}
	expected := corpusExpectations(t, os.Getenv("SDCORE_LEAK_TEST"))
	cores, err := filepath.Glob(filepath.Join(dir, "*", "*", "core"))
	if err != nil || len(cores) == 0 {
		t.Fatalf("no cores in %s: %v", dir, err)
	}
	var j corpusJudgement
	for _, core := range cores {
		program := filepath.Base(filepath.Dir(core))
		truth := corpusTruth{profile: profiled(t, filepath.Join(filepath.Dir(core), "profile"))}
		truth.leaks, truth.listed = expected[program]
		t.Run(program, func(t *testing.T) {
			j.judge(t, core, filepath.Join(filepath.Dir(filepath.Dir(core)), "bin"), &truth)
		})
	}
	t.Logf("%+v", j)
	if len(cores) > 80 {
		j.check(t)
	}
}

// corpusExpectations reads the leaks that Go's test expects of each program.
func corpusExpectations(t *testing.T, path string) map[string][]*regexp.Regexp {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]*regexp.Regexp{}
	ast.Inspect(f, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		name, ok := call.Fun.(*ast.Ident)
		if !ok || name.Name != "makeTest" && name.Name != "makeFlakyTest" {
			return true
		}
		var texts []string
		for _, a := range call.Args {
			if lit, ok := a.(*ast.BasicLit); ok {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
		}
		out[texts[0]] = []*regexp.Regexp{}
		for _, text := range texts[1:] {
			out[texts[0]] = append(out[texts[0]], regexp.MustCompile(text))
		}
		return true
	})
	return out
}

var profileHeader = regexp.MustCompile(`(?m)^goroutine (\d+) .*\(leaked\)`)

// profiled are the goroutines that a profile has as leaked.
func profiled(t *testing.T, path string) map[uint64]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[uint64]bool{}
	for _, m := range profileHeader.FindAllStringSubmatch(string(text), -1) {
		id, err := strconv.ParseUint(m[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		out[id] = true
	}
	return out
}

// judge looks at one core.
func (j *corpusJudgement) judge(t *testing.T, core, bin string, truth *corpusTruth) {
	ctx := context.Background()
	s, err := sdcore.Open(ctx, core, bin, sdcore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	rep, err := s.Waits(ctx, sdcore.WaitQuery{MaxListed: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range rep.Problems {
		t.Logf("problem: %+v", p)
	}
	list, err := s.Goroutines(ctx, sdcore.Filter{List: true})
	if err != nil {
		t.Fatal(err)
	}
	byID := map[uint64]string{}
	for i := range list.Goroutines {
		g := &list.Goroutines[i]
		for j := range list.Groups {
			if list.Groups[j].ID == g.Group {
				byID[g.ID] = leakText(list.Groups[j].Frames) + " [" + g.WaitReason + "]"
			}
		}
	}
	found := map[report.WaitGrade]map[uint64]bool{report.WaitProven: {}, report.WaitCandidate: {}, report.WaitWeak: {}}
	for i := range rep.Waits.Findings {
		f := &rep.Waits.Findings[i]
		if f.Kind == report.FindLeak || f.Kind == report.FindForever {
			for _, id := range f.Goroutines {
				found[f.Grade][id] = true
			}
		}
	}
	j.programs++
	j.profile += len(truth.profile)
	if len(truth.profile) > 0 {
		j.withLeaks++
	}
	for grade, ids := range found {
		for id := range ids {
			right := truth.profile[id] || truth.expects(byID[id])
			to := &j.weak
			switch grade {
			case report.WaitProven:
				to = &j.proven
				if !right {
					t.Errorf("goroutine %d of %s did not leak", id, byID[id])
				} else if !truth.profile[id] {
					j.beyond++
				}
			case report.WaitCandidate:
				to = &j.candidate
			}
			if right {
				to.right++
			} else {
				to.wrong++
				t.Logf("%s: goroutine %d of %s is in no profile", grade, id, byID[id])
			}
		}
	}
	for id := range truth.profile {
		if !found[report.WaitProven][id] {
			j.proven.missed++
			t.Errorf("goroutine %d of %s leaked, and is not proven", id, byID[id])
		}
	}
	for i := range rep.Waits.Objects {
		o := &rep.Waits.Objects[i]
		if o.Kind != report.WaitMutex && o.Kind != report.WaitRWMutex && o.Kind != report.WaitOnce || slices.Contains(o.State, "unlocked") {
			continue
		}
		j.locks++
		switch {
		case len(o.Holders) > 0 && o.Holders[0].Grade == report.WaitStrong:
			j.strong++
		case len(o.Holders) > 0:
			j.weakHolder++
		}
	}
}

// expects reports whether Go's test expects the leak.
func (c *corpusTruth) expects(text string) bool {
	return slices.ContainsFunc(c.leaks, func(re *regexp.Regexp) bool { return re.MatchString(text) })
}

var wrapper = regexp.MustCompile(`\.gowrap\d+$`)

// leakText is what Go's test looks at of a stack: the outermost function, those that
// the compiler wraps around it left out.
func leakText(frames []report.FrameRef) string {
	for i := len(frames) - 1; i >= 0; i-- {
		if f := frames[i].Function; f != "runtime.goexit" && !wrapper.MatchString(f) {
			return strings.TrimPrefix(f, "main.") + "(...)"
		}
	}
	return "?"
}

// corpusHeading begins the section of docs/waits.md that -update writes.
const corpusHeading = "## Judged by Go's own corpus"

// corpusIntro says in docs/waits.md how the table came about.
const corpusIntro = `
` + "`" + `scripts/leak-corpus.sh` + "`" + ` copies the programs of ` + "`" + `runtime/testdata/testgoroutineleakprofile` + "`" + ` from the GOROOT of go1.27.0, lets each run to its end, print the
goroutineleak profile and die, and compares goroutine by goroutine. A goroutine that is proven here and not in the profile, such as one that stopped
after it was printed, has to be one that Go's own test expects to leak. Most programs race, so the numbers differ from run to run; that none is missed and none proven
wrongly makes the script fail. It takes four minutes. Holders are not known to Go either: how many of the locks have a candidate is counted. The one weak
candidate waits for a package variable in a program that is made to show that the profile does not report it (` + "`" + `NoLeakGlobal` + "`" + `).
`

// check writes the table. The programs are not the same each time: what must be so
// fails the test of each.
func (j *corpusJudgement) check(t *testing.T) {
	t.Helper()
	if !*update {
		return
	}
	table := corpusIntro + fmt.Sprintf(`
| goroutines of %d programs, %d of which leak | |
|---|---:|
| leaked by Go's goroutineleak profile | %d |
| of these proven here | %d |
| of these missed | %d |
| proven here and not in the profile, expected by Go's test | %d |
| proven here and no leak | %d |
| candidates: leaks, others | %d, %d |
| weak: leaks, others | %d, %d |
| locks that goroutines wait for: with a strong candidate for the holder, with a weak one, unknown | %d, %d, %d |
`, j.programs, j.withLeaks, j.profile, j.profile-j.proven.missed, j.proven.missed, j.beyond, j.proven.wrong,
		j.candidate.right, j.candidate.wrong, j.weak.right, j.weak.wrong, j.strong, j.weakHolder, j.locks-j.strong-j.weakHolder)
	writeSection(t, corpusHeading, table)
}
