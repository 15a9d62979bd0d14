//go:build !linux || !amd64

package capture

import "context"

// Live is not built for this system: it returns ErrUnsupported.
func Live(context.Context, int, string) (LiveResult, error) { return LiveResult{}, ErrUnsupported }
