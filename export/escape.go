package export

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/safedump/sdcore/redact"
)

// maxName bounds what is shown of one name, type or note, in runes: hostile
// debug info can make them megabytes long.
const maxName = 300

// plain returns s as one line that any terminal shows as text: everything that
// is not printable (control and escape characters, bidirectional overrides,
// invisible ones, line separators, invalid UTF-8) is written as a Go escape.
func plain(s string) string {
	if allPrintable(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 {
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatUint(uint64(s[0])|0x100, 16)[1:])
		} else if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			b.WriteString(escapeRune(r))
		}
		s = s[n:]
	}
	return b.String()
}

// escapeRune returns the Go escape of a rune that is not printable.
func escapeRune(r rune) string {
	q := strconv.QuoteRune(r)
	return q[1 : len(q)-1]
}

func allPrintable(s string) bool {
	i := 0
	for i < len(s) && s[i] >= ' ' && s[i] <= '~' { // nearly all there is
		i++
	}
	for _, r := range s[i:] {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// name returns plain text of bounded length: a name, type, path or note.
func name(s string) string { return clip(plain(s), maxName) }

// clip shortens s to n runes, the last of them an ellipsis, and a few less rather
// than cut a placeholder in two.
func clip(s string, n int) string {
	if len(s) <= n || utf8.RuneCountInString(s) <= n {
		return s
	}
	for i := range s {
		if n--; n == 0 {
			if k := strings.LastIndexByte(s[:i], '['); k >= 0 && strings.HasPrefix(s[k:], "[REDACTED") && !strings.Contains(s[k:i], "]") {
				i = k
			}
			return s[:i] + "…"
		}
	}
	return s
}

// plainLines splits text at its newlines, each line plain with tabs widened.
// At most limit lines come back; the rest is counted in a last line.
func plainLines(s string, limit int) []string {
	lines := strings.Split(s, "\n")
	var more int
	if len(lines) > limit {
		more = len(lines) - limit
		lines = lines[:limit]
	}
	for i, l := range lines {
		lines[i] = plain(strings.ReplaceAll(strings.TrimRight(l, "\r"), "\t", "    "))
	}
	if more > 0 {
		lines = append(lines, "… +"+strconv.Itoa(more)+" lines")
	}
	return lines
}

// controlSafe returns s for the standard part of a file, which viewers print
// to terminals as it is: newlines and tabs stay, other characters that are not
// printable are written as Go escapes. What was removed is Safedump's [REDACTED]
// there, without the number of the secret.
func controlSafe(s string) string {
	s = redact.Unnumbered(s)
	if allPrintable(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		n := strings.IndexAny(s, "\n\t")
		if n < 0 {
			n = len(s)
		}
		b.WriteString(plain(s[:n]))
		if n < len(s) {
			b.WriteByte(s[n])
			n++
		}
		s = s[n:]
	}
	return b.String()
}

// ink adds colours, or nothing where it is false.
type ink bool

func (k ink) paint(code, s string) string {
	if !k || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (k ink) bold(s string) string   { return k.paint("1", s) }
func (k ink) red(s string) string    { return k.paint("1;31", s) }
func (k ink) yellow(s string) string { return k.paint("33", s) }
func (k ink) grey(s string) string   { return k.paint("90", s) }

// legible reports whether bytes are text that people read: UTF-8 without
// control characters other than line ends and tabs.
func legible(s string) bool {
	for _, r := range s {
		if r == utf8.RuneError || !unicode.IsPrint(r) && r != '\n' && r != '\r' && r != '\t' {
			return false
		}
	}
	return true
}

// byteText is one of n bytes that are no text: few are read as numbers, many
// as a dump.
func byteText(b byte, n int) string {
	if n <= 8 {
		return strconv.Itoa(int(b))
	}
	return "0x" + strconv.FormatUint(uint64(b)|0x100, 16)[1:]
}
