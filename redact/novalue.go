package redact

import "strings"

// pairValue is what stands after a name and a separator in a text.
type pairValue struct {
	text     string
	name     string
	at       int // where the name begins
	sep      int // where the separator is
	a, b     int // the value
	quoted   bool
	judgment nameVerdict
}

// noValue reports whether what stands in the place of a value is plainly none:
// a place for one, a mask, code that fetches one, a path.
func (u *run) noValue(p *pairValue) bool {
	s := strings.TrimSpace(p.text[p.a:p.b])
	names := u.x.names
	switch {
	case trivial(s, p.quoted), template(s), expression(s), inBraces(p), masked(s), forYou(s):
		return true
	case sameName(p.name, s) && !strings.Contains(strings.ToLower(p.name), "pass"):
		return true
	case p.judgment.made && (names.blandValue(s) || oneSign(s) || maskedToken(s)):
		return true
	case p.quoted && askingFor(s):
		return true
	case pointsTo(s) && !holdsURL(p.judgment.word), release(s, p.judgment.made):
		return true
	case constantName(s), number(s), strings.HasSuffix(s, "[") && letters(s[:len(s)-1]): // the last one is a list's type
		return true
	case digitsOnly(s) && (s == "0" || s == "1" || names.counts(p.name) || p.judgment.made && len(s) < 8 && names.many(p.name)):
		return true
	}
	return !p.quoted && u.code(p)
}

// constantName reports whether s is the name of a variable of the environment or
// of a constant that holds a secret: GITHUB_API_TOKEN.
func constantName(s string) bool {
	return strings.IndexByte(s, '_') > 0 && len(s) < 40 && letters(s) && allCaps(s) && tellsSecret(s) && oddPairs(strings.ReplaceAll(s, "_", "")) < 0.34
}

// number reports whether s is a small hexadecimal number of a program.
func number(s string) bool {
	digits, ok := strings.CutPrefix(s, "0x")
	return ok && len(digits) <= 8 && charsHex.run(digits) == len(digits)
}

// many reports whether a name is one of several things, of which a number tells
// how many there are: tokens: 4096.
func (n *nameRules) many(name string) bool {
	words := splitWords(name)
	if len(words) == 0 {
		return false
	}
	last := words[len(words)-1]
	return singular(last) != last || last == "passes"
}

// template reports whether s is a place that something is put into, or several
// of them with what a scheme needs between: "{{ .Values.password | quote }}",
// "Bearer ${TOKEN}", "#{user}:#{password}", ((password)), $(cat file).
func template(s string) bool {
	rest, found := s[afterScheme(s):], false
	if rest != "" && rest[0] == '$' && plainCode(rest) && tellsSecret(rest) && rest != s {
		return true
	}
	for range 4 {
		open, end := templatePart(rest)
		if open < 0 {
			break
		}
		rest, found = rest[:open]+rest[end:], true
	}
	if !found {
		return false
	}
	return strings.Trim(rest, " \t:@/.,;\"'`)}]\\$") == ""
}

// afterScheme returns where the credential after the name of a scheme begins,
// 0 where there is no such name.
func afterScheme(s string) int {
	if k := skipScheme(s, 0); k > 0 {
		return k
	}
	for _, scheme := range [...]string{"JWT ", "MAC ", "OAuth "} {
		if len(s) > len(scheme) && strings.EqualFold(s[:len(scheme)], scheme) {
			return len(scheme)
		}
	}
	return 0
}

// inBraces reports whether the value stands in double braces without quotes, of
// which the inner ones are taken for its own.
func inBraces(p *pairValue) bool {
	rest := p.text[p.a:min(len(p.text), p.b+2)]
	if value := p.text[p.a:p.b]; p.a > 0 && p.text[p.a-1] == '{' && strings.HasPrefix(rest[len(value):], "}") && letters(value) && tellsSecret(value) {
		return true // {password}
	}
	return p.a > 0 && p.text[p.a-1] == '{' && strings.HasPrefix(rest, "{") && strings.Contains(rest, "}")
}

