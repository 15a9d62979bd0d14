package heapwalk

import (
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// FuzzHeap writes bytes over a place of a core's heap: its number is among the
// records of spans, bitmaps, objects, specials and module data. No panic, no hang,
// no unbounded memory; and a heap that is walked at all counts what is live.
func FuzzHeap(f *testing.F) {
	for i := range 8 {
		f.Add(uint32(i)*1997, uint16(i*8), []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0})
		f.Add(uint32(i)*1009, uint16(i), []byte{byte(i)})
	}
	p := newPrey(f, "deadlock")
	f.Fuzz(func(t *testing.T, place uint32, off uint16, b []byte) {
		at := p.places[int(place)%len(p.places)]
		from := int64(off) % at.Len
		if err := p.file.Damage([]coretest.Patch{{Off: at.Off + from, Bytes: b[:min(int64(len(b)), at.Len-from)]}}); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.file.Repair(); err != nil {
				t.Fatal(err)
			}
		}()
		coretest.Bounded(t, p.size, 4, func() { p.askAll(t) })
	})
}
