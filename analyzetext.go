package sdcore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/report"
	helperfile "github.com/safedump/sdcore/sidecar"
)

// AnalyzeText reports a crash of which there is only a text with Go's own
// traceback: stacks, no values. What the helper wrote beside a text of its own
// is added.
func AnalyzeText(path string, o Options) (*report.Report, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, err
	}
	text, err := crashtext.Read(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	rep := text.Report(crashtext.Options{
		Name: path, Modified: info.ModTime(), Version: Version(), Tier: o.Tier, Limits: o.Limits,
	})
	addSidecar(rep, path)
	return rep, nil
}

// addSidecar adds what the helper wrote beside its crash text, if that is one.
func addSidecar(rep *report.Report, path string) {
	beside := helperfile.OfText(path)
	if beside == "" {
		return
	}
	s, err := helperfile.Read(beside)
	switch {
	case err == nil:
		s.Fill(rep, beside)
	case !errors.Is(err, fs.ErrNotExist):
		rep.Problems = append(rep.Problems, report.Problem{Stage: "sidecar", Subject: "process and build", Message: err.Error()})
	}
}
