package main

import (
	"context"
	"errors"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/redact"
)

// errCrashText ends a command that needs a core and was given a crash text.
var errCrashText = errors.New("a core is needed")

// analyzeText is analyze for a text that holds Go's own traceback.
func (a *app) analyzeText(ctx context.Context, path, binary string, f *analyzeFlags) error {
	if binary != "" {
		return usagef("%s is a crash text: it has its functions and lines itself, leave out %s", path, binary)
	}
	rep, err := sdcore.AnalyzeText(path, f.options)
	if err != nil {
		return err
	}
	res, err := redact.Apply(rep, f.redaction())
	if err != nil {
		return err
	}
	return a.deliver(ctx, res, f)
}
