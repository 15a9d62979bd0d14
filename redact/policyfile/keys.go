package policyfile

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// topKeys are the keys of a policy, in the order in which they are described.
const topKeys = "preset, tier, mode, personal, numbers, entropy, limits, add, allow, deny"

// top reads the file's mapping. The preset is what the other keys change,
// wherever it stands.
func (r *reader) top(n *yaml.Node) {
	var preset func(*redact.Policy)
	r.mapping(n, "", keys{
		"preset": func(r *reader, n *yaml.Node, where string) {
			if name, ok := r.choice(n, where, redact.Presets()); ok {
				preset = func(p *redact.Policy) { *p, _ = redact.Preset(name) }
			}
		},
		"tier": (*reader).tier, "mode": (*reader).mode, "personal": (*reader).personal, "numbers": (*reader).numbers, "entropy": (*reader).entropy,
		"limits": (*reader).limits, "add": (*reader).add, "allow": (*reader).allow, "deny": (*reader).deny,
	})
	if preset != nil {
		r.file.changes = append([]func(*redact.Policy){preset}, r.file.changes...)
	}
}

func (r *reader) tier(n *yaml.Node, where string) {
	v, ok := r.integer(n, where, 0)
	if !ok {
		return
	}
	if err := (redact.Policy{Tier: int(v)}).Validate(); err != nil {
		r.fail(n, where, "%s", reason(err))
		return
	}
	r.set(func(p *redact.Policy) { p.Tier = int(v) })
}

func (r *reader) mode(n *yaml.Node, where string) {
	if word, ok := r.choice(n, where, []string{"values", "shape"}); ok {
		r.set(func(p *redact.Policy) { p.Shape = word == "shape" })
	}
}

func (r *reader) personal(n *yaml.Node, where string) {
	if on, ok := r.boolean(n, where, "true (personal data is removed at every tier) or false (at tiers 0 and 1)"); ok {
		r.set(func(p *redact.Policy) { p.Personal = on })
	}
}

func (r *reader) numbers(n *yaml.Node, where string) {
	if on, ok := r.boolean(n, where, "true (equal secrets have a number) or false"); ok {
		r.set(func(p *redact.Policy) { p.Unnumbered = !on })
	}
}

// boolean reads true or false, whose meanings want says.
func (r *reader) boolean(n *yaml.Node, where, want string) (on, ok bool) {
	if !r.plain(n, where, yaml.ScalarNode, want) {
		return false, false
	}
	if n.Tag != "!!bool" {
		r.fail(n, where, "%q: want %s", n.Value, want)
		return false, false
	}
	return n.Value == "true" || n.Value == "True" || n.Value == "TRUE", true
}

func (r *reader) entropy(n *yaml.Node, where string) {
	const want = "0 (off) to 8 bits per character"
	if !r.plain(n, where, yaml.ScalarNode, want) {
		return
	}
	h, err := strconv.ParseFloat(n.Value, 64)
	if err == nil {
		err = redact.Policy{Entropy: h}.Validate()
	}
	if err != nil || n.Tag != "!!int" && n.Tag != "!!float" {
		r.fail(n, where, "%q: want %s", n.Value, want)
		return
	}
	r.set(func(p *redact.Policy) { p.Entropy = h })
}

func (r *reader) limits(n *yaml.Node, where string) {
	limit := func(put func(*report.Limits, int64)) func(*reader, *yaml.Node, string) {
		return func(r *reader, n *yaml.Node, where string) {
			if v, ok := r.integer(n, where, -1); ok {
				r.set(func(p *redact.Policy) { put(&p.Limits, v) })
			}
		}
	}
	r.mapping(n, where, keys{
		"max_string": limit(func(l *report.Limits, v int64) { l.MaxString = int(v) }),
		"max_items":  limit(func(l *report.Limits, v int64) { l.MaxItems = int(v) }),
		"max_depth":  limit(func(l *report.Limits, v int64) { l.MaxDepth = int(v) }),
		"max_nodes":  limit(func(l *report.Limits, v int64) { l.MaxNodes = int(v) }),
		"max_frames": limit(func(l *report.Limits, v int64) { l.MaxFrames = int(v) }),
		"max_size":   limit(func(l *report.Limits, v int64) { l.MaxSize = v }),
	})
}

// add reads the list of rules.
func (r *reader) add(n *yaml.Node, where string) {
	if !r.plain(n, where, yaml.SequenceNode, "a list of rules, each with a pattern") {
		return
	}
	for i, e := range n.Content {
		r.rule(e, fmt.Sprintf("%s[%d]", where, i))
	}
}

func (r *reader) rule(n *yaml.Node, where string) {
	var rule redact.Rule
	before := len(r.errs) + r.more
	field := func(put func(string)) func(*reader, *yaml.Node, string) {
		return func(r *reader, n *yaml.Node, where string) {
			if s, ok := r.text(n, where); ok {
				put(s)
			}
		}
	}
	r.mapping(n, where, keys{
		"name":        field(func(s string) { rule.Name = s }),
		"pattern":     field(func(s string) { rule.Pattern = s }),
		"replacement": field(func(s string) { rule.Replacement = s }),
		"apply_to":    field(func(s string) { rule.ApplyTo = redact.Scope(s) }),
	})
	if len(r.errs)+r.more > before {
		return
	}
	if err := rule.Validate(); err != nil {
		r.fail(n, where, "%s", reason(err))
		return
	}
	r.set(func(p *redact.Policy) { p.Rules = append(p.Rules[:len(p.Rules):len(p.Rules)], rule) })
}

func (r *reader) allow(n *yaml.Node, where string) {
	r.mapping(n, where, keys{
		"names":    choices(func(p *redact.Policy) *[]string { return &p.Allow }),
		"types":    choices(func(p *redact.Policy) *[]string { return &p.AllowTypes }),
		"paths":    choices(func(p *redact.Policy) *[]string { return &p.AllowPaths }),
		"patterns": choices(func(p *redact.Policy) *[]string { return &p.AllowPatterns }),
	})
}

func (r *reader) deny(n *yaml.Node, where string) {
	r.mapping(n, where, keys{
		"names": choices(func(p *redact.Policy) *[]string { return &p.Deny }),
		"types": choices(func(p *redact.Policy) *[]string { return &p.DenyTypes }),
		"paths": choices(func(p *redact.Policy) *[]string { return &p.DenyPaths }),
		"patterns": func(r *reader, n *yaml.Node, where string) {
			check := func(s string) error { return redact.Rule{Pattern: s}.Validate() }
			for _, pattern := range r.texts(n, where, check) {
				r.set(func(p *redact.Policy) {
					p.Rules = append(p.Rules[:len(p.Rules):len(p.Rules)], redact.Rule{Pattern: pattern})
				})
			}
		},
	})
}

// choices reads a list of entries into the field of the policy that at returns;
// each of them is checked by itself, so that its line is known.
func choices(at func(*redact.Policy) *[]string) func(*reader, *yaml.Node, string) {
	return func(r *reader, n *yaml.Node, where string) {
		list := r.texts(n, where, func(s string) error {
			var p redact.Policy
			*at(&p) = []string{s}
			return p.Validate()
		})
		r.set(func(p *redact.Policy) {
			into := at(p)
			*into = append((*into)[:len(*into):len(*into)], list...)
		})
	}
}
