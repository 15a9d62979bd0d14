package main

import (
	"regexp/syntax"
	"strings"
	"unicode"
)

// measured is where an expression can match, seen from its keyword.
type measured struct {
	// before and after are the most bytes that a match has before the keyword
	// and from its beginning on.
	before, after int
	// unbroken is how many bytes of a token (letters, digits, _-+/=.~) every
	// match has in a row.
	unbroken int
	// kind is "token" where the keyword begins what is secret, "named" where it
	// stands before it, "near" where it is anywhere in the neighbourhood.
	kind string
}

const (
	shortest  = 14   // no credential worth the name is shorter; timestamps are
	unbounded = 1024 // for what has no bound
	near      = 300  // the neighbourhood of a keyword that is no part of the match
)

func measure(r rule) (measured, error) {
	re, err := syntax.Parse(r.regex, syntax.Perl)
	if err != nil {
		return measured{}, err
	}
	m := measured{kind: "named"}
	_, most := lengths(re)
	head, unbroken, _ := runs(re)
	m.unbroken = max(unbroken, shortest)
	for _, w := range r.keywords {
		before, ok := leading(re, strings.ReplaceAll(w, "\u00b7", " "))
		if !ok {
			return measured{before: near, after: near + min(most, unbounded), unbroken: m.unbroken, kind: "near"}, nil
		}
		m.before = max(m.before, before)
	}
	m.after = min(most, unbounded) + 8
	longest := 0
	for _, w := range r.keywords {
		longest = max(longest, len(w))
	}
	if m.before <= 1 && head > longest {
		m.kind = "token"
	}
	return m, nil
}

// lengths returns the least and the most bytes of a match.
func lengths(re *syntax.Regexp) (least, most int) {
	switch re.Op {
	case syntax.OpLiteral:
		return len(string(re.Rune)), len(string(re.Rune))
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return 1, 1
	case syntax.OpCapture:
		return lengths(re.Sub[0])
	case syntax.OpStar:
		return 0, unbounded
	case syntax.OpPlus:
		least, _ = lengths(re.Sub[0])
		return least, unbounded
	case syntax.OpQuest:
		_, most = lengths(re.Sub[0])
		return 0, most
	case syntax.OpRepeat:
		least, most = lengths(re.Sub[0])
		if re.Max < 0 {
			return least * re.Min, unbounded
		}
		return least * re.Min, min(most*re.Max, unbounded)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			a, b := lengths(sub)
			least, most = least+a, most+b
		}
		return least, most
	case syntax.OpAlternate:
		least = unbounded
		for _, sub := range re.Sub {
			a, b := lengths(sub)
			least, most = min(least, a), max(most, b)
		}
		return least, most
	}
	return 0, 0
}

// leading returns the most bytes before the keyword w in a match of re; ok tells
// that every match that the keyword leads to has it there.
func leading(re *syntax.Regexp, w string) (before int, ok bool) {
	switch re.Op {
	case syntax.OpLiteral:
		i := strings.Index(strings.ToLower(string(re.Rune)), w)
		return max(i, 0), i >= 0
	case syntax.OpCapture:
		return leading(re.Sub[0], w)
	case syntax.OpConcat:
		for i, sub := range re.Sub {
			// A keyword may be spread over neighbours: xoxe.xoxb-
			if n, found := leading(sub, w); found {
				return before + n, true
			}
			if n, found := spread(re.Sub[i:], w); found {
				return before + n, true
			}
			_, most := lengths(sub)
			before += most
		}
	case syntax.OpAlternate:
		for _, sub := range re.Sub {
			if n, found := leading(sub, w); found {
				before, ok = max(before, n), true
			}
		}
		return before, ok
	}
	return 0, false
}

// spread reports whether the parts may begin with the keyword, which their
// first characters can spell.
func spread(parts []*syntax.Regexp, w string) (int, bool) {
	joined := &syntax.Regexp{Op: syntax.OpConcat, Sub: parts}
	return 0, spells(joined, w) == ""
}

