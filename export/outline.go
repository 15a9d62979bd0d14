package export

import (
	"bufio"
	"bytes"
	"fmt"

	"github.com/safedump/sdcore/report"
)

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

// outline is JSON with empty lists, which are filled while it is written: they
// may be too long to be encoded at once.
type outline struct{ rest []byte }

// until writes the outline up to the bracket that opens a key's value. No
// string holds a line break, so the indentation tells the key from text. An
// error of out is told when it is flushed.
func (o *outline) until(out *bufio.Writer, indent, key, bracket string) error {
	mark := "\n" + indent + `"` + key + `": ` + bracket
	at := bytes.Index(o.rest, []byte(mark))
	if at < 0 {
		return fmt.Errorf("%s: lost in the outline", key)
	}
	out.Write(o.rest[:at+len(mark)])
	o.rest = o.rest[at+len(mark):]
	return nil
}

// list writes the outline up to a list, and the list's elements.
func (o *outline) list(out *bufio.Writer, at where, key string, n int, element func(dst []byte, i int) []byte) error {
	if err := o.until(out, at.outer(), key, "["); err != nil {
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
	at.end(out, n)
	return nil
}

// end writes what comes before the closing bracket of a list of n elements.
func (w where) end(out *bufio.Writer, n int) {
	if n > 0 {
		out.WriteString("\n" + w.outer())
	}
}

// element appends an element of a list, with the comma before it.
func (w where) element(dst []byte, appendTo func([]byte) []byte) []byte {
	dst = append(append(append(dst, comma...), '\n'), w...)
	start := len(dst)
	dst = appendTo(dst)
	return dst[:start+len(report.RawSeparators(dst[start:]))]
}
