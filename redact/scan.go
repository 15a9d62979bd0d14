package redact

import (
	"encoding/base64"
	"math"
	"strings"
)

// scan appends to spans what is to be removed from s. With near, only what is
// around placeholders is looked at.
// Texts made to cost more than their length is worth are given up as a whole.
func (u *run) scan(s string, m mode, near bool, spans []span) []span {
	u.effort = 0
	parts := u.partsToScan(s, m, near)
	for _, w := range parts {
		spans = u.scanPart(s, w, m, spans)
		if u.tooCostly(s) {
			return append(spans, costly(s, "text too costly to judge"))
		}
	}
	for _, w := range parts {
		spans = u.scanProviders(s, w, m, spans)
	}
	if u.tooCostly(s) {
		return append(spans, costly(s, "text too costly to judge"))
	}
	if m&modeCustom != 0 {
		spans = u.scanCustom(s, spans)
	}
	if m&modeDense != 0 && len(spans) == 0 {
		spans = u.scanDense(s, spans)
	}
	return spans
}

// A placeholder changes what is found in its neighbourhood: names before it,
// values around it, tokens that it cuts; the expressions of providers reach
// farthest. minNear is the length from which it is worth while to look at nothing
// else.
const (
	neighbourhood = 2*maxWiden + 256
	minNear       = 16 << 10
)

// partsToScan returns the parts of s in which something can begin that is to be
// removed: all of it, or the neighbourhoods of placeholders, in order and apart. A
// policy's rules can match anywhere, and a line of source is read from its start.
func (u *run) partsToScan(s string, m mode, near bool) []window {
	u.parts = append(u.parts[:0], window{0, len(s)})
	if !near || len(s) < minNear || m&modeSource != 0 || len(u.x.rules) > 0 {
		return u.parts
	}
	u.parts = u.parts[:0]
	for from, last := 0, 0; ; {
		k := strings.Index(s[from:], Placeholder)
		if k < 0 {
			return u.parts
		}
		k += from
		from = k + len(Placeholder)
		w := window{max(0, k-neighbourhood), min(len(s), from+neighbourhood)}
		for w.start > last && s[w.start-1] > ' ' { // to the start of what stands in one piece
			w.start--
		}
		last = w.end
		if n := len(u.parts); n > 0 && w.start <= u.parts[n-1].end {
			u.parts[n-1].end = w.end
			continue
		}
		u.parts = append(u.parts, w)
	}
}

// scanPart appends what begins, or has its separator, in a part of s.
func (u *run) scanPart(s string, w window, m mode, spans []span) []span {
	table := u.x.triggers
	for i := w.start; i+1 < len(s) && i < w.end; i++ {
		t := table.pair[pairOf(s[i], s[i+1])]
		if t == 0 {
			continue
		}
		if t&trigDigit != 0 {
			end, card := digitRun(s, i)
			if card && m&modeCards != 0 {
				spans = append(spans, pattern(i, end, "card number", gradeSure))
			} else if m&(modeIP|modeEmail) != 0 {
				spans = numberAt(s, i, m, spans)
			}
			i = max(i, lastDigits(s, i, end))
			continue
		}
		spans = u.scanAt(s, i, t, m, spans)
		if u.tooCostly(s) {
			return spans
		}
	}
	return spans
}

// numberAt appends the personal data that begin with the digit s[i].
func numberAt(s string, i int, m mode, spans []span) []span {
	if m&modeIP != 0 {
		if sp, ok := addressAt(s, i); ok && sp.start == i {
			return append(spans, sp)
		}
	}
	if m&modeEmail == 0 || !americanAt(s, i) {
		return spans
	}
	if sp, ok := phoneAt(s, i); ok {
		spans = append(spans, sp)
	}
	return spans
}

// tooCostly reports whether judging s has cost more than its length is worth.
func (u *run) tooCostly(s string) bool { return u.effort > 64*len(s)+1<<16 }

