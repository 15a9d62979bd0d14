package redact

import "strings"

// maxTextName bounds a name that stands before a separator in a text.
const maxTextName = 80

// pairAt finds the value of a name and its separator at s[i]: password=x,
// "token": "x", Password:x, X-Api-Key: x, <secret>x</secret>, m["pwd"] = "x".
func (u *run) pairAt(s string, i int, m mode) (span, bool) {
	start, end, quoted := nameBefore(s, i)
	if start >= end {
		return span{}, false
	}
	if s[i] == '>' && (start == 0 || s[start-1] != '<') {
		return span{}, false
	}
	if m&modeSource != 0 && s[i] == '=' {
		start, end = beforeType(s, start, end)
	}
	v := u.textName(s[start:end])
	if s[start:end] == "sig" && start > 0 && (s[start-1] == '&' || s[start-1] == '?') { // Azure's shared access signature
		v = nameVerdict{class: classStrong, rule: RuleName, word: "sig"}
	}
	if v.class == classNone {
		return span{}, false
	}
	from := i + 1
	if from < len(s) && (s[from] == '=' || s[from] == '>') && s[i] != '>' {
		if s[from] == '=' {
			return span{}, false // ":=" and "==": the second sign is the separator
		}
		from++
	}
	var a, b int
	var ok bool
	if s[i] == '>' {
		a, b, ok = from, len(s), true
		if k := strings.IndexByte(s[from:], '<'); k >= 0 {
			b = from + k
		}
	} else {
		a, b, ok = valueAfter(s, from, valueForm{
			literal: m&modeSource != 0,
			line:    s[i] == ':' && v.class != classText && headerName(v.word) || s[i] == ':' && v.word == "cookie",
			inQuote: quoted == 0 && start > 0 && (s[start-1] == '"' || s[start-1] == '\''),
		})
	}
	u.effort += b - a
	if !ok || trivialValue(s[a:b]) {
		return span{}, false
	}
	g := gradeStrict
	if v.loose {
		g = gradeLoose
	}
	return span{start: a, end: b, rule: v.rule, reason: nameReason(v), grade: g}, true
}

