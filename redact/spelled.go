package redact

import (
	"slices"
	"strings"
	"unicode"

	"github.com/safedump/sdcore/report"
)

// spelled returns the text that a list of numbers spells, as line editors and
// parsers keep what was typed: []rune, []uint16, [N]rune.
func spelled(v *report.Value) (string, bool) {
	if v.Kind != report.KindSlice && v.Kind != report.KindArray || len(v.Children) < minSpread {
		return "", false
	}
	if !strings.HasSuffix(v.Type, "]int32") && !strings.HasSuffix(v.Type, "]uint16") {
		return "", false
	}
	text := make([]rune, 0, len(v.Children))
	for i := range v.Children {
		r, ok := character(v.Children[i].Value.Text)
		if !ok {
			return "", false
		}
		text = append(text, r)
	}
	return string(text), true
}

// character returns the character with the decimal number s; NUL, which pads
// such lists, is a space.
func character(s string) (rune, bool) {
	if s == "" || len(s) > 7 || !digitsOnly(s) {
		return 0, false
	}
	n := rune(0)
	for _, d := range s {
		n = 10*n + d - '0'
	}
	if n == 0 {
		return ' ', true
	}
	return n, unicode.IsPrint(n) || unicode.IsSpace(n)
}

// spelledSecret removes a list of numbers that spells something secret, as
// judge finds it.
func (u *run) spelledSecret(v *report.Value, judge func(string, mode) judged) bool {
	s, ok := spelled(v)
	if !ok {
		return false
	}
	m := u.tiered(modeText)
	if v.State == report.StateTruncated || v.Len > int64(len(v.Children)) {
		m |= modeCut
	}
	j := judge(s, m)
	if !j.hit {
		u.dirty = u.dirty || u.search.holds(s, m&modeCut != 0)
		return false
	}
	number := numberIn(j.out)
	wipe(v)
	v.Secret = int32(number)
	u.recordAll(slices.Compact(j.why))
	return true
}
