package crashtext

import (
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// crash makes of the lines about a crash what they say.
func (t *Text) crash() report.Crash {
	c := report.Crash{Kind: report.KindUnknown, Evidence: []string{}, Exception: report.Exception{Sub: []report.Exception{}}}
	d := readDeath(t.Crash)
	c.Signal = d.signal
	switch {
	case d.fatal != "":
		c.Kind = report.KindFatal
		if d.fatal == "all goroutines are asleep - deadlock!" || d.fatal == "no goroutines (main called runtime.Goexit) - deadlock!" {
			c.Kind = report.KindDeadlock
		}
		c.Exception = report.Exception{Type: "fatal error", Module: "runtime", Message: d.fatal, Sub: earlier(d.panics)}
	case len(d.panics) > 0:
		c.Kind = report.KindPanic
		newest := len(d.panics) - 1
		c.Exception = d.panics[newest]
		c.Exception.Sub = earlier(d.panics[:newest])
		if c.Exception.Type != "" {
			c.Evidence = append(c.Evidence, "type of the panic: by the words that Go prints for it")
		}
	case d.signalText != "" && d.signal != nil:
		c.Kind = report.KindSignal
		c.Exception = report.Exception{Type: d.signal.Name, Module: "runtime", Message: d.signalText, Sub: []report.Exception{}}
	}
	if len(t.Crash) > 0 {
		c.Evidence = append(c.Evidence, "crash text: "+strconv.Itoa(len(t.Crash))+" lines above the first stack")
	}
	if c.Kind != report.KindDeadlock && len(t.Goroutines) > 0 && t.Goroutines[0].ID != 0 {
		c.Goroutine = t.Goroutines[0].ID
		c.Evidence = append(c.Evidence, "goroutine: the first one whose stack is printed")
	}
	return c
}

// earlier puts panics newest first and says what they are to the last one.
func earlier(panics []report.Exception) []report.Exception {
	out := make([]report.Exception, 0, len(panics))
	for i := len(panics) - 1; i >= 0; i-- {
		e := panics[i]
		e.Relation = report.RelationEarlier
		out = append(out, e)
	}
	return out
}

// death is what the lines say.
type death struct {
	panics     []report.Exception // oldest first, as Go prints them
	fatal      string
	signalText string // "SIGQUIT: quit"
	signal     *report.Signal
}

// maxPanics bounds the chain of panics, like that of a core.
const maxPanics = 64

// readDeath reads the lines. The second and later panics of a chain, and lines
// of a message behind its first, begin with a tab: one that reads like a panic
// is taken for one. What another thread printed in between becomes a part of
// the message.
func readDeath(lines []string) death {
	var d death
	var open *string // message that further lines belong to
	for _, s := range lines {
		inner := strings.TrimPrefix(s, "\t")
		text, isPanic := strings.CutPrefix(inner, panicPrefix)
		fatal, isFatal := strings.CutPrefix(inner, fatalPrefix)
		switch {
		case isPanic && len(d.panics) < maxPanics:
			d.panics = append(d.panics, report.Exception{Message: text, Sub: []report.Exception{}})
			open = &d.panics[len(d.panics)-1].Message
		case isFatal && d.fatal == "":
			d.fatal, open = fatal, &d.fatal
		case strings.HasPrefix(s, "\t") && open != nil:
			*open += "\n" + s
		case strings.HasPrefix(s, "[signal "):
			d.bracket(s)
			open = nil
		case strings.HasPrefix(s, "PC=0x"):
			d.registers(s)
			open = nil
		default:
			if name, ok := signalName(s); ok && d.signalText == "" {
				d.signalText, d.signal = s, newSignal(name)
				open = nil
			}
			if open != nil && d.fatal == "" {
				*open += "\n" + s // Go before 1.23 puts no tab there
			}
		}
	}
	d.flags()
	return d
}

// flags reads what became of each panic, and puts in the one that Go does not
// print because it was panicked with again (runtime.printpanics, Go 1.26).
func (d *death) flags() {
	var all []report.Exception
	for _, e := range d.panics {
		for _, end := range []struct {
			text       string
			repanicked bool
		}{{" [recovered, repanicked]", true}, {" [recovered]", false}} {
			if m, ok := strings.CutSuffix(e.Message, end.text); ok {
				e.Message, e.Recovered, e.Repanicked = m, true, end.repanicked
				break
			}
		}
		e.Type, e.Module = typeOf(e.Message)
		all = append(all, e)
		if e.Repanicked {
			all = append(all, report.Exception{Type: e.Type, Module: e.Module, Message: e.Message, Sub: []report.Exception{}})
		}
	}
	d.panics = all
}

// typeOf guesses the type of a panic's value by the words that Go prints for
// it: main.Code(7), (main.T) 0xc000012345, and those of the runtime's own
// errors. Strings and errors are printed without their type.
func typeOf(message string) (typ, module string) {
	if rest, ok := strings.CutPrefix(message, "("); ok {
		if name, addr, ok := strings.Cut(rest, ") "); ok && isType(strings.TrimLeft(name, "*[]")) {
			if _, isHex := hex(addr); isHex {
				return name, report.PackageOf(strings.TrimLeft(name, "*[]"))
			}
		}
	}
	if open := strings.IndexByte(message, '('); open > 0 && strings.HasSuffix(message, ")") && isType(message[:open]) {
		return message[:open], report.PackageOf(message[:open])
	}
	text, isRuntime := strings.CutPrefix(message, "runtime error: ")
	switch {
	case message == "assignment to entry in nil map" || message == "close of nil channel" ||
		message == "close of closed channel" || message == "send on closed channel":
		return "runtime.plainError", "runtime"
	case !isRuntime:
		return "", ""
	case strings.HasPrefix(text, "index out of range ["), strings.HasPrefix(text, "slice bounds out of range ["):
		return "runtime.boundsError", "runtime"
	case text == "invalid memory address or nil pointer dereference", text == "integer divide by zero":
		return "runtime.errorString", "runtime"
	}
	return "", ""
}

// isType reports whether a text looks like the name of a declared type.
func isType(s string) bool {
	dot := strings.LastIndexByte(s, '.')
	return dot > 0 && dot < len(s)-1 && !strings.ContainsAny(s, " \t\"'():,")
}

// newSignal is a signal by its name. Numbers are those of Linux.
func newSignal(name string) *report.Signal {
	number := map[string]int{
		"SIGHUP": 1, "SIGINT": 2, "SIGQUIT": 3, "SIGILL": 4, "SIGTRAP": 5, "SIGABRT": 6, "SIGBUS": 7, "SIGFPE": 8,
		"SIGKILL": 9, "SIGUSR1": 10, "SIGSEGV": 11, "SIGUSR2": 12, "SIGPIPE": 13, "SIGALRM": 14, "SIGTERM": 15, "SIGSTKFLT": 16,
		"SIGXCPU": 24, "SIGXFSZ": 25, "SIGSYS": 31,
	}[name]
	return &report.Signal{Number: number, Name: name, Source: "crash text"}
}

// bracket reads "[signal SIGSEGV: segmentation violation code=0x1 addr=0x10 pc=0x4a9bcb]".
func (d *death) bracket(s string) {
	text := strings.TrimSuffix(strings.TrimPrefix(s, "[signal "), "]")
	name, ok := signalName(text)
	if !ok {
		return
	}
	d.signal = newSignal(name)
	d.fields(text)
}

// registers reads "PC=0x4c6d98 m=0 sigcode=1 addr=0x10", which stands below
// "SIGSEGV: segmentation violation".
func (d *death) registers(s string) {
	if d.signal != nil {
		d.fields(s)
	}
}

func (d *death) fields(s string) {
	for _, word := range strings.Fields(s) {
		key, value, _ := strings.Cut(word, "=")
		n, err := strconv.ParseUint(value, 0, 64)
		if err != nil {
			continue
		}
		switch key {
		case "code", "sigcode":
			d.signal.Code = int(int32(n))
		case "addr":
			d.signal.Addr, d.signal.HasAddr = report.Addr(n), true
		case "pc", "PC":
			d.signal.PC = report.Addr(n)
		}
	}
}