// nameBefore returns the bounds of the name left of the separator at s[i] and
// the number of bytes of quoting between them.
func nameBefore(s string, i int) (start, end, quoted int) {
	j := i
	for j > 0 && (s[j-1] == ' ' || s[j-1] == '\t') && i-j < 4 {
		j--
	}
	if s[i] == '=' && j > 0 && strings.IndexByte(":=!+", s[j-1]) >= 0 {
		for j--; j > 0 && s[j-1] == ' '; j-- {
		}
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

// textName is the verdict on a name inside a text. What Safedump's list denies
// without the word alone saying much (key: value, hash=...) does not count
// here, nor does personal data: too much of ordinary text would go.
func (u *run) textName(name string) nameVerdict {
	if v, ok := u.inText[name]; ok {
		return v
	}
	v := u.x.judgeName(nameKey{name: name})
	switch {
	case v.class == classStrong, v.class == classText && v.word != "seed" && v.word != "session":
	case v.class == classWeak && v.numbers, v.rule == RuleCustom:
	default:
		v = nameVerdict{}
	}
	if len(u.inText) < maxCached {
		u.inText[strings.Clone(name)] = v
	}
	return v
}

// headerName reports whether the value of a name goes on to the end of the line.
func headerName(word string) bool {
	switch word {
	case "authorization", "mnemonic", "passphrase", "seed phrase", "recovery phrase":
		return true
	}
	return false
}

// valueForm says what a value in a text may look like.
type valueForm struct {
	literal bool // only a quoted literal counts
	line    bool // the value goes on to the end of the line
	inQuote bool // name and value stand inside one pair of quotes
}

// valueAfter returns the bounds of the value that begins at or after s[from].
func valueAfter(s string, from int, f valueForm) (a, b int, ok bool) {
	k := from
	for k < len(s) && (s[k] == ' ' || s[k] == '\t') && k-from < 16 {
		k++
	}
	if k >= len(s) {
		return 0, 0, false
	}
	if f.literal {
		for _, conv := range [...]string{"[]byte(", "string("} {
			if strings.HasPrefix(s[k:], conv) {
				k += len(conv)
			}
		}
	}
	k = skipTypes(s, k)
	slashes := 0
	for k+slashes < len(s) && s[k+slashes] == '\\' && slashes < 7 {
		slashes++
	}
	if q := k + slashes; q < len(s) && (s[q] == '"' || s[q] == '\'' || s[q] == '`') {
		a = q + 1
		return a, closingQuote(s, a, s[q], slashes), true
	}
	if f.literal {
		return 0, 0, false
	}
	if b, ok := yamlBlock(s, k); ok {
		return k, b, true
	}
	if f.line {
		k = skipScheme(s, k)
		if k < len(s) && s[k] == '[' && !strings.HasPrefix(s[k:], Placeholder) {
			return bracketed(s, k)
		}
		return k, lineEnd(s, k, f.inQuote), true
	}
	if strings.HasPrefix(s[k:], Placeholder) {
		return 0, 0, false
	}
	if s[k] == '[' || s[k] == '{' || strings.HasPrefix(s[k:], "&{") {
		return bracketed(s, k)
	}
	k = skipScheme(s, k)
	return k, bareEnd(s, k), true
}

// skipTypes steps over the types and lengths that dumpers print before a value:
// (string) (len=7) "x".
func skipTypes(s string, k int) int {
	for range 4 {
		if k >= len(s) || s[k] != '(' {
			break
		}
		end := strings.IndexByte(s[k:min(len(s), k+64)], ')')
		if end < 0 || strings.ContainsAny(s[k:k+end], "\"'\n") {
			break
		}
		next := k + end + 1
		if next >= len(s) || s[next] != ' ' && s[next] != '(' && s[next] != '"' {
			break
		}
		for k = next; k < len(s) && s[k] == ' '; k++ {
		}
	}
	return k
}

// yamlBlock returns the end of a block of indented lines after "|" or ">".
func yamlBlock(s string, k int) (end int, ok bool) {
	if s[k] != '|' && s[k] != '>' {
		return 0, false
	}
	i := k + 1
	for i < len(s) && (s[i] == '-' || s[i] == '+' || s[i] == ' ' || s[i] == '\r') {
		i++
	}
	if i >= len(s) || s[i] != '\n' {
		return 0, false
	}
	for i+1 < len(s) && (s[i+1] == ' ' || s[i+1] == '\t' || s[i+1] == '\n') {
		next := strings.IndexByte(s[i+1:], '\n')
		if next < 0 {
			return len(s), true
		}
		i += 1 + next
	}
	return i, true
}

// closingQuote returns the index of the quote that ends the literal at s[a], or
// of the backslashes before it; the end of s where it is missing.
func closingQuote(s string, a int, quote byte, slashes int) int {
	for i := a; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		n := 0
		for i-n-1 >= a && s[i-n-1] == '\\' {
			n++
		}
		switch {
		case quote == '`', slashes == 0 && n%2 == 0:
			return i
		case slashes > 0 && n <= slashes:
			return i - n
		}
	}
	return len(s)
}

// bracketed returns the bounds of the bracket that opens at s[k], without the
// brackets; to the end of s where it is not closed.
func bracketed(s string, k int) (a, b int, ok bool) {
	for k < len(s) && s[k] != '[' && s[k] != '{' {
		k++
	}
	depth := 0
	for i := k; i < len(s); i++ {
		switch s[i] {
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return k + 1, i, true
			}
		}
	}
	return k + 1, len(s), true
}

