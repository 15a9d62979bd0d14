package redact

import "strings"

// maxLine bounds what is looked at of the line around a pair, maxLiteral what a
// literal in it may hold.
const (
	maxLine    = 160
	maxLiteral = 4 << 10
)

// lineAround returns the bounds of the line that holds s[at:a], within maxLine bytes.
func lineAround(s string, at, a int) (start, end int) {
	start, end = at, a
	for start > 0 && at-start < maxLine && s[start-1] != '\n' {
		start--
	}
	for end < len(s) && end-a < maxLine && s[end] != '\n' && s[end] != '\r' {
		end++
	}
	// Within a literal only the literal counts: s := "user=x password=y".
	for i := start; i < at; i++ {
		if q := s[i]; q == '"' || q == '`' || q == '\'' && (i == start || !charsWord.has(s[i-1])) {
			close := closingQuote(s[:end], i+1, q, 0)
			if close > at && close >= a {
				return i + 1, close
			}
			i = close
		}
	}
	return start, end
}

// spaced reports whether a space stands between separator and value.
func spaced(p *pairValue) bool { return p.a > p.sep+1 && p.text[p.a-1] == ' ' }

// followedBy reports whether c ends the line at s[i].
func followedBy(s string, i int, c byte) bool {
	if i >= len(s) || s[i] != c {
		return false
	}
	rest := strings.TrimLeft(s[i+1:min(len(s), i+8)], " \t\r")
	return rest == "" || rest[0] == '\n' || strings.HasPrefix(rest, "//")
}

// within reports whether s ends within the brackets behind a name: the arguments
// of a call, the fields of a literal.
func within(s string, open, close byte) bool {
	depth := 0
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case close:
			depth++
		case open:
			if depth--; depth < 0 {
				return i > 0 && charsWord.has(s[i-1])
			}
		}
	}
	return false
}

// codeAround reports whether the line around a pair is of a program.
func codeAround(line string, p *pairValue, end int) bool {
	head := strings.TrimLeft(line, " \t/#*+-")
	tail := strings.TrimRight(line, " \t\r")
	if tail == "" || end-p.a >= maxLine {
		return false
	}
	ends := strings.IndexByte(";{(", tail[len(tail)-1]) >= 0 || strings.HasSuffix(tail, "})")
	if n := charsAlnum.run(head); n > 0 && n < len(head) && (head[n] == ' ' || head[n] == '.' || head[n] == '(') {
		switch head[:n] {
		case "const", "let", "var", "val", "def", "func", "function", "fn", "elif", "elsif", "readonly", "override":
			return head[n] == ' ' && strings.ContainsAny(head, "=({:")
		case "self", "this":
			return head[n] == '.'
		case "return", "await", "public", "private", "protected", "internal", "static", "final", "if", "for", "while", "switch", "case", "throw",
			"export", "import", "class", "interface", "type", "namespace", "using", "assert", "expect", "async", "new", "try", "with":
			return ends
		}
	}
	if head != "" && head[0] == '@' && strings.Contains(head, " = ") {
		return true
	}
	for _, sign := range [...]string{" := ", " === ", " !== ", "=> {", ") => ", "});", "||="} {
		if strings.Contains(line, sign) {
			return true
		}
	}
	if p.sep > 0 && p.text[p.sep] == '=' && strings.IndexByte("=!", p.text[p.sep-1]) >= 0 {
		return true
	}
	for _, sign := range [...]string{") {", "){", "):"} { // the end of a list of parameters
		if k := strings.Index(line, sign); k >= 0 && end-len(line)+k >= p.a {
			return true
		}
	}
	last := tail[len(tail)-1]
	return ends && spaced(p) && (last == '(' || last == '{' || last == ';' && strings.Count(line, ";") == 1)
}

// madeFrom finds the literal that a value is made from in code: new
// Credential("x"), TOTP.new('x'), ConvertTo-SecureString 'x'. What a call of another
// kind is given counts when it looks like a token.
func (u *run) madeFrom(p *pairValue) (a, b int, ok bool) {
	if p.quoted {
		return 0, 0, false
	}
	s := p.text
	end := min(len(s), p.a+maxLine)
	u.effort += end - p.a
	value := strings.TrimPrefix(s[p.a:end], "$(")
	made := strings.HasPrefix(value, "new ") || strings.HasPrefix(value, "ConvertTo-SecureString")
	for i := p.a; i < end && s[i] != '\n' && s[i] != ',' && s[i] != ';'; i++ {
		if s[i] != '"' && s[i] != '\'' {
			if s[i] == '(' && i > p.a {
				path := s[p.a:i]
				made = made || charsAlnum.run(path) == len(path) && path[0] >= 'A' && path[0] <= 'Z' || strings.HasSuffix(path, ".new")
			}
			continue
		}
		close := closingQuote(s[:min(len(s), i+maxLiteral)], i+1, s[i], 0)
		v := s[i+1 : close]
		if strings.IndexByte(v, '_') > 0 && allCaps(v) { // getenv("API_TOKEN", "x")
			for i = close + 1; i < end && (s[i] == ',' || s[i] == ' '); i++ {
			}
			i--
			made = true
			continue
		}
		if len(v) > 2 && (made || looksToken(v)) && !trivial(v, true) && !template(v) && !masked(v) && !pointsTo(v) {
			return i + 1, close, true
		}
		return 0, 0, false
	}
	return 0, 0, false
}
