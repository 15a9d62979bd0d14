package goruntime

import (
	"context"
	"encoding/binary"

	"github.com/safedump/sdcore/corefile"
)

// extent is a run of addresses.
type extent struct {
	start uint64
	size  int64
}

// writable are the parts of a core that the program could write to.
func writable(c *corefile.Core) []extent {
	var out []extent
	for _, s := range c.Segments() {
		if s.Write && s.Present > 0 {
			out = append(out, extent{s.Start, s.Present})
		}
	}
	return out
}

// searchStep is how many bytes are looked at in one piece.
const searchStep = 1 << 20

// search finds goroutines that are not among known by their own records, for
// cores that lack the list of them. Every runtime.g points to itself in
// sched.g, from newproc1 on for as long as it exists (runtime/proc.go of
// go1.25.4, go1.26.8 and go1.27.0); what also has a stack that its saved stack
// pointer lies on, the state of one that is alive, and an ID, is one.
func (r *Runtime) search(ctx context.Context, known []uint64) []uint64 {
	self := r.lay.gSchedG
	if !self.ok || self.size != 8 {
		return nil
	}
	seen := make(map[uint64]bool, len(known))
	for _, addr := range known {
		seen[addr] = true
	}
	var found []uint64
	for _, e := range r.writable {
		for at := int64(0); at < e.size && ctx.Err() == nil; at += searchStep {
			from := e.start + uint64(at)
			b, _, ok := r.mem.View(from, int(min(searchStep, e.size-at)))
			if !ok {
				continue
			}
			for i := 0; i+8 <= len(b); i += 8 {
				addr := from + uint64(i) - uint64(self.off)
				if binary.LittleEndian.Uint64(b[i:]) == addr && !seen[addr] && r.isG(addr) {
					found = append(found, addr)
				}
			}
		}
	}
	return found
}

// isG reports whether the record at addr can be that of a goroutine. Those of
// system and signal stacks have no ID.
func (r *Runtime) isG(addr uint64) bool {
	o, err := r.object(addr, r.lay.gSize)
	if err != nil {
		return false
	}
	l := &r.lay
	switch o.get(l.gStatus) &^ gScan {
	case gRunnable, gRunning, gSyscall, gWaiting, gCopyStack, gPreempted, gLeaked:
	default:
		return false
	}
	lo, hi, sp := o.get(l.gStackLo), o.get(l.gStackHi), o.get(l.gSchedSP)
	return o.get(l.gID) != 0 && lo != 0 && lo < sp && sp <= hi
}
