package corefile

import (
	"math"
	"slices"
	"testing"
)

func TestExtents(t *testing.T) {
	x := NewExtents([]Extent{{0x300, 0x310}, {0x100, 0x120}, {0x120, 0x130}, {0x110, 0x118}, {0x200, 0x200}, {0x500, 0x400}})
	if want := (Extents{{0x100, 0x130}, {0x300, 0x310}}); !slices.Equal(x, want) {
		t.Fatalf("%x, want %x", x, want)
	}
	for _, c := range []struct {
		addr uint64
		n    int
		want bool
	}{
		{0xff, 1, false}, {0xff, 2, true}, {0x100, 1, true}, {0x12f, 1, true}, {0x130, 0x1d0, false}, {0x130, 0x1d1, true},
		{0x30f, 100, true}, {0x310, 100, false}, {0x100, 0, false}, {0, math.MaxInt, true}, {math.MaxUint64, 5, false},
	} {
		if got := x.Touch(c.addr, c.n); got != c.want {
			t.Errorf("%d bytes at %#x: %v", c.n, c.addr, got)
		}
	}
	if Extents(nil).Touch(5, 5) {
		t.Error("nothing is touched")
	}
	if all := (Extents{{0, math.MaxUint64}}); !all.Touch(0xc000000000, 1) {
		t.Error("everything is not touched")
	}
}
