package fingerprint

import (
	"regexp"
	"strings"

	"github.com/safedump/sdcore/report"
)

// The first words of kinds.
const (
	familyPanic    = "panic"
	familyFatal    = "fatal"
	familySignal   = "signal"
	familyDeadlock = "deadlock"
	familyHang     = "hang"
	familyUnknown  = "unknown"
)

// death is how the program died.
type death struct {
	family string
	what   string // of a run-time error, a fatal error or a signal
	typ    string // of another panic's value
	text   string // what it said, as a template, for people
}

func (d death) kind() string {
	switch {
	case d.what != "":
		return d.family + ":" + d.what
	case d.typ != "":
		return d.family + ":" + d.typ
	}
	return d.family
}

// title is the kind for people.
func (d death) title() string {
	switch {
	case d.what != "":
		return d.what
	case d.typ != "" && d.text != "":
		return "panic(" + short(d.typ) + " " + d.text + ")"
	case d.typ != "" || d.text != "":
		return "panic(" + short(d.typ) + d.text + ")"
	}
	return d.family
}

// runtimeError is the name of a run-time error, "" for another panic.
func (rs *ruleSet) runtimeError(e *report.Exception) string {
	text, marked := strings.CutPrefix(e.Message, "runtime error: ")
	ofRuntime := e.Module == "runtime" || strings.HasPrefix(strings.TrimPrefix(e.Type, "*"), "runtime.")
	if !ofRuntime && (e.Type != "" || !marked && !strings.HasPrefix(text, "interface conversion: ")) {
		return ""
	}
	if r := rs.kind.find(firstLine(text)); r != nil {
		return r.name
	}
	return ""
}

// panicked is the death by one panic.
func (rs *ruleSet) panicked(e *report.Exception) death {
	d := death{family: familyPanic, what: rs.runtimeError(e)}
	if d.what == "" {
		d.typ = withoutTypeArgs(clean(e.Type, maxName))
		d.text = template(e.Message)
	}
	return d
}

// fatal is the death by a fatal error.
func (rs *ruleSet) fatal(e *report.Exception) death {
	d := death{family: familyFatal}
	if r := rs.kind.find(firstLine(e.Message)); r != nil {
		d.what = r.name
	} else {
		d.what = template(e.Message)
	}
	return d
}

// Signals of Linux.
const (
	sigILL  = 4
	sigTRAP = 5
	sigBUS  = 7
	sigFPE  = 8
	sigSEGV = 11
	sigSYS  = 31

	codeThread = -6   // SI_TKILL: a thread of the process itself, such as abort(3)
	codeKernel = 0x80 // SI_KERNEL: a terminal's SIGQUIT
)

// signalled is the death by a signal. One that was sent from outside says
// nothing about where the program stood: somebody ended a program that hung.
func signalled(s *report.Signal) death {
	if s == nil {
		return death{family: familySignal}
	}
	switch s.Number {
	case sigILL, sigTRAP, sigBUS, sigFPE, sigSEGV, sigSYS:
	default:
		if s.Code <= 0 && s.Code != codeThread || s.Code == codeKernel {
			return death{family: familyHang}
		}
	}
	return death{family: familySignal, what: clean(s.Name, 40)}
}

// What differs in messages between occurrences of a bug.
var (
	quoted  = regexp.MustCompile(`"[^"]*"|'[^']*'|` + "`[^`]*`")
	numbers = regexp.MustCompile(`[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|0x[0-9a-fA-F]+|[0-9]+`)
	hexText = regexp.MustCompile(`\b[0-9a-fA-F]{16,}\b`)
)

const maxTemplate = 80

// template is the first line of a message without what differs between
// occurrences: numbers, and everything in quotes.
func template(message string) string {
	s := clean(firstLine(cut(message, 1024)), 512)
	s = quoted.ReplaceAllString(s, `"…"`)
	s = hexText.ReplaceAllString(s, "#")
	s = numbers.ReplaceAllString(s, "#")
	return strings.TrimSpace(cut(strings.Join(strings.Fields(s), " "), maxTemplate))
}

func firstLine(s string) string {
	s, _, _ = strings.Cut(cut(s, 1024), "\n")
	return s
}
