package redact

import "strings"

// In source code a value is a literal in quotes; what has none is a name, a call
// or a type. Memory holds source code too: templates, queries, documentation.

// code reports whether a value without quotes is code.
func (u *run) code(p *pairValue) bool {
	start, end := lineAround(p.text, p.at, p.a)
	u.effort += end - start
	v := p.text[p.a:end] // with what follows: the value was cut at a space
	if keywordFirst(v) || cmdlet(v) || strings.HasPrefix(v, "->") || strings.HasPrefix(v, "/*") {
		return true
	}
	path := identifiers(v)
	if path == 0 {
		return spaced(p) && symbol(v, p.b-p.a)
	}
	if plainCode(v[:path]) && path < len(v) && opensCode(v[path:], v[:path]) {
		return true
	}
	ident := v[:path]
	if strings.Trim(v[path:max(path, min(len(v), p.b-p.a))], ")]}:;,|?") != "" || !plainCode(ident) {
		return false
	}
	if strings.ContainsAny(ident, ".:>$@") {
		if selector(ident, p.name) || codeAround(p.text[start:end], p, end) {
			return true
		}
	}
	switch {
	case codeAround(p.text[start:end], p, end):
		return wordy(ident)
	case followedBy(p.text, p.a+path, ','), followedBy(p.text, p.a+path, ';'): // the member of a literal, the end of a statement
		return wordy(ident) && spaced(p) && (humped(ident) || strings.EqualFold(ident, p.name) && p.judgment.made)
	}
	if spaced(p) && within(p.text[start:p.at], '{', '}') { // auth{Password: password}
		return wordy(ident)
	}
	return strings.EqualFold(ident, p.name) && within(p.text[start:p.at], '(', ')')
}

// keywordFirst reports whether s begins with a word of a programming language
// that is followed by an expression.
func keywordFirst(s string) bool {
	n := charsAlnum.run(s)
	if n == 0 || n+1 >= len(s) || s[n] != ' ' && s[n] != '(' {
		return false
	}
	switch s[:n] {
	case "new", "await", "function", "func", "range", "case", "async", "lambda", "typeof", "yield", "struct", "map", "interface", "if", "Just", "not":
		next := s[n+1]
		return s[n] == '(' || charsWord.has(next) || strings.IndexByte("({[*&$", next) >= 0
	}
	return false
}

// cmdlet reports whether s begins with a command of PowerShell: Get-Content.
func cmdlet(s string) bool {
	verb := charsAlnum.run(s)
	if verb < 3 || verb+2 >= len(s) || s[verb] != '-' || s[0] < 'A' || s[0] > 'Z' || s[verb+1] < 'A' || s[verb+1] > 'Z' {
		return false
	}
	noun := charsAlnum.run(s[verb+1:])
	return noun > 3 && verb+1+noun < len(s) && s[verb+1+noun] == ' ' && letters(s[:verb]) && letters(s[verb+1:verb+1+noun])
}

// identifiers returns the length of the names at the start of s that dots and
// the like join: req.body.password, Net::HTTP, $env:TOKEN, @token.
func identifiers(s string) int {
	n := 0
	for n < len(s) && strings.IndexByte("&@$*", s[n]) >= 0 && n < 2 {
		n++
	}
	for {
		if n >= len(s) || !charsWord.has(s[n]) || s[n] >= '0' && s[n] <= '9' {
			return 0
		}
		n += charsWord.run(s[n:])
		rest := s[n:]
		joined := 0
		for _, j := range [...]string{"::", "->", "?.", ".", ":"} {
			if strings.HasPrefix(rest, j) && len(rest) > len(j) && charsWord.has(rest[len(j)]) && (j != ":" || s[0] == '$') {
				joined = len(j)
				break
			}
		}
		if joined == 0 {
			return n
		}
		n += joined
	}
}

// plainCode reports whether the parts of an identifier are words, as names of
// programs are and random texts are not.
func plainCode(s string) bool {
	for _, part := range strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune("&@$*:.->?_", r) }) {
		part = strings.TrimRight(part, "0123456789")
		if len(part) > 40 || !letters(part) {
			return false
		}
		humps := 0
		for i := 1; i < len(part); i++ {
			if part[i] < 'a' && part[i-1] >= 'a' {
				humps++
			}
		}
		if humps*3 > len(part) || len(part) > 8 && oddPairs(part) > 0.34 {
			return false
		}
	}
	return true
}

// letters reports whether s is letters, and what joins names.
func letters(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i] | 0x20; (c < 'a' || c > 'z') && s[i] != '_' && strings.IndexByte("&@$*:.->?", s[i]) < 0 {
			return false
		}
	}
	return s != ""
}