// templatePart returns the bounds of the first place in s; open is -1 for none.
// One that is not closed, because a space ended the value, goes to the end.
func templatePart(s string) (open, end int) {
	for _, t := range [...][2]string{{"{{", "}}"}, {"${", "}"}, {"#{", "}"}, {"((", "))"}, {"<%", "%>"}, {"$(", ")"}, {"%{", "}"}} {
		i := strings.Index(s, t[0])
		if i < 0 {
			continue
		}
		if t[0] == "((" && i > 0 || t[0] == "${" && strings.Contains(s[i:], ":-") { // with a value for when there is none
			continue
		}
		k := strings.LastIndex(s[i:], t[1])
		if k < 0 {
			if t[0] != "((" && t[0] != "<%" || i == 0 && charsDotted.run(s[2:]) == len(s)-2 {
				return i, len(s)
			}
			continue
		}
		return i, i + k + len(t[1])
	}
	switch n := len(s); {
	case n > 2 && s[0] == '<' && s[n-1] == '>' && plainWord(s[1:n-1]), n > 2 && s[0] == '[' && s[n-1] == ']' && plainWord(s[1:n-1]):
		return 0, n
	case n > 2 && s[0] == '{' && s[n-1] == '}' && charsDotted.run(s[1:]) == n-2 && plainWord(s[1:n-1]):
		return 0, n
	}
	return -1, 0
}

// expression reports whether s is a regular expression that finds a value.
func expression(s string) bool {
	for _, sign := range [...]string{"(.*)", "(.+)", "[a-z", "[A-Z", "[0-9", `(\w`, `(\d`, `(\S`, "(?:", "(?P<", "(?i)"} {
		if strings.Contains(s, sign) {
			return true
		}
	}
	i := strings.Index(s, "[^")
	return i >= 0 && (i+2 == len(s) || strings.Contains(s[i:], "]+") || strings.Contains(s[i:], "]*"))
}

// masks are the signs that stand in the place of those of a secret.
const masks = "xX*.•●…#-_ "

// masked reports whether s shows that something was here: ********, xxxx-xxxx,
// sk-xxxxxxxx, sk-...
func masked(s string) bool {
	if strings.HasSuffix(s, "/...") {
		return true
	}
	core := strings.TrimRight(s, masks)
	body := s[len(core):]
	if core != "" && (len(core) > 12 || body == "" || body[0] != '-' && body[0] != '_') {
		return false // the beginning of something: hunter2...
	}
	return len(strings.Trim(body, "-_ ")) >= 3
}

// oneSign reports whether s is one letter over and over.
func oneSign(s string) bool {
	t := strings.Trim(s, "-. ")
	if len(t) >= 8 && strings.Trim(s, "0-") == "" {
		return true
	}
	return len(t) >= 5 && strings.Trim(t, t[:1]) == "" && !digitsOnly(t[:1])
}

// askingFor reports whether s is a sentence about your password.
func askingFor(s string) bool {
	low := strings.ToLower(s)
	return strings.Count(low, " ") >= 2 && (strings.Contains(low, " your ") || strings.HasPrefix(low, "your ")) &&
		(strings.Contains(low, "password") || strings.Contains(low, "token") || strings.Contains(low, "secret") || strings.Contains(low, " key"))
}

// humpedWords reports whether s is of words as names of programs are:
// hf_requiredCharacteristicTypes.
func humpedWords(s string) bool {
	return letters(s) && humped(s) && strings.ToLower(s) != s && strings.ToUpper(s) != s && oddPairs(s) < 0.15
}

// maskedToken reports whether what has the form of a token is an example: a
// sign over and over (ghp_xxxxxxxx, T00000000/B00000000/XXXXXXXX), or words that
// ask for one (xoxb-your-token-here).
func maskedToken(s string) bool {
	run, longest, distinct := 0, 0, 0
	var seen [256]bool
	for i := 0; i < len(s); i++ {
		if !seen[s[i]] && charsAlnum.has(s[i]) {
			seen[s[i]] = true
			distinct++
		}
		if i > 0 && s[i] == s[i-1] && charsAlnum.has(s[i]) {
			run++
		} else {
			run = 1
		}
		longest = max(longest, run)
	}
	if longest >= 12 && 2*longest >= len(s)-8 || longest >= 8 && distinct <= 6 {
		return true
	}
	_, rest, _ := strings.Cut(s, "-")
	return strings.Contains(rest, "your-") && plainWord(rest)
}

