package goscope

import (
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile/die"
)

// TestMoveToCallSites has a function with two nested blocks and a call that was
// inlined into the inner one, whose instructions are in neither.
func TestMoveToCallSites(t *testing.T) {
	at := func(lo, hi uint64) []die.Range { return []die.Range{{Low: lo, High: hi}} }
	fn := &function{nodes: []node{
		{parent: -1, call: true, ranges: at(0, 100)},
		{parent: 0, block: 1, ranges: append(at(10, 30), at(40, 60)...)},
		{parent: 1, block: 2, ranges: append(at(20, 30), at(40, 50)...)},
		{parent: 0, block: 1, ranges: at(70, 80)},
		{parent: 0, call: true, ranges: at(30, 40)},
	}}
	for _, tt := range []struct {
		sites []uint64
		want  []int
	}{
		{[]uint64{35, 29}, []int{0, 1, 2}},
		{[]uint64{35, 12}, []int{0, 1}},
		{[]uint64{35, 75}, []int{0, 3}},
		{[]uint64{35, 5}, []int{0}},
		{[]uint64{35}, []int{0}},
		{nil, []int{0}},
	} {
		chain := fn.callsAt(35)
		fn.moveToCallSites(chain, tt.sites)
		if len(chain) != 2 || !slices.Equal(chain[0].blocks, tt.want) || !slices.Equal(chain[1].blocks, []int{4}) {
			t.Errorf("sites %v: %+v, want blocks %v", tt.sites, chain, tt.want)
		}
	}
}
