package report

import (
	"math/bits"
	"strconv"
	"unicode/utf8"
)

// What follows appends one field of an object: key is all that comes before
// its value, comma and colon included. The optional ones append nothing for
// the zero value, like omitempty.

func appendUint(dst []byte, key string, n uint64) []byte {
	return strconv.AppendUint(append(dst, key...), n, 10)
}

func appendInt(dst []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(dst, key...), n, 10)
}

func optionalInt(dst []byte, key string, n int64) []byte {
	if n == 0 {
		return dst
	}
	return appendInt(dst, key, n)
}

func optionalTrue(dst []byte, keyAndTrue string, b bool) []byte {
	if !b {
		return dst
	}
	return append(dst, keyAndTrue...)
}

// appendAddr wants the quote and the 0x of the value in key.
func appendAddr(dst []byte, key string, a Addr) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, key...)
	for shift := (bits.Len64(uint64(a)|1) - 1) &^ 3; shift >= 0; shift -= 4 {
		dst = append(dst, hex[a>>shift&0xf])
	}
	return append(dst, '"')
}

func optionalAddr(dst []byte, key string, a Addr) []byte {
	if a == 0 {
		return dst
	}
	return appendAddr(dst, key, a)
}

func optionalText(dst []byte, key, s string) []byte {
	if s == "" {
		return dst
	}
	return appendText(dst, key, s)
}

// appendList appends null for nil.
func appendList[T any](dst []byte, list []T, element func(*T, []byte) []byte) []byte {
	if list == nil {
		return append(dst, "null"...)
	}
	dst = append(dst, '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = element(&list[i], dst)
	}
	return append(dst, ']')
}

func optionalList[T any](dst []byte, key string, list []T, element func(*T, []byte) []byte) []byte {
	if len(list) == 0 {
		return dst
	}
	return appendList(append(dst, key...), list, element)
}

func appendText(dst []byte, key, s string) []byte {
	return appendQuoted(append(dst, key...), s)
}

// appendQuoted appends s as a string of JSON. Nearly all strings of a report
// need no escapes.
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	if isPlain(s) {
		dst = append(dst, s...)
	} else {
		dst = appendEscaped(dst, s)
	}
	return append(dst, '"')
}

// isPlain reports whether s is printable ASCII that stands for itself. It looks
// at eight bytes at a time, at some of them twice where there are fewer.
func isPlain(s string) bool {
	n := len(s)
	for i := 0; i < n-8; i += 8 {
		if special(uint64(load4(s[i:])) | uint64(load4(s[i+4:]))<<32) {
			return false
		}
	}
	switch {
	case n >= 8:
		return !special(uint64(load4(s[n-8:])) | uint64(load4(s[n-4:]))<<32)
	case n >= 4:
		return !special(uint64(load4(s)) | uint64(load4(s[n-4:]))<<32)
	}
	const blanks = 0x2020202020 << 24
	return n == 0 || !special(blanks|uint64(s[n-1])<<16|uint64(s[n/2])<<8|uint64(s[0]))
}

func load4(s string) uint32 {
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// special reports whether one of eight bytes is a control character, a quote,
// a backslash or not ASCII. A byte below 0x80 is below n exactly when n taken
// from it sets its highest bit; what that borrows from the next byte can't
// change the answer any more.
func special(x uint64) bool {
	const each = 0x0101010101010101
	control := x - ' '*each
	quote := (x ^ '"'*each) - each
	backslash := (x ^ '\\'*each) - each
	return (x|control|quote|backslash)&(0x80*each) != 0
}

// appendEscaped appends s with the escapes of encoding/json.
func appendEscaped(dst []byte, s string) []byte {
	for s != "" {
		n := 0
		for n < len(s) && s[n] >= ' ' && s[n] != '"' && s[n] != '\\' && s[n] < utf8.RuneSelf {
			n++
		}
		dst = append(dst, s[:n]...)
		if s = s[n:]; s == "" {
			break
		}
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			dst = append(dst, `\ufffd`...)
		case r == '\u2028': // line breaks to JavaScript
			dst = append(dst, `\u2028`...)
		case r == '\u2029':
			dst = append(dst, `\u2029`...)
		case r >= utf8.RuneSelf:
			dst = append(dst, s[:size]...)
		default:
			dst = appendEscape(dst, s[0])
		}
		s = s[size:]
	}
	return dst
}

// appendEscape appends what stands for a control character, quote or backslash.
func appendEscape(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	short := c
	switch c {
	case '"', '\\':
	case '\b':
		short = 'b'
	case '\f':
		short = 'f'
	case '\n':
		short = 'n'
	case '\r':
		short = 'r'
	case '\t':
		short = 't'
	default:
		return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xf])
	}
	return append(dst, '\\', short)
}
