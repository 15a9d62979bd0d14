package safedump

import "strings"

// Bounds of what the sidecar keeps of a command line.
const (
	maxArgs   = 256
	maxArgLen = 4096
)

// redactedArg stands for a value that is left out, as in sdcore's reports.
const redactedArg = "[REDACTED]"

// redactArgs copies a command line without the values of flags whose names
// sound secret: --token=x, --token x, -password=x, and the same within an
// argument (KEY=VALUE, user:password@host). It knows no more than names: sdcore
// redacts what it shows of it again, by its own rules.
func redactArgs(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	out := make([]string, 0, min(len(argv), maxArgs))
	hide := false // the next word belongs to a secret flag
	for _, arg := range argv {
		if len(out) == maxArgs {
			break
		}
		if hide && !strings.HasPrefix(arg, "-") {
			out, hide = append(out, redactedArg), false
			continue
		}
		name, _, hasValue := strings.Cut(arg, "=")
		hide = !hasValue && strings.HasPrefix(arg, "-") && soundsSecret(arg)
		switch {
		case hasValue && soundsSecret(name):
			arg = name + "=" + redactedArg
		case hasUserinfo(arg):
			arg = redactedArg
		}
		if len(arg) > maxArgLen {
			arg = redactedArg // cut in the middle it could hold half of a secret that no rule knows any more
		}
		out = append(out, strings.ToValidUTF8(arg, "\ufffd"))
	}
	return out
}

// soundsSecret looks for a secret word anywhere in a name: too much is left
// out rather than too little.
func soundsSecret(name string) bool {
	name = strings.ToLower(name)
	for _, word := range []string{
		"pass", "pwd", "secret", "token", "key", "auth", "cred", "bearer", "cookie", "session", "dsn", "private", "signature",
		"sas", "jwt", "otp", "pin", "salt", "conn", "url", "uri", "header",
	} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// hasUserinfo finds a user and a password in front of a host.
func hasUserinfo(arg string) bool {
	at := strings.LastIndexByte(arg, '@')
	if at < 0 {
		return false
	}
	return strings.Contains(arg[:at], ":")
}
