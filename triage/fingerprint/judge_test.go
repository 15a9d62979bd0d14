package fingerprint_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/triage/fingerprint"
)

var update = flag.Bool("update", false, "write the table into docs/fingerprints.md")

// firstPair is the number of the first bug of a pair that is hard to tell apart:
// 101 and 102, 103 and 104.
const firstPair = 101

// tally counts pairs of crashes.
type tally struct {
	same, merged int // pairs of one bug, and those of them that have equal fingerprints
	different    int // pairs of two bugs
	wrong        int // and those of them that have equal fingerprints
}

func (y tally) precision() float64 {
	if y.merged+y.wrong == 0 {
		return 0
	}
	return float64(y.merged) / float64(y.merged+y.wrong)
}

func (y tally) recall() float64 {
	if y.same == 0 {
		return 0
	}
	return float64(y.merged) / float64(y.same)
}

func (y *tally) add(sameBug, equal bool) {
	switch {
	case sameBug:
		y.same++
		if equal {
			y.merged++
		}
	default:
		y.different++
		if equal {
			y.wrong++
		}
	}
}

// judged is the set with its fingerprints.
type judged struct {
	samples []sample
	values  []fingerprint.Value
}

func judge(t testing.TB) *judged {
	t.Helper()
	s := readSet(t)
	j := &judged{samples: s.samples}
	for i := range s.samples {
		j.values = append(j.values, fingerprint.OfReport(s.report(&s.samples[i])))
	}
	return j
}

// pairs calls visit for every pair.
func (j *judged) pairs(visit func(a, b int)) {
	for a := range j.samples {
		for b := a + 1; b < len(j.samples); b++ {
			visit(a, b)
		}
	}
}

// equal reports whether two crashes are equal at a level.
func (j *judged) equal(a, b, level int) bool {
	x := j.values[a].Levels[level]
	return x != "" && x == j.values[b].Levels[level]
}

// TestLabelledSet judges the fingerprints by the labelled set: no two bugs are
// merged at Group, and nineteen of twenty pairs of crashes of one bug are. The table is
// printed, and the one in docs/fingerprints.md has to be the same.
func TestLabelledSet(t *testing.T) {
	j := judge(t)
	checkSet(t, j)
	table := j.table()
	t.Log("\n" + table)
	level := j.level(fingerprint.Group, func(a, b *sample) bool { return true })
	if level.precision() != 1 || level.recall() < 0.95 {
		t.Errorf("group: precision %.4f, recall %.4f", level.precision(), level.recall())
	}
	if n := j.level(fingerprint.Narrow, func(a, b *sample) bool { return true }); n.wrong > 0 {
		t.Errorf("narrow: %d pairs of two bugs are equal", n.wrong)
	}
	for _, line := range j.divided(fingerprint.Group) {
		t.Log(line)
	}
	j.wrongly(t)
	compareDocs(t, table)
}

// checkSet checks that the set is what it is said to be.
func checkSet(t *testing.T, j *judged) {
	t.Helper()
	bugs, builds, crashes := map[int]bool{}, map[build]bool{}, map[string]bool{}
	versions, pairs := map[string]bool{}, 0
	for i := range j.samples {
		x := &j.samples[i]
		name := fmt.Sprint(x.Bug, x.build)
		if crashes[name] {
			t.Errorf("bug %d of %s is there twice", x.Bug, x.build)
		}
		bugs[x.Bug], builds[x.build], crashes[name], versions[x.Go] = true, true, true, true
	}
	for bug := range bugs {
		for b := range builds {
			if !crashes[fmt.Sprint(bug, b)] {
				t.Errorf("bug %d of %s is not there", bug, b)
			}
		}
		if bug >= firstPair && bug%2 == 1 && bugs[bug+1] {
			pairs++
		}
	}
	if len(bugs)-2*pairs < 40 || pairs < 10 || len(versions) != 3 || len(builds) != 3*len(modes)*2 {
		t.Errorf("%d bugs, %d pairs of them, %d versions, %d builds", len(bugs), pairs, len(versions), len(builds))
	}
}

// level judges a level over the pairs that want selects.
func (j *judged) level(level int, want func(a, b *sample) bool) tally {
	var y tally
	j.pairs(func(a, b int) {
		if want(&j.samples[a], &j.samples[b]) {
			y.add(j.samples[a].Bug == j.samples[b].Bug, j.equal(a, b, level))
		}
	})
	return y
}

