package gotype

import (
	"debug/dwarf"
	"fmt"
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile/die"
)

const (
	ptrSize = 8 // amd64 and arm64, the architectures that corefile opens
	// maxSize bounds the size of a type, so that sums do not overflow. The runtime
	// itself casts to pointers to arrays of 1<<50 bytes.
	maxSize = 1 << 61
	// maxTypes bounds the types of one core; a service of 80 MB has 60 000.
	maxTypes = 1 << 21
	// maxTypedefs bounds chains of typedefs; Go makes chains of two.
	maxTypedefs = 32
)

// ref returns the type at an offset. It may not be filled in before compile.
// A type that can't be compiled has Err.
func (t *Types) ref(off dwarf.Offset) *Type {
	if ty, ok := t.byOff[off]; ok {
		return ty
	}
	e, err := t.resolve(off)
	if err != nil {
		return t.broken(off, err)
	}
	if ty, ok := t.byOff[e.Off]; ok {
		t.byOff[off] = ty
		return ty
	}
	if len(t.byOff) >= maxTypes {
		return t.broken(off, fmt.Errorf("more than %d types: %w", maxTypes, ErrBadType))
	}
	ty := &Type{Offset: e.Off}
	t.byOff[off], t.byOff[e.Off] = ty, ty
	t.queue = append(t.queue, ty)
	return ty
}

// broken remembers that there is no usable type at an offset.
func (t *Types) broken(off dwarf.Offset, err error) *Type {
	ty := &Type{Offset: off, Err: fmt.Errorf("type at .debug_info+0x%x: %w", uint32(off), err)}
	t.byOff[off] = ty
	return ty
}

// resolve follows typedefs to the entry that describes a type. Go writes a
// typedef without DW_AT_go_kind before each named composite type.
func (t *Types) resolve(off dwarf.Offset) (die.Entry, error) {
	for range maxTypedefs {
		e, err := t.info.Entry(off)
		if err != nil {
			return e, err
		}
		if !isTypeTag(e.Tag) && !isForeignTag(e.Tag) {
			return e, fmt.Errorf("entry is no type (%v): %w", e.Tag, ErrBadType)
		}
		if e.Tag != dwarf.TagTypedef && !isQualifier(e.Tag) || e.Has(die.AttrGoKind) {
			return e, nil
		}
		next, ok := e.Ref(dwarf.AttrType)
		if !ok {
			return e, fmt.Errorf("typedef of nothing: %w", ErrBadType)
		}
		off = next
	}
	return die.Entry{}, fmt.Errorf("more than %d typedefs in a row: %w", maxTypedefs, ErrBadType)
}

// isQualifier reports whether the tag stands for C's const and the like.
func isQualifier(t dwarf.Tag) bool {
	switch t {
	case dwarf.TagConstType, dwarf.TagVolatileType, dwarf.TagRestrictType, dwarf.TagAtomicType:
		return true
	}
	return false
}

// isForeignTag reports whether only other languages write types with the tag.
func isForeignTag(t dwarf.Tag) bool {
	switch t {
	case dwarf.TagEnumerationType, dwarf.TagUnionType, dwarf.TagUnspecifiedType, dwarf.TagClassType:
		return true
	}
	return isQualifier(t)
}

// compile fills every type in the queue, and what they refer to.
func (t *Types) compile() {
	for len(t.queue) > 0 {
		ty := t.queue[len(t.queue)-1]
		t.queue = t.queue[:len(t.queue)-1]
		t.fresh = append(t.fresh, ty)
		fill := t.fill
		if ty.Offset == 0 {
			fill = t.fillDescriptor
		}
		if err := fill(ty); err != nil {
			fail(ty, err)
		}
	}
	check(t.fresh)
	for _, g := range t.desc.groups {
		renameGroup(g)
	}
	t.desc.groups = nil
	for _, ty := range t.fresh {
		if ty.Name == "" && ty.Offset == 0 && ty.Err == nil {
			ty.Name = compose(ty)
		}
	}
	t.fresh = t.fresh[:0]
}

// fail turns ty into a type that can't be used. Whoever points to it sees why.
func fail(ty *Type, err error) {
	at := fmt.Sprintf("type %s at .debug_info+0x%x", quoteName(ty.Name), uint32(ty.Offset))
	if ty.Offset == 0 {
		at = fmt.Sprintf("type %s at 0x%x", quoteName(ty.Name), ty.Descriptor)
	}
	*ty = Type{
		Name: ty.Name, Size: ty.Size, Offset: ty.Offset, Descriptor: ty.Descriptor,
		Err: fmt.Errorf("%s: %w", at, err),
	}
}

