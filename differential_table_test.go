package sdcore_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

var update = flag.Bool("update", false, "rewrite the table of variables shown in docs/benchmarks.md (TestVariablesShown)")

// shownHeading begins the section of docs/benchmarks.md that -update writes.
const shownHeading = "## Variables shown"

// shownSection is the section, without the heading.
func shownSection(all []shown) string {
	var b strings.Builder
	total := sum(all)
	fmt.Fprintf(&b, `
How many arguments and locals have a value in all frames of all goroutines, in every fixture and build mode: in sdcore and in delve, whose own
loader reads them for the test. Each one that delve reads is equal, deep, or stands with the location that proves delve wrong in
differential_reason_test.go. "delve wrong" are those, "only sdcore" are those that delve can't read. %s; written by
`+"`go test -run TestVariablesShown -update .`"+`, which also prints what was compared (`+"`-v`"+`).

| fixture | frames | sdcore | delve | delve wrong | only sdcore | parts equal |
|---|---:|---:|---:|---:|---:|---:|
`, total.version)
	for _, s := range append(all, total) {
		name := s.fixture
		if name == "" {
			name = "all"
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d |\n", name, s.frames, s.ours, s.delve, s.wrong, s.only, s.parts)
	}
	return b.String()
}

// checkShownTable compares what was counted with docs/benchmarks.md. The
// fixtures must be the same; of the numbers only the sums, up to a tenth and for
// cores of the same Go version: threads and the runtime's goroutines are stopped
// anywhere, which moves those of a small fixture by a half.
func checkShownTable(t *testing.T, all []shown) {
	t.Helper()
	path := filepath.Join(coretest.Root(t), "docs", "benchmarks.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(doc), shownHeading+"\n")
	section, after := rest, ""
	if i := strings.Index(rest, "\n## "); i >= 0 {
		section, after = rest[:i], rest[i:]
	}
	if *update {
		if !found {
			before += "\n"
		}
		if err := os.WriteFile(path, []byte(before+shownHeading+"\n"+shownSection(all)+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	rows := shownRows(section)
	for _, s := range all {
		if rows[s.fixture] == nil {
			t.Errorf("%s: no %s in %q", path, s.fixture, shownHeading)
		}
		delete(rows, s.fixture)
	}
	said, total := rows["all"], sum(all)
	delete(rows, "all")
	for name := range rows {
		t.Errorf("%s: there is no fixture %s any more", path, name)
	}
	if strings.Contains(section, " "+total.version+";") && (said == nil || differs(said[1], total.ours) || differs(said[2], total.delve)) {
		t.Errorf("%s has %v for all, sdcore shows %d variables and delve %d", path, said, total.ours, total.delve)
	}
	if t.Failed() {
		t.Log("accept what is right with -update")
	}
}

func differs(a, b int) bool { return max(a-b, b-a) > max(a, b)/10 }

// shownRows reads the table: numbers by fixture.
func shownRows(section string) map[string][]int {
	rows := map[string][]int{}
	for line := range strings.Lines(section) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		var numbers []int
		for _, cell := range cells[1:] {
			if n, err := strconv.Atoi(strings.TrimSpace(cell)); err == nil {
				numbers = append(numbers, n)
			}
		}
		if len(numbers) == 6 {
			rows[strings.TrimSpace(cells[0])] = numbers
		}
	}
	return rows
}
