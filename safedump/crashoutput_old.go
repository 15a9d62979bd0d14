//go:build !go1.23

package safedump

import "os"

// crashOutputSupported tells whether setCrashOutput works.
const crashOutputSupported = false

// setCrashOutput does nothing: debug.SetCrashOutput came with go1.23.
func setCrashOutput(*os.File) (supported bool, err error) { return false, nil }
