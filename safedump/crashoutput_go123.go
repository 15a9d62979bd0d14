//go:build go1.23

package safedump

import (
	"os"
	"runtime/debug"
)

// crashOutputSupported tells whether setCrashOutput works.
const crashOutputSupported = true

// setCrashOutput makes the runtime copy what it prints of a fatal crash to f,
// nil stops that. The runtime duplicates the descriptor.
func setCrashOutput(f *os.File) (supported bool, err error) {
	return true, debug.SetCrashOutput(f, debug.CrashOptions{})
}
