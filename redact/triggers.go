package redact

import (
	"slices"
	"unicode/utf8"
)

// trigger is a set of things that may begin at a pair of bytes.
type trigger uint8

const (
	trigToken  trigger = 1 << iota // a provider's prefix
	trigPair                       // "=" or ":" of a name and its value, ">" of an XML tag
	trigURL                        // "://"
	trigAt                         // "@", and what begins a phone number
	trigDashes                     // "--": PEM armour, flags
	trigDigit                      // two digits: card numbers
	trigScheme                     // "bearer ", "basic "
	trigSpoken                     // a space or a bracket and a quote, a space and a dash
)

// triggerTable tells for each pair of bytes what may begin there: the filter
// that keeps the scan at one table look-up per byte of innocent text.
type triggerTable struct {
	pair [1 << 16]trigger
	// tokens are the rules of the prefixes that begin alike; of a pair they are
	// those of its number in which.
	tokens []tokenRules
	which  [1 << 16]uint16
}

// tokenRules are rules of prefixes that begin alike, with what may be the third byte.
type tokenRules struct {
	rules []tokenRule
	third [256]bool
}

// add adds a rule. Whatever stands behind a prefix of two bytes is a third one.
func (t *tokenRules) add(r tokenRule) {
	t.rules = append(t.rules, r)
	for c := range t.third {
		t.third[c] = t.third[c] || len(r.prefix) < 3 || r.prefix[2] == byte(c)
	}
}

func pairOf(a, b byte) uint16 { return uint16(a)<<8 | uint16(b) }

func newTriggerTable() *triggerTable {
	t := &triggerTable{tokens: make([]tokenRules, 1)}
	for _, r := range slices.Concat(floorPatterns(), providerTokens(), webhooks(), ibanRules()) {
		p := pairOf(r.prefix[0], r.prefix[1])
		if t.which[p] == 0 {
			t.which[p] = uint16(len(t.tokens))
			t.tokens = append(t.tokens, tokenRules{})
		}
		t.tokens[t.which[p]].add(r)
		t.pair[p] |= trigToken
	}
	for b := 0; b < 256; b++ {
		t.pair[pairOf('=', byte(b))] |= trigPair
		t.pair[pairOf(':', byte(b))] |= trigPair
		t.pair[pairOf('>', byte(b))] |= trigPair
		t.pair[pairOf('@', byte(b))] |= trigAt
	}
	for d := byte('0'); d <= '9'; d++ {
		t.pair[pairOf('+', d)] |= trigAt
		t.pair[pairOf('(', d)] |= trigAt
	}
	t.pair[pairOf(':', '/')] |= trigURL
	t.pair[pairOf('-', '-')] |= trigDashes
	t.pair[pairOf('-', 'u')] |= trigDashes
	t.pair[pairOf(' ', '\'')] |= trigSpoken
	t.pair[pairOf(' ', '"')] |= trigSpoken
	t.pair[pairOf('(', '\'')] |= trigSpoken
	t.pair[pairOf('(', '"')] |= trigSpoken
	t.pair[pairOf(' ', '-')] |= trigSpoken
	for a := byte('0'); a <= '9'; a++ {
		for b := byte('0'); b <= '9'; b++ {
			t.pair[pairOf(a, b)] |= trigDigit
		}
	}
	for _, word := range []string{"be", "Be", "BE", "ba", "Ba", "BA"} {
		t.pair[pairOf(word[0], word[1])] |= trigScheme
	}
	return t
}

// mode says how a text is to be scanned.
type mode uint16

const (
	modePairs  mode = 1 << iota // name=value, name: value, JSON members, flags
	modeSource                  // source code: of the pairs only quoted literals
	modeURL                     // user information of URLs and DSNs
	modeCards                   // card numbers
	modeEmail                   // e-mail addresses and phone numbers
	modeIP                      // IP addresses, when the policy wants them gone
	modeCut                     // the text may go on beyond its end
	modeCustom                  // the user's rules
	modeDense                   // random-looking values, when the policy wants them

	memoSymbol // of what is remembered only: the text is also kept as a symbol
	memoStays  // of what is remembered only: the second pass does not look at it
)

const (
	// modeText is for free text, modeCode for what the compiler wrote.
	modeText = modePairs | modeURL | modeCards | modeEmail | modeIP | modeCustom
	modeCode = mode(0)
	modePath = modePairs | modeURL | modeIP | modeCustom
)

// span is a piece of a text to be removed.
type span struct {
	start, end int
	rule       string
	reason     string
	// whole removes the whole text.
	whole bool
	// with replaces the placeholder, for the user's rules.
	with string
	// number is that of the secret that stands there encoded.
	number int
	// grade tells whether the piece is searched for in the rest of the report.
	grade grade
}

// grade says how willingly contents are searched for elsewhere.
type grade uint8

const (
	gradeNone   grade = iota
	gradeStrict       // when it looks random
	gradeLoose        // when it is no plain word
	gradeSure         // a credential by its form
)

// pattern is a span for a credential that a pattern found.
func pattern(start, end int, id string, g grade) span {
	return span{start: start, end: end, rule: RulePattern, reason: "matched pattern: " + id, grade: g}
}

// runeBoundary moves n down to the start of a character where s is UTF-8 there.
func runeBoundary(s string, n int) int {
	for i := n; i >= 0 && i > n-utf8.UTFMax; i-- {
		if i < len(s) && utf8.RuneStart(s[i]) {
			if r, _ := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError {
				return n
			}
			return i
		}
	}
	return n
}