// wordy reports whether an identifier is of letters, or of several words with a
// number in one: Base32SecretKey.
func wordy(s string) bool {
	if letters(s) {
		return true
	}
	bare := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, s)
	return len(bare)+2 >= len(s) && len(bare) > 8 && letters(bare) && humped(bare) && s[len(s)-1] > '9'
}

// opensCode reports whether what follows an identifier makes it a call, an
// index, a literal of a type or a generic type.
func opensCode(rest, ident string) bool {
	if rest[0] == '<' {
		return ident[0] >= 'A' && ident[0] <= 'Z' && len(rest) > 1 && charsWord.has(rest[1]) && strings.IndexByte(rest, '>') > 0
	}
	closing := byte(0)
	switch rest[0] {
	case '(':
		closing = ')'
	case '[':
		if closing = ']'; !index(rest[1:]) { // Summer[2024]
			return false
		}
	case '{': // of one that holds something, that is what counts
		return strings.HasPrefix(rest, "{}") || rest == "{" || strings.HasSuffix(rest, "({")
	default:
		return false
	}
	depth := 0
	for i := 0; i < len(rest); i++ {
		switch rest[i] {
		case rest[0]:
			depth++
		case closing:
			if depth--; depth == 0 { // more of a word behind it makes it a password: pass(word)x
				return i+1 == len(rest) || !charsWord.has(rest[i+1])
			}
		}
	}
	last := rest[len(rest)-1] // it goes on in the next line, or beyond what is looked at
	return len(rest) > maxLine/2 || len(rest) == 1 || last == ',' || last == '(' || last == '{' || strings.ContainsAny(rest, "\"'")
}

// index reports whether s, after an opening bracket, begins as an index does: a
// literal, a symbol, an expression, a name of several words.
func index(s string) bool {
	end := strings.IndexByte(s, ']')
	if end <= 0 {
		return s != "" && strings.IndexByte("\"':", s[0]) >= 0
	}
	return strings.IndexByte("\"':", s[0]) >= 0 || strings.ContainsAny(s[:end], " +\"'") || humped(s[:end]) && charsWord.run(s) == end
}

// symbol reports whether s begins with a name that a sign marks as one, or with
// a number in an expression: :forbidden, !Ref Name.
func symbol(s string, n int) bool {
	switch {
	case len(s) > 2 && s[0] == ':' && s[1] != ':':
		k := charsWord.run(s[1:])
		return k > 2 && k+1 == n && plainCode(s[1:1+k])
	case strings.HasPrefix(s, "!Ref"), strings.HasPrefix(s, "!Sub"), strings.HasPrefix(s, "!GetAtt"):
		return true
	}
	return false
}

// selector reports whether names that are joined tell by themselves that they
// are code: three or more, or a known one first, or the pair's own name last.
func selector(ident, name string) bool {
	if strings.IndexByte("@$", ident[0]) >= 0 && (humped(ident[1:]) || tellsSecret(ident)) {
		return true
	}
	if strings.Contains(ident, "::") || strings.Contains(ident, "->") {
		return true
	}
	parts := strings.Split(strings.ReplaceAll(ident, "?", ""), ".")
	if len(parts) < 2 {
		return false
	}
	last := splitWords(parts[len(parts)-1])
	words := splitWords(name)
	if len(last) > 0 && len(words) > 0 && last[len(last)-1] == words[len(words)-1] {
		return true
	}
	switch parts[0] {
	case "self", "this", "req", "request", "res", "resp", "response", "config", "cfg", "conf", "opts", "options", "params", "args", "env", "settings",
		"data", "var", "local", "module", "ctx", "context", "props", "process", "os", "sys", "event", "string", "String", "secrets", "vars", "inputs", "c", "s", "r":
		return true
	}
	for _, p := range parts {
		if humped(p) {
			return true
		}
	}
	return len(parts) > 2 && !fileEnding(ident) && strings.ToLower(ident) == ident && len(last) > 1
}

// tellsSecret reports whether a name has a word for a secret in it, as names of
// variables that hold one have.
func tellsSecret(s string) bool {
	low := strings.ToLower(s)
	for _, w := range [...]string{"pass", "pwd", "secret", "token", "key", "cred", "auth", "user"} {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// humped reports whether s is of several words, as names of programs are.
func humped(s string) bool {
	for i := 1; i < len(s); i++ {
		if s[i] == '_' && i+1 < len(s) || s[i] >= 'A' && s[i] <= 'Z' && s[i-1] >= 'a' {
			return true
		}
	}
	return false
}
