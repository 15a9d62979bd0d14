package redact

import "strings"

// arguments removes the values of secret flags from command line words:
// --password x, -token x, -u user:password, -pSECRET of the MySQL clients.
// What stands in one word (--password=x) is found by the scan of the word.
func (u *run) arguments(args []string) {
	at := len(u.loc.parts) - 1
	for i, arg := range args {
		u.loc.parts[at].index = i
		if i > 0 {
			u.argument(args[i-1], &args[i])
		}
		if i > 0 && strings.HasPrefix(arg, "-p") && len(arg) > 2 && mysqlClient(args[0]) && !isPlaceholder(arg[2:]) {
			args[i] = "-p" + PlaceholderOf(u.secret(arg[2:], gradeStrict))
			u.record(RulePattern, "matched pattern: -p of a MySQL client")
		}
	}
	u.loc.parts[at].index = noIndex
}

// argument removes arg, or a part of it, when it is the value of the flag
// before it. It reports whether it did.
func (u *run) argument(flag string, arg *string) bool {
	name := strings.TrimLeft(flag, "-")
	if name == "" || name == flag || charsDotted.run(name) < len(name) || isPlaceholder(*arg) {
		return false
	}
	if v := u.name(name); v.class >= classText && (v.class != classWeak || v.numbers) && !u.x.names.counts(name) {
		if looksFlag(*arg) || trivialValue(Unnumbered(*arg)) {
			return false // this one is a switch, or says nothing
		}
		*arg = PlaceholderOf(u.removedText(*arg, v.grade()))
		u.record(v.rule, nameReason(v))
		return true
	}
	if name == "u" || name == "user" || name == "U" || name == "proxy-user" {
		user, secret, ok := strings.Cut(*arg, ":")
		if ok && !trivialValue(Unnumbered(secret)) {
			*arg = user + ":" + PlaceholderOf(u.secret(secret, gradeLoose))
			u.record(RulePattern, "matched pattern: user:password")
			return true
		}
	}
	return false
}

// looksFlag reports whether a word is the next flag. Only what stands before a
// value in the same word counts: that stays when the value is removed.
func looksFlag(arg string) bool {
	head := arg
	if i := strings.IndexAny(arg, "=: "); i >= 0 {
		head = arg[:i]
	}
	return len(head) > 1 && head[0] == '-' && plainWord(head)
}

func mysqlClient(path string) bool {
	base := path[strings.LastIndexByte(path, '/')+1:]
	return strings.HasPrefix(base, "mysql") || strings.HasPrefix(base, "mariadb")
}

// armour removes private keys that go over several lines of a list: the source
// lines of a file, where each line is a string of its own.
func (u *run) armour(lines []string) {
	at := len(u.loc.parts) - 1
	inside := false
	for i, line := range lines {
		begin := strings.Contains(line, "-----BEGIN ") && strings.Contains(line, "PRIVATE KEY")
		end := strings.Contains(line, "-----END ")
		if inside && !isPlaceholder(line) {
			u.loc.parts[at].index = i
			lines[i] = PlaceholderOf(u.secret(strings.TrimSpace(line), gradeStrict))
			u.record(RulePattern, "matched pattern: private key")
		}
		inside = (inside || begin) && !end
	}
	u.loc.parts[at].index = noIndex
}
