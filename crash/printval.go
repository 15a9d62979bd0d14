package crash

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// panicText is what runtime.printpanicval prints for the argument of a panic
// (runtime/error.go, Go 1.26).
func (x *explainer) panicText(d dyn) (string, bool) {
	if d.desc == 0 {
		return "nil", true
	}
	if d.typ == nil {
		return "", false
	}
	text, scalar := x.scalarText(d)
	if predeclared(d.typ) && scalar {
		return text, true
	}
	name, ok := x.printedName(d)
	if !ok {
		return "", false
	}
	switch {
	case scalar && d.typ.Kind == reflect.String:
		return name + `("` + text + `")`, true
	case scalar && (d.typ.Kind == reflect.Complex64 || d.typ.Kind == reflect.Complex128):
		return name + text, true
	case scalar:
		return name + "(" + text + ")", true
	case isScalar(d.typ.Kind):
		return "", false // its memory can't be read
	}
	return fmt.Sprintf("(%s) %#x", name, d.data), true
}

// predeclared reports whether t is one of the types that print as themselves.
func predeclared(t *gotype.Type) bool { return t.Name == t.Kind.String() }

func isScalar(k reflect.Kind) bool {
	return k >= reflect.Bool && k <= reflect.Complex128 || k == reflect.String
}

// scalarText prints a scalar like the runtime's print.
func (x *explainer) scalarText(d dyn) (string, bool) {
	if d.typ.Kind == reflect.String {
		s, err := x.str(d.data)
		return indent(s), err == nil
	}
	size := d.typ.Size
	if !isScalar(d.typ.Kind) || size <= 0 || size > 16 {
		return "", false
	}
	raw, _, ok := x.mem.View(d.data, int(size))
	if !ok {
		return "", false
	}
	var b [16]byte
	copy(b[:], raw)
	u := binary.LittleEndian.Uint64(b[:])
	switch k := d.typ.Kind; k {
	case reflect.Bool:
		return strconv.FormatBool(b[0] != 0), true
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		shift := 64 - 8*uint(size)
		return strconv.FormatInt(int64(u<<shift)>>shift, 10), true
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return strconv.FormatUint(u, 10), true
	case reflect.Float32:
		return x.float(float64(math.Float32frombits(uint32(u))), 32), true
	case reflect.Float64:
		return x.float(math.Float64frombits(u), 64), true
	case reflect.Complex64:
		return x.complex(float64(math.Float32frombits(uint32(u))), float64(math.Float32frombits(uint32(u>>32))), 32), true
	default:
		return x.complex(math.Float64frombits(u), math.Float64frombits(binary.LittleEndian.Uint64(b[8:])), 64), true
	}
}

// float prints like the runtime: the shortest form since Go 1.26, seven digits
// with an exponent of three before.
func (x *explainer) float(f float64, bits int) string {
	if x.shortFloats() {
		return strconv.FormatFloat(f, 'g', -1, bits)
	}
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 0):
		return fmt.Sprintf("%+g", f)
	}
	mantissa, exp, _ := strings.Cut(fmt.Sprintf("%+.6e", f), "e")
	return mantissa + "e" + exp[:1] + strings.Repeat("0", max(0, 4-len(exp))) + exp[1:]
}

func (x *explainer) complex(re, im float64, bits int) string {
	if !x.shortFloats() {
		return "(" + x.float(re, bits) + x.float(im, bits) + "i)"
	}
	return strconv.FormatComplex(complex(re, im), 'g', -1, 2*bits)
}

// shortFloats reports whether the runtime that crashed prints floats in the
// shortest form. An unknown version counts as the current one.
func (x *explainer) shortFloats() bool {
	if x.in.Runtime == nil {
		return true
	}
	rest, ok := strings.CutPrefix(x.in.Runtime.BuildVersion(), "go1.")
	if !ok {
		return true
	}
	digits := rest
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		digits = rest[:i]
	}
	minor, err := strconv.Atoi(digits)
	return err != nil || minor >= 26
}

// indent is runtime.printindented.
func indent(s string) string { return strings.ReplaceAll(s, "\n", "\n\t") }
