// Bare is a program that uses the helper and nothing else of it: the test of
// what it links builds it.
package main

import (
	"context"
	"errors"

	"github.com/safedump/sdcore/safedump"
)

func main() {
	_, _ = safedump.Install(safedump.Options{})
	_, _ = safedump.Capture(context.Background(), safedump.CaptureOptions{})
	_, _ = safedump.CaptureError(errors.New("handled"))
	defer safedump.Recover()
}
