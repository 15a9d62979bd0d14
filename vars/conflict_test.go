package vars

import (
	"reflect"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

func TestContradictions(t *testing.T) {
	mem := func(a uint64) corefile.Piece { return corefile.Piece{Kind: corefile.PieceMemory, Addr: a, Size: 8} }
	reg := func(n uint64) corefile.Piece { return corefile.Piece{Kind: corefile.PieceRegister, Reg: n, Size: 8} }
	all := func(a uint64) corefile.Piece { return corefile.Piece{Kind: corefile.PieceMemory, Addr: a} }
	arg, local := report.RoleArg, report.RoleLocal
	pair := structOf("pair", 24, field("N", 0, intType), field("S", 8, stringType))
	for _, tt := range []struct {
		name   string
		a, b   goscope.Var
		la, lb []corefile.Piece
		want   []doubt
	}{
		{"number in the place of an interface parameter", goscope.Var{Role: arg, Type: errorType}, goscope.Var{Role: local, Type: intType},
			[]corefile.Piece{mem(8), mem(16)}, []corefile.Piece{all(8)}, []doubt{noDoubt, refuted}},
		{"in its register", goscope.Var{Role: arg, Type: errorType}, goscope.Var{Role: local, Type: intType},
			[]corefile.Piece{reg(3), reg(2)}, []corefile.Piece{reg(2)}, []doubt{noDoubt, refuted}},
		{"two locals", goscope.Var{Role: local, Type: ptrTo(intType)}, goscope.Var{Role: local, Type: intType},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{doubtful, doubtful}},
		{"a copy", goscope.Var{Role: arg, Type: intType}, goscope.Var{Role: local, Type: pair},
			[]corefile.Piece{all(8)}, []corefile.Piece{mem(8), {Size: 16}}, []doubt{noDoubt, noDoubt}},
		{"a string in the place of a slice", goscope.Var{Role: arg, Type: sliceOf(byteType)}, goscope.Var{Role: local, Type: stringType},
			[]corefile.Piece{mem(8), mem(16), mem(24)}, []corefile.Piece{mem(8), mem(16)}, []doubt{noDoubt, noDoubt}},
		{"two floats", goscope.Var{Role: local, Type: scalarOf("float64", reflect.Float64)}, goscope.Var{Role: local, Type: scalarOf("float64", reflect.Float64)},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{shared, shared}},
		{"a float and an int", goscope.Var{Role: local, Type: scalarOf("float64", reflect.Float64)}, goscope.Var{Role: local, Type: intType},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{doubtful, doubtful}},
		{"a pointer to the variable", goscope.Var{Role: local, Type: intType, Escaped: true}, goscope.Var{Role: local, Type: ptrTo(intType)},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{noDoubt, noDoubt}},
		{"an address as number", goscope.Var{Role: local, Type: ptrTo(intType)}, goscope.Var{Role: local, Type: scalarOf("uintptr", reflect.Uintptr)},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{noDoubt, noDoubt}},
		{"captured", goscope.Var{Role: report.RoleCaptured, Type: ptrTo(intType)}, goscope.Var{Role: local, Type: intType},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{noDoubt, noDoubt}},
		{"inside of arrays", goscope.Var{Role: local, Type: arrayOf(3, pair)}, goscope.Var{Role: local, Type: intType},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8 + 24 + 8)}, []doubt{doubtful, doubtful}},
		{"huge, of bytes", goscope.Var{Role: local, Type: &gotype.Type{Kind: reflect.Array, Len: 1 << 50, Size: 1 << 50, Elem: byteType}}, goscope.Var{Role: local},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{noDoubt, noDoubt}},
		{"huge", goscope.Var{Role: local, Type: &gotype.Type{Kind: reflect.Array, Len: 1 << 50, Size: 1 << 53, Elem: intType}}, goscope.Var{Role: local},
			[]corefile.Piece{all(8)}, []corefile.Piece{all(8)}, []doubt{noDoubt, noDoubt}},
	} {
		got := compare([]goscope.Var{tt.a, tt.b}, []corefile.Location{{Pieces: tt.la}, {Pieces: tt.lb}})
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}

func TestDoubtfulValues(t *testing.T) {
	v := report.Value{State: report.StateOK, Kind: report.KindInt, Type: "int", Text: "5", Addr: 8}
	w := v
	noDoubt.apply(&w)
	if w.State != report.StateOK {
		t.Errorf("%+v", w)
	}
	shared.apply(&w)
	if w.State != report.StateOK || w.Text != "5" || w.Note == "" {
		t.Errorf("%+v", w)
	}
	w.Note = ""
	doubtful.apply(&w)
	if w.State != report.StateStale || w.Text != "5" || w.Note == "" {
		t.Errorf("%+v", w)
	}
	refuted.apply(&v)
	if v.State != report.StateOptimizedOut || v.Text != "" || v.Note == "" {
		t.Errorf("%+v", v)
	}
}
