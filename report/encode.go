package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"
)

// TimeLayout is the layout of the times in a [Document], to be used in UTC:
// what Python's datetime.isoformat writes and every version of fromisoformat
// reads (it refuses a "Z" before 3.11).
const TimeLayout = "2006-01-02T15:04:05.000000-07:00"

// Stamp returns the first time that is set, in TimeLayout, or "".
func Stamp(times ...time.Time) string {
	for _, t := range times {
		if y := t.UTC().Year(); !t.IsZero() && y > 0 && y <= 9999 {
			return t.UTC().Format(TimeLayout)
		}
	}
	return ""
}

// ValidStamp reports whether s is a time as Safedump writes it, or "".
func ValidStamp(s string) bool { return s == "" || len(s) <= 40 && !parseTime(s).IsZero() }

// Encode writes d as Safedump writes it: UTF-8, indented by two spaces, in the
// fixed order of keys, without escaping for HTML and without a newline at the
// end. Nothing is null but argv and ident; invalid UTF-8 becomes U+FFFD. Only
// metadata.sdcore is laid out for size, a goroutine to a line.
func Encode(w io.Writer, d *Document) error {
	b, err := encodeDocument(d)
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func encodeDocument(d *Document) ([]byte, error) {
	c := *d
	c.noNulls()
	raw, ok := c.Metadata[sdcoreKey]
	if !ok {
		return EncodeIndented(&c, "")
	}
	laid, err := layoutReport(raw, "    ")
	if err != nil {
		return nil, err
	}
	c.Metadata = maps.Clone(c.Metadata)
	c.Metadata[sdcoreKey] = json.RawMessage("0") // until the rest is encoded
	b, err := EncodeIndented(&c, "")
	if err != nil {
		return nil, err
	}
	// No string holds a line break, and the metadata is the last key.
	mark := []byte("\n    \"" + sdcoreKey + "\": 0")
	at := bytes.LastIndex(b, mark)
	if at < 0 {
		return nil, errors.New("layout of metadata is lost")
	}
	at += len(mark) - 1
	out := make([]byte, 0, len(b)+len(laid))
	out = append(out, b[:at]...)
	out = append(out, RawSeparators(laid)...)
	return append(out, b[at+1:]...), nil
}

// EncodeCompact encodes v as an element of a list in metadata.sdcore is
// encoded. It tells what v costs in a file.
func EncodeCompact(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// EncodeIndented encodes v as a part of a [Document] is encoded, every line
// but the first starting with prefix. It tells what v costs in a file.
func EncodeIndented(v any, prefix string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(prefix, "  ")
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return RawSeparators(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

// RawSeparators undoes, in place, the escapes that encoding/json writes for
// printable characters even without escaping for HTML: U+2028, U+2029 and
// U+FFFD. Safedump's encoder has them as they are. b is JSON; what is returned
// is its beginning, made shorter.
func RawSeparators(b []byte) []byte {
	if bytes.IndexByte(b, '\\') < 0 {
		return b // as nearly always
	}
	out := b[:0]
	for {
		n := bytes.IndexByte(b, '\\')
		if n < 0 || n+1 >= len(b) {
			return append(out, b...)
		}
		out = append(out, b[:n]...)
		b = b[n:]
		raw, size := string(b[:2]), 2
		if len(b) >= 6 {
			switch string(b[:6]) {
			case `\u2028`:
				raw, size = "\u2028", 6
			case `\u2029`:
				raw, size = "\u2029", 6
			case `\ufffd`:
				raw, size = "\ufffd", 6
			}
		}
		out = append(out, raw...)
		b = b[size:]
	}
}

// noNulls replaces nil slices and maps by empty ones. Slices that need a
// change inside are copied first: d may share them with its caller.
func (d *Document) noNulls() {
	d.Exception.noNulls()
	d.Frames = append([]DocFrame{}, d.Frames...)
	for i := range d.Frames {
		f := &d.Frames[i]
		f.CodeContext = orEmpty(f.CodeContext)
		if f.Locals == nil {
			f.Locals = DocLocals{}
		}
	}
	d.Environment.PythonPath = orEmpty(d.Environment.PythonPath)
	d.Environment.EnvVarNames = orEmpty(d.Environment.EnvVarNames)
	d.Threads = orEmpty(d.Threads)
	d.Redactions = orEmpty(d.Redactions)
	if d.Metadata == nil {
		d.Metadata = map[string]json.RawMessage{}
	}
}

func (e *DocException) noNulls() {
	e.SubExceptions = append([]DocException{}, e.SubExceptions...)
	for i := range e.SubExceptions {
		e.SubExceptions[i].noNulls()
	}
}

// orEmpty returns s, or an empty slice for nil.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
