package batch

import (
	"runtime"
	"runtime/debug"
	"testing"
	"time"
)

// percent is GOGC as it is now.
func percent() int {
	p := debug.SetGCPercent(usualGC)
	debug.SetGCPercent(p)
	return p
}

// TestRelaxCollector: memory may grow while there is little, and no longer.
func TestRelaxCollector(t *testing.T) {
	defer debug.SetGCPercent(percent())
	relaxCollector()
	runtime.GC()
	time.Sleep(10 * time.Millisecond) // the finalizer
	if p := percent(); p != relaxedGC {
		t.Errorf("%d %% with %d bytes live", p, live())
	}
	big := make([]byte, 2*smallHeap)
	deadline := time.Now().Add(10 * time.Second)
	for percent() != usualGC && time.Now().Before(deadline) {
		runtime.GC()
		time.Sleep(time.Millisecond)
	}
	if p := percent(); p != usualGC {
		t.Errorf("%d %% with %d bytes live", p, live())
	}
	runtime.KeepAlive(big)
}
