package corefile

import (
	"cmp"
	"slices"
)

// Extent is a run of addresses of the process; End is the first one behind it.
type Extent struct{ Start, End uint64 }

// Extents are runs of addresses in ascending order, none within another.
type Extents []Extent

// NewExtents puts runs in order and joins those that touch each other. Empty
// ones are dropped.
func NewExtents(list []Extent) Extents {
	list = slices.DeleteFunc(list, func(e Extent) bool { return e.Start >= e.End })
	slices.SortFunc(list, func(a, b Extent) int { return cmp.Compare(a.Start, b.Start) })
	out := list[:0]
	for _, e := range list {
		if n := len(out); n > 0 && e.Start <= out[n-1].End {
			out[n-1].End = max(out[n-1].End, e.End)
			continue
		}
		out = append(out, e)
	}
	return Extents(out)
}

// Touch reports whether one of the n bytes at addr lies in one of the runs.
func (x Extents) Touch(addr uint64, n int) bool {
	// The first run that ends behind addr is the only one that can begin
	// before the others.
	i, _ := slices.BinarySearchFunc(x, addr, func(e Extent, a uint64) int {
		if e.End <= a {
			return -1
		}
		return 1
	})
	return i < len(x) && n > 0 && (x[i].Start <= addr || x[i].Start-addr < uint64(n))
}
