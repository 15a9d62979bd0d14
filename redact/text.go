package redact

import (
	"slices"
	"strings"
)

// judged is what became of a text.
type judged struct {
	out   string
	hit   bool // something was removed
	whole bool // everything was
	why   []why
}

// why is a reason for a removal, for the audit record.
type why struct{ rule, reason string }

// maxRounds bounds how often a text is scanned anew after pieces of it were
// replaced. One that still has something to remove then is removed whole.
const maxRounds = 6

// text judges s and removes what is secret in it. The result holds nothing
// that another call would remove.
func (u *run) text(s string, m mode) judged { return u.textNear(s, m, false) }

// textNear is text. With near, s is what it left, but for placeholders: only what
// is around those is judged anew, as in the rounds after the first.
func (u *run) textNear(whole string, m mode, near bool) judged {
	plain, numbers := u.cutNumbers(whole)
	j := judged{out: plain, hit: plain != whole && numbers == nil} // where no numbers are wanted
	u.providers.quiet = false
	found, known := u.known.of(plain, m)
	for round := 0; ; round++ {
		var spans []span
		switch {
		case !known:
			spans = u.x.choices.keep(j.out, u.scan(j.out, m, near || round > 0, u.spans[:0]))
		case round < len(found):
			spans = append(u.spans[:0], found[round]...)
		}
		if u.spans = spans; len(spans) == 0 {
			if u.search == nil && !known {
				u.known.add(plain, m, found)
			}
			j.out = numbers.numbered(j.out)
			return j
		}
		if u.search == nil && !known {
			found = append(found, slices.Clone(spans))
		}
		j.hit = true
		for _, sp := range spans {
			j.note(sp)
			u.secret(j.out[sp.start:sp.end], sp.grade)
			j.whole = j.whole || sp.whole
		}
		j.out, numbers = u.replaceSpans(j.out, numbers, spans, m)
		j.whole = j.whole || round >= maxRounds || onlyPlaceholders(j.out)
		if j.whole {
			if u.search == nil && !known {
				u.known.add(plain, m, found)
			}
			j.out = PlaceholderOf(numbers.sole(j.out))
			return j
		}
	}
}

// note keeps the reason of a span, once.
func (j *judged) note(sp span) {
	w := why{sp.rule, sp.reason}
	if !slices.Contains(j.why, w) {
		j.why = append(j.why, w)
	}
}

// replaceSpans puts placeholders in the place of the spans, one for spans
// that overlap or touch, and returns the text with the numbers of all
// placeholders. What stands at the end of a cut text may go on: it has none.
func (u *run) replaceSpans(s string, old marks, spans []span, m mode) (string, marks) {
	slices.SortStableFunc(spans, func(a, b span) int { return a.start - b.start })
	var b strings.Builder
	b.Grow(len(s) + len(Placeholder))
	var numbers marks
	from := 0
	keep := func(end int) { // copies s up to there, with its numbers
		for ; len(old) > 0 && old[0].at < end; old = old[1:] {
			if old[0].at >= from {
				numbers = append(numbers, mark{b.Len() + old[0].at - from, old[0].number})
			}
		}
		b.WriteString(s[from:end])
	}
	for i := 0; i < len(spans); {
		first := spans[i]
		start, end, with := first.start, first.end, first.with
		for i++; i < len(spans) && (spans[i].start < end || spans[i].start == end && spans[i].with == with); i++ {
			if spans[i].with != with {
				with = ""
			}
			end = max(end, spans[i].end)
		}
		number := 0
		if with == "" || with == Placeholder {
			with = Placeholder
			if u.search != nil && (m&modeCut == 0 || end < len(s)) {
				if number = u.search.numbers.of(s[start:end]); number == 0 && end == first.end {
					number = first.number // of what stands there encoded
				}
			}
		}
		start, end = aroundPlaceholder(s, start, end)
		if start < from {
			start = from
		}
		keep(start)
		if number != 0 {
			numbers = append(numbers, mark{b.Len(), number})
		}
		b.WriteString(with)
		from = max(end, from)
	}
	keep(len(s))
	return b.String(), numbers
}

// aroundPlaceholder widens the bounds so that no placeholder is cut in two.
func aroundPlaceholder(s string, start, end int) (int, int) {
	n := len(Placeholder)
	if lo := max(0, start-n+1); lo < start {
		if k := strings.Index(s[lo:min(len(s), start+n-1)], Placeholder); k >= 0 && lo+k < start {
			start = lo + k
		}
	}
	if lo := max(0, end-n+1); end < len(s) {
		if k := strings.Index(s[lo:min(len(s), end+n-1)], Placeholder); k >= 0 && lo+k < end {
			end = max(end, lo+k+n)
		}
	}
	return start, end
}

// plainWord reports whether s is made of plain words: letters of one case or
// with a capital, and short numbers, between dots, dashes and underscores.
// Such a text is no secret that could be told from other text.
func plainWord(s string) bool {
	for _, w := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("-_./: ,", r) }) {
		if !wordPart(w) {
			return false
		}
	}
	return true
}

func wordPart(w string) bool {
	if digitsOnly(w) {
		return len(w) <= 4
	}
	upper, lower := 0, 0
	for i := 0; i < len(w); i++ {
		switch c := w[i]; {
		case c >= 'a' && c <= 'z':
			lower++
		case c >= 'A' && c <= 'Z':
			upper++
		default:
			return false
		}
	}
	humps := 0
	for i := 1; i < len(w); i++ {
		if w[i] < 'a' && w[i-1] >= 'a' {
			humps++
		}
	}
	return len(w) <= 24 && (upper == 0 || lower == 0 || humps*4 <= len(w))
}
