package coretest

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Traceback is what Go printed when the program died.
type Traceback struct {
	// Crash are the lines about the crash itself, above the first stack:
	// "panic: ...", "fatal error: ...", "[signal SIGSEGV: ...]", without what
	// the program printed before.
	Crash      []string
	Goroutines []TracebackGoroutine
}

// TracebackGoroutine is one goroutine of a Traceback.
type TracebackGoroutine struct {
	ID uint64
	// Status is the text in brackets up to the first comma: "running",
	// "chan receive", "select (no cases)".
	Status string
	// Thread is true for a stack that the thread printed itself, when it was
	// stopped by a signal while it ran the goroutine.
	Thread bool
	Frames []TracebackFrame
	// CreatedBy is the function with the go statement, "" for the first
	// goroutine; Creator is the goroutine that executed it, 0 when not said.
	CreatedBy string
	Creator   uint64
	// Elided counts the frames that Go left out before Frames[ElidedAt].
	Elided   int
	ElidedAt int
}

// TracebackFrame is a line pair of a Traceback. Wrappers and functions of the
// panic machinery are missing there.
type TracebackFrame struct {
	// Func has "[...]" in place of type arguments.
	Func string
	File string
	Line int
	// Inlined is true for calls that the compiler inlined: no frame pointer is
	// printed for them.
	Inlined bool
}

// Traceback parses the fixture's Stderr.
func (f Files) Traceback(t testing.TB) Traceback {
	t.Helper()
	b, err := os.ReadFile(f.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	tb, err := parseTraceback(string(b))
	if err != nil {
		t.Fatalf("%s: %v", f.Stderr, err)
	}
	return tb
}

// CrashText returns the first line that Go printed about the crash, such as
// "panic: assignment to entry in nil map" or "SIGQUIT: quit".
func (tb Traceback) CrashText() string {
	if len(tb.Crash) == 0 {
		return ""
	}
	return tb.Crash[0]
}

// Goroutine finds a goroutine by its ID; nil when it is not in the traceback.
func (tb Traceback) Goroutine(id uint64) *TracebackGoroutine {
	for i := range tb.Goroutines {
		if tb.Goroutines[i].ID == id {
			return &tb.Goroutines[i]
		}
	}
	return nil
}

var (
	crashStart   = regexp.MustCompile(`^(panic: |fatal error: |SIG[A-Z0-9]+: |runtime: goroutine stack exceeds)`)
	goroutineRow = regexp.MustCompile(`^goroutine (\d+)(?: gp=0x[0-9a-f]+ m=\S+(?: mp=0x[0-9a-f]+)?)? \[([^\]]*)\]:$`)
	fileRow      = regexp.MustCompile(`^\t(.+):(\d+)(?: \+0x[0-9a-f]+)?( fp=0x[0-9a-f]+ sp=0x[0-9a-f]+ pc=0x[0-9a-f]+)?$`)
	createdRow   = regexp.MustCompile(`^created by (.+?)(?: in goroutine (\d+))?$`)
	elidedRow    = regexp.MustCompile(`^\.\.\.(\d+) frames elided\.\.\.$`)
)

// parseTraceback reads the output of GOTRACEBACK=crash. A goroutine that is
// printed twice keeps its first stack.
func parseTraceback(text string) (Traceback, error) {
	p := traceParser{seen: map[uint64]bool{}}
	for n, line := range strings.Split(text, "\n") {
		if err := p.line(strings.TrimSuffix(line, "\r")); err != nil {
			return Traceback{}, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	p.flush()
	return p.tb, nil
}

// traceParser is the state between two lines.
type traceParser struct {
	tb       Traceback
	seen     map[uint64]bool
	cur      *TracebackGoroutine
	fn       string // function line that waits for its file line
	created  bool   // the next file line belongs to "created by"
	inCrash  bool
	signaled bool // the dump of a thread's own stack
}

func (p *traceParser) line(s string) error {
	if m := goroutineRow.FindStringSubmatch(s); m != nil {
		return p.goroutine(m[1], m[2])
	}
	if p.cur != nil {
		return p.stackLine(s)
	}
	switch {
	case s == "-----":
		p.signaled = true
	case len(p.tb.Goroutines) > 0:
		// between two stacks
	case p.inCrash && s == "":
		p.inCrash = false
	case crashStart.MatchString(s) || p.inCrash:
		p.inCrash = true
		p.tb.Crash = append(p.tb.Crash, s)
	}
	return nil
}

func (p *traceParser) goroutine(id, status string) error {
	p.flush()
	n, err := strconv.ParseUint(id, 10, 64)
	if err != nil {
		return err
	}
	status, _, _ = strings.Cut(status, ",")
	p.cur = &TracebackGoroutine{ID: n, Status: status, Thread: p.signaled}
	return nil
}

func (p *traceParser) stackLine(s string) error {
	switch {
	case s == "":
		p.flush()
	case s == "-----":
		p.flush()
		p.signaled = true
	case createdRow.MatchString(s):
		m := createdRow.FindStringSubmatch(s)
		p.cur.CreatedBy, p.created = m[1], true
		if m[2] != "" {
			n, err := strconv.ParseUint(m[2], 10, 64)
			if err != nil {
				return err
			}
			p.cur.Creator = n
		}
	case elidedRow.MatchString(s):
		n, err := strconv.Atoi(elidedRow.FindStringSubmatch(s)[1])
		if err != nil {
			return err
		}
		p.cur.Elided, p.cur.ElidedAt = n, len(p.cur.Frames)
	case fileRow.MatchString(s):
		return p.file(fileRow.FindStringSubmatch(s))
	case strings.HasSuffix(s, ")") && strings.Contains(s, "("):
		p.fn = s[:strings.LastIndexByte(s, '(')]
	}
	return nil
}

func (p *traceParser) file(m []string) error {
	if p.created {
		p.created = false
		return nil
	}
	if p.fn == "" {
		return nil
	}
	line, err := strconv.Atoi(m[2])
	if err != nil {
		return err
	}
	p.cur.Frames = append(p.cur.Frames, TracebackFrame{Func: p.fn, File: m[1], Line: line, Inlined: m[3] == ""})
	p.fn = ""
	return nil
}

// flush ends the current goroutine.
func (p *traceParser) flush() {
	if p.cur != nil && !p.seen[p.cur.ID] {
		p.seen[p.cur.ID] = true
		p.tb.Goroutines = append(p.tb.Goroutines, *p.cur)
	}
	p.cur, p.fn, p.created, p.inCrash = nil, "", false, false
}
