package crash

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// damaged is memory of which some words are wrong: other words of the same
// program, small numbers, or anything.
type damaged struct {
	memory
	rnd  *rand.Rand
	rate float64
	last uint64
	n    int
}

func (d *damaged) word(v uint64) uint64 {
	d.n++
	before := d.last
	d.last = v
	if d.rnd.Float64() >= d.rate {
		return v
	}
	switch d.rnd.IntN(4) {
	case 0:
		return before
	case 1:
		return d.rnd.Uint64()
	case 2:
		return v + uint64(d.rnd.IntN(64)) - 32
	}
	return uint64(d.rnd.IntN(100))
}

func (d *damaged) View(addr uint64, n int) ([]byte, corefile.Provenance, bool) {
	b, p, ok := d.memory.View(addr, n)
	if !ok || len(b) < 8 || d.rnd.Float64() >= d.rate {
		return b, p, ok
	}
	c := append([]byte(nil), b...)
	at := d.rnd.IntN(len(c) - 7)
	binary.LittleEndian.PutUint64(c[at:], d.word(binary.LittleEndian.Uint64(c[at:])))
	return c, p, true
}

func (d *damaged) Uint64(addr uint64) (uint64, error) {
	v, err := d.memory.Uint64(addr)
	return d.word(v), err
}

func (d *damaged) Uint32(addr uint64) (uint32, error) {
	v, err := d.memory.Uint32(addr)
	return uint32(d.word(uint64(v))), err
}

func (d *damaged) Uint8(addr uint64) (uint8, error) {
	v, err := d.memory.Uint8(addr)
	return uint8(d.word(uint64(v))), err
}

// FuzzExplain explains crashes over damaged memory: there is always an answer,
// soon, of bounded size.
func FuzzExplain(f *testing.F) {
	var ins []Input
	for _, name := range []string{"customerror", "repanic", "stackoverflow", "sigquit", "indexrange"} {
		ins = append(ins, open(f, coretest.Core(f, name)))
	}
	for i := range ins {
		f.Add(uint64(i), uint8(i), uint8(20))
		f.Add(uint64(i), uint8(i), uint8(200))
	}
	f.Fuzz(func(t *testing.T, seed uint64, which, rate uint8) {
		in := ins[int(which)%len(ins)]
		mem := &damaged{memory: in.Core.Memory(), rnd: rand.New(rand.NewPCG(seed, 1)), rate: float64(rate) / 256}
		start := time.Now()
		c, site, _ := explain(context.Background(), in, mem)
		if d := time.Since(start); d > 30*time.Second {
			t.Errorf("took %v", d)
		}
		if n := count(&c.Exception); n > 20*maxSubs {
			t.Errorf("%d exceptions", n)
		}
		if site.Frame >= len(site.Stack.Frames) {
			t.Errorf("frame %d of %d", site.Frame, len(site.Stack.Frames))
		}
	})
}

func count(e *report.Exception) int {
	n := 1
	for i := range e.Sub {
		n += count(&e.Sub[i])
	}
	return n
}
