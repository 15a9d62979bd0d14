package redact

import (
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// The rules that audit records name. The first five are Safedump's, and mean
// what they mean there.
const (
	RuleName    = "variable_name_denylist" // the name says that the value is secret
	RulePattern = "secret_pattern"         // the contents have the form of a secret
	RuleEntropy = "entropy_detection"      // the contents look random
	RuleCustom  = "custom_rule"            // a rule of the policy
	RuleError   = "sanitization_error"     // it could not be judged, and was dropped
	RuleType    = "sensitive_type"         // the type says so
	RuleTag     = "struct_tag"             // the field's struct tag says so
	RuleMemory  = "secret_memory"          // the program allocated it as a secret
	RuleSpread  = "propagated_value"       // it was found secret elsewhere in the report
)

// location is where in the report the walk stands, as a stack. It is rendered
// only for audit records:
//
//	goroutines[I].frames[J].vars.NAME.path   a goroutine's variable (I: index in Goroutines)
//	goroutines[I].frames[J].source.lines[K]
//	goroutines[I].labels.KEY
//	crash.exception.message                  and .sub[I].message
//	process.args[I], process.env_names, process.env.NAME
//	globals.PACKAGE.NAME.path
//
// See SafedumpLocation for the same places in Safedump's words.
type location struct{ parts []part }

type part struct {
	name  string
	index int
}

const noIndex = -1

func (l *location) push(name string, index int) { l.parts = append(l.parts, part{name, index}) }
func (l *location) pop()                        { l.parts = l.parts[:len(l.parts)-1] }

// String renders the location. Names that are no plain identifiers, map keys
// for the most part, are shown as "?": they are contents.
func (l *location) String() string {
	var b strings.Builder
	for _, p := range l.parts {
		if p.name != "" {
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(plainName(p.name))
		}
		if p.index != noIndex {
			b.WriteString("[" + strconv.Itoa(p.index) + "]")
		}
	}
	return b.String()
}

// plainName returns name where it looks like an identifier that a programmer
// wrote, and "?" otherwise.
func plainName(name string) string {
	if len(name) > 64 || name == "" {
		return "?"
	}
	digits := 0
	for i := 0; i < len(name); i++ {
		c := name[i]
		if !charsPath.has(c) && c != '&' && c != '~' && c != '#' {
			return "?"
		}
		if c >= '0' && c <= '9' {
			digits++
		}
	}
	if digits > 4 {
		return "?"
	}
	return name
}

// record notes that what the walk stands at was removed: it is called when that is
// done, so that no record stands for a value that is still there.
func (u *run) record(rule, reason string) {
	u.dirty = true
	if u.muted > 0 || u.silent {
		return
	}
	u.counts[rule]++
	*u.sink = append(*u.sink, report.Redaction{Location: u.loc.String(), Reason: reason, Rule: rule, Timestamp: u.x.stamp})
}

// recordAll notes why what the walk stands at was removed, or pieces of it.
func (u *run) recordAll(list []why) {
	for _, w := range list {
		u.record(w.rule, w.reason)
	}
}

// nameReason is the reason of a record for a name: the entry of the rule data,
// in Safedump's words, never the name itself.
func nameReason(v nameVerdict) string {
	switch v.rule {
	case RuleCustom:
		return v.word
	case RuleTag:
		return "struct tag: '" + v.word + "'"
	}
	return "matched denylist: '" + v.word + "'"
}

// SafedumpLocation translates the location of an audit record into the words
// of Safedump's own, for the top-level list of a saved report. goroutine is
// the index in Goroutines of the one that became the document's frames, first
// the index in it of the frame that became frames[0]. ok is false where the
// place is no part of the standard document.
//
//	goroutines[G].frames[F+J].vars.NAME.path -> frames[J].locals.NAME
//	goroutines[G].frames[F+J].source.lines[K] -> frames[J].code_context
//	crash.exception.message                   -> exception.message
//	crash.exception.sub[I].sub[K].message     -> exception.sub[DEPTH].message
//	process.args[I]                           -> environment.argv[I]
//	process.env_names                         -> environment.env_var_names
//	process.dir                               -> environment.cwd
//
// A location in Safedump's words, of a report that Safedump wrote, stays.
func SafedumpLocation(loc string, goroutine, first int) (out string, ok bool) {
	switch {
	case safedumpPlace(loc):
		return loc, true
	case loc == "process.env_names":
		return "environment.env_var_names", true
	case loc == "process.dir":
		return "environment.cwd", true
	case strings.HasPrefix(loc, "process.args["):
		return "environment.argv" + loc[len("process.args"):], true
	case loc == "crash.exception.message", loc == "crash.exception.type", loc == "crash.exception.module":
		return loc[len("crash."):], true
	case strings.HasPrefix(loc, "crash.exception.sub["):
		field := loc[strings.LastIndexByte(loc, '.')+1:]
		if field != "message" && field != "type" && field != "module" || strings.Contains(loc, ".value") {
			return "", false
		}
		return "exception.sub[" + strconv.Itoa(strings.Count(loc, "sub[")) + "]." + field, true
	}
	rest, found := strings.CutPrefix(loc, "goroutines["+strconv.Itoa(goroutine)+"].frames[")
	num, rest, closed := strings.Cut(rest, "]")
	frame, err := strconv.Atoi(num)
	if !found || !closed || err != nil || frame < first {
		return "", false
	}
	at := "frames[" + strconv.Itoa(frame-first) + "]"
	if name, isVar := strings.CutPrefix(rest, ".vars."); isVar {
		if i := strings.IndexAny(name, ".["); i >= 0 {
			name = name[:i]
		}
		return at + ".locals." + name, true
	}
	if strings.HasPrefix(rest, ".source.lines") {
		return at + ".code_context", true
	}
	if rest == ".file" || rest == ".function" {
		return at + rest, true
	}
	return "", false
}

// safedumpPlace reports whether a location is in Safedump's words.
func safedumpPlace(loc string) bool {
	for _, head := range []string{"frames[", "exception.", "environment."} {
		if strings.HasPrefix(loc, head) {
			return true
		}
	}
	return strings.HasPrefix(loc, "threads[") && strings.HasSuffix(loc, "].name")
}
