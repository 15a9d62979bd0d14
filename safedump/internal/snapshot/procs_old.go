//go:build !go1.25 && linux && (amd64 || arm64)

package snapshot

// restoreDefault does nothing: the runtime chooses GOMAXPROCS once, at the
// start.
func restoreDefault(int, bool) {}
