package redact

import (
	"sort"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Values of digits; what is none is notDigit.
const notDigit = 0xff

// digitTables are what the characters of base64, of either alphabet, and
// hexadecimal digits stand for.
type digitTables struct{ base64, hex [256]byte }

// It is never written to.
var digitValues = func() (t digitTables) {
	for c := range 256 {
		t.base64[c], t.hex[c] = notDigit, notDigit
	}
	for v, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		t.base64[c] = byte(v)
	}
	t.base64['-'], t.base64['_'] = 62, 63
	for v, c := range []byte("0123456789abcdef") {
		t.hex[c] = byte(v)
		if v >= 10 {
			t.hex[c-'a'+'A'] = byte(v)
		}
	}
	return t
}()

// The digits of eight bytes.
const (
	hexWindow    = 2 * minSpread
	base64Window = (8*minSpread + 5) / 6
)

// findDigits finds secrets in base64 and in hexadecimal digits, which are digits
// of base64 too.
func (t *secretSet) findDigits(s string, cut bool, hit hitFunc) {
	table := &digitValues.base64
	// As many digits in a row cover one of the bytes that are so far apart.
	for start, last := 0, base64Window-1; last < len(s); last = start + base64Window - 1 {
		k := last
		for k >= start && table[s[k]] != notDigit {
			k--
		}
		if k >= start {
			start = k + 1
			continue
		}
		end := last + 1
		for end < len(s) && table[s[end]] != notDigit {
			end++
		}
		t.findInRun(s, start, end, cut, hit)
		start = end + 1
	}
}

// findInRun finds secrets in digits in a row: as they go by, the last 64 bits of
// them at each alignment are looked up.
func (t *secretSet) findInRun(s string, start, end int, cut bool, hit hitFunc) {
	var hex, low, high uint64
	var done [2]uint8 // by digit size: the alignments that were decoded
	hexRun := 0
	table, shift := t.bits, t.shift&63
	isWindow := func(h uint64) bool {
		bit := hashWindow(h) >> shift
		return table[bit>>6]>>(bit&63)&1 != 0 && *t.slot(h) != 0
	}
	for i := start; i < end; i++ {
		run := i + 1 - start
		high, low = high<<6|low>>58, low<<6|uint64(digitValues.base64[s[i]])
		if run >= base64Window {
			for extra, h := range [3]uint64{low, low>>2 | high<<62, low>>4 | high<<60} {
				if isWindow(h) {
					t.findAligned(s, start, 6, (6*run-2*extra)%8, &done[0], cut, hit)
				}
			}
		}
		v := digitValues.hex[s[i]]
		if v == notDigit {
			hexRun, done[1] = 0, 0
			continue
		}
		hexRun++
		if hex = hex<<4 | uint64(v); hexRun >= hexWindow && isWindow(hex) {
			t.findAligned(s, i+1-hexRun, 4, 4*hexRun%8, &done[1], cut, hit)
		}
	}
}

// findAligned decodes the digits of so many bits that begin at s[start], from
// that bit on, and finds what is in them, once for each alignment.
func (t *secretSet) findAligned(s string, start, size, offset int, done *uint8, cut bool, hit hitFunc) {
	if *done&(1<<offset) != 0 {
		return
	}
	*done |= 1 << offset
	table := &digitValues.base64
	if size == 4 {
		table = &digitValues.hex
	}
	var out []byte
	acc, n, end := uint64(0), -offset, start
	for ; end < len(s) && table[s[end]] != notDigit; end++ {
		acc = acc<<size | uint64(table[s[end]])
		if n += size; n >= 8 {
			n -= 8
			out = append(out, byte(acc>>n))
		}
	}
	t.findPlain(string(out), cut && end == len(s), func(a, b, number int) {
		hit(start+(offset+8*a)/size, min(end, start+(offset+8*b+size-1)/size), number)
	})
}

// findEscaped finds secrets behind escapes, also behind escapes of escapes.
func (t *secretSet) findEscaped(s string, cut bool, hit hitFunc, depth int) {
	if depth == 0 || strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '\\') < 0 && strings.IndexByte(s, '&') < 0 && !(t.spaces && strings.IndexByte(s, '+') >= 0) {
		return
	}
	plain, at := unescape(s, false)
	t.findUnescaped(plain, at, cut, hit, depth)
	if t.spaces && strings.IndexByte(s, '+') >= 0 {
		plain, at = unescape(s, true)
		t.findUnescaped(plain, at, cut, hit, depth)
	}
}

