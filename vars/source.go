package vars

import (
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
)

// memory is what the decoder needs of corefile.Memory. Tests feed bytes
// through it.
type memory interface {
	// View returns n bytes at addr, all or nothing.
	View(addr uint64, n int) (b []byte, p corefile.Provenance, ok bool)
	// Provenance tells where the byte at addr comes from.
	Provenance(addr uint64) corefile.Provenance
}

// typeSource is what the decoder needs of gotype.Types.
type typeSource interface {
	ByDescriptor(addr uint64) (*gotype.Type, error)
	ByName(name string) (*gotype.Type, error)
}

// scopeSource is what the frame reader needs of goscope.Finder.
type scopeSource interface {
	Scopes(pc, callPC uint64) ([]goscope.Scope, error)
	Globals() ([]goscope.Global, error)
}

// function is what is known of a function by its entry address.
type function struct {
	Name     string
	Captured []captured
}

// captured is a variable that a closure holds.
type captured struct {
	Name   string
	Offset int64 // in the closure object, whose first word is the code pointer
	Type   *gotype.Type
	// ByRef means that the closure object holds a pointer to the variable.
	ByRef bool
}

// functionSource names functions and knows what closures hold.
type functionSource interface {
	// Function describes the function whose entry is at the process address
	// pc; ok is false when no function starts there.
	Function(pc uint64) (f function, ok bool)
}
