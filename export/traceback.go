package export

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Traceback writes the report in the format of Go's own tracebacks, for tools
// that read those: the crashing goroutine first, then the others. The words of
// arguments and the offsets into functions are left out.
func Traceback(w io.Writer, res redact.Result) error {
	return scanned(w, res, "traceback", func(p *paper, r *report.Report) error { return writeTraceback(p, r) })
}

func writeTraceback(p *paper, r *report.Report) error {
	var head bytes.Buffer
	earlierPanics(&head, &r.Crash.Exception)
	for i, l := range plainLines(deathText(&r.Crash), 1<<16) {
		if i > 0 {
			fmt.Fprint(&head, "\t")
		}
		fmt.Fprintln(&head, l)
	}
	if r.Crash.Signal != nil {
		fmt.Fprintln(&head, signalText(r.Crash.Signal))
	}
	if _, err := p.Write(head.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	shared := groupFrames(r)
	for _, frames := range shared {
		head.Reset()
		tracebackFrames(&head, frames)
		if err := p.check(head.Bytes()); err != nil {
			return err
		}
	}
	return p.goroutines(interest(r, crashedGoroutine(r)), r.Goroutines, func() pen {
		var b bytes.Buffer
		return pen{&b, func(g *report.Goroutine) { tracebackGoroutine(&b, g, shared) }}
	})
}

// tracebackGoroutine prints a goroutine whose stack is known, or that of its
// group.
func tracebackGoroutine(w io.Writer, g *report.Goroutine, shared map[int][]report.Frame) {
	frames := g.Frames
	if len(frames) == 0 {
		frames = shared[g.Group]
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

// earlierPanics prints the panics before the last one, the oldest first, as
// the runtime does.
func earlierPanics(w io.Writer, e *report.Exception) {
	for i := len(e.Sub) - 1; i >= 0; i-- {
		x := &e.Sub[i]
		if x.Relation == report.RelationEarlier {
			fmt.Fprintf(w, "panic: %s%s\n", strings.Join(plainLines(x.Message, 1<<16), "\n\t"), panicFlags(x))
		}
	}
}

// tracebackFrames prints each frame, and how often it occurs in a row.
func tracebackFrames(w io.Writer, frames []report.Frame) {
	for i := range frames {
		f := &frames[i]
		fmt.Fprintf(w, "%s(...)\n\t%s\n", name(f.Function), place(f.File, f.Line))
		if f.Repeat > 1 {
			fmt.Fprintf(w, "...%d more calls of the same frame elided...\n", f.Repeat-1)
		}
	}
}
