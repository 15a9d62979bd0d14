//go:build go1.25 && linux && (amd64 || arm64)

package snapshot

import (
	"runtime"
	"sync/atomic"
)

// custom is set once the program turned out to have another GOMAXPROCS than
// the runtime's own choice.
var custom atomic.Bool

// restoreDefault is called when GOMAXPROCS is n again. If n is what the runtime
// would choose, the runtime is told to choose: it goes on following the limits
// of the container, which a call of GOMAXPROCS switches off.
func restoreDefault(n int, fromEnv bool) {
	if fromEnv || custom.Load() {
		return
	}
	runtime.SetDefaultGOMAXPROCS()
	if runtime.GOMAXPROCS(0) != n {
		custom.Store(true)
		runtime.GOMAXPROCS(n)
	}
}
