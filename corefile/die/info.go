package die

import (
	"debug/dwarf"
	"fmt"
	"math"
	"sort"
)

// Info is the debug information of one binary. It may be used by several
// goroutines at once as soon as New returned.
type Info struct {
	s      Sections
	units  []*Unit
	tables map[abbrevKey]*abbrevTable
	damage error
}

// Unit is a compilation unit.
type Unit struct {
	// Off is the offset of the unit's header, Root that of its first entry, End
	// that behind its last.
	Off, Root, End dwarf.Offset
	Version        int
	// Name and Package are the unit's name and, for Go, its import path.
	Name, Package string
	// Language is DW_AT_language; LangGo for Go.
	Language uint64
	// LowPC is the base address of range and location lists.
	LowPC uint64

	in             *Info
	key            abbrevKey
	table          *abbrevTable
	strOffsetsBase uint64
	addrBase       uint64
	rngListsBase   uint64
	locListsBase   uint64
}

// LangGo is DW_LANG_Go.
const LangGo = 0x16

// Attributes that debug/dwarf does not name: Go's own (their values are from
// cmd/internal/dwarf/dwarf.go, go1.25 to go1.27) and two of DWARF 5.
const (
	AttrGoKind          dwarf.Attr = 0x2900 // reflect.Kind
	AttrGoKey           dwarf.Attr = 0x2901 // key type of a map
	AttrGoElem          dwarf.Attr = 0x2902 // element type of a map, chan or slice
	AttrGoEmbeddedField dwarf.Attr = 0x2903
	AttrGoRuntimeType   dwarf.Attr = 0x2904 // offset of the abi.Type in the types section
	AttrGoPackageName   dwarf.Attr = 0x2905 // of a unit
	AttrGoDictIndex     dwarf.Attr = 0x2906 // index in the dictionary of a generic function
	AttrGoClosureOffset dwarf.Attr = 0x2907 // where a captured variable lies in the closure
)

// New reads the unit headers. Damage in a unit header hides the units behind
// it: what is readable is returned, Damage tells the rest. An error means that
// there is no readable unit at all.
func New(s Sections) (*Info, error) { return NewAhead(s, func(*Unit) {}) }

// NewAhead is New for who has use for one unit while the next ones are being
// read: seen is called for each. Cursors of it work, Info's other methods do not
// until NewAhead has returned.
func NewAhead(s Sections, seen func(*Unit)) (*Info, error) {
	in := &Info{s: s, tables: map[abbrevKey]*abbrevTable{}}
	if uint64(len(s.Info)) > math.MaxUint32 {
		return nil, &Error{Section: ".debug_info", Reason: "section is larger than 4 GiB"}
	}
	for off := uint64(0); off < uint64(len(s.Info)); {
		u, err := in.readUnit(off)
		if err != nil {
			in.addDamage(err)
		}
		if u == nil {
			break
		}
		if err == nil {
			in.units = append(in.units, u)
			seen(u)
		}
		off = uint64(u.End)
	}
	if len(in.units) > 0 {
		return in, nil
	}
	if in.damage != nil {
		return nil, in.damage
	}
	return nil, &Error{Section: ".debug_info", Reason: "section is empty"}
}

// Damage is the first defect that New met, nil when there was none.
func (in *Info) Damage() error { return in.damage }

func (in *Info) addDamage(err error) {
	if in.damage == nil {
		in.damage = err
	}
}

// Units lists the units in the order of the section.
func (in *Info) Units() []*Unit { return in.units }

// wait waits for the first end bytes of the section.
func (in *Info) wait(end uint64) error {
	if in.s.Wait == nil {
		return nil
	}
	if err := in.s.Wait(end); err != nil {
		return fmt.Errorf("section .debug_info: %w", err)
	}
	return nil
}

// readUnit reads a unit's header and root entry. The unit is nil when not even
// its end is known; it comes with an error when its contents are unusable.
func (in *Info) readUnit(off uint64) (*Unit, error) {
	const header = 32 // bytes, at most
	if err := in.wait(off + header); err != nil {
		return nil, err
	}
	r := at(".debug_info", in.s.Info, off)
	k := abbrevKey{offSize: 4}
	length := uint64(r.u32())
	if length == 0xffffffff {
		k.offSize = 8
		length = r.u64()
	}
	if r.err == nil && length > uint64(len(r.b))-r.pos {
		r.fail(fmt.Sprintf("unit of %d bytes does not fit", length))
	}
	if r.err != nil {
		return nil, r.err
	}
	u := &Unit{Off: dwarf.Offset(off), End: dwarf.Offset(r.pos + length), in: in}
	if err := in.wait(uint64(u.End)); err != nil {
		return nil, err
	}
	r.b = r.b[:u.End]
	u.Version = int(r.u16())
	k.v2 = u.Version == 2
	switch {
	case u.Version >= 2 && u.Version <= 4:
		k.off = r.uint(k.offSize)
		k.addrSize = int(r.u8())
	case u.Version == 5:
		kind := r.u8()
		k.addrSize = int(r.u8())
		k.off = r.uint(k.offSize)
		switch kind {
		case 4, 5: // skeleton, split compile: DWO ID
			r.u64()
		case 2, 6: // type units: signature and type offset
			r.u64()
			r.uint(k.offSize)
		}
	default:
		r.fail(fmt.Sprintf("unknown DWARF version %d", u.Version))
	}
	if r.err == nil && k.addrSize != 4 && k.addrSize != 8 {
		r.fail(fmt.Sprintf("address size %d", k.addrSize))
	}
	if r.err != nil {
		return u, r.err
	}
	u.key, u.Root = k, dwarf.Offset(r.pos)
	var err error
	if u.table, err = in.abbrevs(k); err != nil {
		return u, err
	}
	return u, u.readRoot()
}

