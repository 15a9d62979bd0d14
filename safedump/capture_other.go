//go:build !linux || !(amd64 || arm64)

package safedump

import "context"

const capturesSupported = false

func captureCore(context.Context, CaptureOptions, occasion) (Result, error) {
	return Result{}, ErrUnsupported
}
