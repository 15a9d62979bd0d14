package gotype

import (
	"debug/dwarf"
	"hash/maphash"
	"slices"
	"sync"

	"github.com/safedump/sdcore/corefile/die"
)

// typeIndex finds type entries by name and by descriptor. The Go linker puts
// all types into the unit of package runtime, so that unit is indexed first
// and the others only when something is not found there.
type typeIndex struct {
	all   bool // the units of other packages too
	seed  maphash.Seed
	names []indexed // of hashed names
	descs []indexed // of descriptors, by DW_AT_go_runtime_type

	damage error
}

// indexed is an entry's offset in the lower half, what it is found by in the upper
// one: 8 bytes instead of a map of strings, which would take a hundred bytes
// for each of the 60 000 types of a large service. Sorted, those that are found
// by the same key are in the order of the binary.
type indexed uint64

func newIndexed(key uint32, off dwarf.Offset) indexed { return indexed(key)<<32 | indexed(off) }

func (r indexed) key() uint32          { return uint32(r >> 32) }
func (r indexed) offset() dwarf.Offset { return dwarf.Offset(r) }

// first returns the place of the first one with a key, or where it would be.
func first(refs []indexed, key uint32) int {
	i, _ := slices.BinarySearch(refs, newIndexed(key, 0))
	return i
}

func newTypeIndex() typeIndex { return typeIndex{seed: maphash.MakeSeed()} }

// runtime reads the units, and indexes those of package runtime meanwhile.
func (x *typeIndex) runtime(s die.Sections) (*die.Info, error) {
	units := make(chan *die.Unit, 64) // more of one package than there are
	var indexing sync.WaitGroup
	indexing.Go(func() {
		for u := range units {
			x.addUnit(u)
		}
	})
	info, err := die.NewAhead(s, func(u *die.Unit) {
		if u.Language == die.LangGo && u.Package == "runtime" {
			units <- u
		}
	})
	close(units)
	indexing.Wait()
	x.sort()
	return info, err
}

// others indexes the units of the other packages; false when that was done
// before. What follows damage in a unit is not indexed.
func (x *typeIndex) others(info *die.Info) bool {
	if x.all {
		return false
	}
	x.all = true
	for _, u := range info.Units() {
		if u.Language == die.LangGo && u.Package != "runtime" {
			x.addUnit(u)
		}
	}
	x.sort()
	return true
}

func (x *typeIndex) sort() {
	slices.Sort(x.names)
	slices.Sort(x.descs)
}

func (x *typeIndex) addUnit(u *die.Unit) {
	c := u.Cursor()
	if _, ok, err := c.Next(); !ok || err != nil { // the unit itself
		x.addDamage(err)
		return
	}
	depth := 0
	for {
		e, ok, err := c.Next()
		if !ok || err != nil {
			x.addDamage(err)
			return
		}
		if e.Tag == 0 {
			depth--
			continue
		}
		if depth == 0 && isTypeTag(e.Tag) {
			x.addEntry(e)
		}
		if e.Children {
			depth++
		}
	}
}

func (x *typeIndex) addDamage(err error) {
	if x.damage == nil && err != nil {
		x.damage = err
	}
}

func (x *typeIndex) addEntry(e die.Entry) {
	name, ok := e.Bytes(dwarf.AttrName)
	if !ok || len(name) == 0 {
		return
	}
	x.names = append(x.names, newIndexed(x.hash(name), e.Off))
	if !isGoName(name) {
		x.names = append(x.names, newIndexed(x.hash([]byte(GoName(string(name)))), e.Off))
	}
	if rt, ok := e.Uint(die.AttrGoRuntimeType); ok && rt > 0 && rt < 1<<32 {
		x.descs = append(x.descs, newIndexed(uint32(rt), e.Off))
	}
}

func (x *typeIndex) hash(name []byte) uint32 { return uint32(maphash.Bytes(x.seed, name)) }

// lookup finds a type by its name in DWARF or as Go spells it, in the unit of
// package runtime only or, everywhere, in all.
func (x *typeIndex) lookup(info *die.Info, name string, everywhere bool) (dwarf.Offset, bool) {
	for {
		h := x.hash([]byte(name))
		for i := first(x.names, h); i < len(x.names) && x.names[i].key() == h; i++ {
			e, err := info.Entry(x.names[i].offset())
			if err != nil {
				continue
			}
			if got, ok := e.String(dwarf.AttrName); ok && (got == name || GoName(got) == name) {
				return e.Off, true
			}
		}
		if !everywhere || !x.others(info) {
			return 0, false
		}
	}
}

// byRuntimeType finds a type by the offset of its descriptor. Not every type
// that has a descriptor has an entry, so where there are entries in package
// runtime, all of them are there.
func (x *typeIndex) byRuntimeType(info *die.Info, rtype uint64) (dwarf.Offset, bool) {
	if rtype == 0 || rtype >= 1<<32 {
		return 0, false
	}
	for {
		if i := first(x.descs, uint32(rtype)); i < len(x.descs) && x.descs[i].key() == uint32(rtype) {
			return x.descs[i].offset(), true
		}
		if len(x.descs) > 0 || !x.others(info) {
			return 0, false
		}
	}
}

// isTypeTag reports whether Go writes types with the tag.
func isTypeTag(t dwarf.Tag) bool {
	switch t {
	case dwarf.TagArrayType, dwarf.TagBaseType, dwarf.TagPointerType, dwarf.TagStructType,
		dwarf.TagSubroutineType, dwarf.TagTypedef:
		return true
	}
	return false
}
