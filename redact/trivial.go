package redact

import "strings"

// trivialValue reports whether a value says nothing: absent, a boolean, a
// formatting verb, a type, a reference to a variable, masked already, the first
// word of a sentence about it.
func trivialValue(s string) bool { return trivial(s, false) }

// trivial is trivialValue for a value that may have stood in quotes, which no
// sentence begins with.
func trivial(s string, quoted bool) bool {
	t := strings.TrimSpace(s)
	if len(t) <= 16 {
		word := strings.ToLower(strings.TrimRight(t, ".,;:!?)]}|&"))
		if saysNothing(word) || !quoted && beginsSentence(word) {
			return true
		}
	}
	if strings.Trim(strings.ReplaceAll(t, Placeholder, ""), " \t,;:.=*{}[]()\"'`\\|>") == "" {
		return true
	}
	if verb := strings.TrimRight(t, ".,;:"); len(verb) == 2 && verb[0] == '%' && charsAlnum.has(verb[1]) {
		return true
	}
	return reference(t)
}

// saysNothing reports whether a value of a name is one of the words that stand
// for no value, for a type or for a choice.
func saysNothing(word string) bool {
	switch word {
	case "", "true", "false", "nil", "null", "none", "<nil>", "undefined", "(missing)", "redacted", "<redacted>", "[redacted]", "{}", "[]":
		return true
	case "string", "str", "bytes", "[]byte", "int", "int64", "bool", "boolean", "varchar",
		"required", "optional", "unset", "empty", "n/a", "enabled", "disabled", "enable", "disable", "on", "off", "yes", "always", "never",
		"include", "omit", "same-origin", "on_create":
		return true
	}
	return false
}

// beginsSentence reports whether a word without quotes begins a sentence about
// the value: "token: must not be empty".
func beginsSentence(word string) bool {
	switch word {
	case "object", "number", "any", "text", "error", "the", "a", "an", "is", "are", "was", "were", "has", "have", "had", "this", "that", "your", "for", "from", "must", "should",
		"can", "cannot", "could", "will", "not", "no", "to", "of", "in", "on", "at", "if", "when", "with", "without", "and", "or",
		"please", "invalid", "missing", "incorrect", "expired", "failed", "found", "unexpected", "unknown", "wrong",
		"whatever", "it", "its", "as", "by", "be", "you", "we", "see", "use", "used", "uses", "which", "only", "end", "expected", "same":
		return true
	}
	return false
}

// reference reports whether a value is code that fetches it, or a template's
// place for it: ${TOKEN}, $PASSWORD, %PASSWORD%, {{ .Token }}, <password>,
// os.Getenv("TOKEN"), process.env.TOKEN, self.token.
func reference(t string) bool {
	for _, open := range [...]string{"${", "$(", "{{", "%("} {
		if ref, ok := strings.CutPrefix(t, open); ok {
			ref = strings.Trim(strings.TrimRight(ref, "})s"), " .")
			return charsWord.run(ref) == len(ref)
		}
	}
	for _, object := range [...]string{"process.env.", "os.environ", "self.", "this.", "import.meta.env."} {
		if member, ok := strings.CutPrefix(t, object); ok && plainWord(strings.Trim(member, `["']`)) {
			return true
		}
	}
	if len(t) == 2 && t[0] == '$' && digitsOnly(t[1:]) {
		return true
	}
	if len(t) < 3 {
		return false
	}
	inner := t[1 : len(t)-1]
	switch t[0] {
	case '$':
		return allCaps(t[1:])
	case '%':
		return t[len(t)-1] == '%' && allCaps(inner)
	case '<':
		return t[len(t)-1] == '>' && plainWord(inner)
	case '{':
		return t[len(t)-1] == '}' && charsDotted.run(inner) == len(inner) && plainWord(inner)
	}
	return call(t)
}

// call reports whether t is a function's call: names and dots, an opening
// bracket, and nothing after the closing one.
func call(t string) bool {
	n := charsDotted.run(t)
	if n == 0 || n >= len(t) || t[n] != '(' || !plainWord(t[:n]) || t[0] >= '0' && t[0] <= '9' {
		return false
	}
	if inner := strings.Trim(t[n:], "();,"); inner != "" && digitsOnly(inner) { // Summer(2024)
		return false
	}
	end := strings.LastIndexByte(t, ')')
	if end < 0 { // it ended the value
		return plainWord(strings.Trim(t[n+1:], `"'`))
	}
	return strings.Trim(t[end:], ");,") == ""
}

// allCaps reports whether s is a variable's name as shells have it.
func allCaps(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9' || i == 0) {
			return false
		}
	}
	return s != ""
}
