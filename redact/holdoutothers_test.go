package redact

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What other scanners find in the hold-out is measured once, outside of this
// repository, and kept as a bit per case: their programs are not linked.
//
//	go test ./redact -run TestOtherScanners -holdout-texts FILE
//
// writes the texts, each as a line of JSON, to FILE. With
//
//	go test ./redact -run TestOtherScanners -holdout-found NAME=FILE
//
// the lines of FILE, each a JSON list of the pieces that the scanner of that
// name calls secret in the text of the same line, become bits.
var (
	holdoutTexts = flag.String("holdout-texts", "", "write the texts of the hold-out to this `file`")
	holdoutFound = flag.String("holdout-found", "", "take a scanner's findings, as `NAME=FILE`")
)

func bitsFile(tool string) string { return filepath.Join("testdata", "scanners", tool+".txt") }

// TestOtherScanners checks that there is a bit for each case, or makes them.
func TestOtherScanners(t *testing.T) {
	tool, found, take := strings.Cut(*holdoutFound, "=")
	switch {
	case *holdoutTexts != "":
		writeHoldoutTexts(t, *holdoutTexts)
	case take:
		takeFindings(t, tool, found)
	default:
		for _, set := range holdoutSets {
			otherVerdicts(t, set.name, set.load(t))
		}
	}
}

// otherVerdicts reads the bits of a set.
func otherVerdicts(t *testing.T, set string, cases []holdoutCase) map[string][]bool {
	t.Helper()
	all := map[string][]bool{}
	for _, tool := range tools[2:] {
		b, err := os.ReadFile(bitsFile(tool))
		if err != nil {
			t.Fatal(err)
		}
		_, rest, _ := strings.Cut("\n"+string(b), "\n"+set+" ")
		bits, _, _ := strings.Cut(rest, "\n")
		if len(bits) != len(cases) || strings.Trim(bits, "01") != "" {
			t.Fatalf("%s: %d bits for the %d cases of %s", bitsFile(tool), len(bits), len(cases), set)
		}
		for i := range bits {
			all[tool] = append(all[tool], bits[i] == '1')
		}
	}
	return all
}

func writeHoldoutTexts(t *testing.T, path string) {
	var b strings.Builder
	for _, set := range holdoutSets {
		for _, c := range set.load(t) {
			line, err := json.Marshal(c.text)
			if err != nil {
				t.Fatal(err)
			}
			b.Write(append(line, '\n'))
		}
	}
	if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// takeFindings replaces the bits of a tool and keeps the lines of comment.
func takeFindings(t *testing.T, tool, path string) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	old, err := os.ReadFile(bitsFile(tool))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, line := range strings.SplitAfter(string(old), "\n") {
		if strings.HasPrefix(line, "#") {
			b.WriteString(line)
		}
	}
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<24)
	for _, set := range holdoutSets {
		b.WriteString(set.name + " ")
		for _, c := range set.load(t) {
			var pieces []string
			if !in.Scan() {
				t.Fatalf("%s: too few lines: %v", path, in.Err())
			}
			if err := json.Unmarshal(in.Bytes(), &pieces); err != nil {
				t.Fatal(err)
			}
			out := c.text
			for _, p := range pieces {
				if p != "" {
					out = strings.ReplaceAll(out, p, Placeholder)
				}
			}
			fmt.Fprint(&b, map[bool]string{true: "1", false: "0"}[changed(c, out)])
		}
		b.WriteString("\n")
	}
	if in.Scan() {
		t.Fatalf("%s: too many lines", path)
	}
	if err := os.WriteFile(bitsFile(tool), []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
