package goscope

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
)

// mapMemory is memory with a few known words.
type mapMemory map[uint64]uint64

func (m mapMemory) Read(buf []byte, addr uint64) error {
	v, ok := m[addr]
	if !ok {
		return corefile.ErrUnmapped
	}
	copy(buf, coretest.Words(v))
	return nil
}

func TestMachine(t *testing.T) {
	const cfa = 0x2000
	regs := &corefile.Registers{}
	regs.Set(3, coretest.Words(0x3333))
	regs.Set(17, coretest.Words(1, 2))
	mem := source{memory: mapMemory{0x1fe0: 0x7700, 0x3333: 0x1234567890}}
	missing := func(size int64) corefile.Piece { return corefile.Piece{Size: size} }
	lost := func(size int64, reg uint64) corefile.Piece {
		return corefile.Piece{Size: size, Reg: reg, RegUnknown: true}
	}
	at := func(size int64, addr uint64) corefile.Piece {
		return corefile.Piece{Kind: corefile.PieceMemory, Size: size, Addr: addr}
	}
	reg := func(size int64, n uint64) corefile.Piece {
		return corefile.Piece{Kind: corefile.PieceRegister, Size: size, Reg: n}
	}
	value := func(size int64, b ...byte) corefile.Piece {
		return corefile.Piece{Kind: corefile.PieceValue, Size: size, Value: b}
	}
	for _, c := range []struct {
		name, expr string
		want       []corefile.Piece // nil: an error
	}{
		{"fbreg", "\x91\x60", []corefile.Piece{at(0, cfa-32)}},
		{"call_frame_cfa", "\x9c", []corefile.Piece{at(0, cfa)}},
		{"fbreg deref: what it points to", "\x91\x60\x06", []corefile.Piece{at(0, 0x7700)}},
		{"addr has the load bias", "\x03\x10\x00\x00\x00\x00\x00\x00\x00", []corefile.Piece{at(0, 0x100010)}},
		{"known register", "\x53", []corefile.Piece{reg(0, 3)}},
		{"regx", "\x90\x03", []corefile.Piece{reg(0, 3)}},
		{"unknown register", "\x50", []corefile.Piece{lost(0, 0)}},
		{"breg", "\x73\x08", []corefile.Piece{at(0, 0x333b)}},
		{"bregx", "\x92\x03\x78", []corefile.Piece{at(0, 0x332b)}},
		{"breg of an unknown register", "\x71\x08", []corefile.Piece{lost(0, 1)}},
		{"arithmetic over an unknown register", "\x71\x00\x31\x22", []corefile.Piece{lost(0, 1)}},
		{"deref of an unknown register", "\x71\x00\x06", []corefile.Piece{lost(0, 1)}},
		{"value of an unknown register", "\x71\x00\x9f", []corefile.Piece{lost(0, 1)}},
		// The defect of delve's evaluator: these pieces are zeros there.
		{"missing first piece", "\x93\x08\x53\x93\x08", []corefile.Piece{missing(8), reg(8, 3)}},
		{"missing other pieces", "\x91\x60\x93\x08\x93\x08\x93\x08", []corefile.Piece{at(8, cfa-32), missing(8), missing(8)}},
		{"nothing but missing pieces", "\x93\x08\x93\x08", []corefile.Piece{missing(8), missing(8)}},
		{"string in two registers, one unknown", "\x53\x93\x08\x50\x93\x08", []corefile.Piece{reg(8, 3), lost(8, 0)}},
		{"vector register", "\x61\x93\x10", []corefile.Piece{reg(16, 17)}},
		{"register too short for the piece", "\x53\x93\x10", []corefile.Piece{lost(16, 3)}},
		{"constant", "\x11\x7f\x9f", []corefile.Piece{value(0, 255, 255, 255, 255, 255, 255, 255, 255)}},
		{"literal and piece", "\x35\x9f\x93\x04", []corefile.Piece{value(4, 5, 0, 0, 0, 0, 0, 0, 0)}},
		{"implicit value", "\x9e\x02ab", []corefile.Piece{value(0, 'a', 'b')}},
		{"plus_uconst", "\x91\x00\x23\x90\x01", []corefile.Piece{at(0, cfa+144)}},
		{"minus", "\x91\x00\x38\x1c", []corefile.Piece{at(0, cfa-8)}},
		{"dup and plus", "\x38\x12\x22\x9f", []corefile.Piece{value(0, 16, 0, 0, 0, 0, 0, 0, 0)}},
		{"swap and minus", "\x38\x31\x16\x1c\x9f", []corefile.Piece{value(0, 249, 255, 255, 255, 255, 255, 255, 255)}},
		{"over", "\x38\x31\x14\x9f", []corefile.Piece{value(0, 8, 0, 0, 0, 0, 0, 0, 0)}},
		{"drop", "\x38\x31\x13\x9f", []corefile.Piece{value(0, 8, 0, 0, 0, 0, 0, 0, 0)}},
		{"bits", "\x3f\x33\x1a\x34\x24\x31\x21\x9f", []corefile.Piece{value(0, 0x31, 0, 0, 0, 0, 0, 0, 0)}},
		{"shift by more than 63", "\x11\x7f\x08\xff\x26\x9f", []corefile.Piece{value(0, 255, 255, 255, 255, 255, 255, 255, 255)}},
		{"nop", "\x96\x91\x60\x96", []corefile.Piece{at(0, cfa-32)}},
		{"deref_size", "\x73\x00\x94\x02", []corefile.Piece{at(0, 0x7890)}},

		{"nothing", "", []corefile.Piece{missing(0)}},
		{"unknown operation", "\xe5", nil},
		{"division is not there", "\x31\x30\x1b", nil},
		{"branch is not there", "\x2f\xfd\xff", nil},
		{"empty stack", "\x22", nil},
		{"operand cut off", "\x03\x10", nil},
		{"LEB128 cut off", "\x91\x80", nil},
		{"LEB128 too long", "\x23\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", nil},
		{"implicit value cut off", "\x9e\x7fab", nil},
		{"register behind an address", "\x31\x53", nil},
		{"operation behind a register", "\x53\x06", nil},
		{"trailing operations", "\x53\x93\x08\x53", nil},
		{"unreadable", "\x31\x06", nil},
		{"size of a read", "\x31\x94\x09", nil},
		{"address table", "\xa1\x05", nil},
		{"stack overflow", strings.Repeat("\x31", maxStack+1), nil},
		{"too many pieces", strings.Repeat("\x93\x01", maxPieces+1), nil},
		{"huge piece", "\x93\xff\xff\xff\xff\xff\xff\x01", nil},
		{"too long", strings.Repeat("\x96", maxExpr+1), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := machine{frame: &corefile.Frame{CFA: cfa, Regs: regs}, frameBase: []byte{opCallFrameCFA}, bias: 0x100000, src: mem}
			loc, err := m.run([]byte(c.expr))
			if c.want == nil {
				if err == nil || !errors.Is(err, ErrBadExpression) && !errors.Is(err, corefile.ErrUnmapped) {
					t.Fatalf("%+v, %v; want an error", loc, err)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(loc.Pieces, c.want) {
				t.Errorf("%+v, %v; want %+v", loc.Pieces, err, c.want)
			}
		})
	}
}

// TestFrameBase is about the frame bases of C: a register, or an offset to one.
func TestFrameBase(t *testing.T) {
	regs := &corefile.Registers{}
	regs.Set(6, coretest.Words(0x6000))
	for base, want := range map[string]uint64{"\x56": 0x5ff8, "\x76\x10": 0x6008, "\x9c": 0x1ff8} {
		m := machine{frame: &corefile.Frame{CFA: 0x2000, Regs: regs}, frameBase: []byte(base)}
		loc, err := m.run([]byte("\x91\x78"))
		if err != nil || loc.Pieces[0].Addr != want {
			t.Errorf("%x: %+v %v, want 0x%x", base, loc, err, want)
		}
	}
	for name, m := range map[string]machine{
		"none":            {frame: &corefile.Frame{CFA: 0x2000}},
		"of itself":       {frame: &corefile.Frame{CFA: 0x2000}, frameBase: []byte("\x91\x00")},
		"frame of no CFA": {frame: &corefile.Frame{}, frameBase: []byte("\x9c")},
	} {
		if loc, err := m.run([]byte("\x91\x78")); err == nil {
			t.Errorf("%s: %+v", name, loc)
		}
	}
}

// FuzzLocation evaluates arbitrary bytes: it ends, it does not panic, and a
// piece with contents never comes from a register that is not known.
func FuzzLocation(f *testing.F) {
	for _, s := range []string{"\x91\x60\x93\x08\x93\x08", "\x53\x93\x08\x50\x93\x08", "\x9e\x02ab", "\x71\x00\x06\x9f", "\x73\x08\x31\x22"} {
		f.Add([]byte(s), []byte{opCallFrameCFA})
	}
	regs := &corefile.Registers{}
	regs.Set(3, coretest.Words(0x3333))
	fr := &corefile.Frame{CFA: 0x2000, Regs: regs}
	f.Fuzz(func(t *testing.T, expr, base []byte) {
		m := machine{frame: fr, frameBase: base, src: source{memory: echoMemory{}}}
		loc, err := m.run(expr)
		if err != nil {
			if len(loc.Pieces) != 0 {
				t.Errorf("pieces with an error: %+v", loc)
			}
			return
		}
		if len(loc.Pieces) == 0 || len(loc.Pieces) > maxPieces {
			t.Errorf("%d pieces", len(loc.Pieces))
		}
		for _, p := range loc.Pieces {
			if p.Size < 0 || p.Kind == corefile.PieceMissing && (p.Addr != 0 || p.Value != nil) || p.Kind == corefile.PieceRegister && p.Reg != 3 {
				t.Errorf("piece %+v", p)
			}
		}
	})
}
