package goscope

import (
	"github.com/safedump/sdcore/corefile"
)

// Fixed is v's location in every frame at its PC of which no register is known
// beside those that each frame knows ([corefile.Registers.OnlyBase]), and the
// canonical frame address is: nearly all frames of parked goroutines. Addresses
// of pieces in memory are relative to the frame address. It saves running the
// expression for each of them. ok is false where a location can't be put so;
// [Var.Locate] finds it then.
func (v *Var) Fixed() (loc corefile.Location, ok bool) {
	p := &v.plan
	if loc, ok = p.fixed(); !ok {
		return loc, false
	}
	if p.captured && !(complete(loc) && len(loc.Pieces) > 0) && p.closure != nil {
		// Through the closure, unless the frame has lost that too.
		ptr, ok := p.closure.fixed()
		if !ok || p.closure.captured || len(ptr.Pieces) == 1 && ptr.Pieces[0].Kind != corefile.PieceMissing {
			return loc, false
		}
	}
	loc.Stale = p.stale && len(loc.Pieces) > 0
	return loc, true
}

// FixedType is v's type where it is the same in all those frames.
func (v *Var) FixedType() bool { return v.plan.dictIndex < 0 || v.plan.dict == nil }

// fixed is own for frames that know the base registers only.
func (p *plan) fixed() (first corefile.Location, ok bool) {
	if p.atCall.err != nil {
		return first, false
	}
	if p.atCall.expr != nil {
		if first, ok = p.compile(p.atCall.expr); !ok || !lostRegister(first) {
			return first, ok
		}
	}
	if p.atPC.expr == nil || p.atPC.err != nil || !p.saved() {
		return first, true
	}
	loc, ok := p.compile(p.atPC.expr)
	if !ok || known(loc) < known(first) {
		return first, ok
	}
	return loc, true
}

// compile translates the expressions that compilers write for nearly every
// variable: the frame address plus an offset, a register, or pieces of both. ok
// is false for all others, wrong ones too.
func (p *plan) compile(expr []byte) (loc corefile.Location, ok bool) {
	if len(p.frameBase) != 1 || p.frameBase[0] != opCallFrameCFA {
		return loc, false
	}
	m := machine{in: expr} // for its operands
	var top corefile.Piece // what the next piece is made of
	described := false
	for m.pos < len(m.in) {
		op := m.byte()
		if op == opPiece {
			size := m.uleb()
			if m.err != nil || size > 1<<40 || len(loc.Pieces) >= maxPieces {
				return loc, false
			}
			top.Size = int64(size)
			loc.Pieces = append(loc.Pieces, top)
			top, described = corefile.Piece{}, false
			continue
		}
		next, ok := m.fixedPiece(op)
		if !ok || described {
			return loc, false
		}
		top, described = next, true
	}
	switch {
	case m.err != nil || len(loc.Pieces) > 0 && described:
		return loc, false
	case len(loc.Pieces) == 0:
		loc.Pieces = []corefile.Piece{top}
	}
	return loc, true
}

// fixedPiece reads one operation that is a place by itself.
func (m *machine) fixedPiece(op byte) (p corefile.Piece, ok bool) {
	switch {
	case op == opCallFrameCFA:
		p.Kind = corefile.PieceMemory
	case op == opFbreg:
		p.Kind, p.Addr = corefile.PieceMemory, uint64(m.sleb())
	case op == opRegx:
		p.Reg, p.RegUnknown = m.uleb(), true
	case op >= opReg0 && op < opReg0+32:
		p.Reg, p.RegUnknown = uint64(op-opReg0), true
	default:
		return p, false
	}
	return p, m.err == nil && !(p.RegUnknown && corefile.BaseRegister(p.Reg))
}
