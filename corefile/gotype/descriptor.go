package gotype

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile"
)

// descriptors finds types by the address of their abi.Type.
type descriptors struct {
	// base is where the section of types lies in the process: what
	// DW_AT_go_runtime_type, NameOff and TypeOff are relative to.
	base   uint64
	end    uint64 // of the descriptors in the binary, 0 when unknown
	known  bool
	byAddr map[uint64]*Type
	abi    *abiLayout
	groups []*Type // of maps, to be renamed once they are filled
}

// findTypes finds the start of the types. It is the linker's symbol
// runtime.types, which is also moduledata.types; until go1.26 the types are
// first in .rodata (.data.rel.ro of a PIE), from go1.27 on they have a section
// of their own.
func (t *Types) findTypes() {
	if addr, _, ok := t.src.binary.Symbol("runtime.types"); ok {
		t.desc.base, t.desc.known = addr+t.src.bias, true
	}
	if addr, _, ok := t.src.binary.Symbol("runtime.etypes"); ok && t.desc.known {
		t.desc.end = addr + t.src.bias
	}
}

// ByDescriptor compiles the type whose abi.Type lies at addr in the process:
// from DWARF where it has the type, from the descriptor in memory otherwise
// (types made by reflect).
func (t *Types) ByDescriptor(addr uint64) (*Type, error) {
	if t.src.memory != nil {
		t.loadABI()
	}
	ty := t.refDescriptor(addr)
	t.compile()
	if ty.Err != nil {
		return nil, ty.Err
	}
	return ty, nil
}

// refDescriptor returns the type with a descriptor. It may not be filled in
// before compile.
func (t *Types) refDescriptor(addr uint64) *Type {
	if ty, ok := t.desc.byAddr[addr]; ok {
		return ty
	}
	ty := t.findDescriptor(addr)
	if t.desc.byAddr == nil {
		t.desc.byAddr = map[uint64]*Type{}
	}
	t.desc.byAddr[addr] = ty
	return ty
}

func (t *Types) findDescriptor(addr uint64) *Type {
	if t.desc.known && addr > t.desc.base {
		if off, ok := t.index.byRuntimeType(t.info, addr-t.desc.base); ok {
			return t.ref(off)
		}
	}
	ty := &Type{Descriptor: addr}
	switch {
	case addr == 0 || t.desc.abi == nil:
		ty.Err = fmt.Errorf("type descriptor at 0x%x: %w", addr, ErrNoType)
	case len(t.desc.byAddr) >= maxMade:
		ty.Err = fmt.Errorf("type descriptor at 0x%x: more than %d types: %w", addr, maxMade, ErrBadType)
	default:
		t.queue = append(t.queue, ty)
	}
	return ty
}

// Bounds on what is decoded from the process's memory.
const (
	maxMade     = 1 << 17 // types made by reflect
	maxFields   = 1 << 16 // reflect itself stops at 1<<16-1 parameters
	maxNameSize = 1 << 12
)

// The flags of abi.Type.TFlag and abi.Name (internal/abi/type.go, go1.25 to
// go1.27).
const (
	tflagUncommon  = 1 << 0
	tflagExtraStar = 1 << 1
	tflagNamed     = 1 << 2
	nameTagged     = 1 << 1
	nameEmbedded   = 1 << 3
	kindMask       = 31 // until go1.25 the upper bits of Kind_ are flags
)

// fillDescriptor reads an abi.Type from memory.
func (t *Types) fillDescriptor(ty *Type) error {
	l := t.desc.abi
	b := make([]byte, l.size)
	if err := t.src.memory.Read(b, ty.Descriptor); err != nil {
		return fmt.Errorf("%w: %w", ErrNoType, err)
	}
	ty.Kind = reflect.Kind(b[l.kind] & kindMask)
	size, flags := le64(b[l.sizeOff:]), b[l.tflag]
	if ty.Kind == reflect.Invalid || ty.Kind > reflect.UnsafePointer || size > maxSize {
		return fmt.Errorf("kind %d, size %d: %w", ty.Kind, size, ErrBadType)
	}
	ty.Size = int64(size)
	if ty.Descriptor > t.desc.base && ty.Descriptor < t.desc.end {
		// Names of types that reflect makes are in a map of the runtime. They
		// are composed from the names of what they are made of.
		if err := t.setName(ty, le32(b[l.str:]), flags); err != nil {
			return err
		}
	} else if flags&tflagNamed != 0 {
		return fmt.Errorf("named type outside the binary: %w", ErrBadType)
	}
	if want := headerSize(ty.Kind); want != 0 && want != ty.Size {
		return fmt.Errorf("%v of %d bytes: %w", ty.Kind, ty.Size, ErrBadType)
	}
	switch ty.Kind {
	case reflect.Pointer, reflect.Slice, reflect.Chan:
		ty.Elem = t.elemAt(ty.Descriptor + l.elem)
		t.madeInternal(ty)
	case reflect.Array:
		ty.Elem = t.elemAt(ty.Descriptor + l.elem)
		n, err := t.word(ty.Descriptor + l.arrayLen)
		if err != nil || n > maxSize {
			return fmt.Errorf("array of %d elements: %w", n, ErrBadType)
		}
		ty.Len = int64(n)
	case reflect.Map:
		ty.Key, ty.Elem = t.elemAt(ty.Descriptor+l.mapKey), t.elemAt(ty.Descriptor+l.mapElem)
		group := t.elemAt(ty.Descriptor + l.mapGroup)
		t.desc.groups = append(t.desc.groups, group)
		ty.Internal = l.mapStruct(group)
	case reflect.Struct:
		return t.madeStruct(ty)
	case reflect.Interface:
		methods, err := t.word(ty.Descriptor + l.methods + ptrSize)
		if err != nil {
			return err
		}
		ty.EmptyInterface = methods == 0
		t.madeInternal(ty)
	case reflect.String:
		t.madeInternal(ty)
	}
	return nil
}

