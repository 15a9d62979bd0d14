package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/sidecar"
)

// errCrashText ends a command that needs a core and was given a crash text.
var errCrashText = errors.New("a core is needed")

// analyzeText is analyze for a text that holds Go's own traceback.
func (a *app) analyzeText(ctx context.Context, path, binary string, f *analyzeFlags) error {
	if binary != "" {
		return usagef("%s is a crash text: it has its functions and lines itself, leave out %s", path, binary)
	}
	res, err := readCrashText(path, f)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return a.deliver(ctx, res, f)
}

func readCrashText(path string, f *analyzeFlags) (redact.Result, error) {
	in, err := os.Open(path)
	if err != nil {
		return redact.Result{}, err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return redact.Result{}, err
	}
	text, err := crashtext.Read(in)
	if err != nil {
		return redact.Result{}, err
	}
	rep := text.Report(crashtext.Options{
		Name: path, Modified: info.ModTime(), Version: sdcore.Version(), Tier: f.options.Tier, Limits: f.options.Limits,
	})
	addSidecar(rep, path)
	return redact.Apply(rep, f.redaction())
}

// addSidecar adds what the helper wrote beside its crash text, if that is one.
func addSidecar(rep *report.Report, path string) {
	beside := sidecar.OfText(path)
	if beside == "" {
		return
	}
	s, err := sidecar.Read(beside)
	switch {
	case err == nil:
		s.Fill(rep, beside)
	case !errors.Is(err, fs.ErrNotExist):
		rep.Problems = append(rep.Problems, report.Problem{Stage: "sidecar", Subject: "process and build", Message: err.Error()})
	}
}
