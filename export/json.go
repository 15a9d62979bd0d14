package export

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"

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
	return compressed(w, o.Gzip, func(w io.Writer) error {
		return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeJSON(p, r, o) })
	})
}

func writeJSON(w io.Writer, r *report.Report, o Options) error {
	form := jsonForm{}
	if o.MaxSize >= 0 {
		f := newFitter(r, o)
		if err := f.fit(); err != nil {
			return err
		}
		r, form.rep, form.doc = &f.rep, &f.rep, f.doc
	}
	return newStream(w, &form, false).report(r, inOrder(len(r.Goroutines)))
}

// jsonForm writes a file.
type jsonForm struct {
	outline
	doc *report.Document // nil until head, unless a fitter made both
	rep *report.Report
}

func (*jsonForm) name() string { return "json" }

func (f *jsonForm) fresh() form {
	c := *f
	return &c
}

func (*jsonForm) separator() string { return comma }

func (f *jsonForm) head(out *bufio.Writer, r *report.Report) error {
	if f.doc == nil {
		c := completed(r)
		f.rep, f.doc = &c, document(r)
		crashed := crashedGoroutine(r)
		for _, i := range crashedFirst(r) {
			f.doc.Threads = append(f.doc.Threads, docThread(&r.Goroutines[i], i == crashed))
		}
	}
	if err := f.begin(); err != nil {
		return err
	}
	threads := f.doc.Threads
	err := f.list(out, inSchema, "threads", len(threads), func(dst []byte, i int) []byte {
		return threads[i].AppendIndented(dst, string(inSchema))
	})
	return errors.Join(err, f.until(out, inSdcore.outer(), "goroutines", "["))
}

// begin encodes the file without its long lists.
func (f *jsonForm) begin() error {
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

func (f *jsonForm) goroutine(dst []byte, g *report.Goroutine) []byte {
	return inSdcore.element(dst, completedGoroutine(g).AppendJSON)
}

func (f *jsonForm) tail(out *bufio.Writer, n int, counts map[string]int) error {
	inSdcore.end(out, n)
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
