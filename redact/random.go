package redact

import (
	"encoding/base64"
	"math"
	"strings"
	"unicode/utf8"
)

// commonAfter returns the letters that often follow one in a word: 98 of 100
// pairs of neighbours in the comments of Go's standard library, which were
// counted for this. In random letters six of ten pairs are none of them.
func commonAfter(letter byte) string {
	switch letter {
	case 'a':
		return "bcdfgiklmnprstuvy"
	case 'b':
		return "aeijlosuy"
	case 'c':
		return "acehiklortu"
	case 'd':
		return "adeilorsuy"
	case 'e':
		return "acdefgilmnpqrstvwxy"
	case 'f':
		return "aefilorstu"
	case 'g':
		return "aehilnorsu"
	case 'h':
		return "aeiort"
	case 'i':
		return "abcdefgklmnoprstvxz"
	case 'j':
		return "eu"
	case 'k':
		return "aeins"
	case 'l':
		return "adeilostuy"
	case 'm':
		return "abeimopsu"
	case 'n':
		return "acdefgiklnostuvy"
	case 'o':
		return "abcdefgiklmnoprstuvw"
	case 'p':
		return "aeiloprstuy"
	case 'q':
		return "u"
	case 'r':
		return "acdefgiklmnorstuvwy"
	case 's':
		return "acehiklmnopstuy"
	case 't':
		return "acehiloprstuwy"
	case 'u':
		return "abcdefgilmnprst"
	case 'v':
		return "aeio"
	case 'w':
		return "aehinor"
	case 'x':
		return "aeipt"
	case 'y':
		return "elmprst"
	case 'z':
		return "e"
	}
	return ""
}

// minRandom is the length from which a token can be told from a word.
const minRandom = 20

// oddPairs returns the share of neighbours in s that no word has: letters that
// seldom follow one another, and changes between letters and digits and between
// the cases, but for the humps of names of programs.
func oddPairs(s string) float64 {
	odd := 0
	for i := 1; i < len(s); i++ {
		a, b := s[i-1]|0x20, s[i]|0x20
		first, second := a >= 'a' && a <= 'z', b >= 'a' && b <= 'z'
		switch {
		case first != second:
			odd++
		case !first:
		case s[i-1] >= 'a' && s[i] < 'a':
			if i+1 >= len(s) || s[i+1] < 'a' {
				odd++
			}
		case strings.IndexByte(commonAfter(a), b) < 0:
			odd++
		}
	}
	return float64(odd) / float64(max(1, len(s)-1))
}

// random reports whether a token is what programs draw by chance: long enough,
// not of words, with more bits per character than threshold allows words of its
// length and alphabet. UUIDs, numbers and hexadecimal digits are none (whether a
// digest is secret only its name tells), nor is text in base64.
func random(s string, threshold float64) bool {
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
	if len(longest) < minRandom-4 || oddPairs(longest) < 0.4 || maskedToken(s) {
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
		if n >= minRandom && random(s[i:i+n], u.x.policy.Entropy) {
			h := entropy(s[i : i+n])
			spans = append(spans, span{start: i, end: i + n, rule: RuleEntropy, reason: "high entropy: " + formatBits(h), grade: gradeStrict})
		}
		i += n
	}
	return spans
}
