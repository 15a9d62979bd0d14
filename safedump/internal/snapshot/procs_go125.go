//go:build go1.25 && linux && (amd64 || arm64)

package snapshot

import (
	"runtime"
	"sync/atomic"
)

// custom is set once the program turned out to have another GOMAXPROCS than
// the runtime's own choice.
var custom atomic.Bool

// setProcs sets GOMAXPROCS to n. When n is the runtime's own choice, the
// runtime is told so: it goes on following the limits of the container, which a
// call of GOMAXPROCS switches off.
func setProcs(n int, fromEnv bool) {
	if !fromEnv && !custom.Load() {
		runtime.SetDefaultGOMAXPROCS()
		if runtime.GOMAXPROCS(0) == n {
			return
		}
		custom.Store(true)
	}
	runtime.GOMAXPROCS(n)
}
