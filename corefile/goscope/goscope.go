package goscope

import (
	"debug/dwarf"
	"errors"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Finder finds scopes; plans are kept per PC. Not safe for concurrent use.
type Finder struct {
	types *gotype.Types
	info  *die.Info
	src   source
	bias  uint64
	lines lineTable
	units unitIndex
	funcs map[dwarf.Offset]*function
	plans map[[2]uint64][]Scope
}

// New prepares a Finder for a core's binary. t must be of the same core.
func New(c *corefile.Core, t *gotype.Types) (*Finder, error) {
	b := c.Binary()
	if b == nil {
		return nil, fmt.Errorf("scopes of %s: no binary: %w", c.Path(), corefile.ErrNoDWARF)
	}
	return newFinder(source{binary: b, memory: c.Memory()}, t, c.LoadBias()), nil
}

// NewStatic prepares a Finder for an executable by itself. Addresses are those
// of the file; locations that need memory can't be computed.
func NewStatic(b *corefile.Binary, t *gotype.Types) *Finder {
	return newFinder(source{binary: b}, t, 0)
}

func newFinder(src source, t *gotype.Types, bias uint64) *Finder {
	return &Finder{
		types: t, info: t.DebugInfo(), src: src, bias: bias,
		lines: lineTable{binary: src.binary},
		funcs: map[dwarf.Offset]*function{},
		plans: map[[2]uint64][]Scope{},
	}
}

// Errors of this package.
var (
	// ErrNoFunction is wrapped when no function with debug information is at a
	// PC: assembly, C, or the code of another file.
	ErrNoFunction = errors.New("no function with debug information")
	// ErrBadScope is wrapped when a function's debug information contradicts
	// itself.
	ErrBadScope = errors.New("function is described wrongly")
	// ErrBadExpression is wrapped when a location expression can't be evaluated.
	ErrBadExpression = errors.New("location expression can't be evaluated")
)

// Scope is what one function, physical or inlined, declares at a PC.
type Scope struct {
	Function string
	// Depth is the inlining depth as in corefile.Frame.
	Depth int
	// Line is the line of this function that is being executed, by which it
	// was decided which variables are declared already; 0 when unknown.
	Line int
	// Vars are arguments, results, captured variables, locals, each in the
	// order of their declaration. It must not be changed.
	Vars []Var
}

// Var is a variable and how to find it.
type Var struct {
	// Name is the source's name: "&" of escaped variables is stripped (Escaped
	// says so), "~r0" of unnamed results is kept.
	Name string
	Role report.Role
	// Type is the type of the variable itself, also when Escaped. In generic
	// functions it may be a shape type, see [Var.TypeIn].
	Type     *gotype.Type
	DeclLine int
	// Block is the nesting depth of the lexical block, for shadowing.
	Block int
	// Escaped means that the location holds a pointer to the variable.
	Escaped bool

	slot *gotype.Type // of the pointer, when Escaped
	plan plan
}

// SlotType is the type of what the location holds: a pointer to the variable
// when it escaped, otherwise the variable itself.
func (v *Var) SlotType() *gotype.Type {
	if v.Escaped {
		return v.slot
	}
	return v.Type
}

// Scopes returns the scopes at a frame's PC: index 0 is the physical function,
// then each inlined call inwards. pc and callPC are the frame's. The error
// wraps ErrNoFunction when the PC is in none. A variable whose type is broken is
// listed with a type that has Err.
func (f *Finder) Scopes(pc, callPC uint64) ([]Scope, error) {
	key := [2]uint64{pc, callPC}
	if s, ok := f.plans[key]; ok {
		return s, nil
	}
	fn, err := f.function(callPC - f.bias)
	if err != nil {
		return nil, fmt.Errorf("scopes at 0x%x: %w", callPC, err)
	}
	s := f.scopesOf(fn, pc-f.bias, callPC-f.bias)
	f.plans[key] = s
	return s, nil
}

// Damage is the first defect that was met in the debug information so far, nil
// when there was none. Functions and variables behind it in the same package
// are not found.
func (f *Finder) Damage() error {
	if err := f.types.Damage(); err != nil {
		return err
	}
	return f.units.damage
}

// Function returns the name, entry and end of the physical function with debug
// information at pc.
func (f *Finder) Function(pc uint64) (name string, entry, end uint64, ok bool) {
	ref, ok := f.units.function(f.info, pc-f.bias)
	if !ok {
		return "", 0, 0, false
	}
	e, err := f.info.Entry(ref.off)
	if err != nil {
		return "", 0, 0, false
	}
	name = f.nameOf(e)
	return name, ref.span.Low + f.bias, ref.span.High + f.bias, name != ""
}
