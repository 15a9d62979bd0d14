package gotype

import (
	"debug/dwarf"

	"github.com/safedump/sdcore/corefile/die"
)

// HasPackage reports whether the binary has something of a package, by its
// import path.
func (t *Types) HasPackage(path string) bool {
	for _, u := range t.info.Units() {
		if u.Language == die.LangGo && u.Name == path {
			return true
		}
	}
	return false
}

// Constant returns a constant of package runtime by its full name, such as
// "runtime._KindSpecialSecret". They are looked through each time.
func (t *Types) Constant(name string) (int64, bool) {
	for _, u := range t.info.Units() {
		if u.Language != die.LangGo || u.Package != "runtime" {
			continue
		}
		c := u.Cursor()
		if _, ok, err := c.Next(); !ok || err != nil { // the unit itself
			continue
		}
		for {
			e, ok, err := c.Next()
			if !ok || err != nil {
				break
			}
			if e.Tag == dwarf.TagConstant {
				if got, ok := e.Bytes(dwarf.AttrName); ok && string(got) == name {
					v, ok := e.Uint(dwarf.AttrConstValue)
					return int64(v), ok
				}
			}
			if e.Tag != 0 && c.Skip(e) != nil {
				break
			}
		}
	}
	return 0, false
}