// spells returns what is left of w after the leading characters of re were
// taken from it, and w itself with a mark where re can't begin with it.
func spells(re *syntax.Regexp, w string) string {
	const no = "\x00"
	if w == "" || strings.HasPrefix(w, no) {
		return w
	}
	switch re.Op {
	case syntax.OpLiteral:
		lit := strings.ToLower(string(re.Rune))
		switch {
		case strings.HasPrefix(lit, w):
			return ""
		case strings.HasPrefix(w, lit):
			return w[len(lit):]
		}
		return no + w
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		// A large class would spell any word.
		if re.Op == syntax.OpCharClass && size(re) <= 10 && (holds(re, rune(w[0])) || holds(re, unicode.ToUpper(rune(w[0])))) {
			return w[1:]
		}
		return no + w
	case syntax.OpQuest:
		if rest := spells(re.Sub[0], w); !strings.HasPrefix(rest, no) {
			return rest
		}
		return w
	case syntax.OpCapture:
		return spells(re.Sub[0], w)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			w = spells(sub, w)
		}
		return w
	case syntax.OpAlternate:
		best := no + w
		for _, sub := range re.Sub {
			if rest := spells(sub, w); !strings.HasPrefix(rest, no) && (strings.HasPrefix(best, no) || len(rest) < len(best)) {
				best = rest
			}
		}
		return best
	case syntax.OpRepeat:
		for range re.Min {
			w = spells(re.Sub[0], w)
		}
		return w
	case syntax.OpWordBoundary, syntax.OpBeginText:
		return w
	}
	return no + w
}

func size(class *syntax.Regexp) int {
	n := 0
	for i := 0; i+1 < len(class.Rune); i += 2 {
		n += int(class.Rune[i+1]-class.Rune[i]) + 1
	}
	return n
}

func holds(class *syntax.Regexp, r rune) bool {
	for i := 0; i+1 < len(class.Rune); i += 2 {
		if class.Rune[i] <= r && r <= class.Rune[i+1] {
			return true
		}
	}
	return false
}

// tokenRune are the characters of unbroken runs; redact has the same set.
func tokenRune(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("_-+/=.~", r) || r == '\u017f' || r == '\u212a' // what (?i) makes of s and k
}

// runs returns the bytes of a token that every match has in a row: at its
// beginning, anywhere, and at its end.
func runs(re *syntax.Regexp) (head, most, tail int) {
	if whole, n := tokenOnly(re); whole {
		return n, n, n
	}
	switch re.Op {
	case syntax.OpCapture:
		return runs(re.Sub[0])
	case syntax.OpRepeat, syntax.OpPlus:
		if re.Op == syntax.OpPlus || re.Min > 0 {
			return runs(re.Sub[0])
		}
	case syntax.OpAlternate:
		head, most, tail = unbounded, unbounded, unbounded
		for _, sub := range re.Sub {
			h, m, t := runs(sub)
			head, most, tail = min(head, h), min(most, m), min(tail, t)
		}
		return head, most, tail
	case syntax.OpConcat:
		only := true
		for _, sub := range re.Sub {
			whole, n := tokenOnly(sub)
			if whole {
				tail += n
				if only {
					head = tail
				}
				most = max(most, tail)
				continue
			}
			h, m, t := runs(sub)
			most = max(most, m, tail+h)
			if only {
				head += h
			}
			only, tail = false, t
		}
		return head, most, tail
	}
	return 0, 0, 0
}

// tokenOnly reports whether all that re matches is of a token, and its least length.
func tokenOnly(re *syntax.Regexp) (bool, int) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if !tokenRune(r) {
				return false, 0
			}
		}
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			for r := re.Rune[i]; r <= re.Rune[i+1]; r++ {
				if !tokenRune(r) {
					return false, 0
				}
			}
		}
	case syntax.OpEmptyMatch, syntax.OpWordBoundary, syntax.OpNoWordBoundary, syntax.OpBeginText, syntax.OpEndText, syntax.OpBeginLine, syntax.OpEndLine:
		return true, 0
	case syntax.OpCapture, syntax.OpStar, syntax.OpPlus, syntax.OpQuest, syntax.OpRepeat, syntax.OpConcat, syntax.OpAlternate:
		for _, sub := range re.Sub {
			if whole, _ := tokenOnly(sub); !whole {
				return false, 0
			}
		}
	default:
		return false, 0
	}
	least, _ := lengths(re)
	return true, least
}
