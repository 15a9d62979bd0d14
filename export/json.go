package export

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
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
	r, err := whole(res)
	if err != nil {
		return err
	}
	return writeJSON(w, r, o)
}

func writeJSON(w io.Writer, r *report.Report, o Options) error {
	d, err := fileDocument(r, o)
	if err != nil {
		return fmt.Errorf("export json: %w", err)
	}
	if !o.Gzip {
		return report.Encode(w, d)
	}
	z := gzip.NewWriter(w) // without a time: equal reports make equal files
	if err := report.Encode(z, d); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// fileDocument returns the whole file within its budget.
func fileDocument(r *report.Report, o Options) (*report.Document, error) {
	f := newFitter(r, o)
	if err := f.fit(); err != nil {
		return nil, err
	}
	full, err := report.EncodeCompact(&f.rep)
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
	f.doc.Metadata["generator"], f.doc.Metadata["sdcore"] = generator, full
	return f.doc, nil
}
