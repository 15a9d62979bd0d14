package redact

import (
	"slices"
	"strings"

	"github.com/safedump/sdcore/report"
)

// Explanation says in words what an audit record means.
type Explanation struct {
	// Rule is what the rule looks at.
	Rule string
	// Allow is what a policy has to say so that the value stays, in YAML on one
	// line, or why it can't.
	Allow string
}

// Explain explains an audit record. It says no more about what was removed than
// the record does.
func Explain(r report.Redaction) Explanation {
	switch r.Rule {
	case RuleName:
		return Explanation{"a name says that the value beside it is secret: of a variable, a field, a key or a flag", allowName(r)}
	case RulePattern:
		return Explanation{"the text has the form of a secret: a provider's token, a key, a header, name=value", "allow: {patterns: [...]} with an expression that the whole piece matches, which is not kept"}
	case RuleEntropy:
		return Explanation{"the text looks random: more bits per character than the policy's threshold", "entropy: 0 turns it off, a higher threshold finds less"}
	case RuleCustom:
		return Explanation{"a rule of the policy", "change the rule in the policy that the report was made with"}
	case RuleError:
		if r.Reason == lastScanReason {
			return Explanation{"the last scan found a secret in the finished output: a rule or a format of sdcore has failed", "nothing: please report it as a bug"}
		}
		return Explanation{"it could not be judged, and what is not judged is not shown", "nothing: it is dropped whatever the policy says"}
	case RuleType:
		return Explanation{"the type says that its values are secret", allowType(r)}
	case RuleSpread:
		return Explanation{"it is, or holds, what was found secret in another place, plain or encoded", "allow it where it was found first: by name, type or pattern"}
	case RuleTag:
		return Explanation{"the field's struct tag says that it is secret, or no business of logs", allowTag(r)}
	case RuleMemory:
		return Explanation{"the program allocated it, or had it in a variable, in secret mode (runtime/secret)", "allow: {paths: [...]} with its place"}
	case RuleShape:
		return Explanation{"the report was made without contents: types and structure only", "mode: values"}
	}
	return Explanation{"not one of this version's rules", "not known"}
}

// quotedEntry is the entry of the rule data that a reason quotes, as in
// "matched denylist: 'password'".
func quotedEntry(reason string) string {
	_, entry, ok := strings.Cut(reason, ": '")
	entry, closed := strings.CutSuffix(entry, "'")
	if !ok || !closed {
		return ""
	}
	return entry
}

// allowName names the variable, field or key where the location ends in the one
// that is meant, and else the entry of the list: then the name stands in a text.
func allowName(r report.Redaction) string {
	if name := namedIn(r.Location); name != "" && meant(name, quotedEntry(r.Reason)) {
		return "allow: {names: [" + yamlString(name) + "]}"
	}
	if entry := quotedEntry(r.Reason); entry != "" {
		return "allow: {names: [" + yamlString(entry) + "]}, or the longer name that stands in the text"
	}
	return "allow: {names: [...]} with the name, which is not kept"
}

// meant reports whether an entry of the list can be about the name. Safedump's
// own records quote none.
func meant(name, entry string) bool {
	if entry == "" || entry == "{key}" || strings.Contains(joinedName(name), joinedName(entry)) {
		return true
	}
	words := splitWords(name)
	return slices.ContainsFunc(splitWords(entry), func(w string) bool {
		return slices.ContainsFunc(words, func(n string) bool { return n == w || singular(n) == w })
	})
}

// namedIn is the last name of a location below a variable, empty where the
// location is no such place.
func namedIn(loc string) string {
	below := ""
	for _, mark := range []string{".vars.", ".locals.", ".labels.", "process.env.", "globals."} {
		if i := strings.Index(loc, mark); i >= 0 {
			below = loc[i+len(mark):]
			break
		}
	}
	below = strings.TrimSuffix(below, ".value")
	if i := strings.IndexByte(below, '['); i >= 0 && strings.IndexByte(below[i:], '.') < 0 {
		below = below[:i]
	}
	name := below[strings.LastIndexByte(below, '.')+1:]
	if strings.ContainsAny(name, "[]?") {
		return ""
	}
	return name
}

// allowTag names the field, or says that its name is meant.
func allowTag(r report.Redaction) string {
	if name := namedIn(r.Location); name != "" {
		return "allow: {names: [" + yamlString(name) + "]}"
	}
	return "allow: {names: [...]} with the field's name, or types with that of its struct"
}

func allowType(r report.Redaction) string {
	if entry := quotedEntry(r.Reason); entry != "" {
		return "allow: {types: ['*" + strings.ReplaceAll(entry, " ", "*") + "*']}, or its full name"
	}
	return "allow: {types: [...]} with the type's name"
}

// yamlString quotes what YAML would not read as this string.
func yamlString(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") == "" && !foldIn(s, "true", "false", "null", "yes", "no", "on", "off", "y", "n") {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'"
}
