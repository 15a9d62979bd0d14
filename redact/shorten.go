package redact

import (
	"github.com/safedump/sdcore/report"
)

// scrubber is the second pass as a visitor: propagation, then shortening.
type scrubber struct{ u *run }

func (s scrubber) text(t *string, d decision) {
	s.u.apply(t, func() judged { return s.u.scrub(*t, s.u.tiered(modeOf(d))) })
}

func (s scrubber) named(t *string, name string) {
	s.u.apply(t, func() judged { return s.u.scrub(*t, s.u.tiered(modeText)) })
}

func (s scrubber) list(list []string, d decision, field string) []string {
	m := modeOf(d)
	if field == "lines" {
		m |= modeSource
	}
	at := len(s.u.loc.parts) - 1
	for i := range list {
		s.u.loc.parts[at].index = i
		s.u.apply(&list[i], func() judged { return s.u.scrub(list[i], s.u.tiered(m)) })
	}
	s.u.loc.parts[at].index = noIndex
	return list
}

func (s scrubber) root(v *report.Value, name string) {
	defer s.u.leave(v, s.u.enter())
	s.u.scrubValue(v, 0)
}

// scrubValue removes the secrets of the report from a value and what is below
// it, and shortens the texts.
func (u *run) scrubValue(v *report.Value, depth int) {
	if v.State == report.StateRedacted {
		return
	}
	if depth > maxDepth {
		u.drop(v)
		return
	}
	if v.Text != "" {
		s, ok := v.Contents()
		if !ok {
			u.drop(v)
			return
		}
		u.replaced(v, u.scrub(s, u.valueMode(v, s)))
		if v.State == report.StateRedacted {
			return
		}
		u.shorten(v)
	}
	if u.spelledSecret(v, u.scrub) {
		return
	}
	if v.Note != "" {
		u.apply(&v.Note, func() judged { return u.scrub(v.Note, u.tiered(modeText)) })
	}
	for i := range v.Children {
		c := &v.Children[i]
		index := noIndex
		name := c.Name
		switch {
		case c.Key != nil:
			u.loc.push("?", noIndex)
			u.scrubValue(c.Key, depth+1)
			u.loc.pop()
			name = keyLabel(c.Key)
		case name == "":
			index = i
		}
		u.loc.push(name, index)
		u.scrubValue(&c.Value, depth+1)
		u.loc.pop()
	}
}

// shorten cuts the text of a value to the limit. What is left is judged once
// more, as a text that may go on: a cut must not make a secret, nor an innocent
// text that another call of Apply would take for one.
func (u *run) shorten(v *report.Value) {
	limit := u.limit
	if limit < 0 || len(v.Text) <= limit { // Text is never shorter than the contents
		return
	}
	s, ok := v.Contents()
	if !ok || len(s) <= limit {
		return
	}
	length := v.Len
	var why []why
	for round := 0; ; round++ {
		if round >= maxRounds {
			wipe(v)
			u.recordAll(why)
			u.record(RuleError, "sanitization error")
			return
		}
		s = s[:cutAt(s, limit)]
		j := u.text(s, u.valueMode(v, s)|modeCut)
		why = append(why, j.why...)
		if j.whole {
			j.wipe(v)
			u.recordAll(why)
			return
		}
		s = j.out
		if len(s) <= limit {
			break
		}
	}
	v.SetContents(s)
	v.State, v.Len = report.StateTruncated, length
	u.recordAll(why)
}

// cutAt returns where s is cut so that at most limit bytes are left: not
// inside of a character, nor of a placeholder.
func cutAt(s string, limit int) int {
	if len(s) <= limit {
		return len(s)
	}
	n := runeBoundary(s, limit)
	for k := n - 1; k >= 0 && k > n-maxPlaceholder; k-- {
		if s[k] == '[' && k+placeholderLen(s[k:]) > n {
			return k
		}
	}
	return n
}
