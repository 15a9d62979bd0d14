package redact

import (
	"bytes"
	"encoding/base64"
	"strings"
)

// looksToken reports whether a value is what programs make, not people: in one
// piece, 16 bytes or more, with twelve letters and digits in a row that are mixed;
// in hex 32 or more. UUIDs are none.
func looksToken(s string) bool {
	if k := strings.IndexByte(s, ':'); k >= 32 { // a key and its number
		s = s[:k]
	}
	if n := len(s); n >= 32 && n < 200 && n != 36 && charsURL.run(s) == n && strings.Trim(s, "0123456789abcdef-") == "" && strings.Count(s, "-") < 4 && entropy(s) > 3.2 && !digitsOnly(s) {
		return true
	}
	if len(s) < 16 || len(s) > 512 || charsBearer.run(s) < len(s) || s[0] == '/' || strings.Count(s, ".") > 2 {
		return false
	}
	for i := 0; i < len(s); {
		n := charsAlnum.run(s[i:])
		if n >= 12 && mixed(s[i:i+n]) {
			return entropy(s) > 3.2
		}
		i += n + 1
	}
	return false
}

// tokenLike reports whether a value looks like a token by its characters, or
// as one that was drawn by chance.
func tokenLike(s string) bool {
	if login, err := base64.StdEncoding.DecodeString(s); err == nil && len(s) >= 8 && encodedText(strings.TrimRight(s, "=")) && bytes.IndexByte(login, ':') > 0 {
		return true // user:password
	}
	return (looksToken(s) || charsBearer.run(s) == len(s) && random(s, likelyBits)) && !maskedToken(s)
}

// likelyBits is the threshold of tokens beside a name that says little.
const likelyBits = 4.5

// mixed reports whether letters and digits alternate as they do in no word with
// a number behind it.
func mixed(s string) bool {
	changes := 0
	for i := 1; i < len(s); i++ {
		if digit := s[i] <= '9'; digit != (s[i-1] <= '9') {
			changes++
		}
	}
	return changes >= 3 && (len(s) >= 32 || charsHex.run(s) < len(s))
}

// userFlagAt finds the password in "-u name:password" and "--user name:password",
// where s[i] is the first dash.
func userFlagAt(s string, i int) (span, bool) {
	if i > 0 && s[i-1] != ' ' {
		return span{}, false
	}
	from := 0
	for _, flag := range [...]string{"-u ", "--user ", "--proxy-user ", "--user="} {
		if strings.HasPrefix(s[i:], flag) {
			from = i + len(flag)
		}
	}
	if from == 0 || from >= len(s) {
		return span{}, false
	}
	if s[from] == '"' || s[from] == '\'' {
		from++
	}
	n := charsDotted.run(s[from:])
	if n == 0 || from+n >= len(s) || s[from+n] != ':' {
		return span{}, false
	}
	a := from + n + 1
	b := a
	for b < len(s) && b-a < 256 && strings.IndexByte(" \t\r\n\"'", s[b]) < 0 {
		b++
	}
	if a == b || digitsOnly(s[a:b]) || trivialValue(s[a:b]) { // -u 1000:1000 is a user and a group
		return span{}, false
	}
	return pattern(a, b, "user and password", gradeLoose), true
}
