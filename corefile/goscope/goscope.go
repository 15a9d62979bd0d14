package goscope

import (
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Finder finds scopes; plans are kept per PC. Not safe for concurrent use.
type Finder struct{}

// New prepares a Finder for a core's binary.
func New(c *corefile.Core, t *gotype.Types) (*Finder, error) { return nil, nil }

// Scope is what one function, physical or inlined, declares at a PC.
type Scope struct {
	Function string
	// Depth is the inlining depth as in corefile.Frame.
	Depth int
	Vars  []Var
}

// Var is a variable and how to find it.
type Var struct {
	// Name is the source's name: "&" of escaped variables is stripped (Escaped
	// says so), "~r0" of unnamed results is kept.
	Name     string
	Role     report.Role
	Type     *gotype.Type
	DeclLine int
	// Block is the nesting depth of the lexical block, for shadowing.
	Block int
	// Escaped means that the location holds a pointer to the variable.
	Escaped bool
}

// Scopes returns the scopes at a frame's PC: index 0 is the physical function,
// then each inlined call inwards. pc and callPC are the frame's.
func (f *Finder) Scopes(pc, callPC uint64) ([]Scope, error) { return nil, nil }

// Locate runs v's location plan for one frame. A variable without a location
// at this PC has a Location without pieces.
func (v *Var) Locate(fr *corefile.Frame) (corefile.Location, error) { return corefile.Location{}, nil }

// Global is a package variable.
type Global struct {
	Package, Name string
	Addr          uint64 // in the process, load bias included
	Type          *gotype.Type
}

// Globals lists the package variables in order of package and name.
func (f *Finder) Globals() ([]Global, error) { return nil, nil }
