package crash

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// explainFatal explains a death by runtime.throw or runtime.fatal.
func (x *explainer) explainFatal() {
	x.crash.Kind = report.KindFatal
	x.crash.Exception = report.Exception{Type: "fatal error", Module: "runtime", Sub: []report.Exception{}}
	text, how, ok := x.fatalText()
	if ok {
		x.crash.Exception.Message = text
		x.evidence("text of the fatal error: %s", how)
	} else {
		x.problem(0, "the text of the fatal error is in none of the places where Go leaves it")
	}
	if isDeadlock(text) {
		x.crash.Kind = report.KindDeadlock
		return
	}
	// A fatal error in a deferred call comes on top of the panic.
	x.crash.Exception.Sub = append(x.crash.Exception.Sub, earlier(x.panics(x.chain()))...)
	x.fault()
}

// isDeadlock knows the texts of runtime.checkdead (runtime/proc.go, Go 1.26).
func isDeadlock(text string) bool {
	return text == "all goroutines are asleep - deadlock!" ||
		text == "no goroutines (main called runtime.Goexit) - deadlock!"
}

// fatalText finds what runtime.throw or runtime.fatal was called with.
func (x *explainer) fatalText() (text, how string, ok bool) {
	if x.marks.throw >= 0 {
		f := &x.st.Frames[x.marks.throw]
		if b, _, found := x.variable(f, "s"); found {
			s, err := x.text(binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:]))
			if err == nil && s != "" {
				return indent(s), "parameter s of " + f.Function, true
			}
		}
		if s, found := x.closureText(f); found {
			return indent(s), fmt.Sprintf("closure in the frame of %s at %#x", f.Function, f.CFA), true
		}
	}
	if x.in.Runtime == nil {
		return "", "", false
	}
	log, err := x.in.Runtime.PrintBacklog()
	if err != nil {
		x.problem(0, "%v", err)
		return "", "", false
	}
	const mark = "fatal error: "
	i := strings.LastIndex(log, mark)
	if i < 0 {
		return "", "", false
	}
	return strings.TrimSuffix(log[i+len(mark):], "\n"), "runtime.printBacklog", true
}

// closureText looks into the frame of runtime.throw or runtime.fatal for the
// closure that prints the text: its code address followed by what it captured,
// the string last (runtime/panic.go, Go 1.26).
func (x *explainer) closureText(f *corefile.Frame) (string, bool) {
	const maxFrame = 1 << 12
	b, ok := f.Regs.Bytes(regSP)
	if !ok || len(b) < 8 || x.in.Core.Binary() == nil {
		return "", false
	}
	sp := binary.LittleEndian.Uint64(b)
	code, _, ok := x.in.Core.Binary().Symbol(f.Function + ".func1")
	if !ok || f.CFA <= sp || f.CFA-sp > maxFrame {
		return "", false
	}
	code += x.in.Core.LoadBias()
	captured := uint64(8) // throw captures the string alone
	if f.Function == "runtime.fatal" {
		captured = 16 // and fatal the panic before it
	}
	for at := sp; at+captured+16 <= f.CFA; at += 8 {
		if v, err := x.mem.Uint64(at); err != nil || v != code {
			continue
		}
		if s, err := x.str(at + captured); err == nil && s != "" {
			return s, true
		}
	}
	return "", false
}
