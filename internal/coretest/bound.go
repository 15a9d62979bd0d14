package coretest

import (
	"runtime"
	"testing"
)

// Bounded runs f and fails the test when it allocates more than a constant, for
// the tables of a small input, and perByte bytes for each of the input's.
func Bounded(t testing.TB, input, perByte int, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	const tables = 8 << 20
	if n := after.TotalAlloc - before.TotalAlloc; n > tables+uint64(perByte)*uint64(input) {
		t.Errorf("%d bytes allocated for %d", n, input)
	}
}
