package redact

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// choices are what a policy allows and denies, made ready.
type choices struct {
	allowName, denyName nameList
	allowType, denyType []glob
	allowPath, denyPath []glob
	allowText           []*regexp.Regexp
}

// compileChoices compiles the lists of p and reports all that is wrong.
func compileChoices(p Policy) (*choices, error) {
	var errs []error
	c := &choices{}
	check := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("redact: %s: %w", what, err))
		}
	}
	var err error
	c.allowName, err = newNameList(p.Allow)
	check("allowed names", err)
	c.denyName, err = newNameList(p.Deny)
	check("denied names", err)
	c.allowType, err = typeGlobs(p.AllowTypes)
	check("allowed types", err)
	c.denyType, err = typeGlobs(p.DenyTypes)
	check("denied types", err)
	c.allowPath, err = pathGlobs(p.AllowPaths)
	check("allowed paths", err)
	c.denyPath, err = pathGlobs(p.DenyPaths)
	check("denied paths", err)
	for _, pattern := range p.AllowPatterns {
		re, err := wholeText(pattern)
		check("allowed patterns", err)
		c.allowText = append(c.allowText, re)
	}
	return c, errors.Join(errs...)
}

// wholeText compiles a pattern that has to match a text as a whole.
func wholeText(pattern string) (*regexp.Regexp, error) {
	if pattern == "" {
		return nil, errors.New("empty pattern")
	}
	if _, err := regexp.Compile(pattern); err != nil { // said in the user's words
		return nil, fmt.Errorf("pattern: %w", err)
	}
	return regexp.Compile(`^(?:` + pattern + `)$`)
}

// glob is a pattern with wildcards as the user wrote it, and made ready.
type glob struct {
	source string
	re     *regexp.Regexp
}

// newGlob compiles a pattern, for which case does not count: star is what "*" stands for, "**" is any text.
func newGlob(source, star string) (glob, error) {
	if strings.Trim(source, "*.[] ") == "" {
		return glob{}, fmt.Errorf("%q would be everything: name a part of it", source)
	}
	const anything = `(?s:.*)`
	parts := strings.Split(source, "**")
	for i, part := range parts {
		pieces := strings.Split(part, "*")
		for k := range pieces {
			pieces[k] = regexp.QuoteMeta(pieces[k])
		}
		parts[i] = strings.Join(pieces, star)
	}
	re, err := regexp.Compile(`^(?i:` + strings.Join(parts, anything) + `)$`)
	return glob{source, re}, err
}

func typeGlobs(list []string) ([]glob, error) {
	return globs(list, func(s string) (glob, error) { return newGlob(s, `.*`) })
}

func pathGlobs(list []string) ([]glob, error) {
	return globs(list, func(s string) (glob, error) { return newGlob(s, `[^.\[\]]*`) })
}

func globs(list []string, compile func(string) (glob, error)) ([]glob, error) {
	var out []glob
	for _, s := range list {
		g, err := compile(s)
		if err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, nil
}

// firstMatch returns the first of the patterns that is s.
func firstMatch(list []glob, s ...string) (string, bool) {
	for _, g := range list {
		for _, t := range s {
			if g.re.MatchString(t) {
				return g.source, true
			}
		}
	}
	return "", false
}

// nameList is a list of names: single ones, and patterns.
type nameList struct {
	exact map[string]string // without case and separators -> as it was written
	globs []glob
}

func newNameList(names []string) (nameList, error) {
	l := nameList{exact: map[string]string{}}
	for _, name := range names {
		joined := joinedName(name)
		if joined == "" {
			return l, fmt.Errorf("name %q holds no letter or digit", name)
		}
		if !strings.Contains(name, "*") {
			l.exact[joined] = strings.ToLower(name)
			continue
		}
		pieces := strings.Split(name, "*")
		for i := range pieces {
			pieces[i] = joinedName(pieces[i])
		}
		g, err := newGlob(strings.Join(pieces, "*"), `.*`)
		if err != nil {
			return l, err
		}
		l.globs = append(l.globs, glob{strings.ToLower(name), g.re})
	}
	return l, nil
}

// find returns the entry that the name is, which has no case and separators.
func (l *nameList) find(joined string) (string, bool) {
	if word, ok := l.exact[joined]; ok {
		return word, true
	}
	return firstMatch(l.globs, joined)
}

func (l *nameList) has(joined string) bool {
	_, ok := l.find(joined)
	return ok
}

// joinedName is a name without case and separators, as Allow and Deny compare.
func joinedName(name string) string { return strings.Join(splitWords(name), "") }

// typeRule returns what makes values of the type secret, the policy's choices
// first; empty for nothing.
func (x *Redactor) typeRule(typ string) string {
	if c := x.choices; len(c.allowType)+len(c.denyType) > 0 {
		full := strings.TrimLeft(typ, "*")
		if _, ok := firstMatch(c.allowType, full, shortType(full)); ok {
			return ""
		}
		if entry, ok := firstMatch(c.denyType, full, shortType(full)); ok {
			return entry
		}
	}
	return x.types.judge(typ)
}

// secretField returns what makes a field of the type secret, empty for nothing
// or where the policy allows the type.
func (x *Redactor) secretField(owner, field string) string {
	full := strings.TrimLeft(owner, "*")
	if _, ok := firstMatch(x.choices.allowType, full, shortType(full)); ok {
		return ""
	}
	return x.types.secretField(owner, field)
}

// keep drops what the policy allows from the spans to be removed from s.
func (c *choices) keep(s string, spans []span) []span {
	if len(c.allowText) == 0 {
		return spans
	}
	kept := spans[:0]
	for _, sp := range spans {
		allowed := false
		for _, re := range c.allowText {
			allowed = allowed || sp.rule != RuleError && re.MatchString(s[sp.start:sp.end])
		}
		if !allowed {
			kept = append(kept, sp)
		}
	}
	return kept
}
