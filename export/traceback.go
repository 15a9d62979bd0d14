package export

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Traceback writes the report as Go prints a traceback with GOTRACEBACK=crash, for
// tools that read those: the crashing goroutine first, then the others in the
// runtime's order. The words of arguments are left out, as are frame pointers and
// offsets into functions: they are raw memory, or addresses of nothing but this build.
func Traceback(w io.Writer, res redact.Result) error {
	return scanned(w, res, "traceback", func(p *paper, r *report.Report) error { return writeTraceback(p, r) })
}

func writeTraceback(p *paper, r *report.Report) error {
	t := traceback{kind: r.Crash.Kind, shared: groupFrames(r)}
	var head bytes.Buffer
	t.header(&head, r)
	if _, err := p.Write(head.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for _, frames := range t.shared {
		head.Reset()
		tracebackFrames(&head, frames)
		if err := p.check(head.Bytes()); err != nil {
			return err
		}
	}
	return p.goroutines(crashFirst(r), r.Goroutines, func() pen {
		var b bytes.Buffer
		return pen{&b, func(g *report.Goroutine) { t.goroutine(&b, g) }}
	})
}

// crashFirst returns the indexes of the goroutines, that of the crash first.
func crashFirst(r *report.Report) []int {
	order := inOrder(len(r.Goroutines))
	if i := crashedGoroutine(r); i > 0 {
		copy(order[1:i+1], order[:i])
		order[0] = i
	}
	return order
}

// traceback is what the goroutines of a traceback have in common.
type traceback struct {
	kind   report.CrashKind
	shared map[int][]report.Frame // by group, for goroutines without frames of their own
}

// header prints what the runtime prints before the first goroutine. Source: Go 1.26,
// printpanics in src/runtime/panic.go, sighandler in src/runtime/signal_unix.go.
func (t *traceback) header(w io.Writer, r *report.Report) {
	again := earlierPanics(w, &r.Crash.Exception)
	if !again {
		fmt.Fprintln(w, strings.Join(plainLines(deathText(&r.Crash), 1<<16), "\n\t"))
	}
	sig := r.Crash.Signal
	switch {
	case sig == nil:
	case t.kind == report.KindSignal:
		fmt.Fprintf(w, "PC=%s sigcode=%d", sig.PC, sig.Code)
		if sig.HasAddr {
			fmt.Fprintf(w, " addr=%s", sig.Addr)
		}
		fmt.Fprintln(w)
		if i := crashedGoroutine(r); i >= 0 && inC(r.Goroutines[i].Frames) {
			fmt.Fprintln(w, "signal arrived during cgo execution")
		}
	default:
		fmt.Fprintln(w, signalText(sig))
	}
}

// earlierPanics prints the panics before the last one, the oldest first. It reports
// whether the last one was printed with them: panicked with again, it is not
// printed twice.
func earlierPanics(w io.Writer, e *report.Exception) (again bool) {
	indent := ""
	for i := len(e.Sub) - 1; i >= 0; i-- {
		x := &e.Sub[i]
		if x.Relation != report.RelationEarlier || x.Goexit {
			continue
		}
		skip := again
		if again = x.Repanicked; skip && !again {
			continue
		}
		flags := ""
		switch {
		case x.Repanicked:
			flags = " [recovered, repanicked]"
		case x.Recovered:
			flags = " [recovered]"
		}
		fmt.Fprintf(w, "%spanic: %s%s\n", indent, strings.Join(plainLines(unindented(x.Message), 1<<16), "\n\t"), flags)
		indent = "\t"
	}
	if !again && indent != "" {
		fmt.Fprint(w, indent)
	}
	return again
}

// goroutine prints a goroutine whose stack is known, or that of its group.
func (t *traceback) goroutine(w io.Writer, g *report.Goroutine) {
	frames := g.Frames
	if len(frames) == 0 {
		frames = t.shared[g.Group]
	}
	if g.Crashed {
		frames = t.asPrinted(frames)
	}
	if len(frames) == 0 {
		return
	}
	fmt.Fprintf(w, "\ngoroutine %d [%s]:\n", g.ID, name(stateText(g.Status, g.WaitReason)))
	tracebackFrames(w, frames)
	if g.OmittedFrames > 0 {
		fmt.Fprintf(w, "...additional frames elided...\n")
	}
	if c := g.Creator; c != nil {
		fmt.Fprintf(w, "created by %s in goroutine %d\n\t%s\n", name(c.Function), c.Goroutine, place(c.File, c.Line))
	}
}

// asPrinted drops the frames of the goroutine that crashed in which the runtime
// printed its traceback and died, and those of a handler of the signal that killed it:
// Go prints the stack from where those were called.
func (t *traceback) asPrinted(frames []report.Frame) []report.Frame {
	last := func(is func(string) bool) int {
		for i := len(frames) - 1; i >= 0; i-- {
			if is(frames[i].Function) {
				return i
			}
		}
		return -1
	}
	switch t.kind {
	case report.KindPanic, report.KindFatal:
		frames = frames[last(dies)+1:]
		frames = frames[last(grows)+1:]
	case report.KindSignal:
		frames = frames[last(handles)+1:]
		if inC(frames) {
			call := slices.IndexFunc(frames, func(f report.Frame) bool { return f.Function == "runtime.cgocall" })
			frames = frames[call:]
		}
	}
	return frames
}

// dies reports whether a function is one by which the runtime ends the program after
// it has printed why. Source: Go 1.21 to 1.27, src/runtime/panic.go.
func dies(fn string) bool {
	fn, _, _ = strings.Cut(fn, ".func")
	return fn == "runtime.fatalpanic" || fn == "runtime.fatalthrow"
}

// grows reports whether a function is one that makes a goroutine's stack larger, on
// the thread's own stack. Source: Go 1.21 to 1.27, src/runtime/stack.go, asm_amd64.s.
func grows(fn string) bool { return fn == "runtime.newstack" || fn == "runtime.morestack" }

// handles reports whether a function is of the runtime's handler of signals.
// Source: Go 1.21 to 1.27, src/runtime/signal_unix.go, sys_linux_amd64.s.
func handles(fn string) bool {
	switch fn {
	case "runtime.sighandler", "runtime.sigtrampgo", "runtime.sigtramp", "runtime.cgoSigtramp", "runtime.sigreturn", "runtime.sigreturn__sigaction":
		return true
	}
	return false
}

// inC reports whether a stack ends in C code that Go called.
func inC(frames []report.Frame) bool {
	call := slices.IndexFunc(frames, func(f report.Frame) bool { return f.Function == "runtime.cgocall" })
	return call > 0 && slices.ContainsFunc(frames[:call], func(f report.Frame) bool { return packageOf(f.Function) == "" })
}

// groupFrames are the frames of each group, for its goroutines that have none
// of their own.
func groupFrames(r *report.Report) map[int][]report.Frame {
	out := map[int][]report.Frame{}
	for i := range r.Groups {
		for _, f := range r.Groups[i].Frames {
			id := r.Groups[i].ID
			out[id] = append(out[id], report.Frame{Function: f.Function, File: f.File, Line: f.Line, Inlined: f.Inlined, Repeat: f.Repeat})
		}
	}
	return out
}

// tracebackEnds are the frames that Go prints of each end of a stack. Source: Go 1.21
// to 1.27, src/runtime/traceback.go (tracebackInnerFrames, tracebackOuterFrames).
const tracebackEnds = 50

// tracebackFrames prints the frames of a stack, of a deep one its two ends. Calls by
// methods that the compiler made are left out, as Go does.
func tracebackFrames(w io.Writer, frames []report.Frame) {
	total := 0
	for i := range frames {
		total += calls(&frames[i])
	}
	innermost, outermost := total, total // where the first part ends, where the last one begins
	if total > 2*tracebackEnds {
		innermost, outermost = tracebackEnds, total-tracebackEnds
	}
	n := 0
	for i := range frames {
		f := &frames[i]
		next := n + calls(f)
		text := name(tracebackName(f.Function)) + "(...)\n\t" + place(f.File, f.Line) + "\n"
		for range min(next, innermost) - n {
			fmt.Fprint(w, text)
		}
		if n <= innermost && innermost < next && innermost < outermost {
			fmt.Fprintf(w, "...%d frames elided...\n", outermost-innermost)
		}
		for range next - max(n, outermost) {
			fmt.Fprint(w, text)
		}
		n = next
	}
}

// calls is how many calls a frame stands for that Go prints.
func calls(f *report.Frame) int {
	if f.File == "<autogenerated>" {
		return 0
	}
	return min(max(f.Repeat, 1), math.MaxInt32)
}

// tracebackName is a function's name as Go prints it: without type arguments, and
// gopanic as what it is called by.
func tracebackName(fn string) string {
	if fn == "runtime.gopanic" {
		return "panic"
	}
	from, to := strings.IndexByte(fn, '['), strings.LastIndexByte(fn, ']')
	if from < 0 || to < from {
		return fn
	}
	return fn[:from] + "[...]" + fn[to+1:]
}
