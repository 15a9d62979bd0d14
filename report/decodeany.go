package report

import (
	"reflect"
	"strings"
	"time"
)

// dynamic fills in an interface. One without methods gets the natural Go value
// unless it holds a pointer to fill; of others only that can be filled.
func (f *filler) dynamic(dst reflect.Value, v *Value, t *trail) {
	if v.Nil && (v.Kind == KindInterface || dst.NumMethod() == 0) {
		dst.SetZero()
		return
	}
	if held := dst.Elem(); held.Kind() == reflect.Pointer && !held.IsNil() {
		f.value(held.Elem(), v, t.to(""))
		return
	}
	if dst.NumMethod() > 0 {
		f.mismatch(dst, v, t)
		return
	}
	if v.Kind == KindPointer || v.Kind == KindInterface {
		if inner, ok := f.held(v, t); ok {
			f.value(dst, inner, t.to(""))
		}
		return
	}
	typ := natural(v)
	if typ == nil {
		f.mismatch(dst, v, t)
		return
	}
	x := reflect.New(typ).Elem()
	before := len(f.errs) + f.left
	f.known(x, v, t)
	if len(f.errs)+f.left == before || !x.IsZero() {
		dst.Set(x)
	}
}

// natural is the Go type that holds a value of which only the report is known,
// nil where none does.
func natural(v *Value) reflect.Type {
	switch v.Type {
	case "time.Time":
		if v.Kind == KindStruct && v.Text != "" {
			return reflect.TypeFor[time.Time]()
		}
	case "time.Duration":
		return reflect.TypeFor[time.Duration]()
	}
	switch v.Kind {
	case KindBool:
		return reflect.TypeFor[bool]()
	case KindInt, KindUint, KindFloat, KindComplex:
		return naturalNumber(v)
	case KindString, KindText:
		return reflect.TypeFor[string]()
	case KindBytes:
		return reflect.TypeFor[[]byte]()
	case KindArray, KindSlice:
		return reflect.TypeFor[[]any]()
	case KindStruct:
		return reflect.TypeFor[map[string]any]()
	case KindMap:
		return naturalMap(v)
	case KindUnsafePointer:
		return reflect.TypeFor[uintptr]()
	}
	return nil
}

// naturalNumber is a predeclared type as it is, and for others the widest of
// their kind.
func naturalNumber(v *Value) reflect.Type {
	switch v.Type {
	case "int":
		return reflect.TypeFor[int]()
	case "int8":
		return reflect.TypeFor[int8]()
	case "int16":
		return reflect.TypeFor[int16]()
	case "int32":
		return reflect.TypeFor[int32]()
	case "uint":
		return reflect.TypeFor[uint]()
	case "uint8":
		return reflect.TypeFor[uint8]()
	case "uint16":
		return reflect.TypeFor[uint16]()
	case "uint32":
		return reflect.TypeFor[uint32]()
	case "uintptr":
		return reflect.TypeFor[uintptr]()
	case "float32":
		return reflect.TypeFor[float32]()
	case "complex64":
		return reflect.TypeFor[complex64]()
	}
	switch v.Kind {
	case KindInt:
		return reflect.TypeFor[int64]()
	case KindUint:
		return reflect.TypeFor[uint64]()
	case KindFloat:
		return reflect.TypeFor[float64]()
	}
	return reflect.TypeFor[complex128]()
}

// naturalMap is map[string]any where all keys are strings.
func naturalMap(v *Value) reflect.Type {
	text := strings.HasPrefix(v.Type, "map[string]")
	for i := range v.Children {
		k := v.Children[i].Key
		if k == nil || k.Kind != KindString {
			return reflect.TypeFor[map[any]any]()
		}
		text = true
	}
	if text {
		return reflect.TypeFor[map[string]any]()
	}
	return reflect.TypeFor[map[any]any]()
}
