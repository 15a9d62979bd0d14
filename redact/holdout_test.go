package redact

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what was measured to docs/redaction.md")

// tolerance is how far a class may fall below what the page says.
const tolerance = 0.005

var redactionPage = filepath.Join("..", "docs", "redaction.md")

// tools are the columns of the table: us, the floor, and the scanners that were
// run once (see holdoutothers_test.go).
var tools = []string{"sdcore", "Safedump", "betterleaks", "gitleaks"}

// tally counts cases of a class, and for each tool those it did right.
type tally struct {
	holdoutClass
	n     int
	right map[string]int
}

func (y *tally) share(tool string) float64 { return float64(y.right[tool]) / float64(max(1, y.n)) }

// TestHoldout measures the rules on cases that were frozen before them, and
// compares with what docs/redaction.md says. It prints totals only.
func TestHoldout(t *testing.T) {
	var table []*tally
	confusion := map[string]*[2]int{} // by tool: names redacted, and rightly
	for _, set := range holdoutSets {
		cases := set.load(t)
		verdicts := map[string][]bool{"sdcore": sdcoreVerdicts(t, cases), "Safedump": safedumpVerdicts(cases)}
		for tool, bits := range otherVerdicts(t, set.name, cases) {
			verdicts[tool] = bits
		}
		for i, c := range cases {
			if c.class.innocent && set.name == "vectors" && verdicts["betterleaks"][i] {
				continue // a secret for another of its rules
			}
			k := slices.IndexFunc(table, func(y *tally) bool { return y.holdoutClass == c.class })
			if k < 0 {
				k, table = len(table), append(table, &tally{holdoutClass: c.class, right: map[string]int{}})
			}
			table[k].n++
			for tool, v := range verdicts {
				if v[i] != c.class.innocent {
					table[k].right[tool]++
				}
				if set.name == "names" && v[i] && c.class.target > 0 {
					if confusion[tool] == nil {
						confusion[tool] = new([2]int)
					}
					confusion[tool][0]++
					if !c.class.innocent {
						confusion[tool][1]++
					}
				}
			}
		}
	}
	section := holdoutTable(table, confusion)
	t.Logf("\n%s", section)
	if *update {
		replaceSection(t, "hold-out", section)
		return
	}
	compareWithPage(t, table)
}

// sdcoreVerdicts says for each case whether the secret went, or whether an
// innocent was changed.
func sdcoreVerdicts(t *testing.T, cases []holdoutCase) []bool {
	x := holdoutRedactor(t)
	var out []bool
	for _, c := range cases {
		if c.field == "" {
			got := redactedVar(t, x, "v", str(c.text))
			s, _ := got.Contents()
			out = append(out, changed(c, s))
			continue
		}
		in := structOf(c.owner, c.field, fieldValue(c.typ, c.textToken()))
		got := redactedVar(t, x, "v", in)
		was, _ := json.Marshal(in)
		is, _ := json.Marshal(got)
		if c.secret != "" {
			out = append(out, gone(string(was), c.secret, string(is)) && !bytes.Equal(was, is))
		} else {
			out = append(out, !bytes.Equal(was, is))
		}
	}
	return out
}

// textToken is the token in the text of a name.
func (c holdoutCase) textToken() string {
	_, s, _ := strings.Cut(c.text, `"`)
	return strings.TrimSuffix(s, `",`)
}

// safedumpVerdicts are those of the floor: a name that is denied, a text that
// one of the patterns is found in, which goes as a whole.
func safedumpVerdicts(cases []holdoutCase) []bool {
	var res []*regexp.Regexp
	for _, p := range safedumpPatterns {
		res = append(res, regexp.MustCompile(p))
	}
	var out []bool
	for _, c := range cases {
		hit := c.field != "" && Denied(c.field)
		for _, re := range res {
			hit = hit || c.field == "" && re.MatchString(c.text)
		}
		out = append(out, hit)
	}
	return out
}

// changed reports whether what must go from the text is gone, or of an innocent
// text whether it is not as it was.
func changed(c holdoutCase, out string) bool {
	if c.secret == "" {
		return out != c.text
	}
	return gone(c.text, c.secret, out)
}

// gone reports whether out, which text became, holds no piece of the secret: no
// eight bytes of it (of a shorter one: the secret) more often than text has them
// elsewhere. A secret of letters alone may also stand there as a word, once more
// than it is secret: password=password.
func gone(text, secret, out string) bool {
	elsewhere := strings.ReplaceAll(text, secret, "\x00")
	if strings.Trim(strings.ToLower(secret), "abcdefghijklmnopqrstuvwxyz") == "" {
		if i := strings.LastIndex(text, secret); i >= 0 {
			elsewhere = text[:i] + "\x00" + text[i+len(secret):]
		}
	}
	out = strings.ReplaceAll(Unnumbered(out), Placeholder, "\x00")
	size := min(8, len(secret))
	for i := 0; i+size <= len(secret); i++ {
		piece := secret[i : i+size]
		if strings.Contains(out, piece) && strings.Count(out, piece) > strings.Count(elsewhere, piece) {
			return false
		}
	}
	return true
}