// skipScheme steps over the name of an authentication scheme.
func skipScheme(s string, k int) int {
	for _, scheme := range [...]string{"Bearer ", "Basic ", "Token ", "Digest ", "Negotiate ", "ApiKey ", "AWS4-HMAC-SHA256 "} {
		if len(s)-k > len(scheme) && strings.EqualFold(s[k:k+len(scheme)], scheme) {
			return k + len(scheme)
		}
	}
	return k
}

// lineEnd returns the end of the line, or of the quotation.
func lineEnd(s string, k int, inQuote bool) int {
	for i := k; i < len(s); i++ {
		if s[i] == '\n' || s[i] == '\r' || inQuote && (s[i] == '"' || s[i] == '\'') {
			return i
		}
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == 'n' || s[i+1] == 'r') {
			return i
		}
	}
	return len(s)
}

// bareEnd returns the end of a value without quotes. A comma, a semicolon or
// a closing bracket ends it only where something else plainly begins, because
// passwords hold such characters.
func bareEnd(s string, k int) int {
	for i := k; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\t', '\n', '\r', '<', 0:
			return i
		case '"', '\'', '`':
			if i == k || strings.IndexByte("({[:=,", s[i-1]) < 0 {
				return i
			}
			if i = closingQuote(s, i+1, c, 0); i >= len(s) {
				return len(s)
			}
		case '\\':
			if i+1 < len(s) && strings.IndexByte("nrt\"'", s[i+1]) >= 0 {
				return i
			}
		case ',', ';', '&', ')', '}', ']':
			if endsValue(s[i+1:]) {
				return i
			}
		}
	}
	return len(s)
}

// endsValue reports whether rest, after a separator, is no part of the value:
// nothing, space, more closing brackets, or the next name and its separator.
func endsValue(rest string) bool {
	if rest == "" || strings.IndexByte(" \t\r\n,;)}]\"'`<", rest[0]) >= 0 {
		return true
	}
	n := charsDotted.run(rest)
	return n > 0 && n < len(rest) && (rest[n] == '=' || rest[n] == ':')
}

// trivialValue reports whether a value says nothing: absent, a boolean, a
// formatting verb, a reference to a variable, masked already.
func trivialValue(s string) bool {
	t := strings.TrimSpace(s)
	switch strings.ToLower(t) {
	case "", "true", "false", "nil", "null", "none", "<nil>", "undefined", "(missing)", "redacted", "<redacted>", "[redacted]", "{}", "[]":
		return true
	}
	if strings.Trim(strings.ReplaceAll(t, Placeholder, ""), " \t,;:.=*{}[]()\"'`\\") == "" {
		return true
	}
	if len(t) == 2 && t[0] == '%' && charsAlnum.has(t[1]) {
		return true
	}
	for _, open := range [...]string{"${", "$(", "{{", "%("} {
		if ref, ok := strings.CutPrefix(t, open); ok {
			ref = strings.Trim(strings.TrimRight(ref, "})s"), " .")
			return charsWord.run(ref) == len(ref)
		}
	}
	return false
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

// flagAt finds the value of a flag in a text: "--token x".
func (u *run) flagAt(s string, i int, m mode) (span, bool) {
	if m&modePairs == 0 || m&modeSource != 0 || i > 0 && s[i-1] != ' ' && s[i-1] != '"' && s[i-1] != '\n' && s[i-1] != '\t' ||
		i+2 >= len(s) || s[i+2] == '-' {
		return span{}, false
	}
	n := charsURL.run(s[i+2:])
	end := i + 2 + n
	if n == 0 || n > maxTextName || end >= len(s) || s[end] != ' ' {
		return span{}, false
	}
	v := u.textName(s[i+2 : end])
	if v.class == classNone || u.x.names.counts(s[i+2:end]) {
		return span{}, false
	}
	a, b, ok := valueAfter(s, end, valueForm{})
	if !ok || a < len(s) && s[a] == '-' || trivialValue(s[a:b]) {
		return span{}, false
	}
	return span{start: a, end: b, rule: v.rule, reason: nameReason(v), grade: gradeStrict}, true
}
