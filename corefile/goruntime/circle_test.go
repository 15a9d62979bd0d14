package goruntime

import "testing"

// TestCircle goes through lists that end in a circle, of every length.
func TestCircle(t *testing.T) {
	for tail := range 20 {
		for ring := 1; ring < 20; ring++ {
			var c circle
			at, steps := 0, 0
			for ; !c.closed(uint64(100 + at)); steps++ {
				if at++; at == tail+ring {
					at = tail
				}
			}
			if steps < ring || steps > 3*(tail+ring) {
				t.Errorf("a list of %d that ends in a circle of %d: found after %d", tail, ring, steps)
			}
		}
	}
	var c circle
	for at := range uint64(1000) {
		if c.closed(at) {
			t.Fatalf("a list without a circle: found one at %d", at)
		}
	}
}