// table is the verdict.
func (j *judged) table() string {
	adversaries := func(a, b *sample) bool {
		return a.Bug != b.Bug && a.Bug >= firstPair && b.Bug >= firstPair && (a.Bug+1)/2 == (b.Bug+1)/2
	}
	var s strings.Builder
	s.WriteString("| pairs of crashes | level | of one bug | equal | of two bugs | equal | precision | recall |\n|---|---|--:|--:|--:|--:|--:|--:|\n")
	row := func(name, level string, y tally) {
		cell := func(has bool, v float64) string {
			if !has {
				return "-"
			}
			return fmt.Sprintf("%.4f", v)
		}
		fmt.Fprintf(&s, "| %s | %s | %d | %d | %d | %d | %s | %s |\n", name, level, y.same, y.merged, y.different, y.wrong,
			cell(y.merged+y.wrong > 0, y.precision()), cell(y.same > 0, y.recall()))
	}
	names := []string{"narrow", "group", "wide"}
	for level, name := range names {
		row("all", name, j.level(level, func(a, b *sample) bool { return true }))
	}
	for level, name := range names {
		row("two bugs alike", name, j.level(level, adversaries))
	}
	for _, part := range []struct {
		name string
		want func(a, b *sample) bool
	}{
		{"two Go versions, else alike", func(a, b *sample) bool { return a.Go != b.Go && a.Mode == b.Mode && a.Variant == b.Variant }},
		{"go1.25 and go1.27", func(a, b *sample) bool {
			return strings.HasPrefix(a.Go, "go1.25") && strings.HasPrefix(b.Go, "go1.27") && a.Mode == b.Mode && a.Variant == b.Variant
		}},
		{"default and no inlining", modesOf("default", "no inlining")},
		{"default and no optimization", modesOf("default", "no optimization")},
		{"shifted lines, renamed, another path", func(a, b *sample) bool { return a.Go == b.Go && a.Mode == b.Mode && a.Variant != b.Variant }},
		{"all of it different", func(a, b *sample) bool { return a.Go != b.Go && a.Mode != b.Mode && a.Variant != b.Variant }},
	} {
		row(part.name, "group", j.level(fingerprint.Group, part.want))
	}
	return s.String()
}

func modesOf(one, two string) func(a, b *sample) bool {
	return func(a, b *sample) bool {
		return a.Go == b.Go && a.Variant == b.Variant && (a.Mode == one && b.Mode == two || a.Mode == two && b.Mode == one)
	}
}

// divided tells of the bugs that have several fingerprints at a level.
func (j *judged) divided(level int) []string {
	byBug := map[int]map[string][]int{}
	for i := range j.samples {
		x := &j.samples[i]
		if byBug[x.Bug] == nil {
			byBug[x.Bug] = map[string][]int{}
		}
		byBug[x.Bug][j.values[i].Levels[level]] = append(byBug[x.Bug][j.values[i].Levels[level]], i)
	}
	var out []string
	for bug, groups := range byBug {
		if len(groups) == 1 {
			continue
		}
		line := fmt.Sprintf("bug %d has %d fingerprints:", bug, len(groups))
		var parts []string
		for _, in := range groups {
			v := &j.values[in[0]]
			part := fmt.Sprintf("\n    %d crashes, such as of %s: %s, %q", len(in), j.samples[in[0]].build, v.Kind, v.Title)
			for _, f := range v.Frames[:min(len(v.Frames), 6)] {
				part += fmt.Sprintf("\n        %s %d %s %s %s", f.Function, f.Line, f.Place, f.Wait, f.Use)
			}
			parts = append(parts, part)
		}
		slices.Sort(parts)
		out = append(out, line+strings.Join(parts, ""))
	}
	slices.Sort(out)
	return out
}

// wrongly tells of pairs of bugs that are equal at Group.
func (j *judged) wrongly(t *testing.T) {
	t.Helper()
	told := map[[2]int]bool{}
	j.pairs(func(a, b int) {
		x, y := &j.samples[a], &j.samples[b]
		if bugs := [2]int{x.Bug, y.Bug}; x.Bug != y.Bug && j.equal(a, b, fingerprint.Group) && !told[bugs] {
			told[bugs] = true
			t.Errorf("bug %d of %s and bug %d of %s: %q, %+v", x.Bug, x.build, y.Bug, y.build, j.values[a].Title, j.values[a].Frames[:min(4, len(j.values[a].Frames))])
		}
	})
}

// compareDocs compares the table with the one in the docs.
func compareDocs(t *testing.T, table string) {
	t.Helper()
	const path, begin, end = "../../docs/fingerprints.md", "<!-- table -->\n", "<!-- end of the table -->\n"
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(b), begin)
	_, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", path)
	}
	want := head + begin + table + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(b) != want {
		t.Errorf("%s has another table: go test ./triage/fingerprint -run TestLabelledSet -update", path)
	}
}
