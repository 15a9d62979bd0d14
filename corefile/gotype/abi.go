package gotype

import (
	"encoding/binary"
	"reflect"
	"strconv"
	"strings"
)

// abiLayout is where the fields of the runtime's descriptors lie, taken from
// the binary's own debug information. The defaults are those of
// internal/abi/type.go and map.go, go1.25 to go1.27; they hold where the
// program never uses a descriptor of that kind, so that DWARF leaves it out.
type abiLayout struct {
	size, sizeOff, tflag, kind, str           uint64 // Type
	elem                                      uint64 // the first field behind Type
	arrayLen                                  uint64
	mapKey, mapElem, mapGroup                 uint64
	methods                                   uint64 // of interfaces
	fields                                    uint64 // of structs
	fieldSize, fieldName, fieldType, fieldOff uint64

	sizes map[reflect.Kind]uint64 // of the structs that begin with Type

	hchan, iface, eface       *Type
	stringHeader, sliceHeader *Type
	maps, table, groups       *Type // internal/runtime/maps
}

// loadABI reads the layout, once.
func (t *Types) loadABI() {
	if t.desc.abi != nil {
		return
	}
	l := &abiLayout{
		size: 48, tflag: 20, kind: 23, str: 40, elem: 48, arrayLen: 64,
		mapKey: 48, mapElem: 56, mapGroup: 64, methods: 56, fields: 56,
		fieldSize: 24, fieldType: 8, fieldOff: 16,
	}
	t.loadOffsets(l)
	l.sizes = map[reflect.Kind]uint64{
		reflect.Array: 72, reflect.Chan: 64, reflect.Func: 56, reflect.Interface: 80, reflect.Map: 112,
		reflect.Pointer: 56, reflect.Slice: 56, reflect.Struct: 80,
	}
	for name, kind := range map[string]reflect.Kind{
		"ArrayType": reflect.Array, "ChanType": reflect.Chan, "FuncType": reflect.Func, "InterfaceType": reflect.Interface,
		"MapType": reflect.Map, "SwissMapType": reflect.Map, "PtrType": reflect.Pointer, "SliceType": reflect.Slice,
		"StructType": reflect.Struct,
	} {
		if ty := t.runtimeType(abiPkg + name); ty != nil && ty.Size < 1<<12 {
			l.sizes[kind] = uint64(ty.Size)
		}
	}
	l.hchan, l.iface, l.eface = t.runtimeType("runtime.hchan"), t.runtimeType("runtime.iface"), t.runtimeType("runtime.eface")
	l.stringHeader, l.sliceHeader = t.runtimeType("runtime.stringStructDWARF"), t.runtimeType("runtime.slice")
	l.maps, l.table = t.runtimeType(mapsPkg+"Map"), t.runtimeType(mapsPkg+"table")
	l.groups = t.runtimeType(mapsPkg + "groupsReference")
	t.desc.abi = l
}

const (
	abiPkg  = "internal/abi."
	mapsPkg = "internal/runtime/maps."
)

// runtimeType finds a type of the runtime, nil when it is not described.
func (t *Types) runtimeType(name string) *Type {
	off, ok := t.index.lookup(t.info, name, false)
	if !ok {
		return nil
	}
	ty, err := t.ByOffset(off)
	if err != nil {
		return nil
	}
	return ty
}

// loadOffsets replaces the default offsets by those that are described.
func (t *Types) loadOffsets(l *abiLayout) {
	for _, o := range []struct {
		to    *uint64
		field string
		types []string
	}{
		{&l.sizeOff, "Size_", []string{"Type"}}, {&l.tflag, "TFlag", []string{"Type"}},
		{&l.kind, "Kind_", []string{"Type"}}, {&l.str, "Str", []string{"Type"}},
		{&l.elem, "Elem", []string{"PtrType", "SliceType", "ChanType", "ArrayType"}},
		{&l.arrayLen, "Len", []string{"ArrayType"}},
		{&l.mapKey, "Key", []string{"MapType", "SwissMapType"}}, {&l.mapElem, "Elem", []string{"MapType", "SwissMapType"}},
		{&l.mapGroup, "Group", []string{"MapType", "SwissMapType"}},
		{&l.methods, "Methods", []string{"InterfaceType"}}, {&l.fields, "Fields", []string{"StructType"}},
		{&l.fieldName, "Name", []string{"StructField"}}, {&l.fieldType, "Typ", []string{"StructField"}},
		{&l.fieldOff, "Offset", []string{"StructField"}},
	} {
		for _, name := range o.types {
			if ty := t.runtimeType(abiPkg + name); ty != nil {
				if f, ok := ty.Field(o.field); ok && f.Offset < 1<<12 {
					*o.to = uint64(f.Offset)
					break
				}
			}
		}
	}
	if ty := t.runtimeType(abiPkg + "Type"); ty != nil && ty.Size < 1<<12 {
		l.size = uint64(ty.Size)
	}
	if ty := t.runtimeType(abiPkg + "StructField"); ty != nil && ty.Size < 1<<12 {
		l.fieldSize = uint64(ty.Size)
	}
	l.size = max(l.size, l.sizeOff+8, l.tflag+1, l.kind+1, l.str+4)
	l.fieldSize = max(l.fieldSize, l.fieldName+8, l.fieldType+8, l.fieldOff+8)
}

