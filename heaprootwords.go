package sdcore

import (
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
)

// maxRootWords bounds the words of a variable, or of a frame, that are given
// names.
const maxRootWords = 1 << 16

// pointerWords appends the offsets, from base on, of the words of a type that
// the collector takes for pointers; ok is false when there are too many or they
// are not known. As in the compiler's own maps the first word of an interface is
// none (cmd/compile/internal/typebits, the same in go1.25.4, go1.26.8 and go1.27.0).
func pointerWords(t *gotype.Type, base int64, out []int64) (_ []int64, ok bool) {
	if t == nil || t.Err != nil {
		return out, false
	}
	if len(out) >= maxRootWords {
		return out, false
	}
	switch t.Kind {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.String, reflect.Slice:
		return append(out, base), true
	case reflect.Interface:
		return append(out, base+8), true
	case reflect.Array:
		return arrayWords(t, base, out)
	case reflect.Struct:
		for i := range t.Fields {
			if out, ok = pointerWords(t.Fields[i].Type, base+t.Fields[i].Offset, out); !ok {
				return out, false
			}
		}
	case reflect.Invalid:
		return out, false
	}
	return out, true
}

// arrayWords is pointerWords of an array.
func arrayWords(t *gotype.Type, base int64, out []int64) ([]int64, bool) {
	one, ok := pointerWords(t.Elem, 0, nil)
	if !ok || len(one) == 0 || t.Elem.Size <= 0 {
		return out, ok
	}
	if t.Len < 0 || t.Len > maxRootWords || int(t.Len)*len(one) > maxRootWords-len(out) {
		return out, false
	}
	for i := range t.Len {
		for _, off := range one {
			out = append(out, base+i*t.Elem.Size+off)
		}
	}
	return out, true
}

// partAt finds the part of a type that lies at an offset and has a size: a field
// or an element, however deep; nil when there is none.
func partAt(t *gotype.Type, off, size int64) *gotype.Type {
	for range maxPartDepth {
		switch {
		case t == nil || off < 0 || off+size > t.Size:
			return nil
		case off == 0 && size == t.Size && !(t.Kind == reflect.Struct && len(t.Fields) == 1):
			return t
		case t.Kind == reflect.Array && t.Elem != nil && t.Elem.Size > 0:
			t, off = t.Elem, off%t.Elem.Size
		case t.Kind == reflect.Struct:
			inner := fieldOver(t, off)
			if inner == nil {
				return nil
			}
			t, off = inner.Type, off-inner.Offset
		default:
			return nil
		}
	}
	return nil
}

const maxPartDepth = 64

// fieldOver finds the field that lies over an offset.
func fieldOver(t *gotype.Type, off int64) *gotype.Field {
	for i := range t.Fields {
		fd := &t.Fields[i]
		if fd.Type != nil && off >= fd.Offset && off-fd.Offset < fd.Type.Size {
			return fd
		}
	}
	return nil
}
