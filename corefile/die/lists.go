package die

import (
	"debug/dwarf"
	"fmt"
)

// Range is the half-open range of addresses [Low, High), without load bias.
type Range struct{ Low, High uint64 }

// Contains reports whether pc is in the range.
func (r Range) Contains(pc uint64) bool { return r.Low <= pc && pc < r.High }

// maxRanges bounds the ranges of one entry; the largest real lists are those
// of units, one range for each run of functions.
const maxRanges = 1 << 20

// Ranges returns the addresses that an entry covers: DW_AT_low_pc and
// DW_AT_high_pc, or DW_AT_ranges. None and no error means that it has none.
func (e *Entry) Ranges() ([]Range, error) {
	if v, ok := e.Val(dwarf.AttrRanges); ok {
		var out []Range
		err := e.Unit.eachRange(v.U, func(r Range) bool {
			out = append(out, r)
			return len(out) < maxRanges
		})
		return out, err
	}
	if r, ok := e.Span(); ok {
		return []Range{r}, nil
	}
	return nil, nil
}

// Span returns DW_AT_low_pc to DW_AT_high_pc.
func (e *Entry) Span() (Range, bool) {
	low, ok := e.Addr(dwarf.AttrLowpc)
	if !ok {
		return Range{}, false
	}
	high, ok := e.Uint(dwarf.AttrHighpc)
	if !ok {
		return Range{}, false
	}
	if f := e.ab.attrs[e.index(dwarf.AttrHighpc)].form; f != formAddr && f != formAddrx {
		high += low // a size
	}
	return Range{low, high}, low < high
}

// eachRange calls f for the ranges of a list until f returns false.
func (u *Unit) eachRange(off uint64, f func(Range) bool) error {
	if u.Version < 5 {
		r := u.in.s.list(".debug_ranges", off)
		return u.eachOld(&r, func(rg Range) bool { return f(rg) })
	}
	r := u.in.s.list(".debug_rnglists", off)
	return u.eachNew(&r, false, func(rg Range, _ []byte) bool { return f(rg) })
}

// eachOld walks a list of address pairs of DWARF 2 to 4, which ends with a
// pair of zeros. f may read on behind the pair.
func (u *Unit) eachOld(r *reader, f func(Range) bool) error {
	base, size := u.LowPC, u.key.addrSize
	selector := ^uint64(0) >> (64 - 8*size)
	for r.err == nil {
		low, high := r.uint(size), r.uint(size)
		switch {
		case r.err != nil || low == 0 && high == 0:
			return r.err
		case low == selector:
			base = high
		case !f(Range{base + low, base + high}):
			return r.err
		}
	}
	return r.err
}

// The kinds of entries in DWARF 5 lists (DW_LLE_*). Range lists (DW_RLE_*) have
// no default location and number the kinds behind it one lower.
const (
	lleEnd = iota
	lleBaseAddrx
	lleStartxEndx
	lleStartxLength
	lleOffsetPair
	lleDefault
	lleBase
	lleStartEnd
	lleStartLength
)

// eachNew walks a DWARF 5 list. Entries of location lists have an expression.
// A default location comes as the range of all addresses.
func (u *Unit) eachNew(r *reader, expressions bool, f func(Range, []byte) bool) error {
	base := u.LowPC
	for r.err == nil {
		kind := r.u8()
		if !expressions && kind >= lleDefault {
			kind++
		}
		rg, isRange, end := u.listEntry(r, kind, &base)
		if r.err != nil || end {
			return r.err
		}
		if !isRange {
			continue
		}
		var expr []byte
		if expressions {
			expr = r.bytes(r.uleb())
		}
		if r.err != nil || !f(rg, expr) {
			return r.err
		}
	}
	return r.err
}

// listEntry reads the addresses of one list entry.
func (u *Unit) listEntry(r *reader, kind uint8, base *uint64) (rg Range, isRange, end bool) {
	size := u.key.addrSize
	switch kind {
	case lleEnd:
		return rg, false, true
	case lleBaseAddrx:
		*base = u.mustIndexed(r, r.uleb())
		return rg, false, false
	case lleBase:
		*base = r.uint(size)
		return rg, false, false
	case lleStartxEndx:
		rg.Low = u.mustIndexed(r, r.uleb())
		rg.High = u.mustIndexed(r, r.uleb())
	case lleStartxLength:
		rg.Low = u.mustIndexed(r, r.uleb())
		rg.High = rg.Low + r.uleb()
	case lleOffsetPair:
		rg.Low = *base + r.uleb()
		rg.High = *base + r.uleb()
	case lleDefault:
		rg.High = ^uint64(0)
	case lleStartEnd:
		rg.Low, rg.High = r.uint(size), r.uint(size)
	case lleStartLength:
		rg.Low = r.uint(size)
		rg.High = rg.Low + r.uleb()
	default:
		r.fail(fmt.Sprintf("unknown list entry 0x%x", kind))
	}
	return rg, true, false
}

func (u *Unit) mustIndexed(r *reader, i uint64) uint64 {
	v, ok := u.Indexed(i)
	if !ok && r.err == nil {
		r.fail("index into .debug_addr is out of range")
	}
	return v
}

// LocationAt returns the location expression of an attribute that holds at pc
// (without load bias) and the range in which it does. An expression that holds
// everywhere has the range of all addresses. A nil expression and no error
// means that there is no location at pc.
func (u *Unit) LocationAt(v Value, pc uint64) (expr []byte, where Range, err error) {
	all := Range{High: ^uint64(0)}
	if v.Block {
		if len(v.B) == 0 {
			return nil, all, nil
		}
		return v.B, all, nil
	}
	found := func(rg Range, e []byte) bool {
		// The first entry wins, except that a default location is the last resort.
		if rg.Contains(pc) && (expr == nil || where == all) {
			expr, where = e, rg
		}
		return expr == nil || where == all
	}
	if u.Version >= 5 {
		r := u.in.s.list(".debug_loclists", v.U)
		err = u.eachNew(&r, true, found)
		return expr, where, err
	}
	r := u.in.s.list(".debug_loc", v.U)
	err = u.eachOld(&r, func(rg Range) bool {
		e := r.bytes(uint64(r.u16()))
		return r.err == nil && found(rg, e)
	})
	return expr, where, err
}
