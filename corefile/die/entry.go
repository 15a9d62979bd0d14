package die

import (
	"debug/dwarf"
	"math"
)

// Entry is a debugging information entry.
type Entry struct {
	Off      dwarf.Offset
	Tag      dwarf.Tag // 0 for the mark that ends a list of children
	Children bool
	Unit     *Unit

	ab   *abbrev
	data uint64 // where the attributes begin
}

// Value is the value of an attribute, decoded as far as it can be without
// knowing what the attribute means.
type Value struct {
	// U is a number, flag, address, or offset. References are offsets in
	// .debug_info; signed numbers are in two's complement.
	U uint64
	// B is the contents of a string or block, a part of its section.
	B []byte
	// Block is true for blocks and expressions; List for offsets of range and
	// location lists.
	Block, List bool
}

// entry reads the entry at pos and returns the position behind it.
func (u *Unit) entry(pos uint64) (Entry, uint64, error) {
	r := at(".debug_info", u.in.s.Info[:u.End], pos)
	code := r.uleb()
	if r.err != nil {
		return Entry{}, 0, r.err
	}
	e := Entry{Off: dwarf.Offset(pos), Unit: u}
	if code == 0 {
		return e, r.pos, nil
	}
	if e.ab = u.table.get(code); e.ab == nil {
		return Entry{}, 0, &Error{Section: ".debug_info", Offset: pos, Reason: "entry with an unknown abbreviation"}
	}
	e.Tag, e.Children, e.data = e.ab.tag, e.ab.children, r.pos
	if e.ab.skip(&r, u.key); r.err != nil {
		return Entry{}, 0, r.err
	}
	return e, r.pos, nil
}

// Has reports whether the entry has the attribute.
func (e *Entry) Has(attr dwarf.Attr) bool { return e.index(attr) >= 0 }

// index is the place of an attribute in the entry, -1 when it has none.
func (e *Entry) index(attr dwarf.Attr) int {
	if e.ab != nil {
		for i := range e.ab.attrs {
			if e.ab.attrs[i].attr == attr {
				return i
			}
		}
	}
	return -1
}

// Val returns the value of an attribute; ok is false when the entry does not
// have it or it can't be decoded.
func (e *Entry) Val(attr dwarf.Attr) (v Value, ok bool) {
	i := e.index(attr)
	if i < 0 {
		return Value{}, false
	}
	r := at(".debug_info", e.Unit.in.s.Info[:e.Unit.End], e.data)
	for _, a := range e.ab.attrs[:i] {
		if a.size >= 0 {
			r.bytes(uint64(a.size))
		} else {
			a.form.skip(&r, e.Unit.key)
		}
	}
	return e.Unit.value(&r, &e.ab.attrs[i])
}

// value decodes the value under r.
func (u *Unit) value(r *reader, a *attrSpec) (v Value, ok bool) {
	f := a.form
	if f == formIndirect {
		f = indirect(r)
	}
	switch f {
	case formImplicitConst:
		return Value{U: uint64(a.value)}, true
	case formFlagPresent:
		return Value{U: 1}, true
	case formSdata:
		v.U = uint64(r.sleb())
	case formUdata, formRnglistx, formLoclistx, formAddrx, formStrx, formRefUdata:
		v.U = r.uleb()
	case formString:
		v.B = r.cstring()
	case formBlock1:
		v.B, v.Block = r.bytes(uint64(r.u8())), true
	case formBlock2:
		v.B, v.Block = r.bytes(uint64(r.u16())), true
	case formBlock4:
		v.B, v.Block = r.bytes(uint64(r.u32())), true
	case formBlock, formExprloc:
		v.B, v.Block = r.bytes(r.uleb()), true
	case formData16:
		v.B, v.Block = r.bytes(16), true
	default:
		n := f.size(u.key)
		if n < 0 || n > 8 {
			return Value{}, false
		}
		v.U = r.uint(n)
	}
	if r.err != nil {
		return Value{}, false
	}
	return u.resolve(f, v)
}

// resolve follows the indirections of a form.
func (u *Unit) resolve(f form, v Value) (Value, bool) {
	s := &u.in.s
	var r reader
	switch f {
	case formStrp:
		r = at(".debug_str", s.Str, v.U)
		v.B = r.cstring()
	case formLineStrp:
		r = at(".debug_line_str", s.LineStr, v.U)
		v.B = r.cstring()
	case formStrx, formStrx1, formStrx2, formStrx3, formStrx4:
		off, ok := indexed(".debug_str_offsets", s.StrOffsets, u.strOffsetsBase, v.U, u.key.offSize)
		if !ok {
			return Value{}, false
		}
		r = at(".debug_str", s.Str, off)
		v.B = r.cstring()
	case formAddrx, formAddrx1, formAddrx2, formAddrx3, formAddrx4:
		var ok bool
		if v.U, ok = u.Indexed(v.U); !ok {
			return Value{}, false
		}
	case formRef1, formRef2, formRef4, formRef8, formRefUdata:
		if v.U += uint64(u.Off); v.U > math.MaxUint32 {
			return Value{}, false
		}
	case formSecOffset:
		v.List = true
	case formRnglistx:
		return u.indexedList(".debug_rnglists", u.rngListsBase, v.U)
	case formLoclistx:
		return u.indexedList(".debug_loclists", u.locListsBase, v.U)
	case formRefSup4, formRefSup8, formStrpSup, formRefSig8, formGNURefAlt, formGNUStrpAlt:
		return Value{}, false // in other files or type units, which are not read
	}
	return v, r.err == nil
}

// indexedList finds list i of a unit by the table of offsets at base.
func (u *Unit) indexedList(section string, base, i uint64) (Value, bool) {
	r := u.in.s.list(section, 0)
	off, ok := indexed(section, r.b, base, i, u.key.offSize)
	return Value{U: base + off, List: true}, ok
}

// Indexed returns an address of the unit's part of .debug_addr.
func (u *Unit) Indexed(i uint64) (uint64, bool) {
	return indexed(".debug_addr", u.in.s.Addr, u.addrBase, i, u.key.addrSize)
}

// indexed reads entry i of a table of numbers.
func indexed(section string, b []byte, base, i uint64, size int) (uint64, bool) {
	if i > uint64(len(b)) || base > uint64(len(b)) {
		return 0, false
	}
	r := at(section, b, base+i*uint64(size))
	v := r.uint(size)
	return v, r.err == nil
}

// Uint returns a number or flag.
func (e *Entry) Uint(attr dwarf.Attr) (uint64, bool) {
	v, ok := e.Val(attr)
	return v.U, ok && v.B == nil
}

// Flag reports whether a flag is set.
func (e *Entry) Flag(attr dwarf.Attr) bool {
	v, ok := e.Uint(attr)
	return ok && v != 0
}

// Addr returns an address, without load bias.
func (e *Entry) Addr(attr dwarf.Attr) (uint64, bool) { return e.Uint(attr) }

// Ref returns a reference to another entry.
func (e *Entry) Ref(attr dwarf.Attr) (dwarf.Offset, bool) {
	v, ok := e.Uint(attr)
	return dwarf.Offset(v), ok && v <= math.MaxUint32
}

// String returns a string.
func (e *Entry) String(attr dwarf.Attr) (string, bool) {
	b, ok := e.Bytes(attr)
	return string(b), ok
}

// Bytes returns a string or block without copying it.
func (e *Entry) Bytes(attr dwarf.Attr) ([]byte, bool) {
	v, ok := e.Val(attr)
	return v.B, ok && v.B != nil
}
