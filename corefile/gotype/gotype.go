package gotype

import (
	"debug/dwarf"
	"errors"
	"reflect"

	"github.com/safedump/sdcore/corefile"
)

// Type is the layout of a Go type. Types of equal identity are the same
// pointer, and cycles are cycles of pointers: whoever walks one keeps a
// visited set or a depth.
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
	Elem, Key *Type
	Len       int64 // of arrays
	Fields    []Field
	// Internal is the struct behind a map (internal/runtime/maps.Map), chan
	// (runtime.hchan), string, slice or interface header, when DWARF names it.
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
}

// Field is a field of a struct.
type Field struct {
	Name     string
	Offset   int64
	Type     *Type
	Embedded bool
}

// ErrNoType is wrapped when a type is not described anywhere.
var ErrNoType = errors.New("type is not described in the binary")

// Types compiles and keeps the types of one core. Not safe for concurrent use.
type Types struct{}

// New prepares the types of a core's binary.
func New(c *corefile.Core) (*Types, error) { return nil, ErrNoType }

// ByOffset compiles the type at a DWARF offset.
func (t *Types) ByOffset(off dwarf.Offset) (*Type, error) { return nil, ErrNoType }

// ByName compiles the type with a DWARF name such as "runtime.g".
func (t *Types) ByName(name string) (*Type, error) { return nil, ErrNoType }

// ByDescriptor compiles the type whose abi.Type lies at addr in the process:
// from DWARF where it has the type, from the descriptor in memory otherwise
// (types made by reflect).
func (t *Types) ByDescriptor(addr uint64) (*Type, error) { return nil, ErrNoType }

// Field finds a field by name, also a promoted path "stack.lo".
func (t *Type) Field(path string) (Field, bool) { return Field{}, false }
