package redact

import (
	"encoding/base64"
	"math"
	"strings"
	"unicode/utf8"
)

// commonPairs are for each letter those that often follow it in a word: 98 of
// 100 pairs of neighbours in the comments of Go's standard library, counted for
// this table. In random letters six of ten pairs are none of them.
const commonPairs = "bcdfgiklmnprstuvy aeijlosuy acehiklortu adeilorsuy acdefgilmnpqrstvwxy aefilorstu aehilnorsu aeiort " +
	"abcdefgklmnoprstvxz eu aeins adeilostuy abeimopsu acdefgiklnostuvy abcdefgiklmnoprstuvw aeiloprstuy u " +
	"acdefgiklmnorstuvwy acehiklmnopstuy acehiloprstuwy abcdefgilmnprst aeio aehinor aeipt elmprst e"

// letterPairs is commonPairs as sets of bits.
func letterPairs() (sets [26]uint32) {
	for i, followers := range strings.Fields(commonPairs) {
		for k := 0; k < len(followers); k++ {
			sets[i] |= 1 << (followers[k] - 'a')
		}
	}
	return sets
}

// minRandom is the length from which a token can be told from a word.
const minRandom = 20

// oddPairs returns the share of neighbours in s that no word has: letters that
// seldom follow one another, and changes between letters and digits and
// between the cases.
func (t *triggerTable) oddPairs(s string) float64 {
	odd := 0
	for i := 1; i < len(s); i++ {
		a, b := s[i-1]|0x20, s[i]|0x20
		la, lb := a >= 'a' && a <= 'z', b >= 'a' && b <= 'z'
		switch {
		case la && lb:
			if t.letters[a-'a']&(1<<(b-'a')) == 0 || s[i-1] >= 'a' && s[i] < 'a' && (i+1 >= len(s) || s[i+1] < 'a') {
				odd++
			}
		case la != lb:
			odd++
		}
	}
	return float64(odd) / float64(max(1, len(s)-1))
}

// random reports whether a token is what programs draw by chance: long enough,
// not of words, with more bits per character than threshold allows words of its
// length and alphabet. UUIDs, numbers and hexadecimal digits are none (whether a
// digest is secret only its name tells), nor is text in base64.
func (t *triggerTable) random(s string, threshold float64) bool {
	s = strings.TrimRight(s, "=")
	if len(s) < minRandom || len(s) > 512 || strings.Trim(s, "0123456789abcdefABCDEF-") == "" || s[0] == '/' {
		return false
	}
	longest, from := "", 0
	for i := 0; i <= len(s); i++ {
		if i == len(s) || !charsAlnum.has(s[i]) {
			if i-from > len(longest) {
				longest = s[from:i]
			}
			from = i + 1
		}
	}
	if len(longest) < minRandom-4 || t.oddPairs(longest) < 0.4 || maskedToken(s) {
		return false
	}
	alphabet := 62.0
	if strings.ToLower(s) == s || strings.ToUpper(s) == s {
		alphabet = 36
	}
	if entropy(s) < threshold/6*math.Log2(min(alphabet, float64(len(s)))) {
		return false
	}
	return !encodedText(s)
}

// encodedText reports whether s is base64 of a text.
func encodedText(s string) bool {
	for _, enc := range [...]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		if raw, err := enc.DecodeString(s); err == nil && utf8.Valid(raw) && strings.IndexFunc(string(raw), func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) < 0 {
			return true
		}
	}
	return false
}

// scanRandom appends the tokens of s that look random.
func (u *run) scanRandom(s string, spans []span) []span {
	for i := 0; i < len(s); i++ {
		n := charsBearer.run(s[i:])
		if n >= minRandom && u.x.triggers.random(s[i:i+n], u.x.policy.Entropy) {
			h := entropy(s[i : i+n])
			spans = append(spans, span{start: i, end: i + n, rule: RuleEntropy, reason: "high entropy: " + formatBits(h), grade: gradeStrict})
		}
		i += n
	}
	return spans
}
