package fingerprint

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

//go:embed rules.txt
var rulesText string

// rule is a line of rules.txt.
type rule struct {
	line    int
	name    string // of a section that gives names
	pattern *regexp.Regexp
	example string
}

// section is the rules of a section. Of most names none holds, which one pattern
// says of all.
type section struct {
	rules []rule
	all   *regexp.Regexp
}

// ruleSet is rules.txt.
type ruleSet struct {
	kind, sentinel, irrelevant, prefix, wait, idle section
}

// theRules reads the rules once.
var theRules = sync.OnceValues(func() (*ruleSet, error) { return parseRules(rulesText) })

// parseRules reads rules as rules.txt describes them.
func parseRules(text string) (*ruleSet, error) {
	rs := &ruleSet{}
	sections := map[string]*section{
		"kind": &rs.kind, "sentinel": &rs.sentinel, "irrelevant": &rs.irrelevant, "prefix": &rs.prefix, "wait": &rs.wait, "idle": &rs.idle,
	}
	var in *section
	fields := 2
	for i, line := range strings.Split(text, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok && strings.HasSuffix(name, "]") && !strings.Contains(line, "\t") {
			name = strings.TrimSuffix(name, "]")
			in, fields = sections[name], 2
			if name == "kind" || name == "wait" {
				fields = 3
			}
			if in == nil || len(in.rules) > 0 {
				return nil, fmt.Errorf("rules.txt:%d: section %s is not known, or comes twice", i+1, name)
			}
			continue
		}
		f := strings.Split(line, "\t")
		if in == nil || len(f) != fields {
			return nil, fmt.Errorf("rules.txt:%d: %d fields", i+1, len(f))
		}
		r := rule{line: i + 1, example: f[fields-1]}
		if fields == 3 {
			r.name = f[0]
		}
		var err error
		if r.pattern, err = regexp.Compile("^(?:" + f[fields-2] + ")$"); err != nil {
			return nil, fmt.Errorf("rules.txt:%d: %w", i+1, err)
		}
		in.rules = append(in.rules, r)
	}
	for name, s := range sections {
		var all []string
		for i := range s.rules {
			all = append(all, s.rules[i].pattern.String())
		}
		var err error
		if s.all, err = regexp.Compile(strings.Join(all, "|")); err != nil || len(all) == 0 {
			return nil, fmt.Errorf("rules.txt: section %s: %d rules, %w", name, len(all), err)
		}
	}
	return rs, nil
}

// find returns the first rule that matches s, nil for none.
func (x *section) find(s string) *rule {
	if !x.all.MatchString(s) {
		return nil
	}
	for i := range x.rules {
		if x.rules[i].pattern.MatchString(s) {
			return &x.rules[i]
		}
	}
	return nil
}
