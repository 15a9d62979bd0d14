package vars

import (
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

func TestPieces(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	data := w.alloc([]byte("hello world, this is data"))
	regs := &corefile.Registers{}
	regs.Set(0, words(data))
	regs.Set(3, words(5))
	regs.Set(17, append(words(f64(2.5)), words(0)...))
	reg := func(n uint64) corefile.Piece { return corefile.Piece{Kind: corefile.PieceRegister, Reg: n, Size: 8} }
	miss := corefile.Piece{Size: 8}
	mem := func(a uint64) corefile.Piece { return corefile.Piece{Kind: corefile.PieceMemory, Addr: a, Size: 8} }
	val := func(x uint64) corefile.Piece {
		return corefile.Piece{Kind: corefile.PieceValue, Value: words(x), Size: 8}
	}
	bytesType := sliceOf(byteType)
	pair := structOf("main.Pair", 32, field("S", 0, stringType), field("N", 16, intType), field("F", 24, scalarOf("float64", 14)))
	stack := w.words(data, 5, 9)
	for _, tt := range []struct {
		name   string
		t      *gotype.Type
		pieces []corefile.Piece
		want   report.State
		text   string
	}{
		{"string in registers", stringType, []corefile.Piece{reg(0), reg(3)}, report.StateOK, "hello"},
		{"string, value and memory", stringType, []corefile.Piece{mem(stack), val(3)}, report.StateOK, "hel"},
		{"string without a length", stringType, []corefile.Piece{reg(0), miss}, report.StateOptimizedOut, ""},
		{"string with a lost register", stringType, []corefile.Piece{reg(0), reg(9)}, report.StateOptimizedOut, ""},
		{"string without pointer", stringType, []corefile.Piece{miss, reg(3)}, report.StateOptimizedOut, ""},
		{"string that ends early", stringType, []corefile.Piece{reg(0)}, report.StateOptimizedOut, ""},
		{"no pieces", stringType, nil, report.StateOptimizedOut, ""},
		{"all missing", pair, []corefile.Piece{miss, miss, miss, miss}, report.StateOptimizedOut, ""},
		{"bytes without a capacity", bytesType, []corefile.Piece{reg(0), reg(3), miss}, report.StateOK, "hello"},
		{"int in a register", intType, []corefile.Piece{{Kind: corefile.PieceRegister, Reg: 3}}, report.StateOK, "5"},
		{"byte in a register", byteType, []corefile.Piece{{Kind: corefile.PieceRegister, Reg: 3}}, report.StateOK, "5"},
		{"float in xmm", scalarOf("float64", 14), []corefile.Piece{{Kind: corefile.PieceRegister, Reg: 17, Size: 16}}, report.StateOK, "2.5"},
		{"value too short", intType, []corefile.Piece{{Kind: corefile.PieceValue, Value: []byte{1}}}, report.StateOptimizedOut, ""},
	} {
		v := r.At(tt.t, corefile.Location{Pieces: tt.pieces}, regs)
		well(t, &v)
		if v.State != tt.want || v.Text != tt.text || v.Nil {
			t.Errorf("%s: %+v, want %s %q", tt.name, v, tt.want, tt.text)
		}
	}

	v := r.At(pair, corefile.Location{Pieces: []corefile.Piece{reg(0), reg(3), miss, reg(17)}}, regs)
	well(t, &v)
	if v.State != report.StateOK || v.Children[0].Value.Text != "hello" || v.Children[2].Value.Text != "2.5" ||
		v.Children[1].Value.State != report.StateOptimizedOut {
		t.Errorf("struct in pieces: %+v", v)
	}

	v = r.At(bytesType, corefile.Location{Pieces: []corefile.Piece{reg(0), reg(3), miss}}, regs)
	if v.Cap != 0 || v.Len != 5 || v.Note == "" {
		t.Errorf("slice without a capacity: %+v", v)
	}
	root := Root{t: bytesType, src: place(bytesType, corefile.Location{Pieces: []corefile.Piece{reg(0), reg(3), miss}}, regs)}
	if v, err := r.Eval(root, report.Path{Steps: []report.Step{{Op: report.StepCap}}}); err == nil {
		t.Errorf("an unknown capacity is %s", v.Text)
	}
	if v, err := r.Eval(root, report.Path{Steps: []report.Step{{Op: report.StepIndex, Key: "4"}}}); err != nil || v.Text != "111" {
		t.Errorf("a byte by path is %+v, %v", v, err)
	}

	v = r.At(stringType, corefile.Location{Pieces: []corefile.Piece{mem(stack), mem(stack + 8)}}, regs)
	if v.Addr != report.Addr(stack) || v.Text != "hello" {
		t.Errorf("neighbouring pieces: %+v", v)
	}
	v = r.At(intType, corefile.Location{Pieces: []corefile.Piece{mem(stack + 8)}, Stale: true}, regs)
	if v.State != report.StateStale || v.Text != "5" || v.Note == "" {
		t.Errorf("stale: %+v", v)
	}
	if v = r.At(nil, corefile.Location{}, nil); v.State != report.StateUnreadable {
		t.Errorf("nothing known: %+v", v)
	}

	// A direct interface whose data word is in a register.
	d := w.descriptor(ptrTo(intType), true)
	v = r.At(anyType, corefile.Location{Pieces: []corefile.Piece{val(d), val(stack + 16)}}, nil)
	if v.Children[0].Value.Children[0].Value.Text != "9" {
		t.Errorf("interface in registers: %+v", v)
	}
	v = r.At(anyType, corefile.Location{Pieces: []corefile.Piece{val(d), miss}}, nil)
	if c := v.Children[0].Value; c.State != report.StateOptimizedOut || c.Type != "*int" {
		t.Errorf("interface of a known type: %+v", v)
	}
}
