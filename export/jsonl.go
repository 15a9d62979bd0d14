package export

import (
	"bufio"
	"encoding/json"
	"fmt"
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
//
// The other keys are those of a saved report's metadata.sdcore. There is no
// limit on the size.
func JSONL(w io.Writer, res redact.Result) error {
	r, err := whole(res)
	if err != nil {
		return err
	}
	return writeJSONL(w, r)
}

func writeJSONL(w io.Writer, r *report.Report) error {
	c := completed(r)
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	head := c
	head.Goroutines, head.Globals, head.Problems = nil, nil, nil
	if err := enc.Encode(headRecord(&head)); err != nil {
		return fmt.Errorf("export jsonl: %w", err)
	}
	for _, i := range interest(r, crashedGoroutine(r)) {
		if err := enc.Encode(struct {
			Record string `json:"record"`
			*report.Goroutine
		}{"goroutine", &c.Goroutines[i]}); err != nil {
			return fmt.Errorf("export jsonl: goroutine %d: %w", c.Goroutines[i].ID, err)
		}
	}
	for i := range c.Globals {
		if err := enc.Encode(struct {
			Record string `json:"record"`
			*report.Global
		}{"global", &c.Globals[i]}); err != nil {
			return fmt.Errorf("export jsonl: global: %w", err)
		}
	}
	for i := range c.Problems {
		if err := enc.Encode(struct {
			Record string `json:"record"`
			*report.Problem
		}{"problem", &c.Problems[i]}); err != nil {
			return fmt.Errorf("export jsonl: problem: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// headRecord is the report without the lists that have lines of their own: the
// fields here hide those of the report.
func headRecord(r *report.Report) any {
	return struct {
		Record string `json:"record"`
		*report.Report
		Goroutines int `json:"goroutines,omitempty"`
		Globals    int `json:"globals,omitempty"`
		Problems   int `json:"problems,omitempty"`
	}{Record: "report", Report: r}
}
