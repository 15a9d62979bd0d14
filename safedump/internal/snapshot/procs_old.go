//go:build !go1.25 && linux && (amd64 || arm64)

package snapshot

import "runtime"

// setProcs sets GOMAXPROCS to n.
func setProcs(n int, _ bool) { runtime.GOMAXPROCS(n) }
