// The zoo has one of every kind of Go type and function. It prints what reflect
// says of its types, one JSON object per line, and waits until its standard
// input ends, so that a test can read its memory.
package main

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"reflect"
	"unsafe"
)

type field struct {
	Name     string
	Offset   uintptr
	Type     string
	Embedded bool
	Tag      string
}

type line struct {
	Name       string
	Package    string
	Kind       string
	Size       uintptr
	Align      int
	Len        int
	Elem, Key  string
	Fields     []field
	Descriptor uintptr
	// Made is true for types that only exist at run time.
	Made bool
}

// kept keeps values of the types alive, and their descriptors with them.
var kept []any

func describe(t reflect.Type, made bool) line {
	l := line{Name: t.String(), Package: t.PkgPath(), Kind: t.Kind().String(), Size: t.Size(), Align: t.Align(), Made: made}
	switch t.Kind() {
	case reflect.Array:
		l.Len = t.Len()
		l.Elem = t.Elem().String()
	case reflect.Map:
		l.Key = t.Key().String()
		l.Elem = t.Elem().String()
	case reflect.Slice, reflect.Pointer, reflect.Chan:
		l.Elem = t.Elem().String()
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			l.Fields = append(l.Fields, field{f.Name, f.Offset, f.Type.String(), f.Anonymous, string(f.Tag)})
		}
	}
	v := any(t) // the data word of a reflect.Type is the descriptor
	l.Descriptor = uintptr((*[2]unsafe.Pointer)(unsafe.Pointer(&v))[1])
	kept = append(kept, reflect.New(t).Interface())
	return l
}

func main() {
	w := bufio.NewWriter(os.Stdout)
	enc := json.NewEncoder(w)
	for _, t := range declared() {
		enc.Encode(describe(t, false))
	}
	for _, t := range made() {
		enc.Encode(describe(t, true))
	}
	enc.Encode(line{Name: "end"})
	w.Flush()
	io.Copy(io.Discard, os.Stdin)
	if len(os.Args) > 100 {
		functions(len(os.Args))
	}
}
