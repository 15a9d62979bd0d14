package export

import (
	"bufio"
	"io"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// JSONL writes one JSON object per line, for tools that stream. Each has a key
// "record" that says what it is:
//
//	report     the first line: everything but the lists that follow
//	goroutine  one goroutine, the crashing one first
//	global     one package variable
//	problem    one problem
//	end        the last line: how many goroutines there were, and how many
//	           values were removed by which rule
//
// The other keys are those of a saved report's metadata.sdcore. There is no
// limit on the size.
func JSONL(w io.Writer, res redact.Result) error {
	return scanned(w, res, "jsonl", func(p *paper, r *report.Report) error { return writeJSONL(p, r) })
}

func writeJSONL(w io.Writer, r *report.Report) error {
	return newStream(w, &jsonlForm{}, false).report(r, crashedFirst(r))
}

// crashedFirst returns the indexes of the goroutines in their order, that of
// the one that crashed first.
func crashedFirst(r *report.Report) []int {
	order := make([]int, 0, len(r.Goroutines))
	crashed := crashedGoroutine(r)
	if crashed >= 0 {
		order = append(order, crashed)
	}
	for i := range r.Goroutines {
		if i != crashed {
			order = append(order, i)
		}
	}
	return order
}

// jsonlForm writes lines.
type jsonlForm struct {
	rest report.Report // what the tail needs
}

func (*jsonlForm) name() string { return "jsonl" }

func (f *jsonlForm) fresh() form {
	c := *f
	return &c
}

func (*jsonlForm) separator() string { return "" }

func (f *jsonlForm) head(out *bufio.Writer, r *report.Report) error {
	c := completed(r)
	f.rest = report.Report{Globals: c.Globals, Problems: c.Problems}
	b, err := report.EncodeCompact(headRecord(&c))
	if err != nil {
		return err
	}
	return writeLine(out, b)
}

// headRecord is the report without what has lines of its own: the fields here
// hide those of the report.
func headRecord(r *report.Report) any {
	return struct {
		Record string `json:"record"`
		*report.Report
		Goroutines      int `json:"goroutines,omitempty"`
		Globals         int `json:"globals,omitempty"`
		Problems        int `json:"problems,omitempty"`
		RedactionCounts int `json:"redaction_counts,omitempty"`
	}{Record: "report", Report: r}
}

// goroutine appends a line.
func (*jsonlForm) goroutine(dst []byte, g *report.Goroutine) []byte {
	return append(record(dst, "goroutine", completedGoroutine(g)), '\n')
}

// record appends x with the key "record" before its own.
func record(dst []byte, name string, x interface{ AppendJSON([]byte) []byte }) []byte {
	dst = append(append(append(dst, `{"record":"`...), name...), '"')
	at := len(dst)
	dst = x.AppendJSON(dst)
	dst[at] = ',' // in the place of the bracket
	return dst
}

func (f *jsonlForm) tail(out *bufio.Writer, n int, counts map[string]int) error {
	var line []byte
	for i := range f.rest.Globals {
		line = record(line[:0], "global", &f.rest.Globals[i])
		if err := writeLine(out, line); err != nil {
			return err
		}
	}
	for i := range f.rest.Problems {
		line = record(line[:0], "problem", &f.rest.Problems[i])
		if err := writeLine(out, line); err != nil {
			return err
		}
	}
	b, err := report.EncodeCompact(struct {
		Record          string         `json:"record"`
		Goroutines      int            `json:"goroutines"`
		RedactionCounts map[string]int `json:"redaction_counts"`
	}{"end", n, ruleCounts(counts)})
	if err != nil {
		return err
	}
	return writeLine(out, b)
}

func writeLine(out *bufio.Writer, line []byte) error {
	_, err := out.Write(append(line, '\n'))
	return err
}
