package main

import "testing"

func TestTighter(t *testing.T) {
	for _, c := range [][3]int{{0, 5, 5}, {5, 0, 5}, {0, 0, 0}, {-1, 5, 5}, {5, -1, 5}, {-1, 0, -1}, {0, -1, -1}, {-1, -1, -1}, {3, 5, 3}, {5, 3, 3}} {
		if got := tighter(c[0], c[1]); got != c[2] {
			t.Errorf("tighter(%d, %d) = %d, want %d", c[0], c[1], got, c[2])
		}
	}
}
