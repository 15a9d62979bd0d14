package redact

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"

	"github.com/safedump/sdcore/report"
)

// Policy says what to remove and how much to keep. The zero value is the
// default policy at tier 0; see [Default].
type Policy struct {
	// Tier is the privacy tier, 0 to 4 (docs/redaction.md). What a tier does
	// not show is removed here, whatever the report holds.
	Tier int
	// Personal removes e-mail addresses, phone numbers and the like at the tiers
	// that would show them, too.
	Personal bool
	// Addresses removes IP addresses but for loopback ones. They are shown
	// otherwise, at every tier: most are needed to understand a crash.
	Addresses bool
	// Limits shorten what is left, after everything was judged whole. Only
	// MaxString is used here: 0 means that of
	// [TierLimits], -1 no bound.
	Limits report.Limits
	// Allow lists names whose values are not removed because of the name.
	// Patterns, types and propagation still apply to them. A name is compared
	// without case and separators: apiKey, API_KEY and api-key are one name. "*"
	// stands for any part of it.
	Allow []string
	// Deny lists further names whose values are removed, compared like Allow.
	// Allow wins over Deny.
	Deny []string
	// AllowTypes and DenyTypes list types by name, with "*" for any part of it,
	// whatever the case:
	// "billing.Account", "*.Secret*". A name is compared with its whole package
	// path and with the last element of it, without leading pointers. Values of
	// an allowed type are not removed because of the type, those of a denied one
	// always are.
	AllowTypes, DenyTypes []string
	// AllowPaths and DenyPaths list places by their location in audit records,
	// with "*" for a part of one step and "**" for any steps:
	// "goroutines[*].frames[*].vars.req.Header.*". What stands at an allowed
	// place is not removed because of its name or type, what stands at a denied
	// one always is: values, texts, arguments and lines of source, not the
	// names of the program.
	AllowPaths, DenyPaths []string
	// AllowPatterns are regular expressions. A piece of text that is one of them
	// as a whole is not removed because of its form.
	AllowPatterns []string
	// Rules are further patterns.
	Rules []Rule
	// Entropy turns on the search for random-looking strings: values of 16
	// bytes or more with more than so many bits per character are removed. 0
	// is off, as in Safedump; Safedump's own threshold is 4.5.
	Entropy float64
	// Unnumbered leaves the numbers out by which equal secrets can be told from
	// others.
	Unnumbered bool
	// Time goes into the audit records of what is removed. The zero time leaves it
	// out, so that equal reports become equal ones whenever they are redacted.
	Time time.Time
	// Shape leaves structure and kinds only: what is shown keeps its type, and
	// nothing of what it held.
	Shape bool
}

// Scope says what a [Rule] looks at.
type Scope string

// The scopes of rules. The empty Scope is ApplyValues, as in Safedump.
const (
	ApplyValues Scope = "values" // values and texts: what matches is replaced
	ApplyNames  Scope = "names"  // names: the value beside a matching name is removed
	ApplyAll    Scope = "all"    // both
)

// Rule is a pattern of the user's.
type Rule struct {
	// Name is what audit records call the rule; empty means its pattern, unless
	// that is of the form that it looks for.
	Name string
	// Pattern is a regular expression in Go's syntax.
	Pattern string
	// Replacement is put in the place of a match, literally; empty means
	// Placeholder. It must not match Pattern.
	Replacement string
	// ApplyTo is what the rule looks at.
	ApplyTo Scope
}

// Validate reports what is wrong with the rule.
func (r Rule) Validate() error {
	_, err := compileRule(r)
	return err
}

// Default is the policy of the commands: tier 1 with the default limits.
func Default() Policy { return Policy{Tier: 1} }

// Validate reports what is wrong with the policy, all of it.
func (p Policy) Validate() error {
	var errs []error
	if p.Tier < 0 || p.Tier > 4 {
		errs = append(errs, fmt.Errorf("redact: tier %d: want 0 to 4", p.Tier))
	}
	if p.Limits.MaxString < -1 {
		errs = append(errs, fmt.Errorf("redact: maximum string length %d: want -1 or more", p.Limits.MaxString))
	}
	if p.Entropy < 0 || math.IsNaN(p.Entropy) || p.Entropy > 8 {
		errs = append(errs, fmt.Errorf("redact: entropy threshold %v: want 0 (off) to 8 bits", p.Entropy))
	}
	for i, r := range p.Rules {
		if _, err := compileRule(r); err != nil {
			errs = append(errs, fmt.Errorf("redact: rule %d: %w", i+1, err))
		}
	}
	if _, err := compileChoices(p); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// maxString is the number of bytes shown of a string, -1 for no bound.
func (p Policy) maxString() int {
	if p.Limits.MaxString == 0 {
		return TierLimits(p.Tier).MaxString
	}
	return p.Limits.MaxString
}

// compiledRule is a Rule made ready.
type compiledRule struct {
	re            *regexp.Regexp
	replacement   string
	values, names bool
	reason        string
}

// compileRule compiles and checks r. A rule that matches the empty string, the
// placeholder or its own replacement would never come to rest.
func compileRule(r Rule) (compiledRule, error) {
	c := compiledRule{replacement: r.Replacement}
	if r.Pattern == "" {
		return c, errors.New("empty pattern")
	}
	re, err := regexp.Compile(r.Pattern)
	if err != nil {
		return c, fmt.Errorf("pattern: %w", err)
	}
	c.re = re
	switch {
	case r.Name != "":
		c.reason = "matched custom rule: " + r.Name
	case re.MatchString(r.Pattern): // a literal: it could be the secret itself
		c.reason = "matched custom rule: a literal"
	default:
		c.reason = "matched custom rule: " + r.Pattern
	}
	if c.replacement = Unnumbered(c.replacement); c.replacement == "" {
		c.replacement = Placeholder
	}
	switch r.ApplyTo {
	case "", ApplyValues:
		c.values = true
	case ApplyNames:
		c.names = true
	case ApplyAll:
		c.values, c.names = true, true
	default:
		return c, fmt.Errorf("apply to %q: want values, names or all", r.ApplyTo)
	}
	if re.MatchString("") {
		return c, fmt.Errorf("pattern %q matches the empty string", r.Pattern)
	}
	if c.values {
		switch {
		case re.MatchString(Placeholder):
			return c, fmt.Errorf("pattern %q matches the placeholder %s", r.Pattern, Placeholder)
		case re.MatchString(c.replacement):
			return c, fmt.Errorf("pattern %q matches its own replacement", r.Pattern)
		}
	}
	return c, nil
}
