package export

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync/atomic"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Stream writes a report whose goroutines come one after the other, so that
// no more than a few of them are ever held. What it writes is what [JSON]
// without a bound, [JSONL] or [GoroutinesJSON] writes for the same report.
//
// The calls are Head once, Write for each piece in order, End once; Append may
// be called by several goroutines at once, from Head's return on. After an
// error what was written is of no use.
type Stream struct {
	w    io.Writer
	zip  *gzip.Writer  // nil without compression
	out  *bufio.Writer // to the gate where there is one
	form form

	// Of a report with secrets: what the output has to pass, and what was dropped.
	gate    *gate
	below   *bufio.Writer
	made    rehearsal
	dropped atomic.Int64

	// listed is how many goroutines the head lists, written how many came.
	listed, written int
}

// form is what differs between the formats.
type form interface {
	name() string
	// fresh is a copy: what is made with it leaves this form as it is.
	fresh() form
	// head writes all that comes before the goroutines.
	head(out *bufio.Writer, r *report.Report) error
	// goroutine appends one goroutine, which takes one line break.
	goroutine(dst []byte, g *report.Goroutine) []byte
	// separator is what goroutine appends first, and the first one does not need.
	separator() string
	// tail writes all that comes after n goroutines.
	tail(out *bufio.Writer, n int, counts map[string]int) error
}

// NewJSONStream returns a stream of the file that [JSON] writes without a bound.
// Of the options, MaxSize is not heeded.
func NewJSONStream(w io.Writer, o Options) *Stream {
	return newStream(w, &jsonForm{}, o.Gzip)
}

// NewJSONLStream returns a stream of the lines that [JSONL] writes. Of the
// options, only Gzip is heeded.
func NewJSONLStream(w io.Writer, o Options) *Stream {
	return newStream(w, &jsonlForm{}, o.Gzip)
}

func newStream(w io.Writer, f form, compress bool) *Stream {
	s := &Stream{form: f, w: w}
	if compress {
		s.zip = gzip.NewWriter(w) // without a time: equal reports make equal files
		s.w = s.zip
	}
	s.out = bufio.NewWriterSize(s.w, 64<<10)
	return s
}

// Head writes what comes before the goroutines. The report lists all of them
// in the order in which they will come; those that will be written later have
// neither frames nor labels. The one that crashed, if there is one, is the
// first, is whole, and is written here: it must not be written again.
//
// All that is written has to pass the last scan. What is in the head, to the end
// of the report, is rendered first to see whether it does. What comes before the
// goroutines is rendered again where it is too long to be held until then.
func (s *Stream) Head(res redact.Result) error {
	if _, err := whole(res); err != nil {
		return err
	}
	if scan := res.LastScan(); scan != nil {
		s.below = s.out
		s.gate = &gate{w: s.below, scan: scan}
		s.out = bufio.NewWriterSize(s.gate, 64<<10)
		before := res.Report().RedactionCounts[redact.RuleError]
		var err error
		if res, err = cleared(res, func(r redact.Result) error { return s.rehearse(r.Report()) }); err != nil {
			return s.failed(err)
		}
		s.dropped.Add(int64(res.Report().RedactionCounts[redact.RuleError] - before))
	}
	return s.head(res.Report())
}

// rehearsal is what was made of a head that has passed the last scan.
type rehearsal struct {
	text  []byte // what comes before the goroutines
	long  bool   // and is too long to be held
	first []byte // the goroutine that crashed
	form  form   // as it is after text; nil where there was no rehearsal
}

// maxRehearsal bounds what is held of a head.
const maxRehearsal = 4 << 20

// Write holds b as a part of the text, as long as all of it can be.
func (m *rehearsal) Write(b []byte) (int, error) {
	if m.long = m.long || len(m.text)+len(b) > maxRehearsal; m.long {
		m.text = nil
	} else {
		m.text = append(m.text, b...)
	}
	return len(b), nil
}

// rehearse scans what will be written of r.
func (s *Stream) rehearse(r *report.Report) error {
	s.made = rehearsal{}
	f, scanning := s.form.fresh(), &gate{w: io.Discard, scan: s.gate.scan, told: newTold(s.form.name())}
	out := bufio.NewWriterSize(io.MultiWriter(scanning, &s.made), 64<<10)
	if err := f.head(out, r); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	s.made.form = f.fresh()
	out.Reset(scanning)
	if crashedGoroutine(r) == 0 {
		s.made.first = f.goroutine(nil, &r.Goroutines[0])
		out.Write(s.made.first)
	}
	if err := f.tail(out, len(r.Goroutines), r.RedactionCounts); err != nil {
		return err
	}
	return out.Flush()
}

