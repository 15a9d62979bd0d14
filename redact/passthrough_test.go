package redact

import (
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// PassThrough is a stage that judges nothing, to measure what judging costs. It
// exists in the test binary only: nothing outside of tests makes a Result of a
// report that was not redacted.
func PassThrough(r *report.Report) Result { return Result{r: r} }

// Watched redacts r and returns also what the first pass found secret by type,
// by form, or by a name that says so for itself: what must stand nowhere else. What
// is made of words of the language or of the program's names, or is in one of those
// names, may, and is counted.
func Watched(t *testing.T, r *report.Report, p Policy) (res Result, secrets []string, words int) {
	t.Helper()
	x, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	l, u := newLearner(x), newRun(x)
	l.tier, u.tier = tierOf(r, p.Tier), tierOf(r, p.Tier)
	seen := map[string]grade{}
	l.learned.watch = func(s string, g grade) {
		if g != gradeNone && len(s) >= minSpread && !strings.Contains(s, Placeholder) {
			seen[strings.Clone(s)] = max(seen[s], g)
		}
	}
	l.learnHead(r)
	u.search = l.learned.search(p.numbers())
	out := u.head(r, l.learned, nil)
	u.finish(out, l.learned)
	known := &lazyWords{names: l.learned.symbols.texts}
	var names strings.Builder
	for name := range l.learned.symbols.texts {
		names.WriteString(name + "\n")
	}
	for s, g := range seen {
		if g != gradeSure && (plainWord(s) && onlyWords(s, 3, known.has) || strings.Contains(names.String(), s)) {
			words++
			continue
		}
		secrets = append(secrets, s)
	}
	slices.Sort(secrets)
	return Result{r: out}, secrets, words
}
