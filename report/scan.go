package report

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of the JSON that is read. A value in a report needs three levels, so
// maxJSONDepth leaves room for MaxValueDepth of them; Python's own reader ends
// near 1000. maxContainers bounds what a file of small objects expands to.
const (
	maxJSONDepth  = 1000
	maxContainers = 4 << 20
)

// toUTF8 decodes the encodings that Python's json.loads detects: UTF-8, UTF-16
// and UTF-32, with and without byte order mark (RFC 4627, section 3). Invalid
// sequences become U+FFFD.
func toUTF8(b []byte) []byte {
	switch {
	case bytes.HasPrefix(b, []byte{0xef, 0xbb, 0xbf}):
		b = b[3:]
	case bytes.HasPrefix(b, []byte{0, 0, 0xfe, 0xff}):
		return fromUTF32(b[4:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte{0xff, 0xfe, 0, 0}):
		return fromUTF32(b[4:], binary.LittleEndian)
	case bytes.HasPrefix(b, []byte{0xfe, 0xff}):
		return fromUTF16(b[2:], binary.BigEndian)
	case bytes.HasPrefix(b, []byte{0xff, 0xfe}):
		return fromUTF16(b[2:], binary.LittleEndian)
	case len(b) >= 4 && b[0] == 0 && b[1] == 0:
		return fromUTF32(b, binary.BigEndian)
	case len(b) >= 2 && b[0] == 0:
		return fromUTF16(b, binary.BigEndian)
	case len(b) >= 4 && b[1] == 0 && b[2] == 0 && b[3] == 0:
		return fromUTF32(b, binary.LittleEndian)
	case len(b) >= 2 && b[1] == 0:
		return fromUTF16(b, binary.LittleEndian)
	}
	return bytes.ToValidUTF8(b, []byte("\uFFFD"))
}

func fromUTF16(b []byte, o binary.ByteOrder) []byte {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = o.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(u)))
}

func fromUTF32(b []byte, o binary.ByteOrder) []byte {
	out := make([]byte, 0, len(b)/4)
	for i := 0; i+4 <= len(b); i += 4 {
		out = utf8.AppendRune(out, rune(o.Uint32(b[i:])))
	}
	return out
}

// errShape reports JSON that is too deep or too fine to be read.
var errShape = errors.New("too many or too deeply nested values")

// cleanJSON bounds the shape of a JSON text before it is decoded, and replaces
// what Python reads and Go does not: NaN, Infinity and -Infinity become
// strings, escapes of lone surrogates become U+FFFD. The result is data itself
// where there is nothing to replace. It does not check the syntax.
func cleanJSON(data []byte) ([]byte, error) {
	c := cleaner{in: data}
	for i := 0; i < len(data); {
		n, err := c.step(i)
		if err != nil {
			return nil, fmt.Errorf("at byte %d: %w", i, err)
		}
		i += n
	}
	if c.out == nil {
		return data, nil
	}
	return append(c.out, data[c.kept:]...), nil
}

// cleaner is the state of cleanJSON: out holds the result for in[:kept].
type cleaner struct {
	in, out           []byte
	kept              int
	depth, containers int
	inString          bool
}

// step handles what starts at i and returns how many bytes that is.
func (c *cleaner) step(i int) (int, error) {
	ch := c.in[i]
	if c.inString {
		switch ch {
		case '"':
			c.inString = false
		case '\\':
			return c.escape(i), nil
		}
		return 1, nil
	}
	switch ch {
	case '"':
		c.inString = true
	case '{', '[':
		c.depth++
		c.containers++
		if c.depth > maxJSONDepth || c.containers > maxContainers {
			return 0, errShape
		}
	case '}', ']':
		c.depth--
	case '-', 'I', 'N':
		for _, word := range []string{"-Infinity", "Infinity", "NaN"} {
			if bytes.HasPrefix(c.in[i:], []byte(word)) {
				c.replace(i, len(word), `"`+word+`"`)
				return len(word), nil
			}
		}
	}
	return 1, nil
}

// escape handles the escape sequence at i and returns its length.
func (c *cleaner) escape(i int) int {
	r, ok := hexEscape(c.in[i:])
	if !ok {
		return min(2, len(c.in)-i)
	}
	if !utf16.IsSurrogate(r) {
		return 6
	}
	if low, ok := hexEscape(c.in[i+6:]); ok && utf16.DecodeRune(r, low) != utf8.RuneError {
		return 12
	}
	c.replace(i, 6, "\uFFFD")
	return 6
}

// hexEscape reads a \uXXXX escape at the start of b.
func hexEscape(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	var r rune
	for _, ch := range b[2:6] {
		d := strings.IndexByte("0123456789abcdef", ch|0x20)
		if d < 0 {
			return 0, false
		}
		r = r<<4 | rune(d)
	}
	return r, true
}

// replace puts text in the place of n bytes at i.
func (c *cleaner) replace(i, n int, text string) {
	c.out = append(c.out, c.in[c.kept:i]...)
	c.out = append(c.out, text...)
	c.kept = i + n
}
