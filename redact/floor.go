package redact

import "strings"

// The floor: what Safedump 2.0.0 (commit ee55e22) itself removes. Source of the
// data: its src/safedump/_types.py (is_denylisted and the pattern list). Nothing in this
// package may remove less.

// floorExact are the names that are denied as a whole.
func floorExact() []string { return []string{"key", "pwd", "pin", "sid", "uid", "cid"} }

// floorBounded are the names that are denied as a word: between underscores,
// characters that are no word characters, and the ends. Neither camel case nor
// digits end a word here.
func floorBounded() []string { return []string{"pass", "auth", "cert", "hash", "salt", "cred"} }

// floorAnywhere are the names that are denied as a part of any name.
func floorAnywhere() []string {
	return []string{
		"token", "secret", "password", "passwd", "apikey", "api_key", "credential", "authorization",
		"private_key", "secret_key", "access_key", "access_token", "refresh_token", "session_key",
		"master_key", "db_password", "database_url", "connection_string", "aws_secret", "aws_key",
		"stripe_key", "github_token", "ssh_key", "passphrase", "certificate", "encryption_key",
		"signing_key", "bearer",
	}
}

// Denied reports whether Safedump's own denylist holds the name. It is the
// least that is removed, and what decides about the name of a thread in the
// standard part of a report.
func Denied(name string) bool { return floorName(name) != "" }

// floorName returns the denylist entry that name matches, empty for none.
func floorName(name string) string {
	low := strings.ToLower(name)
	for _, w := range floorExact() {
		if low == w {
			return w
		}
	}
	for _, w := range floorBounded() {
		if boundedIn(low, w) {
			return w
		}
	}
	for _, w := range floorAnywhere() {
		if strings.Contains(low, w) {
			return w
		}
	}
	return ""
}

// boundedIn is the regular expression (?:^|_|\b)w(?:\b|_|$) on s: w stands
// between ends, underscores and non-word characters.
func boundedIn(s, w string) bool {
	for from := 0; ; {
		i := strings.Index(s[from:], w)
		if i < 0 {
			return false
		}
		i += from
		end := i + len(w)
		if (i == 0 || !wordByte(s[i-1])) && (end == len(s) || !wordByte(s[end])) {
			return true
		}
		from = i + 1
	}
}

// wordByte reports whether c belongs to a word for boundedIn. Characters beyond
// ASCII end a word here even where Python's \b takes them for letters: that
// denies more, never less.
func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// floorPatterns are Safedump's value patterns. A value that one of them is
// found in is removed as a whole. The regular expressions are the
// documentation, the reason in the audit record and what the tests compare
// with; matching is done by the token rules that carry them.
func floorPatterns() []tokenRule {
	return []tokenRule{
		{id: `AKIA[0-9A-Z]{16}`, prefix: "AKIA", chars: charsUpper, min: 16, whole: true},
		{id: `ghp_[0-9a-zA-Z]{36}`, prefix: "ghp_", chars: charsAlnum, min: 36, whole: true},
		{id: `gho_[0-9a-zA-Z]{36}`, prefix: "gho_", chars: charsAlnum, min: 36, whole: true},
		{id: `sk_live_[0-9a-zA-Z]{24}`, prefix: "sk_live_", chars: charsAlnum, min: 24, whole: true},
		{id: `sk_test_[0-9a-zA-Z]{24}`, prefix: "sk_test_", chars: charsAlnum, min: 24, whole: true},
		{id: `eyJ[a-zA-Z0-9_-]+\.eyJ[a-zA-Z0-9_-]+\.[a-zA-Z0-9_-]+`, prefix: "eyJ", chars: charsURL, min: 1, whole: true, check: isJWT},
	}
}
