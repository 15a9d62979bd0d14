package redact

import "strings"

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
	if strings.HasPrefix(s[k:], "[]string{") {
		k += len("[]string")
	}
	if entity := quoteEntity(s[k:]); entity != "" { // escaped for HTML
		a = k + len(entity)
		b = lineEnd(s, a, false)
		if n := strings.Index(s[a:b], entity); n >= 0 {
			b = a + n
		}
		return a, b, true
	}
	k += literalPrefix(s[k:])
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
		if k < len(s) && (s[k] == '[' && !strings.HasPrefix(s[k:], Placeholder) || strings.HasPrefix(s[k:], "{\"")) {
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
			if c == '\'' && i > k && i+1 < len(s) && charsAlnum.has(s[i-1]) && charsAlnum.has(s[i+1]) {
				continue // a password may hold an apostrophe
			}
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

// quoteEntity returns the quote that s begins with as HTML has it, empty for none.
func quoteEntity(s string) string {
	if len(s) < 6 || s[0] != '&' {
		return ""
	}
	for _, e := range [...]string{"&quot;", "&apos;", "&#39;", "&#34;", "&#x27;", "&#x22;"} {
		if strings.HasPrefix(s, e) {
			return e
		}
	}
	return ""
}

// literalPrefix returns the length of the letter that Python and others have
// before a literal: b"x", r'x', f"x".
func literalPrefix(s string) int {
	if len(s) > 2 && strings.IndexByte("bBuUrRfF$@", s[0]) >= 0 && (s[1] == '"' || s[1] == '\'') {
		return 1
	}
	return 0
}
