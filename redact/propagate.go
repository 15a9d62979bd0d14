package redact

import "strings"

// fit reports whether finding s elsewhere would say that it is the secret:
// plain words and small numbers occur everywhere, and holes in their place
// would give the secret away.
func fit(s string, g grade) bool {
	switch {
	case !varied(s, 4):
		return false
	case g == gradeSure:
		return true
	case digitsOnly(s):
		return len(s) >= minNumber
	case locator(s):
		return false
	}
	return !plainWord(s) || !common(s, g, isWord)
}

// common reports whether s is what stands in a program's texts anyway: a word,
// or an identifier of up to three beside a name that may hold one.
func common(s string, g grade, known func(string) bool) bool {
	if g == gradeLoose {
		return onlyWords(s, 1, known)
	}
	return onlyWords(s, 3, known)
}

// locator reports whether s is a file's path, or a URL without anything
// secret in it: what a name with "token" in it may well hold.
func locator(s string) bool {
	if i := strings.Index(s, "://"); i > 0 {
		return strings.IndexByte(s, '@') < 0 && strings.IndexByte(s, '?') < 0
	}
	return s[0] == '/' && strings.Count(s, "/") > 1 && !strings.ContainsAny(s, "+= ") && len(s) < 200 && entropy(s) < 4.5
}

// scrub removes the secrets of the report from s, and judges the rest anew.
func (u *run) scrub(s string, m mode) judged {
	j := judged{out: s}
	for round := 0; round < maxRounds; round++ {
		spans := u.spans[:0]
		plain, numbers := u.cutNumbers(j.out)
		u.search.find(plain, m&modeCut != 0, func(a, b, number int) {
			spans = append(spans, span{start: a, end: b, rule: RuleSpread, reason: "holds a value found secret elsewhere", number: number})
		})
		u.spans = spans
		if len(spans) == 0 {
			return j
		}
		j.hit = true
		j.note(spans[0])
		plain, numbers = u.replaceSpans(plain, numbers, spans, m)
		again := u.textNear(numbers.numbered(plain), m, true)
		j.out, j.whole = again.out, again.whole
		for _, w := range again.why {
			j.note(span{rule: w.rule, reason: w.reason})
		}
		if j.whole {
			return j
		}
		if plain, numbers = u.cutNumbers(j.out); onlyPlaceholders(plain) {
			j.out, j.whole = PlaceholderOf(numbers.sole(plain)), true
			return j
		}
	}
	j.out, j.whole = Placeholder, true
	return j
}
