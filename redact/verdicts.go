package redact

import (
	"crypto/sha256"
	"maps"
	"strings"
	"unsafe"
)

// Bounds of the verdicts on texts that the first pass hands over to the second.
const (
	maxVerdictText  = 256     // bytes of one text; of a longer one its hash is kept
	maxVerdictBytes = 2 << 20 // that one run keeps: texts, and what is kept with each

	verdictBytes = 128 // of an entry besides its text, about
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
	s   string
	sum [sha256.Size]byte // of a long text, instead of it
	m   mode
}

func keyOf(s string, m mode) textKey {
	if len(s) <= maxVerdictText {
		return textKey{s: s, m: m}
	}
	return textKey{sum: sha256.Sum256(unsafe.Slice(unsafe.StringData(s), len(s))), m: m} // which changes nothing
}

// of is what was removed from a text, as far as it is remembered.
func (v *verdicts) of(k textKey) (rounds [][]span, known bool) {
	rounds, known = v.rounds[k]
	return rounds, known
}

// add remembers what was removed from a text, while there is room.
func (v *verdicts) add(k textKey, rounds [][]span) {
	size := len(k.s) + verdictBytes
	for _, spans := range rounds {
		size += spanBytes * len(spans)
	}
	if v.bytes+size > maxVerdictBytes {
		return
	}
	if v.rounds == nil {
		v.rounds = map[textKey][][]span{}
	}
	k.s = strings.Clone(k.s)
	v.rounds[k] = rounds
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