// fill reads the entry of a type.
func (t *Types) fill(ty *Type) error {
	e, err := t.info.Entry(ty.Offset)
	if err != nil {
		return err
	}
	name, _ := e.String(dwarf.AttrName)
	ty.Name = GoName(name)
	ty.Package = packageOf(ty.Name)
	ty.Shape = strings.Contains(ty.Name, "go.shape.")
	if rt, ok := e.Uint(die.AttrGoRuntimeType); ok && rt != 0 && t.desc.known {
		ty.Descriptor = t.desc.base + rt
	}
	ty.Kind = kindOf(&e)
	if size, ok := e.Uint(dwarf.AttrByteSize); ok {
		if size > maxSize {
			return fmt.Errorf("size of %d bytes: %w", size, ErrBadType)
		}
		ty.Size = int64(size)
	}
	switch ty.Kind {
	case reflect.Array:
		return t.fillArray(ty, &e)
	case reflect.Struct:
		ty.Fields, err = t.members(&e)
		return err
	case reflect.String, reflect.Slice:
		return t.fillHeader(ty, &e)
	case reflect.Chan, reflect.Map:
		return t.fillReference(ty, &e)
	case reflect.Interface:
		return t.fillInterface(ty, &e)
	case reflect.Pointer:
		ty.Size = ptrSize
		if off, ok := e.Ref(dwarf.AttrType); ok {
			ty.Elem = t.ref(off)
		}
		return nil
	case reflect.UnsafePointer, reflect.Func:
		ty.Size = ptrSize
		return nil
	}
	if want := basicSize(ty.Kind); want == 0 || want != ty.Size {
		return fmt.Errorf("%v of %d bytes: %w", ty.Kind, ty.Size, ErrBadType)
	}
	return nil
}

// kindOf is DW_AT_go_kind where there is one. Types that the linker makes up
// (hchan<int>, pointers to them) and types of C have none.
func kindOf(e *die.Entry) reflect.Kind {
	// The upper bits held flags of the descriptor before go1.26.
	if k, ok := e.Uint(die.AttrGoKind); ok && k&31 > 0 && reflect.Kind(k&31) <= reflect.UnsafePointer {
		return reflect.Kind(k & 31)
	}
	switch e.Tag {
	case dwarf.TagPointerType:
		if e.Has(dwarf.AttrType) {
			return reflect.Pointer
		}
		return reflect.UnsafePointer
	case dwarf.TagStructType, dwarf.TagClassType:
		return reflect.Struct
	case dwarf.TagArrayType:
		return reflect.Array
	case dwarf.TagSubroutineType:
		return reflect.Func
	case dwarf.TagBaseType, dwarf.TagEnumerationType:
		return foreignBase(e)
	}
	return reflect.Invalid
}

// foreignBase is the kind of a base type of C.
func foreignBase(e *die.Entry) reflect.Kind {
	size, _ := e.Uint(dwarf.AttrByteSize)
	encoding, _ := e.Uint(dwarf.AttrEncoding)
	kinds := map[uint64]reflect.Kind{}
	switch encoding {
	case 0x02: // DW_ATE_boolean
		kinds = map[uint64]reflect.Kind{1: reflect.Bool}
	case 0x03: // DW_ATE_complex_float
		kinds = map[uint64]reflect.Kind{8: reflect.Complex64, 16: reflect.Complex128}
	case 0x04: // DW_ATE_float
		kinds = map[uint64]reflect.Kind{4: reflect.Float32, 8: reflect.Float64}
	case 0x05, 0x06: // DW_ATE_signed, DW_ATE_signed_char
		kinds = map[uint64]reflect.Kind{1: reflect.Int8, 2: reflect.Int16, 4: reflect.Int32, 8: reflect.Int64}
	case 0x00, 0x07, 0x08: // an enumeration, DW_ATE_unsigned, DW_ATE_unsigned_char
		kinds = map[uint64]reflect.Kind{1: reflect.Uint8, 2: reflect.Uint16, 4: reflect.Uint32, 8: reflect.Uint64}
	}
	return kinds[size]
}

// basicSize is the size of the kinds that have only one, 0 for the others.
func basicSize(k reflect.Kind) int64 {
	switch k {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return 1
	case reflect.Int16, reflect.Uint16:
		return 2
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		return 4
	case reflect.Int, reflect.Int64, reflect.Uint, reflect.Uint64, reflect.Uintptr, reflect.Float64, reflect.Complex64:
		return 8
	case reflect.Complex128:
		return 16
	}
	return 0
}