// uncommon is the offset of abi.UncommonType in a descriptor.
func (l *abiLayout) uncommon(k reflect.Kind) uint64 {
	if n, ok := l.sizes[k]; ok {
		return n
	}
	return l.size
}

// mapStruct makes the struct behind a map as the linker does
// (cmd/link/internal/ld/dwarf.go, synthesizemaptypes): maps.Map with the
// tables, groups and slots of this map. It is nil when the runtime's structs
// are not described.
func (l *abiLayout) mapStruct(group *Type) *Type {
	pointer := func(what string, elem *Type) *Type {
		return &Type{Name: "*" + what, Kind: reflect.Pointer, Size: ptrSize, Align: ptrSize, Elem: elem}
	}
	groups := withField(l.groups, "data", pointer("group", group))
	table := withField(l.table, "groups", groups)
	if table == nil {
		return l.maps
	}
	return withField(l.maps, "dirPtr", pointer("*table", pointer("table", table)))
}

// renameGroup gives the fields of a group of slots the names that the compiler
// gives them: reflect, which can make structs with exported fields only, calls
// them Ctrl and Slots (reflect/map.go, groupAndSlotOf).
func renameGroup(group *Type) {
	lower := func(ty *Type) {
		for i := range ty.Fields {
			ty.Fields[i].Name = strings.ToLower(ty.Fields[i].Name)
		}
	}
	if group.Offset != 0 {
		return // the compiler's own
	}
	lower(group)
	if slots, ok := group.member("slots"); ok && slots.Type.Elem != nil && slots.Type.Elem.Offset == 0 {
		lower(slots.Type.Elem)
	}
}

// withField copies a struct with another type for one of its fields.
func withField(ty *Type, name string, field *Type) *Type {
	if ty == nil || field == nil {
		return nil
	}
	out := *ty
	out.Fields = append([]Field(nil), ty.Fields...)
	for i := range out.Fields {
		if f := &out.Fields[i]; f.Name == name && f.Type.Size == field.Size {
			f.Type = field
			return &out
		}
	}
	return nil
}

// maxComposed bounds the composed name of a type; maxNesting its depth.
const (
	maxComposed = 1 << 12
	maxNesting  = 32
)

// compose writes the name of a type without one, as reflect does.
func compose(ty *Type) string {
	var b strings.Builder
	composeTo(&b, ty, 0)
	if s := b.String(); len(s) <= maxComposed {
		return s
	}
	return b.String()[:maxComposed] + "..."
}

func composeTo(b *strings.Builder, ty *Type, depth int) {
	if b.Len() > maxComposed || depth > maxNesting {
		return
	}
	switch {
	case ty == nil:
		b.WriteByte('?')
	case ty.Name != "":
		b.WriteString(ty.Name)
	case ty.Kind == reflect.Pointer:
		b.WriteByte('*')
		composeTo(b, ty.Elem, depth+1)
	case ty.Kind == reflect.Slice:
		b.WriteString("[]")
		composeTo(b, ty.Elem, depth+1)
	case ty.Kind == reflect.Array:
		b.WriteString("[" + strconv.FormatInt(ty.Len, 10) + "]")
		composeTo(b, ty.Elem, depth+1)
	case ty.Kind == reflect.Chan:
		b.WriteString("chan ")
		composeTo(b, ty.Elem, depth+1)
	case ty.Kind == reflect.Map:
		b.WriteString("map[")
		composeTo(b, ty.Key, depth+1)
		b.WriteByte(']')
		composeTo(b, ty.Elem, depth+1)
	case ty.Kind == reflect.Struct:
		composeStruct(b, ty, depth)
	case ty.Kind == reflect.Interface && ty.EmptyInterface:
		b.WriteString("interface {}")
	case ty.Kind == reflect.Func:
		b.WriteString("func(...)")
	case ty.Kind == reflect.Interface:
		b.WriteString("interface {...}")
	case ty.Err != nil:
		b.WriteByte('?')
	default:
		b.WriteString(ty.Kind.String())
	}
}

func composeStruct(b *strings.Builder, ty *Type, depth int) {
	b.WriteString("struct {")
	for i, f := range ty.Fields {
		if b.Len() > maxComposed {
			return
		}
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteByte(' ')
		if !f.Embedded {
			b.WriteString(f.Name + " ")
		}
		composeTo(b, f.Type, depth+1)
	}
	if len(ty.Fields) > 0 {
		b.WriteByte(' ')
	}
	b.WriteByte('}')
}

func le64(b []byte) uint64 { return binary.LittleEndian.Uint64(b) }

func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
