package redact

import "strings"

// maxTextName bounds a name that stands before a separator in a text.
const maxTextName = 80

// maxAlign bounds the spaces that align the separators of several lines.
const maxAlign = 40

// pairAt appends the value of a name and its separator at s[i]: password=x,
// "token": "x", Password:x, X-Api-Key: x, <secret>x</secret>, m["pwd"] = "x".
func (u *run) pairAt(s string, i int, m mode, spans []span) []span {
	if s[i] == ':' && (i > 0 && s[i-1] == ':' || i+1 < len(s) && s[i+1] == ':') { // Net::HTTP
		return spans
	}
	start, end, quoted := nameBefore(s, i)
	if start >= end || s[i] == '>' && !elementAt(s, start, i) {
		return spans
	}
	if m&modeSource != 0 && s[i] == '=' {
		start, end = beforeType(s, start, end)
	}
	said := u.verdictInText(s[start:end])
	shared := s[start:end] == "sig" && start > 0 && (s[start-1] == '&' || s[start-1] == '?') // Azure's shared access signature
	if said.class == classNone && !shared {
		return spans
	}
	v := *said
	if shared {
		v = nameVerdict{class: classStrong, rule: RuleName, word: "sig"}
	}
	if s[i] == ':' && inURN(s[max(0, start-60):start]) {
		return spans
	}
	from := i + 1
	if from < len(s) && (s[from] == '=' || s[from] == '>') && s[i] != '>' {
		if s[from] == '=' {
			return spans // ":=" and "==": the second sign is the separator
		}
		from++
	}
	inQuote := quoted == 0 && start > 0 && (s[start-1] == '"' || s[start-1] == '\'')
	a, b, ok := u.pairedValue(s, i, from, v, inQuote, m)
	u.effort += b - a
	if !ok || guess(v) && !tokenLike(s[a:b]) || a > 0 && s[a-1] == '{' && v.word == "oauth" { // whose members have names of their own
		return spans
	}
	p := pairValue{text: s, name: s[start:end], at: start, sep: i, a: a, b: b, judgment: v}
	p.quoted = a > from && strings.IndexByte("\"'`;", s[a-1]) >= 0 || s[i] == '>'
	if u.noValue(&p) {
		if a, b, ok = u.madeFrom(&p); !ok {
			return spans
		}
	}
	g := gradeStrict
	if v.loose {
		g = gradeLoose
	}
	return append(spans, span{start: a, end: b, rule: v.rule, reason: nameReason(v), grade: g})
}

// pairedValue returns the bounds of the value after the separator at s[i], from
// s[from] on.
func (u *run) pairedValue(s string, i, from int, v nameVerdict, inQuote bool, m mode) (a, b int, ok bool) {
	if s[i] == '>' {
		if k := strings.IndexByte(s[from:], '<'); k >= 0 {
			return from, from + k, true
		}
		return from, len(s), true
	}
	text, literal := s, m&modeSource != 0
	if end, inside := literalAround(s, i, m); inside {
		// "user=x password=y": the pair stands in the literal.
		text, literal = s[:max(end, from)], false
		u.effort += end
	}
	return valueAfter(text, from, valueForm{
		literal: literal,
		line:    s[i] == ':' && v.class != classText && headerName(v.word) || s[i] == ':' && v.word == "cookie",
		inQuote: inQuote,
	})
}

// inURN reports whether s ends within a URN (urn:ietf:wg:oauth:2.0), an ARN of Amazon, or before the
// name of the file of passwords.
func inURN(s string) bool {
	start := len(s)
	for start > 0 && strings.IndexByte(" \t\n\"'", s[start-1]) < 0 {
		start--
	}
	s = s[start:]
	return strings.HasPrefix(s, "urn:") || strings.HasPrefix(s, "arn:aws") || strings.HasSuffix(s, "/etc/")
}

// elementAt reports whether the name at s[start] and the ">" at s[i] begin an XML
// element with a text, and not a template: password=<password>.
func elementAt(s string, start, i int) bool {
	if start == 0 || s[start-1] != '<' || start > 1 && s[start-2] == '=' {
		return false
	}
	if k := strings.IndexByte(s[i+1:], '<'); k >= 0 {
		return i+k+2 >= len(s) || s[i+k+2] == '/'
	}
	return i+1 < len(s) && charsAlnum.has(s[i+1]) && (start < 2 || s[start-2] == '>' || s[start-2] == '\n')
}

// literalAround returns the end of the literal that s[i] stands in, where s is a
// line of source code.
func literalAround(s string, i int, m mode) (end int, inside bool) {
	if m&modeSource == 0 {
		return 0, false
	}
	for k := 0; k < i; k++ {
		if strings.HasPrefix(s[k:], "//") {
			return 0, false
		}
		if s[k] != '"' && s[k] != '`' && s[k] != '\'' {
			continue
		}
		end = closingQuote(s, k+1, s[k], 0)
		if end > i {
			return end, s[k] != '\''
		}
		k = end
	}
	return 0, false
}

