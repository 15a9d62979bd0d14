package goscope

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/corefile/gotype"
)

// plan is how to find a variable in a frame that stands at one PC.
type plan struct {
	f            *Finder
	unit         *die.Unit
	frameBase    []byte
	pc, callPC   uint64    // of the file
	list         die.Value // the attribute that atPC and atCall come from
	atPC, atCall found
	stale        bool
	arg          bool // has a slot of its own in the caller's frame

	dict      *plan // the function's dictionary, nil when it has none
	dictIndex int   // of the variable's type, -1 when it is not generic
	closure   *plan // the pointer to the closure, nil when it has no entry
	captured  bool
	offset    uint64 // of a captured variable in the closure
}

// located reports whether there is a location at all.
func (p *plan) located() bool {
	return p.atPC.expr != nil || p.atCall.expr != nil || p.captured && p.closure != nil
}

// Locate runs v's location plan for one frame. A variable without a location
// at this PC has a Location without pieces. The frame must be at the PC that the
// scope is of.
//
// A frame that waits for a call to return has two addresses: the call and the
// return address. What holds while the call runs is what held at the call: its
// location there is taken when every register in it is known, and stack slots
// always are. Registers mostly are not, since calls clobber them; then the
// location at the return address tells the slot in which the variable was
// saved. A location that begins at the return address of a variable that had
// none before is not taken: it is what the call will have returned. An argument's
// own slot in the caller's frame is: no call puts its results there.
func (v *Var) Locate(fr *corefile.Frame) (corefile.Location, error) {
	loc, err := v.plan.locate(fr)
	loc.Stale = v.plan.stale && len(loc.Pieces) > 0
	if err != nil {
		return corefile.Location{}, fmt.Errorf("location of a variable at 0x%x: %w", fr.PC, err)
	}
	return loc, nil
}

func (p *plan) locate(fr *corefile.Frame) (corefile.Location, error) {
	loc, err := p.own(fr)
	if !p.captured || err == nil && complete(loc) && len(loc.Pieces) > 0 {
		return loc, err
	}
	if ptr, ok := p.closureAddr(fr); ok {
		return corefile.Location{Pieces: []corefile.Piece{{Kind: corefile.PieceMemory, Addr: ptr + p.offset}}}, nil
	}
	return loc, err
}

// own evaluates the variable's own locations.
func (p *plan) own(fr *corefile.Frame) (corefile.Location, error) {
	var first corefile.Location
	if p.atCall.err != nil {
		return first, p.atCall.err
	}
	if p.atCall.expr != nil {
		loc, err := p.eval(p.atCall.expr, fr)
		if err != nil || !lostRegister(loc) {
			return loc, err
		}
		first = loc
	}
	if p.atPC.expr == nil || p.atPC.err != nil || !p.saved() {
		return first, nil
	}
	loc, err := p.eval(p.atPC.expr, fr)
	if err != nil || known(loc) < known(first) {
		return first, nil
	}
	return loc, nil
}

// saved reports whether the location at the return address is one that the
// variable has had since before the call.
func (p *plan) saved() bool {
	if p.atPC.where.Contains(p.callPC) {
		return true
	}
	return (p.atCall.expr != nil || p.spilled()) && !p.f.neverReturns(p.pc)
}

// spilled reports whether the location at the return address is the slot that
// the caller reserves for an argument in registers (Go's ABI, "spill area"). It
// is above the frame, where only the function itself writes.
func (p *plan) spilled() bool {
	if !p.arg {
		return false
	}
	loc, ok := p.compile(p.atPC.expr)
	return ok && !slices.ContainsFunc(loc.Pieces, func(piece corefile.Piece) bool {
		return piece.Kind != corefile.PieceMemory || int64(piece.Addr) < 0
	})
}

// eval runs one expression.
func (p *plan) eval(expr []byte, fr *corefile.Frame) (corefile.Location, error) {
	m := machine{
		unit: p.unit, frame: fr, frameBase: p.frameBase, bias: p.f.bias, src: p.f.src,
	}
	return m.run(expr)
}

func lostRegister(l corefile.Location) bool {
	for _, p := range l.Pieces {
		if p.RegUnknown {
			return true
		}
	}
	return false
}

func complete(l corefile.Location) bool { return known(l) == len(l.Pieces) }

// known counts the pieces that are there.
func known(l corefile.Location) int {
	n := 0
	for _, p := range l.Pieces {
		if p.Kind != corefile.PieceMissing {
			n++
		}
	}
	return n
}

// closureAddr is the address of the closure that the frame's function runs.
func (p *plan) closureAddr(fr *corefile.Frame) (uint64, bool) {
	if p.closure == nil {
		return 0, false
	}
	return p.closure.pointer(fr)
}

// pointer reads a variable that is a pointer.
func (p *plan) pointer(fr *corefile.Frame) (uint64, bool) {
	loc, err := p.locate(fr)
	if err != nil || len(loc.Pieces) != 1 {
		return 0, false
	}
	var v uint64
	switch piece := loc.Pieces[0]; piece.Kind {
	case corefile.PieceMemory:
		if v, err = p.f.src.word(piece.Addr); err != nil {
			return 0, false
		}
	case corefile.PieceRegister:
		b, ok := fr.Regs.Bytes(piece.Reg)
		if !ok || len(b) < 8 {
			return 0, false
		}
		v = binary.LittleEndian.Uint64(b)
	case corefile.PieceValue:
		if len(piece.Value) < 8 {
			return 0, false
		}
		v = binary.LittleEndian.Uint64(piece.Value)
	default:
		return 0, false
	}
	return v, v != 0
}

// TypeIn returns the type of v in one frame. It differs from Type in generic
// functions, where one body serves many types: the dictionary that the caller
// passed has the real one. Where it is not known, that is Type.
func (v *Var) TypeIn(fr *corefile.Frame) *gotype.Type {
	p := &v.plan
	if p.dictIndex < 0 || p.dict == nil {
		return v.Type
	}
	dict, ok := p.dict.pointer(fr)
	if !ok {
		return v.Type
	}
	// A dictionary starts with the descriptors of the derived types
	// (cmd/compile/internal/noder/reader.go, go1.25 to go1.27).
	desc, err := p.f.src.word(dict + 8*uint64(p.dictIndex))
	if err != nil {
		return v.Type
	}
	real, err := p.f.types.ByDescriptor(desc)
	if err != nil {
		return v.Type
	}
	if v.Escaped {
		real = real.Elem
	}
	if real == nil || real.Err != nil || real.Size != v.Type.Size || real.Kind != v.Type.Kind {
		return v.Type
	}
	return real
}

// broken is the type of a variable whose type can't be compiled.
func broken(err error) *gotype.Type {
	return &gotype.Type{Kind: reflect.Invalid, Err: err}
}
