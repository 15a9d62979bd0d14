package redact

import (
	"maps"
	"strings"
)

// Bounds of the verdicts on texts that the first pass hands over to the second.
const (
	maxVerdictText  = 16 << 10 // bytes of one text
	maxVerdictBytes = 2 << 20  // that one run keeps: texts, and what is kept with each

	verdictBytes = 96  // of an entry besides its text, about
	spanBytes    = 128 // of a span
)

// verdicts are what was removed from texts, in rounds, none for nothing: the second
// pass judges most of them once more, and finds the same. A text is looked at without the numbers
// in it, which are what differs.
type verdicts struct {
	rounds map[textKey][][]span
	bytes  int
}

type textKey struct {
	s string
	m mode
}

// of is what was removed from a text, as far as it is remembered.
func (v *verdicts) of(s string, m mode) (rounds [][]span, known bool) {
	if len(v.rounds) == 0 {
		return nil, false
	}
	rounds, known = v.rounds[textKey{s, m}]
	return rounds, known
}

// add remembers what was removed from a text, while there is room.
func (v *verdicts) add(s string, m mode, rounds [][]span) {
	size := len(s) + verdictBytes
	for _, spans := range rounds {
		size += spanBytes * len(spans)
	}
	if len(s) > maxVerdictText || v.bytes+size > maxVerdictBytes {
		return
	}
	if v.rounds == nil {
		v.rounds = map[textKey][][]span{}
	}
	v.rounds[textKey{strings.Clone(s), m}] = rounds
	v.bytes += size
}

// merge adds what another run remembers.
func (v *verdicts) merge(o *verdicts) {
	if v.rounds == nil {
		v.rounds = o.rounds
		return
	}
	maps.Copy(v.rounds, o.rounds)
}