func TestGone(t *testing.T) {
	for _, c := range []struct {
		text, secret, out string
		want              bool
	}{
		{"password=Tr0ub4dor-and-3", "Tr0ub4dor-and-3", "password=" + Placeholder, true},
		{"password=Tr0ub4dor-and-3", "Tr0ub4dor-and-3", "password=" + Placeholder + "-and-3", true},    // six bytes
		{"password=Tr0ub4dor-and-3", "Tr0ub4dor-and-3", "password=" + Placeholder + "or-and-3", false}, // eight
		{"password=Tr0ub4dor-and-3", "Tr0ub4dor-and-3", "password=Tr0ub4dor-and-3", false},
		{"password=password", "password", "password=" + Placeholder, true},
		{"password=password", "password", "password=password", false},
		{"pin 1234, 1234", "1234", "pin " + Placeholder + ", 1234", false},
		{"pw ab1", "ab1", "", true},
	} {
		if got := gone(c.text, c.secret, c.out); got != c.want {
			t.Errorf("%q without %q is %q: %v, want %v", c.text, c.secret, c.out, got, c.want)
		}
	}
}

const holdoutHeader = "| set | class | cases | sdcore | Safedump | betterleaks | gitleaks | target | reached |\n|---|---|---|---|---|---|---|---|---|\n"

func holdoutTable(table []*tally, confusion map[string]*[2]int) string {
	var b strings.Builder
	for _, innocent := range []bool{false, true} {
		what := "Recall: secrets of which nothing is left."
		if innocent {
			what = "Innocents left exactly as they were."
		}
		fmt.Fprintf(&b, "%s\n\n%s", what, holdoutHeader)
		for _, y := range table {
			if y.innocent != innocent {
				continue
			}
			fmt.Fprintf(&b, "| %s | %s | %d |", y.set, y.name, y.n)
			for _, tool := range tools {
				if innocent && y.set == "vectors" && tool == "betterleaks" {
					b.WriteString(" by choice |")
					continue
				}
				fmt.Fprintf(&b, " %.3f |", y.share(tool))
			}
			fmt.Fprintf(&b, " %s | %s |\n", targetText(y.target), reachedText(y))
		}
		b.WriteByte('\n')
	}
	b.WriteString("Precision on names, without those on Safedump's list that are innocent: of the fields that were redacted, the share that is labelled `secret`:\n")
	for i, tool := range tools {
		c := confusion[tool]
		if c == nil {
			c = new([2]int)
		}
		fmt.Fprintf(&b, "%s %d of %d%s", tool, c[1], c[0], []string{", ", ", ", ", ", ".\n"}[i])
	}
	return b.String()
}

func targetText(target float64) string {
	if target == 0 {
		return "none"
	}
	return fmt.Sprintf("%.2f", target)
}

func reachedText(y *tally) string {
	switch {
	case y.target == 0:
		return ""
	case y.share("sdcore") >= y.target:
		return "yes"
	}
	return "**not yet**"
}

// compareWithPage fails where a class is measured lower than the page says,
// where the page calls a target reached that is not, and where a class is missing.
func compareWithPage(t *testing.T, table []*tally) {
	t.Helper()
	page := pageSection(t, "hold-out")
	for _, y := range table {
		row := regexp.MustCompile(`(?m)^\| ` + regexp.QuoteMeta(y.set+" | "+y.name+" | "+strconv.Itoa(y.n)) + ` \| ([0-9.]+) \|.* \| ([^|]*) \|$`).FindStringSubmatch(page)
		if row == nil {
			t.Errorf("docs/redaction.md has no row of %s, %s, %d cases: go test ./redact -run TestHoldout -update", y.set, y.name, y.n)
			continue
		}
		said, err := strconv.ParseFloat(row[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		got := y.share("sdcore")
		if got < said-tolerance {
			t.Errorf("%s, %s: %.3f, docs/redaction.md says %.3f", y.set, y.name, got, said)
		}
		if row[2] == "yes" && got < y.target {
			t.Errorf("%s, %s: %.3f does not reach the target of %.2f, docs/redaction.md says it does", y.set, y.name, got, y.target)
		}
		if got > said+0.02 {
			t.Logf("%s, %s: %.3f is better than the %.3f of docs/redaction.md: -update", y.set, y.name, got, said)
		}
	}
}

// sectionMarks are the comments in the page between which a table is written.
func sectionMarks(name string) (begin, end string) {
	return "<!-- measured: " + name + " -->\n", "<!-- end of " + name + " -->\n"
}

func pageSection(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(redactionPage)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := sectionMarks(name)
	_, rest, ok := strings.Cut(string(b), begin)
	section, _, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("docs/redaction.md has no section between %q and %q", begin, end)
	}
	return section
}

func replaceSection(t *testing.T, name, section string) {
	t.Helper()
	old := pageSection(t, name)
	b, err := os.ReadFile(redactionPage)
	if err != nil {
		t.Fatal(err)
	}
	begin, _ := sectionMarks(name)
	if err := os.WriteFile(redactionPage, []byte(strings.Replace(string(b), begin+old, begin+section, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}
