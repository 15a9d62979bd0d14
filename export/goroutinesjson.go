package export

import (
	"bufio"
	"io"
	"slices"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// GoroutinesJSON writes the same as one JSON object: total, groups and, with
// All or Locals, goroutines, in the shapes and with the lines that they have in
// a saved report.
func GoroutinesJSON(w io.Writer, res redact.Result, o GoroutineOptions) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeGoroutinesJSON(p, r, o) })
}

func writeGoroutinesJSON(w io.Writer, r *report.Report, o GoroutineOptions) error {
	chosen := selected(r, o.Select)
	form := goroutinesForm{o: o, total: len(chosen)}
	part := report.Report{Groups: groupsOf(r, chosen, o.Select)}
	if o.All || o.Locals {
		part.Goroutines = pick(r.Goroutines, chosen)
	}
	return newStream(w, &form, false).report(&part, inOrder(len(part.Goroutines)))
}

// NewGoroutinesJSONStream returns a stream of what [GoroutinesJSON] writes with
// All. Of the options, only Locals is heeded.
func NewGoroutinesJSONStream(w io.Writer, o GoroutineOptions) *Stream {
	return newStream(w, &goroutinesForm{o: GoroutineOptions{All: true, Locals: o.Locals}}, false)
}

// goroutinesForm writes goroutines and their groups.
type goroutinesForm struct {
	outline
	o     GoroutineOptions
	total int // there are at least so many
}

func (*goroutinesForm) name() string { return "json" }

func (f *goroutinesForm) fresh() form {
	c := *f
	return &c
}

func (*goroutinesForm) separator() string { return comma }

func (f *goroutinesForm) head(out *bufio.Writer, r *report.Report) error {
	groups := completed(&report.Report{Groups: r.Groups}).Groups
	sum := 0
	for i := range groups {
		sum += groups[i].Count
	}
	empty := struct {
		Total      int         `json:"total"`
		Groups     []struct{}  `json:"groups"`
		Goroutines *[]struct{} `json:"goroutines,omitempty"`
	}{Total: max(sum, f.total, len(r.Goroutines)), Groups: []struct{}{}}
	if len(r.Goroutines) > 0 {
		empty.Goroutines = &empty.Groups
	}
	var err error
	if f.rest, err = report.EncodeIndented(empty, ""); err != nil {
		return err
	}
	err = f.list(out, inSchema, "groups", len(groups), func(dst []byte, i int) []byte { return groups[i].AppendJSON(dst) })
	if err == nil && empty.Goroutines != nil {
		err = f.until(out, inSchema.outer(), "goroutines", "[")
	}
	return err
}

func (f *goroutinesForm) goroutine(dst []byte, g *report.Goroutine) []byte {
	if !f.o.Locals {
		bare := *g
		bare.Frames = withoutVars(g.Frames)
		g = &bare
	}
	return inSchema.element(dst, completedGoroutine(g).AppendJSON)
}

func (f *goroutinesForm) tail(out *bufio.Writer, n int, _ map[string]int) error {
	inSchema.end(out, n)
	out.Write(append(f.rest, '\n'))
	return nil
}

// withoutVars returns a copy of frames without their variables.
func withoutVars(frames []report.Frame) []report.Frame {
	bare := slices.Clone(frames)
	for i := range bare {
		bare[i].Vars = []report.Variable{}
		bare[i].Defers = slices.Clone(bare[i].Defers)
		for j := range bare[i].Defers {
			bare[i].Defers[j].Vars = nil
		}
	}
	return bare
}
