package redact

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// minSpread is the length from which contents found secret are looked for in
// the rest of the report. Shorter ones occur by chance.
const minSpread = 8

// secretSet finds texts that were found secret. It is a map by the first eight
// bytes behind a bit table. It does not change once it is built, so that many
// may search at once.
type secretSet struct {
	index   map[uint64][]string
	windows map[uint64]struct{} // pieces of random-looking secrets
	bits    []uint64            // of both, a power of two
	shift   uint                // from a hash to a bit
	full    bool                // not everything that is secret is searched for
	longest int                 // of the texts in index, in bytes
}

// longestForm is the length of the longest text that is found whole, 0 if there
// is none.
func (t *secretSet) longestForm() int { return t.longest }

// fit reports whether finding s elsewhere would say that it is the secret:
// plain words and small numbers occur everywhere, and holes in their place
// would give the secret away.
func fit(s string, g grade) bool {
	var distinct [256]bool
	kinds := 0
	for i := 0; i < len(s) && kinds < 4; i++ {
		if !distinct[s[i]] {
			distinct[s[i]] = true
			kinds++
		}
	}
	switch {
	case kinds < 4:
		return false
	case g == gradeSure:
		return true
	case digitsOnly(s):
		return len(s) >= 12
	case locator(s):
		return false
	case g == gradeLoose:
		return !plainWord(s) || strings.Contains(s, " ") && len(s) >= 16
	}
	return !plainWord(s)
}

// locator reports whether s is a file's path, or a URL without anything
// secret in it: what a name with "token" in it may well hold.
func locator(s string) bool {
	if i := strings.Index(s, "://"); i > 0 {
		return strings.IndexByte(s, '@') < 0 && strings.IndexByte(s, '?') < 0
	}
	return s[0] == '/' && strings.Count(s, "/") > 1 && !strings.ContainsAny(s, "+= ") && len(s) < 200 && entropy(s) < 4.5
}

// search makes a set of the secrets. What one of the program's own names
// contains is left out unless its form says that it is a secret.
func (l *learned) search() *secretSet {
	l.secrets.trim()
	l.symbols.trim()
	t := &secretSet{full: l.secrets.full}
	secrets := l.secrets.sorted()
	if len(secrets) == 0 {
		return t
	}
	names := map[string]bool{}
	var plain secretSet
	plain.size(len(secrets))
	for _, s := range secrets {
		if s.grade != gradeSure {
			plain.put(s.s)
		}
	}
	plain.sort()
	for sym := range l.symbols.texts {
		plain.find(sym, false, func(start, end int) { names[sym[start:end]] = true })
	}
	t.size(8*len(secrets) + l.secrets.bytes/4)
	for _, s := range secrets {
		if s.grade == gradeSure || !names[s.s] {
			t.putForms(s.s)
		}
	}
	t.sort()
	for sym := range l.symbols.texts { // pieces that are names are no pieces of secrets
		for i := 0; i+minSpread <= len(sym); i++ {
			delete(t.windows, windowOf(sym[i:]))
		}
	}
	return t
}

// putForms makes a secret findable: itself, encoded, and in pieces.
func (t *secretSet) putForms(s string) {
	t.put(s)
	t.putWindows(s)
	for _, form := range encodings(s) {
		if len(form) >= minSpread && form != s {
			t.put(form)
		}
	}
}

// size makes room for about n entries.
func (t *secretSet) size(n int) {
	bits := uint(18)
	for bits < 24 && 1<<bits < 16*n {
		bits++
	}
	t.bits, t.shift = make([]uint64, 1<<bits/64), 64-bits
	t.index, t.windows = map[uint64][]string{}, map[uint64]struct{}{}
}

func windowOf(s string) uint64 { return binary.LittleEndian.Uint64([]byte(s[:minSpread])) }

func (t *secretSet) put(s string) {
	h := windowOf(s)
	t.index[h] = append(t.index[h], s)
	t.longest = max(t.longest, len(s))
	t.mark(h)
}

// mark notes in the bit table that eight bytes are in one of the maps.
func (t *secretSet) mark(h uint64) {
	slot := h * 0x9e3779b97f4a7c15 >> t.shift
	t.bits[slot>>6] |= 1 << (slot & 63)
}

// Bounds of what is searched for in pieces.
const (
	minPieces  = 12
	maxPieces  = 4 << 10
	maxWindows = 1 << 20
)

// putWindows makes pieces of eight bytes findable: a buffer that was partly
// overwritten holds the end of a token only. That is done for secrets that
// look like tokens, and for pieces of them that look random.
func (t *secretSet) putWindows(s string) {
	if len(s) < minPieces || len(s) > maxPieces || charsBearer.run(s) < len(s) {
		return
	}
	for i := 0; i+minSpread <= len(s); i++ {
		if randomPiece(s[i : i+minSpread]) {
			if len(t.windows) >= maxWindows {
				t.full = true
				return
			}
			h := windowOf(s[i:])
			t.windows[h] = struct{}{}
			t.mark(h)
		}
	}
}