// readRoot takes from the root entry what other entries need.
func (u *Unit) readRoot() error {
	e, _, err := u.entry(uint64(u.Root))
	if err != nil {
		return err
	}
	// The bases come first: other attributes refer to them. Their defaults are
	// those of sections with one contribution.
	header := uint64(8)
	if u.key.offSize == 8 {
		header = 16
	}
	u.strOffsetsBase, u.addrBase = header, header
	u.rngListsBase, u.locListsBase = header+4, header+4
	for _, b := range []struct {
		at   dwarf.Attr
		base *uint64
	}{
		{dwarf.AttrStrOffsetsBase, &u.strOffsetsBase}, {dwarf.AttrAddrBase, &u.addrBase},
		{dwarf.AttrRnglistsBase, &u.rngListsBase}, {dwarf.AttrLoclistsBase, &u.locListsBase},
	} {
		if v, ok := e.Val(b.at); ok {
			*b.base = v.U
		}
	}
	u.Name, _ = e.String(dwarf.AttrName)
	u.Package, _ = e.String(AttrGoPackageName)
	u.Language, _ = e.Uint(dwarf.AttrLanguage)
	u.LowPC, _ = e.Addr(dwarf.AttrLowpc)
	return nil
}

// Unit returns the unit that holds the entry at an offset.
func (in *Info) Unit(off dwarf.Offset) (*Unit, bool) {
	i := sort.Search(len(in.units), func(i int) bool { return in.units[i].End > off })
	if i == len(in.units) || off < in.units[i].Root {
		return nil, false
	}
	return in.units[i], true
}

// Entry reads the entry at an offset. An offset that is not the start of an
// entry gives an error or a meaningless entry, which can't be told apart.
func (in *Info) Entry(off dwarf.Offset) (Entry, error) {
	u, ok := in.Unit(off)
	if !ok {
		return Entry{}, &Error{Section: ".debug_info", Offset: uint64(off), Reason: "offset is in no unit"}
	}
	e, _, err := u.entry(uint64(off))
	if err == nil && e.Tag == 0 {
		err = &Error{Section: ".debug_info", Offset: uint64(off), Reason: "no entry here"}
	}
	return e, err
}

// Cursor walks entries in the order of the section.
type Cursor struct {
	u   *Unit
	pos uint64
}

// Cursor returns a cursor that stands on the unit's root.
func (u *Unit) Cursor() Cursor { return Cursor{u: u, pos: uint64(u.Root)} }

// Cursor returns a cursor that stands on the entry at off.
func (in *Info) Cursor(off dwarf.Offset) (Cursor, error) {
	u, ok := in.Unit(off)
	if !ok {
		return Cursor{}, &Error{Section: ".debug_info", Offset: uint64(off), Reason: "offset is in no unit"}
	}
	return Cursor{u: u, pos: uint64(off)}, nil
}

// Next returns the entry under the cursor and moves on to the one that follows,
// which is its first child if it has children. An entry with Tag 0 ends the
// children of the last parent. ok is false at the end of the unit and on error.
func (c *Cursor) Next() (e Entry, ok bool, err error) {
	if c.u == nil || c.pos >= uint64(c.u.End) {
		return Entry{}, false, nil
	}
	e, next, err := c.u.entry(c.pos)
	if err != nil {
		c.pos = uint64(c.u.End)
		return Entry{}, false, err
	}
	c.pos = next
	return e, true, nil
}

// Skip moves the cursor behind the children of e, which Next just returned.
func (c *Cursor) Skip(e Entry) error {
	depth := 0
	if e.Children {
		depth = 1
	}
	for depth > 0 {
		k, ok, err := c.Next()
		switch {
		case err != nil:
			return err
		case !ok:
			return nil
		case k.Tag == 0:
			depth--
		case k.Children:
			depth++
		}
	}
	return nil
}
