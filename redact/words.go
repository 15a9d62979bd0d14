package redact

import (
	"strings"
	"unicode"
)

// maxNameBytes bounds what is looked at of a name: map keys and label keys can
// be of any length. The head is where a name says what it is.
const maxNameBytes = 256

// splitWords splits an identifier into lower-case words: at everything that is
// neither letter nor digit, between letters and digits, and at the humps of
// camel case, with runs of capitals as one word ("AWSSecretAccessKey" is aws
// secret access key, "userIDs" is user ids). The "&" of a variable that
// escaped and the "#2" of a shadowed one are no part of the name.
func splitWords(name string) []string {
	if len(name) > maxNameBytes {
		name = name[:maxNameBytes]
	}
	if i := strings.LastIndexByte(name, '#'); i > 0 && digitsOnly(name[i+1:]) {
		name = name[:i]
	}
	var words []string
	rs := []rune(name)
	start := -1
	flush := func(end int) {
		if start >= 0 && end > start {
			words = append(words, strings.ToLower(string(rs[start:end])))
		}
		start = -1
	}
	for i, r := range rs {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush(i)
		case start < 0:
			start = i
		case wordBreak(rs, i):
			flush(i)
			start = i
		}
	}
	flush(len(rs))
	return words
}

// wordBreak reports whether a word begins at rs[i], which follows a letter or digit.
func wordBreak(rs []rune, i int) bool {
	prev, r := rs[i-1], rs[i]
	if unicode.IsDigit(prev) != unicode.IsDigit(r) {
		return true
	}
	if !unicode.IsUpper(r) {
		return false
	}
	if !unicode.IsUpper(prev) {
		return true
	}
	// The last capital of a run begins the next word, unless only the s of
	// a plural follows: "APIKey" but "userIDs".
	if i+1 >= len(rs) || !unicode.IsLower(rs[i+1]) {
		return false
	}
	plural := rs[i+1] == 's' && (i+2 == len(rs) || !unicode.IsLower(rs[i+2]))
	return !plural
}

func digitsOnly(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// singular removes the s of a plural where that can't hurt.
func singular(w string) string {
	if len(w) > 3 && w[len(w)-1] == 's' && w[len(w)-2] != 's' && w[len(w)-2] != 'u' {
		return w[:len(w)-1]
	}
	return w
}
