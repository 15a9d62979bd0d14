package crashtext

import (
	"strconv"
	"strings"
)

// header is the row that begins a goroutine (runtime/traceback.go of Go 1.26,
// goroutineheader):
//
//	goroutine 7 gp=0xc000003860 m=0 mp=0x59a320 [chan receive, 2 minutes, locked to thread]:
//
// Newer versions have a bubble of testing/synctest and labels at the end.
func header(s string) (g Goroutine, ok bool) {
	rest, ok := strings.CutPrefix(s, "goroutine ")
	if !ok {
		return Goroutine{}, false
	}
	rest, ok = strings.CutSuffix(rest, "]:")
	if !ok {
		return Goroutine{}, false
	}
	head, state, ok := strings.Cut(rest, " [")
	if !ok {
		return Goroutine{}, false
	}
	id, detail, _ := strings.Cut(head, " ")
	if detail != "" && !strings.HasPrefix(detail, "gp=0x") {
		return Goroutine{}, false
	}
	if g.ID, ok = number(id); !ok {
		return Goroutine{}, false
	}
	state, labels, _ := strings.Cut(state, " labels:{")
	g.Labels = parseLabels(strings.TrimSuffix(labels, "}"))
	g.Status, _, _ = strings.Cut(state, ",")
	return g, true
}

// parseLabels reads `"key": "value", "key": "value"`. What it can't read is
// left out.
func parseLabels(s string) []Label {
	const maxLabels = 64
	var all []Label
	for len(all) < maxLabels {
		key, rest, ok := cutQuoted(s)
		rest, colon := strings.CutPrefix(rest, ": ")
		value, rest, ok2 := cutQuoted(rest)
		if !ok || !colon || !ok2 {
			return all
		}
		all = append(all, Label{key, value})
		if s, ok = strings.CutPrefix(rest, ", "); !ok {
			return all
		}
	}
	return all
}

func cutQuoted(s string) (text, rest string, ok bool) {
	q, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", s, false
	}
	text, err = strconv.Unquote(q)
	return strings.ToValidUTF8(text, "\ufffd"), s[len(q):], err == nil
}

// call is the row of a function: its name, and arguments in parentheses, of
// which only "(...)" tells something: the call is inlined. A name has no
// spaces, which other output nearly always has.
func call(s string) (name string, inlined, ok bool) {
	if !strings.HasSuffix(s, ")") || s[0] == '\t' || s[0] == ' ' {
		return "", false, false
	}
	open := strings.LastIndexByte(s, '(')
	if open <= 0 {
		return "", false, false
	}
	name = s[:open]
	if strings.ContainsAny(name, " \t\"") {
		return "", false, false
	}
	return name, s[open:] == "(...)", true
}

// place is the row below a function:
//
//	<tab>/src/main.go:36 +0x4b fp=0xc000092e10 sp=0xc000092da0 pc=0x4a9bcb
//
// and for C functions "<tab>file.c:12 pc=0x401000", or the pc alone.
type place struct {
	file string
	line int
	pc   uint64
	// noOffset is set where neither an offset nor a frame pointer is printed.
	noOffset bool
	c        bool
}

func placeRow(s string) (p place, ok bool) {
	s, ok = strings.CutPrefix(s, "\t")
	if !ok {
		return place{}, false
	}
	if pc, found := strings.CutPrefix(s, "pc="); found {
		p.pc, ok = hex(pc)
		p.c = true
		return p, ok
	}
	if i := strings.LastIndex(s, " pc="); i >= 0 {
		if p.pc, ok = hex(s[i+len(" pc="):]); !ok {
			return place{}, false
		}
		s = s[:i]
		p.c = true
		if i := strings.LastIndex(s, " fp="); i >= 0 {
			s, p.c = s[:i], false
		}
	}
	p.noOffset = true
	if i := strings.LastIndex(s, " +"); i >= 0 {
		if _, isHex := hex(s[i+2:]); isHex {
			s, p.noOffset = s[:i], false
		}
	}
	i := strings.LastIndexByte(s, ':')
	if i <= 0 {
		return place{}, false
	}
	line, ok := number(s[i+1:])
	if !ok || line > maxLine {
		return place{}, false
	}
	p.file, p.line = s[:i], int(line)
	return p, true
}

// maxLine bounds line numbers: those of Go's own tables have 32 bits.
const maxLine = 1<<31 - 1

// createdRow is "created by main.main.func1 in goroutine 1"; before go1.21 the
// goroutine is not said.
func createdRow(s string) (function string, by uint64, ok bool) {
	function, ok = strings.CutPrefix(s, "created by ")
	if !ok {
		return "", 0, false
	}
	if i := strings.LastIndex(function, " in goroutine "); i >= 0 {
		if id, isID := number(function[i+len(" in goroutine "):]); isID {
			return function[:i], id, true
		}
	}
	return function, 0, true
}

// elidedRow is "...96 frames elided..." or, of older versions, without a
// number.
func elidedRow(s string) (n int, ok bool) {
	s, ok = strings.CutPrefix(s, "...")
	if !ok {
		return 0, false
	}
	if s == "additional frames elided..." {
		return -1, true
	}
	s, ok = strings.CutSuffix(s, " frames elided...")
	if !ok {
		return 0, false
	}
	v, ok := number(s)
	if !ok || v > maxLine {
		return 0, false
	}
	return int(v), true
}

// number reads decimal digits and nothing else.
func number(s string) (uint64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	v, err := strconv.ParseUint(s, 10, 64)
	return v, err == nil
}

// hex reads 0x and hexadecimal digits.
func hex(s string) (uint64, bool) {
	digits, ok := strings.CutPrefix(s, "0x")
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseUint(digits, 16, 64)
	return v, err == nil
}

// beginsCrash reports whether a row is the first one that Go prints about a
// death.
func beginsCrash(s string) bool {
	for _, p := range []string{panicPrefix, fatalPrefix, "runtime: goroutine stack exceeds", "runtime: out of memory", "unexpected fault address "} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	_, ok := signalName(s)
	return ok
}

const (
	panicPrefix = "panic: "
	fatalPrefix = "fatal error: "
)

// signalName is the name at the start of "SIGQUIT: quit".
func signalName(s string) (string, bool) {
	name, _, ok := strings.Cut(s, ": ")
	if !ok || len(name) < 5 || len(name) > 12 || !strings.HasPrefix(name, "SIG") {
		return "", false
	}
	for i := range len(name) {
		if c := name[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return "", false
		}
	}
	return name, true
}
