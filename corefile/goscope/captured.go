package goscope

import (
	"fmt"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// Captured is a variable of an enclosing function that the closures of a
// function literal hold.
type Captured struct {
	Name string
	// Type is the type of the variable itself, also when ByRef.
	Type *gotype.Type
	// Offset is its place in the closure, in bytes.
	Offset uint64
	// ByRef means that the closure holds a pointer to the variable.
	ByRef bool
}

// Captured lists what closures of the function that begins at entry hold, by
// the compiler's DW_AT_go_closure_offset (Go 1.23 and later). The error wraps
// ErrNoFunction when no function with debug information begins there.
func (f *Finder) Captured(entry uint64) ([]Captured, error) {
	fn, err := f.function(entry - f.bias)
	if err == nil && fn.span.Low != entry-f.bias {
		err = ErrNoFunction
	}
	if err != nil {
		return nil, fmt.Errorf("closure of 0x%x: %w", entry, err)
	}
	var out []Captured
	for i := range fn.nodes[0].vars {
		v := &fn.nodes[0].vars[i]
		name, byRef := strings.CutPrefix(v.name, "&")
		if !v.captured || hidden(name) {
			continue
		}
		ty, err := f.types.ByOffset(v.typeOff)
		switch {
		case err != nil:
			ty = broken(err)
		case byRef && ty.Elem == nil:
			continue
		case byRef:
			ty = ty.Elem
		}
		out = append(out, Captured{Name: name, Type: ty, Offset: v.closure, ByRef: byRef})
	}
	return out, nil
}