// headerSize is the size that every type of a kind has, 0 where it varies.
func headerSize(k reflect.Kind) int64 {
	switch k {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func:
		return ptrSize
	case reflect.String, reflect.Interface:
		return 2 * ptrSize
	case reflect.Slice:
		return 3 * ptrSize
	}
	return basicSize(k)
}

// elemAt returns the type that the word at addr points to.
func (t *Types) elemAt(addr uint64) *Type {
	desc, err := t.word(addr)
	if err != nil {
		return &Type{Err: fmt.Errorf("type descriptor: %w", err)}
	}
	return t.refDescriptor(desc)
}

// madeInternal sets the struct behind a type where it does not depend on what
// the type is made of.
func (t *Types) madeInternal(ty *Type) {
	l := t.desc.abi
	switch ty.Kind {
	case reflect.Chan:
		ty.Internal = l.hchan
	case reflect.Interface:
		ty.Internal = l.iface
		if ty.EmptyInterface {
			ty.Internal = l.eface
		}
	case reflect.String:
		ty.Internal = l.stringHeader
	case reflect.Slice:
		ty.Internal = l.sliceHeader
	}
}

// madeStruct reads the fields of an abi.StructType.
func (t *Types) madeStruct(ty *Type) error {
	l := t.desc.abi
	array, err := t.word(ty.Descriptor + l.fields)
	if err != nil {
		return err
	}
	n, err := t.word(ty.Descriptor + l.fields + ptrSize)
	if err != nil {
		return err
	}
	if n > maxFields {
		return fmt.Errorf("struct of %d fields: %w", n, ErrBadType)
	}
	b := make([]byte, n*l.fieldSize)
	if err := t.src.memory.Read(b, array); n > 0 && err != nil {
		return fmt.Errorf("fields: %w", err)
	}
	ty.Fields = make([]Field, n)
	for i := range ty.Fields {
		f := b[uint64(i)*l.fieldSize:]
		name, flags, err := t.nameAt(le64(f[l.fieldName:]))
		if err != nil {
			return err
		}
		off := le64(f[l.fieldOff:])
		if off > maxSize {
			return fmt.Errorf("field at offset %d: %w", off, ErrBadType)
		}
		ty.Fields[i] = Field{
			Name: name, Offset: int64(off), Type: t.refDescriptor(le64(f[l.fieldType:])), Embedded: flags&nameEmbedded != 0,
		}
	}
	return nil
}

// setName reads the name of a type of the binary. The descriptor has the name
// of its package; the path is in abi.UncommonType, behind the kind's struct.
func (t *Types) setName(ty *Type, off uint32, flags byte) error {
	if !t.desc.known || int32(off) <= 0 {
		return fmt.Errorf("type without a name: %w", ErrBadType)
	}
	name, _, err := t.nameAt(t.desc.base + uint64(off))
	if err != nil {
		return err
	}
	if flags&tflagExtraStar != 0 && len(name) > 0 {
		name = name[1:]
	}
	ty.Name = name
	if flags&tflagNamed == 0 {
		return nil
	}
	ty.Package = packageOf(name)
	if flags&tflagUncommon == 0 || ty.Package == "" {
		return nil
	}
	pkg, err := t.word(ty.Descriptor + t.desc.abi.uncommon(ty.Kind))
	if err != nil || int32(pkg) <= 0 {
		return nil
	}
	path, _, err := t.nameAt(t.desc.base + pkg&(1<<32-1))
	if err == nil && path != "" && !strings.ContainsAny(path, " *[](){}\"") {
		ty.Name = path + strings.TrimPrefix(name, ty.Package)
		ty.Package = path
	}
	return nil
}

// nameAt reads an abi.Name: a byte of flags, the length as a varint, the text.
func (t *Types) nameAt(addr uint64) (name string, flags byte, err error) {
	if addr == 0 {
		return "", 0, nil
	}
	var b [1]byte
	if err := t.src.memory.Read(b[:], addr); err != nil {
		return "", 0, fmt.Errorf("name: %w", err)
	}
	flags = b[0]
	n := uint64(0)
	for i := uint64(1); ; i++ {
		if err := t.src.memory.Read(b[:], addr+i); err != nil || i > 4 {
			return "", 0, fmt.Errorf("name at 0x%x: %w", addr, ErrBadType)
		}
		n |= uint64(b[0]&0x7f) << (7 * (i - 1))
		if b[0]&0x80 != 0 {
			continue
		}
		if n > maxNameSize {
			return "", 0, fmt.Errorf("name of %d bytes at 0x%x: %w", n, addr, ErrBadType)
		}
		text := make([]byte, n)
		if err := t.src.memory.Read(text, addr+i+1); n > 0 && err != nil {
			return "", 0, fmt.Errorf("name: %w", err)
		}
		return string(text), flags, nil
	}
}

// word reads a word of the process.
func (t *Types) word(addr uint64) (uint64, error) {
	if t.src.memory == nil {
		return 0, corefile.ErrUnmapped
	}
	var b [8]byte
	if err := t.src.memory.Read(b[:], addr); err != nil {
		return 0, err
	}
	return le64(b[:]), nil
}
