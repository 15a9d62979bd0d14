package report

import (
	"bytes"
	"encoding/json"
)

// sdcoreKey is the key of a document's metadata that holds the [Report].
const sdcoreKey = "sdcore"

// layoutReport lays out the JSON of a [Report] for a file: each key on a line
// of its own, each element of a list too, and what lies deeper on the element's
// line. Indented like the rest of a document, a value tree would be four fifths
// blanks.
func layoutReport(raw json.RawMessage, prefix string) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, raw); err != nil {
		return nil, err
	}
	l := layouter{prefix: prefix}
	for _, c := range compact.Bytes() {
		l.add(c)
	}
	return l.out, nil
}

// layouter breaks compact JSON into lines, byte by byte.
type layouter struct {
	prefix string
	out    []byte
	stack  []bool // of the open brackets: does each element get a line?
	quoted bool   // inside of a string
	escape bool   // behind a backslash in it
	fresh  bool   // behind an opening bracket
}

func (l *layouter) add(c byte) {
	if l.quoted {
		l.out = append(l.out, c)
		switch {
		case l.escape:
			l.escape = false
		case c == '\\':
			l.escape = true
		case c == '"':
			l.quoted = false
		}
		return
	}
	closing := c == '}' || c == ']'
	if l.fresh && !closing {
		l.line()
	}
	switch c {
	case '{', '[':
		l.out = append(l.out, c)
		// The report itself, and the lists right below it.
		l.stack = append(l.stack, len(l.stack) == 0 || len(l.stack) == 1 && c == '[')
		l.fresh = true
		return
	case '}', ']':
		broken := l.broken()
		if len(l.stack) > 0 {
			l.stack = l.stack[:len(l.stack)-1]
		}
		if broken && !l.fresh {
			l.out = append(l.out, '\n')
			l.indent()
		}
		l.out = append(l.out, c)
	case ',':
		l.out = append(l.out, c)
		l.fresh = true // a line where an opening bracket would have one
		return
	case ':':
		l.out = append(l.out, c)
		if l.broken() {
			l.out = append(l.out, ' ')
		}
	case '"':
		l.quoted = true
		l.out = append(l.out, c)
	default:
		l.out = append(l.out, c)
	}
	l.fresh = false
}

// broken reports whether each element of the innermost bracket gets a line.
func (l *layouter) broken() bool { return len(l.stack) > 0 && l.stack[len(l.stack)-1] }

// line starts the line of an element that gets one.
func (l *layouter) line() {
	l.fresh = false
	if l.broken() {
		l.out = append(l.out, '\n')
		l.indent()
	}
}

func (l *layouter) indent() {
	l.out = append(l.out, l.prefix...)
	for range l.stack {
		l.out = append(l.out, "  "...)
	}
}
