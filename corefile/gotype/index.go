package gotype

import (
	"debug/dwarf"
	"hash/maphash"
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile/die"
)

// typeIndex finds type entries by name and by descriptor. The Go linker puts
// all types into the unit of package runtime, so that unit is indexed first
// and the others only when something is not found there.
type typeIndex struct {
	stage int // 0: nothing, 1: runtime, 2: all units
	seed  maphash.Seed
	names []nameRef // by hash, then offset
	descs []descRef // by offset of the descriptor
}

// nameRef is a hashed name: 8 bytes instead of a map of strings, which would
// take a hundred bytes for each of the 100 000 types of a large service.
type nameRef struct {
	hash uint32
	off  dwarf.Offset
}

type descRef struct {
	rtype uint32 // value of DW_AT_go_runtime_type
	off   dwarf.Offset
}

// advance indexes more units; false when there are no more.
func (x *typeIndex) advance(info *die.Info) bool {
	switch x.stage {
	case 0:
		x.seed = maphash.MakeSeed()
		x.add(info, func(u *die.Unit) bool { return u.Package == "runtime" })
	case 1:
		x.add(info, func(u *die.Unit) bool { return u.Package != "runtime" })
	default:
		return false
	}
	x.stage++
	return true
}

// add indexes the chosen units. What follows damage in a unit is not indexed.
func (x *typeIndex) add(info *die.Info, want func(*die.Unit) bool) {
	for _, u := range info.Units() {
		if u.Language == die.LangGo && want(u) {
			x.addUnit(u)
		}
	}
	slices.SortFunc(x.names, func(a, b nameRef) int {
		if a.hash != b.hash {
			return int(int64(a.hash) - int64(b.hash))
		}
		return int(int64(a.off) - int64(b.off))
	})
	slices.SortStableFunc(x.descs, func(a, b descRef) int { return int(int64(a.rtype) - int64(b.rtype)) })
}

func (x *typeIndex) addUnit(u *die.Unit) {
	c := u.Cursor()
	if _, ok, err := c.Next(); !ok || err != nil { // the unit itself
		return
	}
	depth := 0
	for {
		e, ok, err := c.Next()
		if !ok || err != nil {
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

func (x *typeIndex) addEntry(e die.Entry) {
	name, ok := e.Bytes(dwarf.AttrName)
	if !ok || len(name) == 0 {
		return
	}
	x.names = append(x.names, nameRef{x.hash(name), e.Off})
	if clean := GoName(string(name)); clean != string(name) {
		x.names = append(x.names, nameRef{x.hash([]byte(clean)), e.Off})
	}
	if rt, ok := e.Uint(die.AttrGoRuntimeType); ok && rt > 0 && rt < 1<<32 {
		x.descs = append(x.descs, descRef{uint32(rt), e.Off})
	}
}

func (x *typeIndex) hash(name []byte) uint32 { return uint32(maphash.Bytes(x.seed, name)) }

// lookup finds a type by its name in DWARF or as Go spells it.
func (x *typeIndex) lookup(info *die.Info, name string) (dwarf.Offset, bool) {
	for x.stage > 0 || x.advance(info) {
		h := x.hash([]byte(name))
		i, _ := slices.BinarySearchFunc(x.names, h, func(r nameRef, h uint32) int { return int(int64(r.hash) - int64(h)) })
		for ; i < len(x.names) && x.names[i].hash == h; i++ {
			e, err := info.Entry(x.names[i].off)
			if err != nil {
				continue
			}
			if got, ok := e.String(dwarf.AttrName); ok && (got == name || GoName(got) == name) {
				return e.Off, true
			}
		}
		if !x.advance(info) {
			break
		}
	}
	return 0, false
}

// byRuntimeType finds a type by the offset of its descriptor.
func (x *typeIndex) byRuntimeType(info *die.Info, rtype uint64) (dwarf.Offset, bool) {
	if rtype == 0 || rtype >= 1<<32 {
		return 0, false
	}
	for x.stage > 0 || x.advance(info) {
		i, ok := slices.BinarySearchFunc(x.descs, uint32(rtype), func(r descRef, v uint32) int {
			return int(int64(r.rtype) - int64(v))
		})
		if ok {
			return x.descs[i].off, true
		}
		if !x.advance(info) {
			break
		}
	}
	return 0, false
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

// GoName turns the linker's name of a type or symbol into Go's: escapes of package
// paths are undone ("gopkg.in/yaml%2ev3.Node"), the number behind the name of a
// type that is declared in a function goes ("main.T·1"), and so does the mark
// of types without hash functions ("noalg.map.group[...]").
func GoName(s string) string {
	if strings.HasPrefix(s, "noalg.") {
		s = s[len("noalg."):]
	}
	if !strings.Contains(s, "%") && !strings.Contains(s, "·") {
		return s
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(s):
			b.WriteByte(c)
			i++
		case c == '%' && !quoted && i+2 < len(s):
			if v, ok := hexByte(s[i+1], s[i+2]); ok {
				b.WriteByte(v)
				i += 2
				continue
			}
		case !quoted && strings.HasPrefix(s[i:], "·"):
			j := i + len("·")
			for j < len(s) && '0' <= s[j] && s[j] <= '9' {
				j++
			}
			if j > i+len("·") {
				i = j - 1
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func hexByte(hi, lo byte) (byte, bool) {
	h, ok1 := hexDigit(hi)
	l, ok2 := hexDigit(lo)
	return h<<4 | l, ok1 && ok2
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	}
	return 0, false
}

// packageOf returns the import path of a named type, "" for others.
func packageOf(name string) string {
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c == '*' || c == '[' || c == '(' || c == ' ' || c == '{' || c == '<' {
			name = name[:i]
			break
		}
	}
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	// A dot in the last element of a path ("gopkg.in/yaml.v3.Node") is part of it.
	return name[:strings.LastIndexByte(name, '.')]
}