// costly is the span of a text that can't be judged.
func costly(s, why string) span {
	return span{end: len(s), rule: RuleError, reason: "sanitization error: " + why, whole: true}
}

// scanAt appends what begins, or has its separator, at s[i].
func (u *run) scanAt(s string, i int, t trigger, m mode, spans []span) []span {
	if t&trigToken != 0 {
		spans = u.tokenAt(s, i, m, spans)
	}
	if t&trigDashes != 0 {
		if sp, ok := u.pemAt(s, i); ok {
			spans = append(spans, sp)
		} else if sp, ok := u.flagAt(s, i, 2, m); ok {
			spans = append(spans, sp)
		} else if sp, ok := userFlagAt(s, i); ok && m&modePairs != 0 {
			spans = append(spans, sp)
		}
	}
	if t&trigScheme != 0 && m&modePairs != 0 {
		if sp, ok := schemeAt(s, i); ok {
			spans = append(spans, sp)
		}
	}
	if t&trigSpoken != 0 && m&modePairs != 0 {
		if sp, ok := u.afterWord(s, i, m); ok {
			spans = append(spans, sp)
		}
	}
	if t&trigURL != 0 && m&modeURL != 0 {
		if sp, ok := u.userinfoAt(s, i); ok {
			return append(spans, sp)
		}
	}
	if t&trigAt != 0 {
		if sp, ok := atSign(s, i, m); ok {
			spans = append(spans, sp)
		}
	}
	if s[i] == ':' && m&modeIP != 0 {
		if sp, ok := addressAt(s, i); ok && !covered(spans, sp.start, sp.end) {
			spans = append(spans, sp)
		}
	}
	if t&trigPair != 0 && m&modePairs != 0 {
		spans = u.pairAt(s, i, m, spans)
	}
	return spans
}

// tokenAt appends a provider's credential that begins at s[i].
func (u *run) tokenAt(s string, i int, m mode, spans []span) []span {
	table := u.x.triggers
	begun := &table.tokens[table.which[pairOf(s[i], s[i+1])]]
	if i+2 < len(s) && !begun.third[s[i+2]] {
		return spans
	}
	var prev byte
	if i > 0 {
		prev = s[i-1]
	}
	rules := begun.rules
	for k := range rules {
		r := &rules[k]
		n, looked := r.match(s[i:], prev, m&modeCut != 0)
		u.effort += looked
		if n > 0 {
			start := i
			if r.shown {
				start += len(r.prefix)
			}
			if body := s[i+len(r.prefix) : i+n]; !r.whole && (maskedToken(body) || humpedWords(body)) {
				continue
			}
			sp := pattern(start, i+n, r.id, gradeSure)
			sp.whole = r.whole
			return append(spans, sp)
		}
	}
	return spans
}

// maxLabel bounds the label of PEM armour ("RSA PRIVATE KEY").
const maxLabel = 80

// pemAt finds armoured private keys: from BEGIN to END, to the end of the text
// where END is missing, and from the start of the base64 lines where BEGIN is.
func (u *run) pemAt(s string, i int) (span, bool) {
	begin, end := "-----BEGIN ", "-----END "
	rest := s[i:]
	if strings.HasPrefix(rest, "---- BEGIN ") { // SSH2
		begin, end = "---- BEGIN ", "---- END "
	}
	switch {
	case strings.HasPrefix(rest, begin):
		label, _, ok := strings.Cut(rest[len(begin):min(len(rest), len(begin)+maxLabel)], "----")
		if ok && !strings.Contains(label, "PRIVATE KEY") || !ok && !strings.Contains(label, "PRIV") {
			return span{}, false
		}
		stop := len(s)
		u.effort += len(rest)
		if k := strings.Index(rest, end); k >= 0 {
			u.effort -= len(rest) - k
			stop = i + k + len(end)
			if tail := strings.Index(s[stop:min(len(s), stop+maxLabel+5)], end[:4]); tail >= 0 && tail <= maxLabel {
				stop += tail + dashes(s[stop+tail:])
			}
		}
		return pattern(i, stop, "private key", gradeSure), true
	case strings.HasPrefix(rest, end):
		label, _, _ := strings.Cut(rest[len(end):min(len(rest), len(end)+maxLabel)], "-----")
		if !strings.Contains(label, "PRIVATE KEY") {
			return span{}, false
		}
		start := i
		for start > 0 && (charsBase64.has(s[start-1]) || strings.IndexByte("\r\n\t \\", s[start-1]) >= 0) {
			start--
		}
		if start == i {
			return span{}, false
		}
		return pattern(start, i, "private key", gradeSure), true
	}
	return span{}, false
}

