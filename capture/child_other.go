//go:build !linux || !amd64

package capture

import "context"

// Child is not built for this system: it returns ErrUnsupported.
func Child(context.Context, Command, string) (Result, error) { return Result{}, ErrUnsupported }
