package export

import (
	"fmt"
	"path"
	"strings"

	"github.com/safedump/sdcore/report"
)

// shownDefers is how many deferred calls of a frame are shown.
const shownDefers = 4

// defers shows in one line which deferred calls of a frame are still to run, in
// the order in which they will.
func (s *screen) defers(f *report.Frame) {
	if len(f.Defers) == 0 && f.OmittedDefers == 0 {
		return
	}
	var calls []string
	left := f.OmittedDefers
	for i := 0; i < len(f.Defers); {
		call, n := deferText(&f.Defers[i]), 1
		for i+n < len(f.Defers) && deferText(&f.Defers[i+n]) == call {
			n++ // a defer statement in a loop
		}
		i += n
		switch {
		case len(calls) >= shownDefers && !s.o.Full:
			left += n
			continue
		case n > 1:
			call += fmt.Sprintf(" ×%d", n)
		}
		calls = append(calls, call)
	}
	if left > 0 {
		calls = append(calls, fmt.Sprintf("… +%d", left))
	}
	text := "defers: " + strings.Join(calls, ", ")
	if !s.o.Full {
		text = clip(text, s.wide-6)
	}
	s.line("      ", s.grey(text))
}

// deferText names a deferred call and its place.
func deferText(d *report.Defer) string {
	text := name(d.Function)
	if text == "" {
		text = "a nil func"
	}
	if d.File == "" || d.Line <= 0 {
		return text
	}
	return fmt.Sprintf("%s (%s:%d)", text, name(path.Base(d.File)), d.Line)
}