func (t *Types) fillArray(ty *Type, e *die.Entry) error {
	off, ok := e.Ref(dwarf.AttrType)
	if !ok {
		return fmt.Errorf("array of nothing: %w", ErrBadType)
	}
	ty.Elem = t.ref(off)
	return t.eachChild(e, func(c *die.Entry) error {
		if c.Tag != dwarf.TagSubrangeType {
			return nil
		}
		n, ok := c.Uint(dwarf.AttrCount)
		if !ok {
			if n, ok = c.Uint(dwarf.AttrUpperBound); ok {
				n++
			}
		}
		if n > 1<<62 {
			return fmt.Errorf("array of %d elements: %w", n, ErrBadType)
		}
		ty.Len = int64(n)
		return nil
	})
}

// fillHeader fills strings and slices, whose entries have the members of
// their headers.
func (t *Types) fillHeader(ty *Type, e *die.Entry) error {
	members, err := t.members(e)
	if err != nil {
		return err
	}
	want := int64(2 * ptrSize)
	if ty.Kind == reflect.Slice {
		want = 3 * ptrSize
		off, ok := e.Ref(die.AttrGoElem)
		if !ok {
			return fmt.Errorf("slice of nothing: %w", ErrBadType)
		}
		ty.Elem = t.ref(off)
	}
	if ty.Size != want {
		return fmt.Errorf("%v header of %d bytes: %w", ty.Kind, ty.Size, ErrBadType)
	}
	ty.Internal = &Type{Name: ty.Name, Kind: reflect.Struct, Size: ty.Size, Fields: members, Offset: ty.Offset}
	t.fresh = append(t.fresh, ty.Internal)
	return nil
}

// fillReference fills maps and chans: typedefs of a pointer to the runtime's
// struct.
func (t *Types) fillReference(ty *Type, e *die.Entry) error {
	ty.Size = ptrSize
	off, ok := e.Ref(die.AttrGoElem)
	if !ok {
		return fmt.Errorf("%v of nothing: %w", ty.Kind, ErrBadType)
	}
	ty.Elem = t.ref(off)
	if ty.Kind == reflect.Map {
		if off, ok = e.Ref(die.AttrGoKey); !ok {
			return fmt.Errorf("map without a key type: %w", ErrBadType)
		}
		ty.Key = t.ref(off)
	}
	off, ok = e.Ref(dwarf.AttrType)
	if !ok {
		return nil
	}
	if ptr, err := t.resolve(off); err == nil && ptr.Tag == dwarf.TagPointerType {
		if off, ok = ptr.Ref(dwarf.AttrType); ok {
			ty.Internal = t.ref(off)
		}
	}
	return nil
}

func (t *Types) fillInterface(ty *Type, e *die.Entry) error {
	ty.Size = 2 * ptrSize
	off, ok := e.Ref(dwarf.AttrType)
	if !ok {
		return fmt.Errorf("interface without a header: %w", ErrBadType)
	}
	header, err := t.resolve(off)
	if err != nil {
		return err
	}
	name, _ := header.String(dwarf.AttrName)
	ty.EmptyInterface = name == "runtime.eface"
	if !ty.EmptyInterface && name != "runtime.iface" {
		return fmt.Errorf("interface with header %s: %w", quoteName(name), ErrBadType)
	}
	ty.Internal = t.ref(header.Off)
	return nil
}

// members reads the fields of a struct. Their number is bounded by the size of
// the section.
func (t *Types) members(e *die.Entry) ([]Field, error) {
	var fields []Field
	err := t.eachChild(e, func(c *die.Entry) error {
		if c.Tag != dwarf.TagMember {
			return nil
		}
		name, _ := c.String(dwarf.AttrName)
		off, ok := c.Ref(dwarf.AttrType)
		if !ok {
			return fmt.Errorf("field %s without a type: %w", quoteName(name), ErrBadType)
		}
		at, _ := c.Uint(dwarf.AttrDataMemberLoc)
		if at > maxSize {
			return fmt.Errorf("field %s at offset %d: %w", quoteName(name), at, ErrBadType)
		}
		fields = append(fields, Field{
			Name: name, Offset: int64(at), Type: t.ref(off), Embedded: c.Flag(die.AttrGoEmbeddedField),
		})
		return nil
	})
	return fields, err
}

// eachChild calls f for the direct children of e.
func (t *Types) eachChild(e *die.Entry, f func(*die.Entry) error) error {
	if !e.Children {
		return nil
	}
	c, err := t.info.Cursor(e.Off)
	if err != nil {
		return err
	}
	if _, _, err = c.Next(); err != nil {
		return err
	}
	for {
		k, ok, err := c.Next()
		if err != nil || !ok || k.Tag == 0 {
			return err
		}
		if err := f(&k); err != nil {
			return err
		}
		if err := c.Skip(k); err != nil {
			return err
		}
	}
}