// nameBefore returns the bounds of the name left of the separator at s[i] and
// the number of bytes of quoting between them.
func nameBefore(s string, i int) (start, end, quoted int) {
	j := i
	for j > 0 && (s[j-1] == ' ' || s[j-1] == '\t') && i-j < maxAlign {
		j--
	}
	for n := 0; n < 2 && s[i] == '=' && j > 0 && (s[j-1] == ':' || s[j-1] == '=' || s[j-1] == '!' || s[j-1] == '+'); n++ {
		for j--; j > 0 && s[j-1] == ' ' && i-j < maxAlign; j-- {
		}
	}
	for s[i] == ':' && j > 0 && s[j-1] == '*' && i-j < 4 { // **password**: x
		j--
	}
	if j > 0 && s[j-1] == ']' {
		j--
	}
	if j > 0 && (s[j-1] == '"' || s[j-1] == '\'' || s[j-1] == '`') {
		j, quoted = j-1, 1
		for j > 0 && s[j-1] == '\\' && quoted < 8 {
			j, quoted = j-1, quoted+1
		}
	}
	end = j
	for j > 0 && end-j < maxTextName && charsDotted.has(s[j-1]) {
		j--
	}
	return j, end, quoted
}

// beforeType moves the bounds from the type of a Go declaration to its name:
// var password string = "x".
func beforeType(s string, start, end int) (int, int) {
	if w := s[start:end]; w != "string" && w != "byte" {
		return start, end
	}
	j := start
	for j > 0 && (s[j-1] == '[' || s[j-1] == ']') {
		j--
	}
	for j > 0 && s[j-1] == ' ' {
		j--
	}
	end = j
	for j > 0 && end-j < maxTextName && charsDotted.has(s[j-1]) {
		j--
	}
	return j, end
}

// afterWord finds the value after a word and the two signs at s[i]: that of
// PASSWORD 'x', set_token("x"), -token x.
func (u *run) afterWord(s string, i int, m mode) (span, bool) {
	switch {
	case s[i] == '(':
		return u.callAt(s, i)
	case s[i+1] == '-':
		if i+2 < len(s) && charsAlnum.has(s[i+2]) {
			return u.flagAt(s, i+1, 1, m)
		}
		return span{}, false
	}
	return u.spokenAt(s, i)
}

// callAt finds the literal that is given to a setter, whose bracket is at s[i]:
// setPassword("x"), withToken('x'). What another method is given counts when
// it looks like a token.
func (u *run) callAt(s string, i int) (span, bool) {
	start := i
	for start > 0 && i-start < maxTextName && charsWord.has(s[start-1]) {
		start--
	}
	name := s[start:i]
	low := strings.ToLower(name[:min(4, len(name))])
	setter := strings.HasPrefix(low, "set") || low == "with"
	if len(name) < 4 || !setter && (start == 0 || s[start-1] != '.') {
		return span{}, false
	}
	v := u.textName(name)
	if v.class == classNone {
		return span{}, false
	}
	a := i + 2
	b := closingQuote(s[:min(len(s), a+512)], a, s[i+1], 0)
	u.effort += b - a
	p := &pairValue{text: s, name: name, at: start, sep: i, a: a, b: b, quoted: true, judgment: v}
	if (guess(v) || !setter) && !tokenLike(s[a:b]) || u.noValue(p) {
		return span{}, false
	}
	return span{start: a, end: b, rule: v.rule, reason: nameReason(v), grade: gradeStrict}, true
}

// spokenAt finds the literal after a word at the space at s[i]: PASSWORD 'x',
// IDENTIFIED BY 'x'. Only words of passwords count: a token or secret in
// quotes is mostly a name.
func (u *run) spokenAt(s string, i int) (span, bool) {
	start := i
	for start > 0 && i-start < 16 && charsAlnum.has(s[start-1]) {
		start--
	}
	word := "password"
	switch strings.ToLower(s[start:i]) {
	case "password", "passwd", "pwd", "passphrase":
	case "by":
		if word = "identified by"; start < len("identified ") || !strings.EqualFold(s[start-len("identified "):start], "identified ") {
			return span{}, false
		}
	default:
		return span{}, false
	}
	end := closingQuote(s, i+2, s[i+1], 0)
	u.effort += end - i
	if trivialValue(s[i+2 : end]) {
		return span{}, false
	}
	return span{start: i + 2, end: end, rule: RuleName, reason: "matched denylist: '" + word + "'", grade: gradeLoose}, true
}

// flagAt finds the value of a flag in a text, which begins with so many dashes at
// s[i]: "--token x".
func (u *run) flagAt(s string, i, dashes int, m mode) (span, bool) {
	if m&modePairs == 0 || m&modeSource != 0 || i > 0 && s[i-1] != ' ' && s[i-1] != '"' && s[i-1] != '\n' && s[i-1] != '\t' ||
		i+dashes >= len(s) || s[i+dashes] == '-' {
		return span{}, false
	}
	start := i + dashes
	n := charsURL.run(s[start:])
	end := start + n
	if n < 3 && dashes == 1 || n == 0 || n > maxTextName || end >= len(s) || s[end] != ' ' {
		return span{}, false
	}
	name := s[start:end]
	v := u.textName(name)
	if v.class == classNone || u.x.names.counts(name) {
		return span{}, false
	}
	a, b, ok := valueAfter(s, end, valueForm{})
	if !ok || a < len(s) && s[a] == '-' || guess(v) && !tokenLike(s[a:b]) {
		return span{}, false
	}
	p := &pairValue{text: s, name: name, at: start, sep: end, a: a, b: b, quoted: true, judgment: v} // a shell needs no quotes
	if u.noValue(p) || trivialValue(s[a:b]) {
		return span{}, false
	}
	return span{start: a, end: b, rule: v.rule, reason: nameReason(v), grade: gradeStrict}, true
}