// randomPiece reports whether eight bytes are not likely to stand anywhere by
// chance: letters and digits mixed, or both cases without a word's order, and
// hardly any byte twice.
func randomPiece(s string) bool {
	digits, letters, turns, distinct := 0, 0, 0, 0
	var class [minSpread]byte
	for i := 0; i < minSpread; i++ {
		c := s[i]
		switch {
		case c >= '0' && c <= '9':
			digits++
			class[i] = 'd'
		case c >= 'a' && c <= 'z':
			letters++
			class[i] = 'l'
		case c >= 'A' && c <= 'Z':
			letters++
			class[i] = 'u'
		}
		if i > 0 && class[i] != class[i-1] {
			turns++
		}
		if strings.IndexByte(s[:i], c) < 0 {
			distinct++
		}
	}
	return distinct >= 5 && letters > 0 && (digits > 0 && turns >= 2 || turns >= 4)
}

// sort orders the secrets that begin alike, so that many of them cost no more
// than a few comparisons.
func (t *secretSet) sort() {
	for h, list := range t.index {
		if len(list) > 1 {
			slices.Sort(list)
			t.index[h] = slices.Compact(list)
		}
	}
}

// find calls hit for each piece of s that is a secret, or the first half of
// one and at least 16 bytes, or a random-looking piece of one. With cut, also
// for the start of one at the end of s.
func (t *secretSet) find(s string, cut bool, hit func(start, end int)) {
	if len(t.index) == 0 || len(s) < minSpread {
		return
	}
	var h uint64
	for i := 0; i < len(s); i++ {
		h = h>>8 | uint64(s[i])<<56
		if i < minSpread-1 {
			continue
		}
		slot := h * 0x9e3779b97f4a7c15 >> t.shift
		if t.bits[slot>>6]&(1<<(slot&63)) == 0 {
			continue
		}
		start := i - (minSpread - 1)
		if n := longest(t.index[h], s[start:], cut); n > 0 {
			hit(start, start+n)
		} else if _, ok := t.windows[h]; ok {
			hit(start, start+minSpread)
		}
	}
}

// holds reports whether find would find anything. Before the second pass
// nothing is found.
func (t *secretSet) holds(s string, cut bool) (found bool) {
	if t != nil {
		t.find(s, cut, func(int, int) { found = true })
	}
	return found
}

// longest returns how much of s, from its start, is one of the sorted secrets
// or enough of it.
func longest(sorted []string, s string, cut bool) int {
	best, key := 0, s
	for {
		// The secrets next to where s would stand have most in common with it. One that
		// is whole the start of s may stand further in front, among those
		// that are no longer than what is common.
		at, exact := slices.BinarySearch(sorted, key)
		if exact {
			return max(best, len(key))
		}
		common := 0
		for _, k := range [2]int{at - 1, at} {
			if k < 0 || k >= len(sorted) {
				continue
			}
			n := commonPrefix(s, sorted[k])
			if n == len(sorted[k]) || n >= 16 && 2*n >= len(sorted[k]) || cut && n == len(s) {
				best = max(best, n)
			}
			if k < at {
				common = n
			}
		}
		if best >= common || common < minSpread || common >= len(key) {
			return best
		}
		key = s[:common]
	}
}

func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := 0; i < n; i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

// encodings are the forms in which a secret is looked for besides itself:
// base64 of both alphabets at the three alignments, hex, URL escapes, and the
// escapes of Go and JSON literals.
func encodings(s string) []string {
	raw := []byte(s)
	forms := []string{hex.EncodeToString(raw), strings.ToUpper(hex.EncodeToString(raw)), url.QueryEscape(s), url.PathEscape(s)}
	for _, enc := range [2]*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		for shift := 0; shift < 3; shift++ {
			// Characters that also depend on the neighbours are left away.
			text := enc.EncodeToString(append(make([]byte, shift), raw...))
			text = text[[3]int{0, 2, 3}[shift]:]
			if (len(raw)+shift)%3 != 0 {
				text = text[:len(text)-1]
			}
			forms = append(forms, text)
		}
	}
	quoted := strconv.Quote(s)
	ascii := strconv.QuoteToASCII(s)
	forms = append(forms, quoted[1:len(quoted)-1], ascii[1:len(ascii)-1])
	if js, err := json.Marshal(s); err == nil {
		forms = append(forms, string(js[1:len(js)-1]))
	}
	return forms
}

// scrub removes the secrets of the report from s, and judges the rest anew.
func (u *run) scrub(s string, m mode) judged {
	j := judged{out: s}
	for round := 0; round < maxRounds; round++ {
		spans := u.spans[:0]
		u.search.find(j.out, m&modeCut != 0, func(a, b int) {
			spans = append(spans, span{start: a, end: b, rule: RuleSpread, reason: "holds a value found secret elsewhere"})
		})
		u.spans = spans
		if len(spans) == 0 {
			return j
		}
		j.hit = true
		j.note(spans[0])
		j.out = replaceSpans(j.out, spans)
		again := u.text(j.out, m)
		j.out, j.whole = again.out, again.whole
		for _, w := range again.why {
			j.note(span{rule: w.rule, reason: w.reason})
		}
		if !j.whole {
			j.whole = strings.TrimSpace(strings.ReplaceAll(j.out, Placeholder, "")) == ""
		}
		if j.whole {
			j.out = Placeholder
			return j
		}
	}
	j.out, j.whole = Placeholder, true
	return j
}
