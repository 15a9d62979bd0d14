//go:build amd64 || arm64

package safedump

import (
	"errors"
	"strings"
	"testing"

	"github.com/safedump/sdcore/safedump/internal/headroom"
)

// TestEnough: half of the heap and the floor must be free, or the refusal says
// how much is missing.
func TestEnough(t *testing.T) {
	tests := []struct {
		free, heap uint64
		want       string
	}{
		{1 << 30, 1 << 30, ""},
		{512<<20 + headroomFloor, 1 << 30, ""},
		{512 << 20, 1 << 30, "cgroup /x has 512 MiB left, half of the heap and 16 MiB need 528 MiB"},
		{0, 0, "cgroup /x has 0 MiB left, half of the heap and 16 MiB need 16 MiB"},
	}
	for _, tt := range tests {
		err := enough(headroom.Bound{Name: "cgroup /x", Free: tt.free}, tt.heap)
		if (err == nil) != (tt.want == "") || err != nil && (!errors.Is(err, ErrHeadroom) || !strings.HasSuffix(err.Error(), tt.want)) {
			t.Errorf("%d free, heap of %d: %v, want %q", tt.free, tt.heap, err, tt.want)
		}
	}
	if heapSize() < 1<<16 {
		t.Errorf("heap of %d bytes", heapSize())
	}
}
