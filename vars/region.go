package vars

import (
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// region is where the bytes of one value are: an address, or pieces of a
// location in the order of the value's layout.
type region struct {
	addr  uint64 // of byte 0 where parts is nil
	parts []part
	off   int64 // of byte 0 in parts
	size  int64
}

// part is a piece of a region with its place in the variable.
type part struct {
	start, size int64
	kind        partKind
	addr        uint64 // partMemory
	data        []byte // partData, as long as size
	why         fault  // partMissing: why there are no bytes
}

// partKind says where the bytes of a part are.
type partKind uint8

const (
	partMissing partKind = iota
	partMemory
	partData
)

// fault says why bytes can't be had. The zero fault is none.
type fault struct {
	state report.State
	note  string
}

// bad reports whether f is a fault.
func (f fault) bad() bool { return f.state != "" }

// The faults of values without a location.
func noLocation() fault { return fault{report.StateOptimizedOut, "no location at this pc"} }
func noPiece() fault    { return fault{report.StateOptimizedOut, "this part has no location at this pc"} }
func noRegister() fault {
	return fault{report.StateOptimizedOut, "in a register that is not known in this frame"}
}

// lost is a region of size bytes that can't be had.
func lost(size int64, why fault) region {
	return region{size: size, parts: []part{{size: size, why: why}}}
}

// at is the region of size bytes at an address.
func at(addr uint64, size int64) region { return region{addr: addr, size: size} }

// maxPieces bounds a location: a Go string has 2 pieces, a struct in registers
// at most a few dozen.
const maxPieces = 4096

// locate makes a region of size bytes from a location.
func locate(loc corefile.Location, size int64, regs *corefile.Registers) region {
	ps := loc.Pieces
	if len(ps) == 1 && ps[0].Kind == corefile.PieceMemory && (ps[0].Size == 0 || ps[0].Size >= size) {
		return at(ps[0].Addr, size)
	}
	reg := region{size: size, parts: []part{}}
	var start int64
	for i := range ps {
		if start >= size && i > 0 || i >= maxPieces {
			break
		}
		n := ps[i].Size
		if n <= 0 || n > size-start {
			n = size - start
		}
		reg.parts = append(reg.parts, newPart(&ps[i], start, n, regs))
		start += n
	}
	if start < size {
		reg.parts = append(reg.parts, part{start: start, size: size - start, why: noPiece()})
	}
	return reg.whole()
}

// newPart resolves a piece of n bytes.
func newPart(p *corefile.Piece, start, n int64, regs *corefile.Registers) part {
	pt := part{start: start, size: n, why: noPiece()}
	var b []byte
	switch p.Kind {
	case corefile.PieceMemory:
		pt.kind, pt.addr = partMemory, p.Addr
		return pt
	case corefile.PieceRegister:
		pt.why = noRegister()
		b, _ = regs.Bytes(p.Reg)
	case corefile.PieceValue:
		b = p.Value
	case corefile.PieceMissing:
		if p.RegUnknown {
			pt.why = noRegister()
		}
	}
	// A register or value that is shorter than its piece does not say what
	// the rest is.
	if int64(len(b)) >= n {
		pt.kind, pt.data = partData, b[:n]
	}
	return pt
}

// whole turns a region whose bytes lie together in memory into a plain one.
func (g region) whole() region {
	if g.parts == nil {
		return g
	}
	var addr uint64
	for i, p := range g.within(0, g.size) {
		lo := max(g.off-p.start, 0)
		a := p.addr + uint64(lo)
		if p.kind != partMemory {
			return g
		}
		if i == 0 {
			addr = a
		} else if a != addr+uint64(p.start-g.off) {
			return g
		}
	}
	if addr == 0 {
		return g
	}
	return at(addr, g.size)
}

// within returns the parts that hold some of the n bytes from off on.
func (g region) within(off, n int64) []part {
	lo, hi := g.off+off, g.off+off+n
	first, last := -1, -1
	for i := range g.parts {
		p := &g.parts[i]
		if p.start+p.size > lo && p.start < hi {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return nil
	}
	return g.parts[first : last+1]
}

// sub is the region of size bytes that begins off bytes into g. ok is false
// when it does not lie in g.
func (g region) sub(off, size int64) (region, bool) {
	if g.parts == nil && off >= 0 && size >= 0 && size <= g.size-off {
		return at(g.addr+uint64(off), size), true
	}
	return g.subParts(off, size)
}

func (g region) subParts(off, size int64) (region, bool) {
	if off < 0 || size < 0 || off > g.size || size > g.size-off {
		return region{}, false
	}
	return region{parts: g.parts, off: g.off + off, size: size}.whole(), true
}

// missing returns why no byte of g can be had; no fault when some may, or when
// g is empty.
func (g region) missing() fault {
	if g.parts == nil {
		return fault{}
	}
	return g.missingParts()
}

func (g region) missingParts() fault {
	if g.size == 0 {
		return fault{}
	}
	why := noLocation()
	for _, p := range g.within(0, g.size) {
		if p.kind != partMissing {
			return fault{}
		}
		why = p.why
	}
	return why
}

// address is where g lies, 0 when it is not in one place in memory.
func (g region) address() report.Addr {
	if g.parts != nil {
		return 0
	}
	return report.Addr(g.addr)
}

// read returns n bytes from off on, not to be changed.
func (g region) read(mem memory, off int64, n int) ([]byte, fault) {
	if off < 0 || n < 0 || off > g.size || int64(n) > g.size-off {
		return nil, fault{report.StateUnreadable, "the type is larger than the value"}
	}
	if g.parts == nil {
		return view(mem, g.addr+uint64(off), n)
	}
	parts := g.within(off, int64(n))
	var out []byte
	for i := range parts {
		p := &parts[i]
		lo := max(g.off+off-p.start, 0)
		hi := min(g.off+off+int64(n)-p.start, p.size)
		var b []byte
		switch p.kind {
		case partData:
			b = p.data[lo:hi]
		case partMemory:
			var f fault
			if b, f = view(mem, p.addr+uint64(lo), int(hi-lo)); f.bad() {
				return nil, f
			}
		default:
			return nil, p.why
		}
		if len(b) == n {
			return b, fault{} // in one part: no copy is needed
		}
		out = append(out, b...)
	}
	if len(out) != n {
		return nil, noPiece()
	}
	return out, fault{}
}

// view reads n bytes at addr.
func view(mem memory, addr uint64, n int) ([]byte, fault) {
	if n == 0 {
		return nil, fault{}
	}
	if addr+uint64(n) < addr {
		return nil, faultAt(addr, corefile.Unmapped)
	}
	b, p, ok := mem.View(addr, n)
	if !ok || len(b) != n {
		return nil, faultAt(addr, p)
	}
	return b, fault{}
}

// faultAt says why memory of a provenance can't be read.
func faultAt(addr uint64, p corefile.Provenance) fault {
	switch p {
	case corefile.Truncated:
		return fault{report.StateAbsent, fmt.Sprintf("0x%x is in the part of the core that is cut off", addr)}
	case corefile.Absent:
		return fault{report.StateAbsent, fmt.Sprintf("0x%x is not in the core", addr)}
	default:
		return fault{report.StateUnreadable, fmt.Sprintf("0x%x is not mapped", addr)}
	}
}
