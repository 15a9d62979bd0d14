// Command providers turns betterleaks' rules into the table that package redact
// embeds:
//
//	go run ./scripts/providers COMMIT <betterleaks/config/betterleaks.toml >redact/providers.tsv
//
// It takes the data of a rule (name, keywords, expression, group, entropy) and
// adds what redact needs to run the expression in a window only. Rules that
// redact has code for, or that find no secrets, are left out (left.go).
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: providers COMMIT <betterleaks.toml >providers.tsv")
		os.Exit(2)
	}
	if err := run(os.Stdin, os.Stdout, os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "providers:", err)
		os.Exit(1)
	}
}

// rule is what is taken of a rule.
type rule struct {
	id, regex, group, entropy string
	keywords                  []string
}

const header = `# Credentials of well-known providers, as expressions behind keywords: data, made by scripts/providers.
# Source: the rules of betterleaks, https://github.com/betterleaks/betterleaks at %s, config/betterleaks.toml.
#
# MIT License. Copyright (c) 2026 Zachary Rice
#
# Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
# documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
# rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
# persons to whom the Software is furnished to do so, subject to the following conditions: The above copyright notice and
# this permission notice shall be included in all copies or substantial portions of the Software.
#
# THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
# WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
# COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
# OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
#
# id, keywords, group, entropy, bytes before the keyword, bytes from it on, unbroken bytes, kind, expression.
`

func run(in io.Reader, out io.Writer, commit string) error {
	rules, err := read(in)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	fmt.Fprintf(w, header, commit)
	left := leftOut()
	for _, r := range rules {
		if _, out := left[r.id]; out {
			delete(left, r.id)
			continue
		}
		m, err := measure(r)
		if err != nil {
			return fmt.Errorf("rule %s: %w", r.id, err)
		}
		if len(r.keywords) == 0 || strings.ContainsAny(r.regex, "\t\n") {
			return fmt.Errorf("rule %s: no keyword, or an expression of several lines", r.id)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", r.id, strings.Join(r.keywords, " "), r.group, r.entropy, m.before, m.after, m.unbroken, m.kind, shorten(r.regex))
	}
	if len(left) > 0 {
		return fmt.Errorf("left.go names %d rules that there are not", len(left))
	}
	return w.Flush()
}

// The beginnings and ends that most rules share; redact has wider ones of its own.
const (
	assignment = `(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}`
	inFlags    = `(?:[ \t\w.-]{0,20})[\s'"]{0,3})(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}`
	ending     = `(?:\\?['"\x60]|[\s;]|\\[nr]|$)`
)

// shorten writes <is>, <)is> and <end> for them.
func shorten(regex string) string {
	regex = strings.ReplaceAll(regex, assignment, "<is>")
	regex = strings.ReplaceAll(regex, inFlags, "<)is>")
	return strings.ReplaceAll(regex, ending, "<end>")
}

// read reads the rules of a file that betterleaks' generator wrote: of TOML no
// more than what that writes.
func read(in io.Reader) ([]rule, error) {
	var rules []rule
	entropyIs := regexp.MustCompile(`entropy\(finding\["secret"\]\) <=? ([0-9.]+)`)
	table, text, lines := "", "", bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if text != "" { // in a text of several lines
			text += line + "\n"
			if !strings.HasSuffix(line, "'''") {
				continue
			}
			line, text = text, ""
		} else if name, rest, ok := strings.Cut(line, " = '''"); ok && !strings.Contains(rest, "'''") {
			text = name + " = '''" + rest + "\n"
			continue
		}
		if strings.HasPrefix(line, "[") {
			if table = line; table == "[[rules]]" {
				rules = append(rules, rule{})
			}
			continue
		}
		name, value, ok := strings.Cut(line, " = ")
		if table != "[[rules]]" {
			continue
		}
		r := &rules[len(rules)-1]
		switch {
		case !ok:
			if w := strings.Trim(line, ` ",`); strings.HasPrefix(line, `    "`) {
				r.keywords = append(r.keywords, w)
			}
		case name == "id":
			r.id = strings.Trim(value, `"`)
		case name == "regex":
			r.regex = strings.Trim(strings.TrimSpace(value), "'")
		case name == "secretGroup":
			r.group = value
		case name == "keywords":
			for _, w := range strings.Split(strings.Trim(value, "[]"), ",") {
				if w = strings.Trim(w, ` "`); w != "" {
					r.keywords = append(r.keywords, w)
				}
			}
		case name == "filter":
			if m := entropyIs.FindStringSubmatch(value); m != nil {
				r.entropy = m[1]
			}
		}
	}
	for i := range rules {
		for k, w := range rules[i].keywords {
			rules[i].keywords[k] = strings.ToLower(strings.ReplaceAll(w, " ", "\u00b7"))
		}
		slices.Sort(rules[i].keywords)
	}
	return rules, lines.Err()
}
