package export

import (
	"errors"
	"fmt"
	"io"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// PrintedOptions are for the answer of sdcore's Session.Print: a report whose
// first variable has in it, one inside the other, the values that lead to what
// was asked for. What else it holds is not written.
type PrintedOptions struct {
	TextOptions
	// Path is what was asked for, as it was typed: the heading.
	Path string
	// Depth is how many values lead to it.
	Depth int
}

// printed is the value that was asked for and where it was found.
type printed struct {
	value     *report.Value
	goroutine *report.Goroutine // nil for a package variable
	frame     *report.Frame
}

// findPrinted descends to the value that was asked for; a value on the way
// that redact removed is the answer instead.
func findPrinted(r *report.Report, depth int) (printed, error) {
	var p printed
	switch {
	case len(r.Globals) == 1:
		p.value = &r.Globals[0].Value
	case len(r.Goroutines) > 0 && len(r.Goroutines[0].Frames) == 1 && len(r.Goroutines[0].Frames[0].Vars) == 1:
		p.goroutine = &r.Goroutines[0]
		p.frame = &p.goroutine.Frames[0]
		p.value = &p.frame.Vars[0].Value
	default:
		return p, errors.New("export: the report is not the answer of a print")
	}
	for ; depth > 0 && p.value.State != report.StateRedacted; depth-- {
		n := len(p.value.Children)
		if n == 0 {
			return p, errors.New("export: the tier of the report does not reach so deep")
		}
		if p.value.Text != "" && p.value.Note != "" {
			text := *p.value // with holes: no byte of it is shown by itself
			text.Children = nil
			p.value = &text
			return p, nil
		}
		p.value = &p.value.Children[n-1].Value
	}
	return p, nil
}

// PrintedText writes the value that was asked for.
func PrintedText(w io.Writer, res redact.Result, o PrintedOptions) error {
	o.Path = asked(res.LastScan(), o.Path)
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writePrinted(p, r, o) })
}

func writePrinted(w io.Writer, r *report.Report, o PrintedOptions) error {
	p, err := findPrinted(r, o.Depth)
	if err != nil {
		return err
	}
	s := newScreen(r, o.TextOptions)
	s.names = newPaths(r) // the value is what is asked for whole
	head := name(o.Path)
	s.line(s.bold(head), " ", s.grey(name(p.value.Type)), " = ", block(p.value, "", len(head)+len(p.value.Type)+4, s.wide, s.ink))
	if p.frame != nil {
		s.line(s.grey(fmt.Sprintf("  in %s  %s  goroutine %d", name(p.frame.Function), s.place(p.frame.File, p.frame.Line), p.goroutine.ID)))
	}
	if p.value.Addr != 0 {
		s.line(s.grey("  at " + p.value.Addr.String()))
	}
	return s.flush(w)
}

// PrintedJSON writes the value that was asked for with its place as one JSON
// object.
func PrintedJSON(w io.Writer, res redact.Result, o PrintedOptions) error {
	o.Path = asked(res.LastScan(), o.Path)
	return scanned(w, res, "json", func(p *paper, r *report.Report) error {
		found, err := findPrinted(r, o.Depth)
		if err != nil {
			return err
		}
		return writeIndented(p, newPlaced(o.Path, found.goroutine, found.frame, found.value))
	})
}
