package goscope

import (
	"encoding/binary"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
)

// Operations of location expressions (DWARF 5, section 7.7.1), those that
// compilers use for variables. Branches and calls are not among them, so that
// every expression ends.
const (
	opAddr         = 0x03
	opDeref        = 0x06
	opConst1u      = 0x08
	opConst1s      = 0x09
	opConst2u      = 0x0a
	opConst2s      = 0x0b
	opConst4u      = 0x0c
	opConst4s      = 0x0d
	opConst8u      = 0x0e
	opConst8s      = 0x0f
	opConstu       = 0x10
	opConsts       = 0x11
	opDup          = 0x12
	opDrop         = 0x13
	opOver         = 0x14
	opSwap         = 0x16
	opAnd          = 0x1a
	opMinus        = 0x1c
	opMul          = 0x1e
	opNeg          = 0x1f
	opNot          = 0x20
	opOr           = 0x21
	opPlus         = 0x22
	opPlusUconst   = 0x23
	opShl          = 0x24
	opShr          = 0x25
	opShra         = 0x26
	opXor          = 0x27
	opLit0         = 0x30
	opReg0         = 0x50
	opBreg0        = 0x70
	opRegx         = 0x90
	opFbreg        = 0x91
	opBregx        = 0x92
	opPiece        = 0x93
	opDerefSize    = 0x94
	opNop          = 0x96
	opCallFrameCFA = 0x9c
	opImplicit     = 0x9e
	opStackValue   = 0x9f
	opAddrx        = 0xa1
	opConstx       = 0xa2
)

const (
	maxStack  = 64
	maxPieces = 256
	maxExpr   = 1 << 16
)

// cell is a number on the stack. It is lost when a register that it was made
// of is not known in the frame.
type cell struct {
	v    uint64
	lost bool
	reg  uint64
}

// resultKind says what the operations since the last piece describe.
type resultKind uint8

const (
	isNothing  resultKind = iota
	isAddress             // the top of the stack
	isRegister            // reg
	isValue               // the top of the stack is the value itself
	isBytes               // literal
)

// machine evaluates location expressions for one frame.
type machine struct {
	unit      *die.Unit
	frame     *corefile.Frame
	frameBase []byte
	bias      uint64
	src       source

	in      []byte
	pos     int
	err     error
	stack   []cell
	result  resultKind
	reg     uint64
	literal []byte
	pieces  []corefile.Piece
	inBase  bool // evaluating the frame base
}

// run evaluates an expression. Pieces that nothing describes are missing: the
// compiler removed them. They are never made up.
func (m *machine) run(expr []byte) (corefile.Location, error) {
	if len(expr) > maxExpr {
		return corefile.Location{}, fmt.Errorf("%d bytes long: %w", len(expr), ErrBadExpression)
	}
	m.in = expr
	for m.pos < len(m.in) && m.err == nil {
		m.step(m.byte())
	}
	if m.err != nil {
		return corefile.Location{}, m.err
	}
	if len(m.pieces) == 0 {
		m.piece(0)
	} else if m.result != isNothing || len(m.stack) > 0 {
		m.fail("operations behind the last piece")
	}
	if m.err != nil {
		return corefile.Location{}, m.err
	}
	return corefile.Location{Pieces: m.pieces}, nil
}

func (m *machine) fail(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("at byte %d: %s: %w", m.pos, fmt.Sprintf(format, args...), ErrBadExpression)
	}
}

// step runs one operation.
func (m *machine) step(op byte) {
	if m.result > isAddress && op != opPiece && op != opNop {
		m.fail("operation 0x%x behind a complete location", op)
		return
	}
	switch {
	case op >= opLit0 && op < opLit0+32:
		m.push(uint64(op - opLit0))
	case op >= opReg0 && op < opReg0+32:
		m.register(uint64(op - opReg0))
	case op >= opBreg0 && op < opBreg0+32:
		m.based(uint64(op-opBreg0), m.sleb())
	case op == opRegx:
		m.register(m.uleb())
	case op == opBregx:
		reg := m.uleb()
		m.based(reg, m.sleb())
	case op >= opConst1u && op <= opConsts:
		m.push(m.constant(op))
	default:
		m.stepRest(op)
	}
}

func (m *machine) stepRest(op byte) {
	switch op {
	case opNop:
	case opAddr:
		m.push(m.uint(8) + m.bias)
	case opAddrx, opConstx:
		m.indexed(op)
	case opFbreg:
		m.fbreg(m.sleb())
	case opCallFrameCFA:
		m.cfa()
	case opPlusUconst:
		n := m.uleb()
		c := m.pop()
		c.v += n
		m.pushCell(c)
	case opDeref:
		m.deref(8)
	case opDerefSize:
		m.deref(int(m.byte()))
	case opPiece:
		m.piece(m.uleb())
	case opStackValue:
		m.result = isValue
		if len(m.stack) == 0 {
			m.fail("value of an empty stack")
		}
	case opImplicit:
		m.literal, m.result = m.bytes(m.uleb()), isBytes
	case opDup, opDrop, opOver, opSwap:
		m.shuffle(op)
	default:
		m.arithmetic(op)
	}
}

func (m *machine) constant(op byte) uint64 {
	switch op {
	case opConst1u:
		return m.uint(1)
	case opConst1s:
		return uint64(int8(m.uint(1)))
	case opConst2u:
		return m.uint(2)
	case opConst2s:
		return uint64(int16(m.uint(2)))
	case opConst4u:
		return m.uint(4)
	case opConst4s:
		return uint64(int32(m.uint(4)))
	case opConstu:
		return m.uleb()
	case opConsts:
		return uint64(m.sleb())
	}
	return m.uint(8)
}

