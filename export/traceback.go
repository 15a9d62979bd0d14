package export

import (
	"bufio"
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
	r, err := whole(res)
	if err != nil {
		return err
	}
	return writeTraceback(w, r)
}

func writeTraceback(w io.Writer, r *report.Report) error {
	out := bufio.NewWriter(w)
	earlierPanics(out, &r.Crash.Exception)
	for i, l := range plainLines(deathText(&r.Crash), 1<<16) {
		if i > 0 {
			fmt.Fprint(out, "\t")
		}
		fmt.Fprintln(out, l)
	}
	if r.Crash.Signal != nil {
		fmt.Fprintln(out, signalText(r.Crash.Signal))
	}
	shared := groupFrames(r)
	for _, i := range interest(r, crashedGoroutine(r)) {
		g := &r.Goroutines[i]
		frames := g.Frames
		if len(frames) == 0 {
			frames = shared[g.Group]
		}
		if len(frames) == 0 {
			continue
		}
		fmt.Fprintf(out, "\ngoroutine %d [%s]:\n", g.ID, name(stateText(g.Status, g.WaitReason)))
		for j := range frames {
			tracebackFrame(out, &frames[j])
		}
		if g.OmittedFrames > 0 {
			fmt.Fprintf(out, "...additional frames elided...\n")
		}
		if c := g.Creator; c != nil {
			fmt.Fprintf(out, "created by %s in goroutine %d\n\t%s\n", name(c.Function), c.Goroutine, place(c.File, c.Line))
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write traceback: %w", err)
	}
	return nil
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

// tracebackFrame prints a frame as often as it occurs in a row.
func tracebackFrame(w io.Writer, f *report.Frame) {
	fmt.Fprintf(w, "%s(...)\n\t%s\n", name(f.Function), place(f.File, f.Line))
	if f.Repeat > 1 {
		fmt.Fprintf(w, "...%d more calls of the same frame elided...\n", f.Repeat-1)
	}
}
