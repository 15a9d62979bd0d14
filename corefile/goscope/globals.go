package goscope

import (
	"cmp"
	"debug/dwarf"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/corefile/gotype"
)

// Global is a package variable.
type Global struct {
	// Package is the import path, Name the variable without it. Generated
	// variables of other packages' data keep their whole name.
	Package, Name string
	Addr          uint64 // in the process, load bias included
	Type          *gotype.Type
}

// Globals lists the package variables in order of package and name, those of
// the runtime too, without what the compiler made up. A variable whose type is
// broken has a type with Err.
func (f *Finder) Globals() ([]Global, error) {
	f.units.open(f.info)
	var out []Global
	for _, u := range f.info.Units() {
		if u.Language != die.LangGo {
			continue
		}
		for _, off := range f.units.part(u).vars {
			if g, ok := f.global(off); ok {
				out = append(out, g)
			}
		}
	}
	slices.SortFunc(out, func(a, b Global) int {
		return cmp.Or(cmp.Compare(a.Package, b.Package), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Addr, b.Addr))
	})
	return slices.CompactFunc(out, func(a, b Global) bool {
		return a.Package == b.Package && a.Name == b.Name && a.Addr == b.Addr
	}), nil
}

// Global finds a package variable by its whole name: "runtime.allgs",
// "github.com/a/b.Default". The error wraps gotype.ErrNoType when there is none.
func (f *Finder) Global(name string) (Global, error) {
	f.units.open(f.info)
	// The unit of the variable's own package first: no other need be read.
	for _, own := range []bool{true, false} {
		for _, u := range f.info.Units() {
			if u.Language != die.LangGo || own != strings.HasPrefix(name, u.Name+".") {
				continue
			}
			for _, off := range f.units.part(u).vars {
				e, err := f.info.Entry(off)
				if err != nil {
					continue
				}
				if b, ok := e.Bytes(dwarf.AttrName); !ok || string(b) != name && gotype.GoName(string(b)) != name {
					continue
				}
				if g, ok := f.global(off); ok {
					return g, nil
				}
			}
		}
	}
	return Global{}, fmt.Errorf("package variable %q: %w", name, gotype.ErrNoType)
}

// global reads a package variable's entry. ok is false for what is none.
func (f *Finder) global(off dwarf.Offset) (Global, bool) {
	e, err := f.info.Entry(off)
	if err != nil {
		return Global{}, false
	}
	name, _ := e.String(dwarf.AttrName)
	addr, ok := address(&e)
	if !ok {
		return Global{}, false
	}
	g := Global{Addr: addr + f.bias}
	g.Package, g.Name = splitName(gotype.GoName(name), e.Unit.Name)
	// The compiler's own: "main..stmp_1", "main..inittask"; the linker's:
	// "_cgo_init", without a package.
	if g.Name == "" || g.Name == "_" || g.Name[0] == '.' || !strings.Contains(name, ".") {
		return Global{}, false
	}
	typeOff, ok := e.Ref(dwarf.AttrType)
	if !ok {
		return Global{}, false
	}
	if g.Type, err = f.types.ByOffset(typeOff); err != nil {
		g.Type = broken(err)
	}
	return g, true
}

// address is the fixed address of a variable, without load bias.
func address(e *die.Entry) (uint64, bool) {
	b, ok := e.Bytes(dwarf.AttrLocation)
	if !ok || len(b) < 2 {
		return 0, false
	}
	switch {
	case b[0] == opAddr && len(b) == 9:
		addr := binary.LittleEndian.Uint64(b[1:])
		return addr, addr != 0
	case b[0] == opAddrx:
		i, n := binary.Uvarint(b[1:])
		if n != len(b)-1 {
			return 0, false
		}
		return e.Unit.Indexed(i)
	}
	return 0, false
}

// splitName splits a variable's whole name at the end of the import path.
func splitName(name, unit string) (pkg, rest string) {
	if rest, ok := strings.CutPrefix(name, unit+"."); ok {
		return unit, rest
	}
	slash := strings.LastIndexByte(name, '/') + 1
	dot := strings.IndexByte(name[slash:], '.')
	if dot < 0 {
		return unit, name
	}
	return name[:slash+dot], name[slash+dot+1:]
}
