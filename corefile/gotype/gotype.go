package gotype

import (
	"debug/dwarf"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
)

// Type is the layout of a Go type. Types of equal identity are the same
// pointer, and cycles are cycles of pointers: whoever walks one keeps a
// visited set or a depth. Containment by value has no cycles: a struct or array
// never contains itself.
//
// A Type must not be changed.
type Type struct {
	// Name is the type as Go spells it: "main.User", "[]uint8",
	// "map[string]*main.Session". Package paths are whole.
	Name string
	// Package is the import path of a named type, "" otherwise.
	Package string
	Kind    reflect.Kind
	Size    int64
	Align   int64
	// Elem is the element of arrays, slices, pointers, chans and maps; Key
	// the key of maps; Underlying is nil or, for a named type, the plan that
	// Name stands for is already inlined here: all other fields describe it.
	// Elem is nil for unsafe pointers and pointers without a described target.
	Elem, Key *Type
	// Len is the length of arrays. It may be anything up to 1<<62 when the
	// element's size is 0.
	Len    int64
	Fields []Field
	// Internal is the struct behind a map (internal/runtime/maps.Map), chan
	// (runtime.hchan), string, slice or interface header, when DWARF names it.
	// For maps and chans it is what the value points to.
	Internal *Type
	// Offset is the DWARF entry, 0 for types made from a descriptor.
	Offset dwarf.Offset
	// Descriptor is the address of the runtime's abi.Type, 0 when unknown.
	Descriptor uint64
	// Empty marks an interface without methods (eface instead of iface).
	EmptyInterface bool
	// Shape marks a generic shape type (go.shape.int): a stand-in whose real
	// type is known from the dictionary only.
	Shape bool
	// Err says why a type that others refer to could not be compiled. Kind is
	// then reflect.Invalid, and nothing but Name and Size may be known.
	Err error
}

// Field is a field of a struct.
type Field struct {
	Name     string
	Offset   int64
	Type     *Type
	Embedded bool
}

// Errors of this package.
var (
	// ErrNoType is wrapped when a type is not described anywhere.
	ErrNoType = errors.New("type is not described in the binary")
	// ErrBadType is wrapped when a type's description contradicts itself.
	ErrBadType = errors.New("type is described wrongly")
)

// Types compiles and keeps the types of one core. Not safe for concurrent use.
type Types struct {
	src   source
	info  *die.Info
	byOff map[dwarf.Offset]*Type
	index typeIndex
	// queue holds types that were handed out as pointers but not filled yet,
	// fresh those that were not checked yet.
	queue, fresh []*Type
	desc         descriptors
	tags         map[*Type][]string // of struct types, once they were asked for
}

// New prepares the types of a core's binary. The error wraps
// corefile.ErrNoDWARF when there is no binary or no debug information.
func New(c *corefile.Core) (*Types, error) {
	b := c.Binary()
	if b == nil {
		return nil, fmt.Errorf("types of %s: no binary: %w", c.Path(), corefile.ErrNoDWARF)
	}
	return newTypes(source{binary: b, memory: c.Memory(), bias: c.LoadBias()})
}

// NewStatic prepares the types of an executable by itself: descriptors are
// addresses without load bias, and ByDescriptor knows only what DWARF knows.
func NewStatic(b *corefile.Binary) (*Types, error) {
	return newTypes(source{binary: b})
}

// DebugInfo gives access to the debug information that the types come from.
func (t *Types) DebugInfo() *die.Info { return t.info }

// Damage is the first defect that was met in the debug information while
// looking for types, nil when there was none so far. What lies behind it in the
// same package is not found.
func (t *Types) Damage() error {
	if err := t.info.Damage(); err != nil {
		return err
	}
	return t.index.damage
}

// ByOffset compiles the type at a DWARF offset.
func (t *Types) ByOffset(off dwarf.Offset) (*Type, error) {
	ty := t.ref(off)
	t.compile()
	if ty.Err != nil {
		return nil, ty.Err
	}
	return ty, nil
}

// ByName compiles the type with a DWARF name such as "runtime.g". Of several
// types with the name, which only types declared in functions can have, it is
// the first in the order of the binary.
func (t *Types) ByName(name string) (*Type, error) {
	off, ok := t.index.lookup(t.info, name, true)
	if !ok {
		return nil, fmt.Errorf("type %s: %w", quoteName(name), ErrNoType)
	}
	return t.ByOffset(off)
}

// Field finds a field by name, also a promoted one, also by a path "stack.lo"
// through structs. A pointer is not followed: the field would not be in this
// struct. Offset is relative to t.
func (t *Type) Field(path string) (Field, bool) {
	f := Field{Type: t}
	for _, name := range strings.Split(path, ".") {
		next, ok := f.Type.member(name)
		if !ok {
			return Field{}, false
		}
		next.Offset += f.Offset
		f = next
	}
	return f, true
}

// FieldOver finds the field of t itself that lies over an offset.
func (t *Type) FieldOver(off int64) (Field, bool) {
	for i := range t.Fields {
		f := &t.Fields[i]
		if f.Type != nil && off >= f.Offset && off-f.Offset < f.Type.Size {
			return *f, true
		}
	}
	return Field{}, false
}

// member finds a field of t or, breadth first as the language has it, of its
// embedded structs. Containment by value has no cycles, so this ends; the
// limit is for structs that embed many times over.
func (t *Type) member(name string) (Field, bool) {
	level := []Field{{Type: t}}
	for range 16 {
		var next []Field
		for _, outer := range level {
			for _, f := range outer.Type.Fields {
				f.Offset += outer.Offset
				if f.Name == name {
					return f, true
				}
				if f.Embedded && f.Type.Kind == reflect.Struct && len(next) < 4096 {
					next = append(next, f)
				}
			}
		}
		level = next
	}
	return Field{}, false
}

// quoteName shortens a name for an error text.
func quoteName(name string) string {
	if len(name) > 200 {
		name = name[:200] + "..."
	}
	return fmt.Sprintf("%q", name)
}
