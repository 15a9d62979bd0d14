package vars

import (
	"encoding/binary"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// Captured decodes the variables that the closure at addr holds, under their own
// names. A function that is no literal, or that holds nothing, has none.
func (r *Reader) Captured(addr uint64) []report.Variable {
	b, f := view(r.mem, addr, 8)
	if f.bad() {
		return nil
	}
	fn, ok := r.functionAt(unsigned(b))
	if !ok {
		return nil
	}
	out := make([]report.Variable, 0, len(fn.Captured))
	for i := range fn.Captured {
		c := &fn.Captured[i]
		v := report.Variable{Name: c.Name, Role: report.RoleCaptured}
		src := at(addr+uint64(c.Offset), sizeOf(c.Type))
		if c.ByRef {
			b, f := view(r.mem, src.addr, 8)
			src = at(unsigned(b), sizeOf(c.Type))
			if f.bad() {
				src = lost(max(sizeOf(c.Type), 1), f)
			}
		}
		v.Value = r.decode(c.Type, src)
		out = append(out, v)
	}
	return out
}

// Arguments decodes the arguments of a call that was not made yet.
func (r *Reader) Arguments(c *goruntime.Call) []report.Variable {
	sc, names, err := r.scope(&c.Frame)
	if err != nil || sc == nil {
		return nil
	}
	var out []report.Variable
	for _, o := range names {
		v := &sc.Vars[o.index]
		if v.Role != report.RoleArg {
			continue
		}
		t, loc, err := r.find(v, &c.Frame)
		value := lost(max(sizeOf(t), 1), noLocation())
		switch {
		case err != nil:
			value = lost(max(sizeOf(t), 1), fault{report.StateUnreadable, err.Error()})
		case v.Escaped: // the function has not moved it to the heap yet
		case len(loc.Pieces) > 0:
			value = locate(known(c, loc, sizeOf(t)), sizeOf(t), c.Frame.Regs)
		}
		out = append(out, report.Variable{Name: o.name, Role: v.Role, DeclLine: v.DeclLine, Value: r.decode(t, value)})
	}
	return out
}

// known replaces the pieces of a location that are on the made-up stack of a
// call by what is known to be there.
func known(c *goruntime.Call, loc corefile.Location, size int64) corefile.Location {
	var out []corefile.Piece
	for _, p := range loc.Pieces {
		if p.Kind != corefile.PieceMemory || !c.OnStack(p.Addr) {
			out = append(out, p)
			continue
		}
		n := p.Size
		if n <= 0 {
			n = size
		}
		for at := p.Addr; n > 0 && len(out) < maxPieces; at += 8 {
			piece := corefile.Piece{Kind: corefile.PieceMissing, Size: min(n, 8)}
			if w, ok := c.Stack[at]; ok {
				piece.Kind = corefile.PieceValue
				piece.Value = binary.LittleEndian.AppendUint64(nil, w)
			}
			out = append(out, piece)
			n -= 8
		}
	}
	return corefile.Location{Pieces: out}
}
