package goruntime

import (
	"fmt"

	"github.com/safedump/sdcore/corefile"
)

// maxPanics bounds the chain of panics of one goroutine.
const maxPanics = 1000

// Panic is a runtime._panic: a panic or a runtime.Goexit under way.
type Panic struct {
	Addr uint64 // of the runtime._panic, on the goroutine's stack
	// Arg is the address of its argument, an empty interface. When the program
	// dies of it, an error or Stringer has been replaced by its text.
	Arg uint64
	// Recovered and Repanicked are the marks that Go prints behind a panic;
	// Goexit says that it is a runtime.Goexit; DeferReturn that it only runs
	// the deferred calls of a function that returns.
	Recovered, Repanicked, Goexit, DeferReturn bool
}

// Panics returns the panics of g, the newest first. On error those before the
// damage are returned too.
func (r *Runtime) Panics(g *corefile.Goroutine) ([]Panic, error) {
	if g == nil {
		return nil, nil
	}
	l := &r.lay
	var out []Panic
	seen := map[uint64]bool{}
	for addr := g.PanicAddr; addr != 0; {
		if seen[addr] || len(out) == maxPanics {
			return out, fmt.Errorf("panics of goroutine %d: list does not end at %#x", g.ID, addr)
		}
		seen[addr] = true
		o, err := r.object(addr, l.panicSize)
		if err != nil {
			return out, fmt.Errorf("panics of goroutine %d: %w", g.ID, err)
		}
		out = append(out, Panic{
			Addr: addr, Arg: addr + uint64(l.pArg.off),
			Recovered: o.get(l.pRecovered) != 0, Repanicked: o.get(l.pRepanicked) != 0,
			Goexit: o.get(l.pGoexit) != 0, DeferReturn: o.get(l.pDeferReturn) != 0,
		})
		addr = o.get(l.pLink)
	}
	return out, nil
}