// head writes the head, which is rendered as far as it was not before.
func (s *Stream) head(r *report.Report) error {
	made := s.made
	s.made = rehearsal{}
	crashed := crashedGoroutine(r)
	if crashed > 0 {
		return s.failed(errors.New("the goroutine that crashed is not the first one"))
	}
	if made.form == nil || made.long {
		if err := s.begin(r); err != nil {
			return err
		}
	} else {
		s.form, s.listed = made.form, len(r.Goroutines)
		s.out.Write(made.text) // an error of out is told when it is flushed
	}
	if crashed != 0 {
		return nil
	}
	if made.first == nil {
		made.first = s.form.goroutine(nil, &r.Goroutines[0])
	}
	return s.Write(made.first)
}

func (s *Stream) begin(r *report.Report) error {
	s.listed = len(r.Goroutines)
	return s.failed(s.form.head(s.out, r))
}

// Append appends a goroutine as it is to be written, after the last scan. It is
// safe for concurrent use and does not change g.
func (s *Stream) Append(dst []byte, g redact.Goroutine) ([]byte, error) {
	at := len(dst)
	dst = s.form.goroutine(dst, g.Goroutine())
	if s.gate == nil {
		return dst, nil
	}
	from := max(at-s.gate.scan.Longest()+1, 0) // a secret may begin before it
	if found, _ := s.gate.scan.Find(dst[from:]); !found {
		return dst, nil
	}
	x, err := cleared(g, func(x redact.Goroutine) error {
		dst = s.form.goroutine(dst[:at], x.Goroutine())
		if found, hit := s.gate.scan.Find(dst[from:]); found {
			where := newTold(s.form.name())
			where.read(dst[at:max(at, from+hit)])
			return foundAt{where.String()}
		}
		return nil
	})
	if err != nil {
		return nil, s.failed(fmt.Errorf("goroutine %s: %w", numberOf(s.gate.scan, g), err))
	}
	s.dropped.Add(int64(len(x.Goroutine().Redactions) - len(g.Goroutine().Redactions)))
	return dst, nil
}

// Write writes what Append made of the next goroutines.
func (s *Stream) Write(chunk []byte) error {
	if s.written == 0 {
		chunk = bytes.TrimPrefix(chunk, []byte(s.form.separator()))
	}
	s.written += bytes.Count(chunk, []byte("\n")) // no string of JSON holds one
	var err error
	if s.gate == nil {
		_, err = s.out.Write(chunk)
	} else if err = s.out.Flush(); err == nil {
		err = s.gate.clean(chunk)
	}
	return s.unwritten(err)
}

// End writes what comes after the goroutines, which is the rest of the head
// and the number of removed values by rule.
func (s *Stream) End(counts map[string]int) error {
	if s.written != s.listed {
		return s.failed(fmt.Errorf("%d goroutines are listed, %d were written", s.listed, s.written))
	}
	if n := int(s.dropped.Load()); n > 0 {
		counts = maps.Clone(ruleCounts(counts))
		counts[redact.RuleError] += n
	}
	if err := s.form.tail(s.out, s.written, counts); err != nil {
		return s.failed(err)
	}
	err := s.out.Flush()
	if err == nil && s.gate != nil {
		if err = s.gate.flush(); err == nil {
			err = s.below.Flush()
		}
	}
	if err == nil && s.zip != nil {
		err = s.zip.Close()
	}
	return s.unwritten(err)
}

// unwritten is the error of what could not be written.
func (s *Stream) unwritten(err error) error {
	if err == nil || errors.Is(err, errFound) {
		return s.failed(err)
	}
	return fmt.Errorf("write report: %w", err)
}

// report writes a report that is there as a whole, its goroutines in the given
// order.
func (s *Stream) report(r *report.Report, order []int) error {
	if err := s.begin(r); err != nil {
		return err
	}
	var piece []byte
	for _, i := range order {
		piece = s.form.goroutine(piece[:0], &r.Goroutines[i])
		if err := s.Write(piece); err != nil {
			return err
		}
	}
	return s.End(r.RedactionCounts)
}

func (s *Stream) failed(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, errFound) { // where nothing can be rendered again
		err = unclean(err)
	}
	return fmt.Errorf("export %s: %w", s.form.name(), err)
}

// inOrder returns the indexes of a list of n.
func inOrder(n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	return order
}
