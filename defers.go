package sdcore

import (
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/vars"
)

// defers adds to the frames of a goroutine which deferred calls are still to
// run. The frames were made of stack, which is the goroutine's own.
func (e *engine) defers(g *corefile.Goroutine, stack *corefile.Stack, out *report.Goroutine) []report.Problem {
	found := e.runtime.Defers(g, stack.Frames)
	out.OmittedDefers = found.Elsewhere
	left := 0
	for _, ds := range found.Frames {
		left += len(ds)
	}
	for _, n := range found.More {
		left += n
	}
	secret := vars.SecretFrames(*stack)
	for i := range out.Frames {
		fr := &out.Frames[i]
		for _, d := range found.Frames[fr.Index] {
			call := e.deferred(&d)
			if fr.Index < secret {
				vars.MarkSecret(call.Vars)
			}
			fr.Defers = append(fr.Defers, call)
		}
		fr.OmittedDefers = found.More[fr.Index]
		left -= len(fr.Defers) + fr.OmittedDefers
	}
	out.OmittedDefers += left
	return found.Problems
}

// deferred describes a deferred call.
func (e *engine) deferred(d *goruntime.Defer) report.Defer {
	out := report.Defer{Kind: report.DeferRecord, Closure: report.Addr(d.Closure)}
	if d.OpenCoded {
		out.Kind = report.DeferOpenCoded
	}
	if d.Closure == 0 {
		return out
	}
	at, _ := e.runtime.Begin(d.Code)
	out.Function, out.File, out.Line = at.Function, at.File, at.Line
	if call, ok := e.runtime.Wrapped(d.Closure); ok {
		out.Function, out.Wrapper = call.Frame.Function, at.Function
		if made, ok := e.runtime.Begin(call.Frame.Entry); ok && strings.HasSuffix(at.Function, "-fm") && !call.Frame.Inlined {
			out.File, out.Line = made.File, made.Line // no line of the source has the wrapper
		}
		out.Vars = e.reader.Arguments(&call)
	} else {
		out.Vars = e.reader.Captured(d.Closure)
	}
	return out
}