// dashes counts those at the start of s, five at most.
func dashes(s string) int {
	n := 0
	for n < len(s) && n < 5 && s[n] == '-' {
		n++
	}
	return n
}

// schemeAt finds the credentials after "Bearer " and "Basic ".
func schemeAt(s string, i int) (span, bool) {
	if i > 0 && charsWord.has(s[i-1]) {
		return span{}, false
	}
	rest := s[i:]
	switch {
	case len(rest) > 7 && strings.EqualFold(rest[:7], "bearer "):
		n := charsBearer.run(rest[7:])
		if n >= 6 && !plainWord(rest[7:7+n]) && !maskedToken(rest[7:7+n]) && !parameter(rest[7:7+n]) {
			return pattern(i+7, i+7+n, "bearer", gradeStrict), true
		}
	case len(rest) > 6 && strings.EqualFold(rest[:6], "basic "):
		n := charsBase64.run(rest[6:])
		raw, err := base64.StdEncoding.DecodeString(rest[6 : 6+n])
		if err != nil {
			raw, err = base64.RawStdEncoding.DecodeString(strings.TrimRight(rest[6:6+n], "="))
		}
		if err == nil && n >= 4 && strings.IndexByte(string(raw), ':') >= 0 {
			return pattern(i+6, i+6+n, "basic", gradeSure), true
		}
	}
	return span{}, false
}

// parameter reports whether s is a name and a value, as what follows a scheme
// that is only named: "bearer realm=x", "bearer expires_in=3600". A token has "=" at
// its end only.
func parameter(s string) bool {
	name, value, ok := strings.Cut(s, "=")
	return ok && (name == "realm" || name != "" && plainWord(name) && strings.Trim(value, "=") != "")
}

// scanCustom appends the matches of the user's rules.
func (u *run) scanCustom(s string, spans []span) []span {
	for _, r := range u.x.rules {
		if !r.values {
			continue
		}
		for _, loc := range r.re.FindAllStringIndex(s, -1) {
			if loc[0] < loc[1] {
				spans = append(spans, span{start: loc[0], end: loc[1], rule: RuleCustom, reason: r.reason, with: r.replacement})
			}
		}
	}
	return spans
}

// scanDense appends s as a whole when it looks random, by Safedump's measure, or
// the tokens in it that do.
func (u *run) scanDense(s string, spans []span) []span {
	if u.x.policy.Entropy == 0 || len(s) < 16 {
		return spans
	}
	if strings.Contains(s, Placeholder) {
		return u.scanRandom(s, spans)
	}
	if h := entropy(s); h > u.x.policy.Entropy {
		sp := span{end: len(s), rule: RuleEntropy, reason: "high entropy: " + formatBits(h), whole: true, grade: gradeStrict}
		return append(spans, sp)
	}
	return u.scanRandom(s, spans)
}

// entropy is Shannon's entropy of s in bits per byte, to two digits as
// Safedump has it.
func entropy(s string) float64 {
	var count [256]int
	for i := 0; i < len(s); i++ {
		count[s[i]]++
	}
	h := 0.0
	for _, n := range count {
		if n > 0 {
			p := float64(n) / float64(len(s))
			h -= p * math.Log2(p)
		}
	}
	return math.Round(h*100) / 100
}
