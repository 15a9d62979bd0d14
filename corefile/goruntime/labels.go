package goruntime

import (
	"encoding/binary"

	"github.com/safedump/sdcore/report"
)

// Limits of profiler labels: what a program reasonably sets.
const (
	maxLabels    = 256
	maxLabelText = 64 << 10
)

// labels reads profiler labels. g.labels points to a runtime/pprof.labelMap,
// which is a slice of pairs of strings since Go 1.24
// (internal/runtime/pprof/label.Set); debug information says whether it is.
func (r *Runtime) labels(addr uint64) []report.Label {
	if addr == 0 || !r.labelsAreSlice() {
		return nil
	}
	h, err := r.view(addr, 16)
	if err != nil {
		return nil
	}
	ptr, n := binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:])
	if n > maxLabels {
		return nil
	}
	out := make([]report.Label, 0, n)
	for i := range n {
		key, err := r.str(ptr+i*32, maxLabelText)
		if err != nil {
			return out
		}
		value, err := r.str(ptr+i*32+16, maxLabelText)
		if err != nil {
			return out
		}
		if len(r.secret) > 0 && r.secretLabel(ptr+i*32) {
			continue // nobody may see it, and a label has no state to say so
		}
		out = append(out, report.Label{Key: key, Value: value})
	}
	return out
}

// checkLabels checks the layout that labels expects.
func (r *Runtime) checkLabels() bool {
	if t, err := r.types.ByName("runtime/pprof.labelMap"); err == nil && t != nil {
		return t.Size == 24
	}
	return false
}
