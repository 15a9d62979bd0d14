package redact

import "github.com/safedump/sdcore/report"

// seeker finds out, as a visitor, whether the scrubber has anything to do. It changes
// nothing.
type seeker struct{ u *run }

func (s seeker) text(t *string, d decision) { s.u.seek(*t, s.u.tiered(modeOf(d))) }

func (s seeker) named(t *string, _ string) { s.u.seek(*t, s.u.tiered(modeText)) }

func (s seeker) list(list []string, d decision, field string) []string {
	m := modeOf(d)
	if field == "lines" {
		m |= modeSource
	}
	for i := range list {
		s.u.seek(list[i], s.u.tiered(m))
	}
	return list
}

func (s seeker) root(v *report.Value, _ string) {
	defer s.u.leave(v, s.u.enter())
	s.u.seekValue(v, 0)
}

// seek notes that a text holds a secret.
func (u *run) seek(s string, m mode) {
	if u.dirty || len(s) < minSpread || u.settled(s, m) {
		return
	}
	if u.search.holds(s, m&modeCut != 0) {
		u.dirty = true
		return
	}
	u.texts.add(s, m)
}

// seekValue is seek for what scrubValue looks at.
func (u *run) seekValue(v *report.Value, depth int) {
	if u.dirty || v.State == report.StateRedacted {
		return
	}
	if v.Text != "" {
		s, ok := v.Contents()
		if !ok || depth > maxDepth {
			u.dirty = true
			return
		}
		u.seek(s, u.valueMode(v, s))
	}
	u.spelledSecret(v, func(s string, m mode) judged {
		u.seek(s, m)
		return judged{out: s}
	})
	if v.Note != "" {
		u.seek(v.Note, u.tiered(modeText))
	}
	for i := range v.Children {
		if k := v.Children[i].Key; k != nil {
			u.seekValue(k, depth+1)
		}
		u.seekValue(&v.Children[i].Value, depth+1)
	}
}
