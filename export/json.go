package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// JSON writes the report as a file of Safedump's schema 1, with everything
// that schema has no room for under metadata.sdcore (docs/report-format.md).
//
// The standard part shows the crashing goroutine from the crash site outwards:
// index 0 is the frame in which the program failed, and the frames of the
// runtime that handled the failure are left to the metadata.
func JSON(w io.Writer, res redact.Result, o Options) error {
	r, err := whole(res)
	if err != nil {
		return err
	}
	return writeJSON(w, r, o)
}

func writeJSON(w io.Writer, r *report.Report, o Options) error {
	form := jsonForm{made: o.Time}
	if o.MaxSize >= 0 {
		f := newFitter(r, o)
		if err := f.fit(); err != nil {
			return err
		}
		r, form.rep, form.doc = &f.rep, &f.rep, f.doc
	}
	order := make([]int, len(r.Goroutines))
	for i := range order {
		order[i] = i
	}
	return newStream(w, &form, o.Gzip).report(r, order)
}

// comma stands before each element of a list but the first.
const comma = ","

// where is the place of a list in a file: how far its elements are indented.
type where string

const (
	inSdcore where = "        " // a list of metadata.sdcore, an element to a line
	inSchema where = "    "     // a list of the standard part
)

// outer is the indentation of the list's own brackets.
func (w where) outer() string { return string(w[2:]) }

// jsonForm writes a file. Its long lists are written element by element into
// the outline, which is the file without them.
type jsonForm struct {
	made time.Time
	doc  *report.Document // nil until head, unless a fitter made both
	rep  *report.Report
	rest []byte // what is left of the outline
}

func (*jsonForm) name() string { return "json" }

func (*jsonForm) separator() string { return comma }

func (f *jsonForm) head(out *bufio.Writer, r *report.Report) error {
	if f.doc == nil {
		c := completed(r)
		f.rep, f.doc = &c, document(r, f.made)
		crashed := crashedGoroutine(r)
		for _, i := range crashedFirst(r) {
			f.doc.Threads = append(f.doc.Threads, docThread(&r.Goroutines[i], i == crashed))
		}
	}
	if err := f.outline(); err != nil {
		return err
	}
	threads := f.doc.Threads
	err := f.list(out, inSchema, "threads", len(threads), func(dst []byte, i int) []byte {
		return threads[i].AppendIndented(dst, string(inSchema))
	})
	return errors.Join(err, f.until(out, inSdcore.outer(), "goroutines", "["))
}

// outline encodes the file without its long lists.
func (f *jsonForm) outline() error {
	rep, doc := *f.rep, *f.doc
	rep.Goroutines, rep.Groups, rep.Globals = []report.Goroutine{}, []report.Group{}, []report.Global{}
	rep.Problems, rep.Redactions, rep.RedactionCounts = []report.Problem{}, []report.Redaction{}, map[string]int{}
	doc.Threads = []report.DocThread{}
	var err error
	if doc.Metadata, err = metadata(&rep); err != nil {
		return err
	}
	var b bytes.Buffer
	err = report.Encode(&b, &doc)
	f.rest = b.Bytes()
	return err
}

// metadata is that of a file with the report.
func metadata(r *report.Report) (map[string]json.RawMessage, error) {
	full, err := report.EncodeCompact(r)
	if err != nil {
		return nil, err
	}
	generator, err := json.Marshal(struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}{r.Generator.Name, r.Generator.Version})
	if err != nil {
		return nil, err
	}
	return map[string]json.RawMessage{"generator": generator, "sdcore": full}, nil
}

// until writes the outline up to the bracket that opens a key's value. No
// string holds a line break, so the indentation tells the key from text. An
// error of out is told when it is flushed.
func (f *jsonForm) until(out *bufio.Writer, indent, key, bracket string) error {
	mark := "\n" + indent + `"` + key + `": ` + bracket
	at := bytes.Index(f.rest, []byte(mark))
	if at < 0 {
		return fmt.Errorf("%s: lost in the outline", key)
	}
	out.Write(f.rest[:at+len(mark)])
	f.rest = f.rest[at+len(mark):]
	return nil
}

// list writes the outline up to a list, and the list's elements.
func (f *jsonForm) list(out *bufio.Writer, at where, key string, n int, element func(dst []byte, i int) []byte) error {
	if err := f.until(out, at.outer(), key, "["); err != nil {
		return err
	}
	var b []byte
	for i := range n {
		b = at.element(b[:0], func(dst []byte) []byte { return element(dst, i) })
		if i == 0 {
			b = b[len(comma):]
		}
		out.Write(b)
	}
	if n > 0 {
		out.WriteString("\n" + at.outer())
	}
	return nil
}

// element appends an element of a list, with the comma before it.
func (w where) element(dst []byte, appendTo func([]byte) []byte) []byte {
	dst = append(append(append(dst, comma...), '\n'), w...)
	start := len(dst)
	dst = appendTo(dst)
	return dst[:start+len(report.RawSeparators(dst[start:]))]
}

func (f *jsonForm) goroutine(dst []byte, g *report.Goroutine) []byte {
	return inSdcore.element(dst, completedGoroutine(g).AppendJSON)
}

func (f *jsonForm) tail(out *bufio.Writer, n int, counts map[string]int) error {
	if n > 0 {
		out.WriteString("\n" + inSdcore.outer())
	}
	r := f.rep
	err := errors.Join(
		f.list(out, inSdcore, "groups", len(r.Groups), func(dst []byte, i int) []byte { return r.Groups[i].AppendJSON(dst) }),
		f.list(out, inSdcore, "globals", len(r.Globals), func(dst []byte, i int) []byte { return r.Globals[i].AppendJSON(dst) }),
		f.list(out, inSdcore, "problems", len(r.Problems), func(dst []byte, i int) []byte { return r.Problems[i].AppendJSON(dst) }),
		f.list(out, inSdcore, "redactions", len(r.Redactions), func(dst []byte, i int) []byte { return r.Redactions[i].AppendJSON(dst) }),
		f.until(out, inSdcore.outer(), "redaction_counts", ""),
	)
	if err != nil {
		return err
	}
	b, err := report.EncodeCompact(ruleCounts(counts))
	out.Write(report.RawSeparators(b))
	out.Write(bytes.TrimPrefix(f.rest, []byte("{}"))) // in their place
	return err
}