func (m *machine) shuffle(op byte) {
	switch op {
	case opDrop:
		m.pop()
	case opDup:
		c := m.pop()
		m.pushCell(c)
		m.pushCell(c)
	case opSwap:
		a, b := m.pop(), m.pop()
		m.pushCell(a)
		m.pushCell(b)
	case opOver:
		a, b := m.pop(), m.pop()
		m.pushCell(b)
		m.pushCell(a)
		m.pushCell(b)
	}
}

func (m *machine) arithmetic(op byte) {
	if op < opAnd || op > opXor || op == 0x1b || op == 0x1d { // no division: it traps
		m.fail("unknown operation 0x%x", op)
		return
	}
	top := m.pop()
	switch op {
	case opNeg:
		top.v = -top.v
		m.pushCell(top)
		return
	case opNot:
		top.v = ^top.v
		m.pushCell(top)
		return
	}
	c := m.pop()
	switch op {
	case opAnd:
		c.v &= top.v
	case opOr:
		c.v |= top.v
	case opXor:
		c.v ^= top.v
	case opPlus:
		c.v += top.v
	case opMinus:
		c.v -= top.v
	case opMul:
		c.v *= top.v
	case opShl:
		c.v <<= top.v
	case opShr:
		c.v >>= top.v
	case opShra:
		c.v = uint64(int64(c.v) >> min(top.v, 63))
	}
	if top.lost {
		c.lost, c.reg = true, top.reg
	}
	m.pushCell(c)
}

// register makes a register the location.
func (m *machine) register(n uint64) {
	if len(m.stack) > 0 {
		m.fail("register behind an address")
		return
	}
	m.reg, m.result = n, isRegister
}

// based pushes a register's contents plus an offset.
func (m *machine) based(reg uint64, off int64) {
	c := cell{reg: reg}
	if b, ok := m.frame.Regs.Bytes(reg); ok && len(b) >= 8 {
		c.v = binary.LittleEndian.Uint64(b) + uint64(off)
	} else {
		c.lost = true
	}
	m.pushCell(c)
}

func (m *machine) cfa() {
	if m.frame.CFA == 0 {
		m.fail("frame without a canonical frame address")
		return
	}
	m.push(m.frame.CFA)
}

// fbreg pushes the frame base plus an offset. The frame base is an expression
// of the function; Go's is the canonical frame address.
func (m *machine) fbreg(off int64) {
	if m.inBase || len(m.frameBase) == 0 {
		m.fail("no frame base")
		return
	}
	base := machine{unit: m.unit, frame: m.frame, bias: m.bias, src: m.src, inBase: true}
	loc, err := base.run(m.frameBase)
	if err != nil {
		m.err = err
		return
	}
	if len(loc.Pieces) != 1 {
		m.fail("frame base in pieces")
		return
	}
	switch p := loc.Pieces[0]; {
	case p.Kind == corefile.PieceMemory:
		m.push(p.Addr + uint64(off))
	case p.Kind == corefile.PieceRegister || p.RegUnknown:
		m.based(p.Reg, off)
	default:
		m.fail("frame base is no address")
	}
}

// indexed pushes an address, or with DW_OP_constx a number, of .debug_addr.
func (m *machine) indexed(op byte) {
	i := m.uleb()
	if m.unit == nil {
		m.fail("no address table")
		return
	}
	v, ok := m.unit.Indexed(i)
	if !ok {
		m.fail("index %d is outside the address table", i)
		return
	}
	if op == opAddrx {
		v += m.bias
	}
	m.push(v)
}

// deref replaces an address by what is there.
func (m *machine) deref(size int) {
	c := m.pop()
	if size < 1 || size > 8 {
		m.fail("read of %d bytes", size)
		return
	}
	if c.lost || m.err != nil {
		m.pushCell(c)
		return
	}
	if m.src.memory == nil {
		m.err = fmt.Errorf("read at 0x%x: %w", c.v, corefile.ErrUnmapped)
		return
	}
	var b [8]byte
	if err := m.src.memory.Read(b[:size], c.v); err != nil {
		m.err = fmt.Errorf("read at 0x%x: %w", c.v, err)
		return
	}
	m.push(binary.LittleEndian.Uint64(b[:]))
}

// piece ends the description of the next size bytes, 0 for all.
func (m *machine) piece(size uint64) {
	if size > 1<<40 || len(m.pieces) >= maxPieces {
		m.fail("piece of %d bytes", size)
		return
	}
	p := corefile.Piece{Size: int64(size)}
	var top cell
	if m.result == isNothing && len(m.stack) > 0 || m.result == isValue {
		top = m.pop()
	} else if m.result == isNothing {
		m.pieces = append(m.pieces, p)
		return
	}
	switch {
	case m.result == isBytes:
		p.Kind, p.Value = corefile.PieceValue, m.literal
	case m.result == isRegister:
		p.Kind, p.Reg = corefile.PieceRegister, m.reg
		if b, ok := m.frame.Regs.Bytes(m.reg); !ok || uint64(len(b)) < size {
			p.Kind, p.RegUnknown = corefile.PieceMissing, true
		}
	case top.lost:
		p.Reg, p.RegUnknown = top.reg, true
	case m.result == isValue:
		p.Kind, p.Value = corefile.PieceValue, binary.LittleEndian.AppendUint64(nil, top.v)
	default:
		p.Kind, p.Addr = corefile.PieceMemory, top.v
	}
	m.pieces = append(m.pieces, p)
	m.result, m.literal, m.stack = isNothing, nil, m.stack[:0]
}
