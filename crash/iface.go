package crash

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// maxText bounds one message read from the core.
const maxText = 1 << 20

// dyn is the dynamic value of an interface.
type dyn struct {
	desc uint64       // address of the abi.Type, 0 for nil
	typ  *gotype.Type // nil when it is not described
	data uint64       // the data word
	at   uint64       // where the data word lies, 0 when in a register
}

// direct reports whether the data word is the value itself: pointers and what
// consists of exactly one.
func (d *dyn) direct() bool { return pointerShaped(d.typ, 8) }

func pointerShaped(t *gotype.Type, depth int) bool {
	if t == nil || depth == 0 {
		return false
	}
	switch t.Kind {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Struct:
		return len(t.Fields) == 1 && pointerShaped(t.Fields[0].Type, depth-1)
	case reflect.Array:
		return t.Len == 1 && pointerShaped(t.Elem, depth-1)
	}
	return false
}

// target is the value's own address, for a pointer that of what it points to:
// where the fields are. base is the type that lies there.
func (d *dyn) target() (base *gotype.Type, addr uint64) {
	if d.typ == nil {
		return nil, 0
	}
	if d.typ.Kind == reflect.Pointer {
		return d.typ.Elem, d.data
	}
	if d.direct() {
		return d.typ, d.at
	}
	return d.typ, d.data
}

// name is the dynamic type, "" when unknown.
func (d *dyn) name() string {
	if d.typ == nil {
		return ""
	}
	return d.typ.Name
}

// module is the import path of the package that declares the type.
func (d *dyn) module() string {
	t := d.typ
	for n := 0; t != nil && t.Kind == reflect.Pointer && t.Package == "" && n < 8; n++ {
		t = t.Elem
	}
	if t == nil {
		return ""
	}
	return t.Package
}

// eface reads the empty interface at addr.
func (x *explainer) eface(addr uint64) (dyn, error) {
	desc, err := x.mem.Uint64(addr)
	if err != nil {
		return dyn{}, err
	}
	data, err := x.mem.Uint64(addr + 8)
	if err != nil {
		return dyn{}, err
	}
	return x.dyn(desc, data, addr+8), nil
}

// iface reads the interface of type t at addr, with methods or without.
func (x *explainer) iface(t *gotype.Type, addr uint64) (dyn, error) {
	if t.EmptyInterface {
		return x.eface(addr)
	}
	tab, err := x.mem.Uint64(addr)
	if err != nil || tab == 0 {
		return dyn{}, err
	}
	// abi.ITab: Inter, Type, ... (internal/abi/iface.go, Go 1.26).
	off := uint64(8)
	if x.in.Types != nil {
		if it, err := x.in.Types.ByName("internal/abi.ITab"); err == nil && it != nil {
			if f, ok := it.Field("Type"); ok && f.Offset >= 0 {
				off = uint64(f.Offset)
			}
		}
	}
	desc, err := x.mem.Uint64(tab + off)
	if err != nil {
		return dyn{}, err
	}
	data, err := x.mem.Uint64(addr + 8)
	if err != nil {
		return dyn{}, err
	}
	return x.dyn(desc, data, addr+8), nil
}

func (x *explainer) dyn(desc, data, at uint64) dyn {
	d := dyn{desc: desc, data: data, at: at}
	if desc != 0 && x.in.Types != nil {
		if t, err := x.in.Types.ByDescriptor(desc); err == nil {
			d.typ = t
		}
	}
	return d
}

// value decodes the dynamic value as a report value, nil when it has none.
func (x *explainer) value(d dyn) *report.Value {
	if x.in.Vars == nil || d.typ == nil {
		return nil
	}
	var v report.Value
	switch {
	case !d.direct():
		v = x.in.Vars.Value(d.typ, d.data)
	case d.at != 0:
		v = x.in.Vars.Value(d.typ, d.at)
	default:
		word := binary.LittleEndian.AppendUint64(nil, d.data)
		v = x.in.Vars.At(d.typ, corefile.Location{Pieces: []corefile.Piece{{Kind: corefile.PieceValue, Size: 8, Value: word}}}, nil)
	}
	return &v
}

// str reads the string whose header lies at addr.
func (x *explainer) str(addr uint64) (string, error) {
	ptr, err := x.mem.Uint64(addr)
	if err != nil {
		return "", err
	}
	n, err := x.mem.Uint64(addr + 8)
	if err != nil {
		return "", err
	}
	return x.text(ptr, n)
}

// text reads n bytes of text.
func (x *explainer) text(ptr, n uint64) (string, error) {
	if n == 0 {
		return "", nil
	}
	if n > maxText {
		return "", fmt.Errorf("text at %#x has length %d, over %d", ptr, n, maxText)
	}
	b, _, ok := x.mem.View(ptr, int(n))
	if !ok {
		return "", fmt.Errorf("text at %#x: %w", ptr, corefile.ErrUnmapped)
	}
	return string(b), nil
}

// printedName is the type as the runtime prints it: with package names where
// gotype has import paths. It is read from the descriptor, since a package
// may be named otherwise than its directory.
func (x *explainer) printedName(d dyn) (string, bool) {
	if s, ok := x.names[d.desc]; ok {
		return s, s != ""
	}
	s, err := x.descriptorName(d.desc)
	if err != nil {
		s = ""
		if n := d.name(); n != "" && !strings.Contains(n, "/") {
			s = n // no import path in it that could differ
		}
	}
	x.names[d.desc] = s
	return s, s != ""
}
