package sdcore

import (
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
)

const (
	// maxRootWords bounds the words of a variable, or of a frame, that are given
	// names, and maxTypeSteps the parts of a type that are looked at for them.
	maxRootWords = 1 << 16
	maxTypeSteps = 1 << 18
)

// pointerWords returns the offsets of the words of a type that the collector
// takes for pointers; ok is false when there are too many or they are not known.
// As in the compiler's own maps the first word of an interface is none
// (cmd/compile/internal/typebits, the same in go1.25.4, go1.26.8 and go1.27.0).
func pointerWords(t *gotype.Type) (words []int64, ok bool) {
	f := wordFinder{}
	ok = f.find(t, 0)
	return f.words, ok
}

// wordFinder collects the pointers of one type.
type wordFinder struct {
	words []int64
	steps int
}

func (f *wordFinder) find(t *gotype.Type, base int64) bool {
	if f.steps++; t == nil || t.Err != nil || len(f.words) >= maxRootWords || f.steps > maxTypeSteps {
		return false
	}
	switch t.Kind {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.String, reflect.Slice:
		f.words = append(f.words, base)
	case reflect.Interface:
		f.words = append(f.words, base+8)
	case reflect.Array:
		return f.array(t, base)
	case reflect.Struct:
		for i := range t.Fields {
			if !f.find(t.Fields[i].Type, base+t.Fields[i].Offset) {
				return false
			}
		}
	case reflect.Invalid:
		return false
	}
	return true
}

// array looks at one element, and repeats it.
func (f *wordFinder) array(t *gotype.Type, base int64) bool {
	if t.Len == 0 {
		return true
	}
	first := len(f.words)
	if !f.find(t.Elem, base) {
		return false
	}
	one := f.words[first:]
	if len(one) == 0 {
		return true
	}
	if t.Len < 0 || t.Elem.Size <= 0 || t.Len > maxRootWords || int(t.Len)*len(one) > maxRootWords-first {
		return false
	}
	for i := int64(1); i < t.Len; i++ {
		for _, w := range one {
			f.words = append(f.words, w+i*t.Elem.Size)
		}
	}
	return true
}

// descend finds the innermost part of a type that holds size bytes at an offset,
// with the offset in that: a field or an element of just that size, or what has
// no parts. It is nil when there is none.
func descend(t *gotype.Type, off, size int64) (*gotype.Type, int64) {
	for range maxPartDepth {
		switch {
		case t == nil || off < 0 || off+size > t.Size:
			return nil, 0
		case off == 0 && size == t.Size && !(t.Kind == reflect.Struct && len(t.Fields) == 1):
			return t, 0
		case t.Kind == reflect.Array && t.Elem != nil && t.Elem.Size > 0:
			t, off = t.Elem, off%t.Elem.Size
		case t.Kind == reflect.Struct:
			inner, ok := t.FieldOver(off)
			if !ok {
				return nil, 0
			}
			t, off = inner.Type, off-inner.Offset
		default:
			return t, off
		}
	}
	return nil, 0
}

const maxPartDepth = 64
