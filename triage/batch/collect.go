package batch

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Most crashes take little memory, and a sixth of the time that a worker needs for
// one would go to collecting it: until smallHeap bytes are live, memory may grow five
// times between two collections, then as usual. GOMEMLIMIT holds in any case.
const (
	smallHeap    = 64 << 20
	relaxedGC    = 400 // percent, as GOGC counts
	usualGC      = 100
	liveHeapName = "/gc/heap/live:bytes"
)

// relaxCollector is for a process that does one job and ends.
func relaxCollector() {
	debug.SetGCPercent(relaxedGC)
	afterCollection()
}

// collected is what dies in the next collection.
type collected struct{ _ [64]byte }

// afterCollection looks at the live heap after the next collection, and after each
// one behind it until it is no longer small.
func afterCollection() {
	runtime.SetFinalizer(&collected{}, func(*collected) {
		if live() > smallHeap {
			debug.SetGCPercent(usualGC)
			return
		}
		afterCollection()
	})
}

// live is what the last collection left.
func live() uint64 {
	s := []metrics.Sample{{Name: liveHeapName}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return smallHeap + 1 // not told: as usual
	}
	return s[0].Value.Uint64()
}