// forYou reports whether s asks for a value: your-api-key, YOUR_TOKEN,
// YourAccessToken, insert key here, <...>.
func forYou(s string) bool {
	if len(s) > 48 || strings.IndexFunc(s, func(r rune) bool { return r >= '0' && r <= '9' || r > 'z' && r != '…' }) >= 0 {
		return false
	}
	words := splitWords(s)
	if len(words) == 1 && words[0] == "your" && s[0] == '(' {
		return true
	}
	if len(words) < 2 {
		return false
	}
	first, last := words[0], words[len(words)-1]
	switch {
	case first == "your", first == "insert", first == "replace", first == "todo", last == "here" && tellsSecret(s), last == "placeholder":
		return plainWord(strings.Trim(s, "<>[]{}()!"))
	case len(words) > 2 && (first == "the" || first == "enter" || first == "my") && words[1] == "your":
		return true
	}
	return false
}

// holdsURL reports whether the values of a name are URLs with a secret in them.
func holdsURL(word string) bool {
	for _, w := range [...]string{"url", "uri", "link", "dsn", "conn", "webhook"} {
		if strings.Contains(word, w) {
			return true
		}
	}
	return false
}

// pointsTo reports whether s is a path, or a URL without anything that opens
// it: what stands under such names because a file holds the secret.
func pointsTo(s string) bool {
	if len(s) < 4 || len(s) > 256 || strings.ContainsAny(s, " \t") {
		return false
	}
	if i := strings.Index(s, "://"); i > 0 {
		return charsAlnum.run(s) == i && !strings.ContainsAny(s[i:], "@?=&#%") && plainWord(s[i+3:])
	}
	if arn, ok := strings.CutPrefix(s, "arn:aws"); ok {
		return strings.Count(arn, ":") >= 4
	}
	path := strings.TrimPrefix(s, "@")
	switch {
	case strings.HasPrefix(path, "./"), strings.HasPrefix(path, "../"), strings.HasPrefix(path, "~/"):
	case path[0] == '/' && strings.Count(path, "/") > 1:
	case charsPath.run(path) == len(path) && fileEnding(path):
		return plainWord(path)
	default:
		return false
	}
	return charsPath.run(path[1:]) == len(path)-1 && plainWord(strings.TrimLeft(path, "~./"))
}

// fileEnding reports whether s ends as the name of a file does that holds keys
// or settings.
func fileEnding(s string) bool {
	i := strings.LastIndexByte(s, '.')
	if i <= 0 {
		return false
	}
	switch strings.ToLower(s[i+1:]) {
	case "key", "pem", "crt", "cer", "der", "p12", "pfx", "jks", "keystore", "pub", "creds", "nk", "gpg", "asc", "json", "jwk", "jwks", "jwt",
		"yml", "yaml", "toml", "ini", "conf", "cfg", "env", "txt", "md":
		return true
	}
	return false
}

// release reports whether s is a version or a date, which only stand under such
// names because a thing is called so: passport-jwt: ^4.0.1.
func release(s string, made bool) bool {
	if made && strings.Count(s, ".") == 2 && strings.Trim(s, "0123456789.") == "" && len(s) < 12 {
		return true
	}
	t := strings.TrimLeft(s, "^~>=v ")
	if t != s && t != "" && t[0] >= '0' && t[0] <= '9' && strings.Count(t, ".") > 1 {
		return strings.Trim(t, "0123456789.xX*") == "" || charsDotted.run(t) == len(t) && strings.Count(t, ".") == 2 && len(t) < 16
	}
	return (len(s) >= 16 || made && len(s) >= 10) && len(s) <= 32 && s[4] == '-' && s[7] == '-' && digitsOnly(s[:4]) && strings.Trim(s, "0123456789-:.TZ+ ") == ""
}
