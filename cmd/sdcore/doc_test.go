package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// documents hold console blocks that are run: "$ sdcore ..." and below it what
// it prints. "…" stands for any text in a line, a line with nothing else for
// any lines.
var documents = []string{"README.md", "docs/redaction.md", "docs/report-format.md", "docs/waits.md"}

// TestDocuments runs every "$ sdcore" block of the documents and compares what
// it prints with what the document says.
func TestDocuments(t *testing.T) {
	coretest.Core(t, "payment") // the documents analyze its core
	root := coretest.Root(t)
	total := 0
	for _, doc := range documents {
		text, err := os.ReadFile(filepath.Join(root, doc))
		if err != nil {
			t.Fatal(err)
		}
		for _, ex := range consoleExamples(string(text)) {
			total++
			t.Run(doc+"/"+ex.command, func(t *testing.T) {
				t.Chdir(root)
				t.Setenv("HOME", t.TempDir())
				t.Setenv("NO_COLOR", "1")
				var stdout, stderr bytes.Buffer
				run(context.Background(), splitWords(ex.command)[1:], strings.NewReader(""), &stdout, &stderr)
				got := stdout.String() + stderr.String()
				if !ex.matches(got) {
					t.Errorf("%s says that it prints\n%s\nbut it prints\n%s", doc, ex.output, got)
				}
			})
		}
	}
	if total == 0 {
		t.Error("no document has a console block with an sdcore command")
	}
}

type example struct{ command, output string }

// consoleExamples finds the commands in ```console blocks.
func consoleExamples(doc string) []example {
	var found []example
	in := false
	for line := range strings.Lines(doc) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "```"):
			in = line == "```console"
		case !in:
		case strings.HasPrefix(line, "$ "):
			found = append(found, example{command: line[2:]})
		case len(found) > 0:
			found[len(found)-1].output += line + "\n"
		}
	}
	var ours []example
	for _, ex := range found {
		if strings.HasPrefix(ex.command, "sdcore ") {
			ours = append(ours, ex)
		}
	}
	return ours
}

func (ex *example) matches(got string) bool {
	var b strings.Builder
	b.WriteString(`^`)
	for line := range strings.Lines(ex.output) {
		line = strings.TrimRight(line, " \n")
		if line == "…" {
			b.WriteString(`(?:[^\n]*\n)*?`)
			continue
		}
		b.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), "…", `[^\n]*`))
		b.WriteString(`[ ]*\n`)
	}
	b.WriteString(`$`)
	return regexp.MustCompile(b.String()).MatchString(got)
}

// splitWords splits a command line at spaces outside of single quotes.
func splitWords(s string) []string {
	var words []string
	word, quoted, open := "", false, false
	for _, r := range s {
		switch {
		case r == '\'':
			quoted, open = !quoted, true
		case r == ' ' && !quoted:
			if open {
				words = append(words, word)
			}
			word, open = "", false
		default:
			word, open = word+string(r), true
		}
	}
	if open {
		words = append(words, word)
	}
	return words
}

func TestConsoleExamples(t *testing.T) {
	doc := "```console\n$ sdcore a 'b c'\none…\n…\nlast\n$ other\n```\n```\n$ sdcore not\n```\n"
	ex := consoleExamples(doc)
	if len(ex) != 1 || ex[0].command != "sdcore a 'b c'" {
		t.Fatalf("found %+v", ex)
	}
	if w := splitWords(ex[0].command); len(w) != 3 || w[2] != "b c" {
		t.Errorf("words %q", w)
	}
	if !ex[0].matches("one and more\nx\ny\nlast\n") || ex[0].matches("one\nx\n") || ex[0].matches("two\nlast\n") {
		t.Error("the wildcards do not match as they should")
	}
}