func (t *secretSet) findUnescaped(plain string, at positions, cut bool, hit hitFunc, depth int) {
	if len(at) == 0 { // there was no escape
		return
	}
	there := func(a, b, number int) { hit(at.of(a, false), at.of(b, true), number) }
	t.findPlain(plain, cut, there)
	t.findDigits(plain, cut, there)
	t.findEscaped(plain, cut, there, depth-1)
}

// escape is one that was read: where it ends in the plain text and in the
// source, and how many bytes it stands for.
type escape struct{ plain, source, n int }

// positions says where the bytes of an unescaped text come from.
type positions []escape

// of returns the position in the source of a position in the plain text. Inside
// of what an escape stands for it is where the escape begins or, with up, ends.
func (p positions) of(plain int, up bool) int {
	k := sort.Search(len(p), func(k int) bool { return p[k].plain > plain })
	if k < len(p) && plain > p[k].plain-p[k].n {
		if up {
			return p[k].source
		}
		plain = p[k].plain - p[k].n
	}
	if k == 0 {
		return plain
	}
	return p[k-1].source + plain - p[k-1].plain
}

// unescape returns s without the escapes of URLs, of Go and JSON literals, and
// of HTML; with form, a plus is a space too.
func unescape(s string, form bool) (string, positions) {
	var at positions
	var out []byte
	from := 0
	for i := 0; i < len(s); {
		var buf [2 * utf8.UTFMax]byte
		plain, n := buf[:0], 0
		switch s[i] {
		case '%':
			plain, n = unescapeURL(plain, s[i:])
		case '\\':
			plain, n = unescapeLiteral(plain, s[i:])
		case '&':
			plain, n = unescapeHTML(plain, s[i:])
		case '+':
			if form {
				plain, n = append(plain, ' '), 1
			}
		}
		if n == 0 {
			i++
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(s))
		}
		out = append(append(out, s[from:i]...), plain...)
		i += n
		from = i
		at = append(at, escape{len(out), i, len(plain)})
	}
	if at == nil {
		return "", nil
	}
	return string(append(out, s[from:]...)), at
}

// unescapeURL reads %XX, and returns how many bytes it read, 0 for none.
func unescapeURL(out []byte, s string) ([]byte, int) {
	if v, ok := hexNumber(s, 1, 2); ok {
		return append(out, byte(v)), 3
	}
	return out, 0
}

// unescapeLiteral reads what Go and JSON write after a backslash.
func unescapeLiteral(out []byte, s string) ([]byte, int) {
	if len(s) < 2 {
		return out, 0
	}
	switch c := s[1]; c {
	case '\\', '"', '\'', '/':
		return append(out, c), 2
	case 'a', 'b', 'f', 'n', 'r', 't', 'v':
		return append(out, "\a\b\f\n\r\t\v"[strings.IndexByte("abfnrtv", c)]), 2
	case 'x':
		if v, ok := hexNumber(s, 2, 2); ok {
			return append(out, byte(v)), 4
		}
	case 'u':
		v, ok := hexNumber(s, 2, 4)
		if !ok {
			return out, 0
		}
		if low, paired := hexNumber(s, 8, 4); paired && s[6] == '\\' && s[7] == 'u' && utf16.IsSurrogate(v) {
			return utf8.AppendRune(out, utf16.DecodeRune(v, low)), 12
		}
		return utf8.AppendRune(out, v), 6
	case 'U':
		if v, ok := hexNumber(s, 2, 8); ok {
			return utf8.AppendRune(out, v), 10
		}
	case '0', '1', '2', '3':
		if len(s) >= 4 && s[2]&^7 == '0' && s[3]&^7 == '0' {
			return append(out, (c-'0')<<6|(s[2]-'0')<<3|(s[3]-'0')), 4
		}
	}
	return out, 0
}

// unescapeHTML reads the entities that are written for what HTML and XML mark by.
func unescapeHTML(out []byte, s string) ([]byte, int) {
	for _, e := range [...]struct {
		name  string
		plain byte
	}{{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&#34;", '"'}, {"&#39;", '\''}, {"&#43;", '+'}} {
		if strings.HasPrefix(s, e.name) {
			return append(out, e.plain), len(e.name)
		}
	}
	return out, 0
}

// hexNumber reads so many hexadecimal digits of s.
func hexNumber(s string, from, n int) (v rune, ok bool) {
	if from+n > len(s) {
		return 0, false
	}
	for _, c := range []byte(s[from : from+n]) {
		d := digitValues.hex[c]
		if d == notDigit {
			return 0, false
		}
		v = v<<4 | rune(d)
	}
	return v, true
}
