package export

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"

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
	out  *bufio.Writer
	zip  *gzip.Writer // nil without compression
	form form
	// listed is how many goroutines the head lists, written how many came.
	listed, written int
}

// form is what differs between the formats.
type form interface {
	name() string
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
	s := &Stream{form: f}
	if compress {
		s.zip = gzip.NewWriter(w) // without a time: equal reports make equal files
		w = s.zip
	}
	s.out = bufio.NewWriterSize(w, 64<<10)
	return s
}

// Head writes what comes before the goroutines. The report lists all of them
// in the order in which they will come; those that will be written later have
// neither frames nor labels. The one that crashed, if there is one, is the
// first, is whole, and is written here: it must not be written again.
func (s *Stream) Head(res redact.Result) error {
	r, err := whole(res)
	if err != nil {
		return err
	}
	return s.head(r)
}

func (s *Stream) head(r *report.Report) error {
	crashed := crashedGoroutine(r)
	if crashed > 0 {
		return s.failed(errors.New("the goroutine that crashed is not the first one"))
	}
	if err := s.begin(r); err != nil {
		return err
	}
	if crashed == 0 {
		return s.Write(s.form.goroutine(nil, &r.Goroutines[0]))
	}
	return nil
}

func (s *Stream) begin(r *report.Report) error {
	s.listed = len(r.Goroutines)
	return s.failed(s.form.head(s.out, r))
}

// Append appends a goroutine as it is to be written. It is safe for concurrent
// use and does not change g.
func (s *Stream) Append(dst []byte, g redact.Goroutine) []byte {
	return s.form.goroutine(dst, g.Goroutine())
}

// Write writes what Append made of the next goroutines.
func (s *Stream) Write(chunk []byte) error {
	if s.written == 0 {
		chunk = bytes.TrimPrefix(chunk, []byte(s.form.separator()))
	}
	s.written += bytes.Count(chunk, []byte("\n")) // no string of JSON holds one
	if _, err := s.out.Write(chunk); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// End writes what comes after the goroutines, which is the rest of the head
// and the number of removed values by rule.
func (s *Stream) End(counts map[string]int) error {
	if s.written != s.listed {
		return s.failed(fmt.Errorf("%d goroutines are listed, %d were written", s.listed, s.written))
	}
	if err := s.form.tail(s.out, s.written, counts); err != nil {
		return s.failed(err)
	}
	err := s.out.Flush()
	if err == nil && s.zip != nil {
		err = s.zip.Close()
	}
	if err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
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
