package redact

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Placeholder stands in the place of every removed value, as in Safedump.
const Placeholder = "[REDACTED]"

// numberedHead begins a placeholder with the number of a secret:
// [REDACTED#3].
const numberedHead = "[REDACTED#"

// maxNumber bounds the numbers of secrets. What looks like a placeholder with a
// larger one is text like any other.
const maxNumber = 999_999

// maxPlaceholder is the length of the longest placeholder.
const maxPlaceholder = len(numberedHead) + len("999999]")

// PlaceholderOf is what stands in the place of the secret with the number, and
// for 0, as for what is no number, Placeholder.
func PlaceholderOf(number int) string {
	if !validNumber(number) {
		return Placeholder
	}
	return numberedHead + strconv.Itoa(number) + "]"
}

// Unnumbered returns s with the numbers taken out of its placeholders.
func Unnumbered(s string) string {
	plain, _ := cutNumbers(s)
	return plain
}

func validNumber(n int) bool { return n > 0 && n <= maxNumber }

// numberAfter reads the number and the bracket that follow numberedHead, and
// returns how long they are; 0 where they do not.
func numberAfter(s string) (number, length int) {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= '0' && c <= '9' && number <= maxNumber && (c > '0' || i > 0):
			number = 10*number + int(c-'0')
		case c == ']' && validNumber(number):
			return number, i + 1
		default:
			return 0, 0
		}
	}
	return 0, 0
}

// placeholderLen is the length of the placeholder, numbered or not, that s
// begins with, and 0 where it begins with none.
func placeholderLen(s string) int {
	if strings.HasPrefix(s, Placeholder) {
		return len(Placeholder)
	}
	if rest, ok := strings.CutPrefix(s, numberedHead); ok {
		if _, n := numberAfter(rest); n > 0 {
			return len(numberedHead) + n
		}
	}
	return 0
}

// numberIn is the number that all placeholders of s have, 0 where they differ or
// have none.
func numberIn(s string) int {
	plain, m := cutNumbers(s)
	return m.sole(plain)
}

// isPlaceholder reports whether s is a placeholder, numbered or not.
func isPlaceholder(s string) bool { return s != "" && placeholderLen(s) == len(s) }

// holdsPlaceholder reports whether s holds one.
func holdsPlaceholder(s string) bool {
	return strings.Contains(s, Placeholder) || strings.Contains(s, numberedHead) && Unnumbered(s) != s
}

// onlyPlaceholders reports whether nothing but placeholders without a number
// and spaces is in s.
func onlyPlaceholders(s string) bool {
	if rest := strings.TrimLeft(s, " \t\n"); rest != "" && rest[0] < utf8.RuneSelf && rest[0] > ' ' && !strings.HasPrefix(rest, Placeholder) {
		return false // most texts
	}
	return strings.TrimSpace(strings.ReplaceAll(s, Placeholder, "")) == ""
}

// marks are the numbers of the placeholders in a text, in order. While a text is
// judged they are kept beside it, so that every rule reads it as if there were
// no numbers.
type marks []mark

type mark struct{ at, number int }

// cutNumbers returns s with the numbers taken out of its placeholders, and
// these.
func cutNumbers(s string) (string, marks) {
	next := strings.Index(s, numberedHead)
	if next < 0 {
		return s, nil
	}
	var b strings.Builder
	var m marks
	for next >= 0 {
		number, n := numberAfter(s[next+len(numberedHead):])
		end := next + len(numberedHead)
		if n > 0 {
			m = append(m, mark{b.Len() + next, number})
			b.WriteString(s[:next])
			b.WriteString(Placeholder)
			end += n
		} else {
			b.WriteString(s[:end])
		}
		s = s[end:]
		next = strings.Index(s, numberedHead)
	}
	if m == nil && b.Len() == 0 {
		return s, nil
	}
	b.WriteString(s)
	return b.String(), m
}

// numbered puts the numbers back into s.
func (m marks) numbered(s string) string {
	if len(m) == 0 {
		return s
	}
	var b strings.Builder
	from := 0
	for _, x := range m {
		b.WriteString(s[from:x.at])
		b.WriteString(PlaceholderOf(x.number))
		from = x.at + len(Placeholder)
	}
	b.WriteString(s[from:])
	return b.String()
}

// sole is the number that all placeholders of s have, 0 where they differ.
func (m marks) sole(s string) int {
	if len(m) == 0 || strings.Count(s, Placeholder) != len(m) {
		return 0
	}
	if slices.ContainsFunc(m, func(x mark) bool { return x.number != m[0].number }) {
		return 0
	}
	return m[0].number
}

// cutNumbers takes the numbers out of a text that is to be judged. The first pass notes
// those that are taken. The policy may want none.
func (u *run) cutNumbers(s string) (string, marks) {
	plain, m := cutNumbers(s)
	if u.search == nil {
		for _, x := range m {
			u.learned.taken.add(x.number)
		}
	}
	if !u.x.policy.numbers() {
		m = nil
	}
	return plain, m
}
