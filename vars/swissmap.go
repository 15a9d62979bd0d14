package vars

import (
	"fmt"
	"reflect"
	"sort"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Constants of Swiss maps: Go 1.26.8, internal/abi/map.go (MapGroupSlots,
// MapMaxKeyBytes, MapMaxElemBytes) and internal/runtime/maps/group.go (a
// control byte with its high bit clear marks a full slot).
const (
	groupSlots = 8
	inlineMax  = 128
	ctrlFree   = 0x80
	ctrlSize   = 8
)

// maxTableGroups is the number of groups that a table can have: Go 1.26.8,
// internal/runtime/maps/table.go, maxTableCapacity 1024; a later Go may
// choose another size, up to what the field's uint16 can count.
const maxTableGroups = (1 << 16) / groupSlots

// mapHeader holds the offsets of the fields of internal/runtime/maps.Map,
// table and groupsReference (Go 1.26.8, internal/runtime/maps/{map,table,
// group}.go), by DWARF.
type mapHeader struct {
	ok                    bool
	used, dirPtr, dirLen  int64
	groups, data, lenMask int64
}

// mapLayout is the layout of one map type.
type mapLayout struct {
	mapHeader
	key, elem         *gotype.Type
	groupSize         int64
	keyOff, elemOff   int64 // of slot 0 in a group
	keyStep, elemStep int64 // from slot to slot
	keyPtr, elemPtr   bool  // the slot holds a pointer to it
}

// entry is a key and its element, in place.
type entry struct{ key, elem region }

// mapHeader finds the layout of what all maps have in common, once.
func (r *Reader) mapHeader(t *gotype.Type) mapHeader {
	h := &r.maps
	if h.ok {
		return *h
	}
	const pkg = "internal/runtime/maps."
	m, errM := r.typeNamed(pkg + "Map")
	tab, errT := r.typeNamed(pkg + "table")
	ref, errR := r.typeNamed(pkg + "groupsReference")
	if errM != nil || errT != nil || errR != nil {
		m, tab, ref = internalTypes(t)
	}
	h.ok = offsets(m, map[string]*int64{"used": &h.used, "dirPtr": &h.dirPtr, "dirLen": &h.dirLen}) &&
		offsets(tab, map[string]*int64{"groups": &h.groups}) &&
		offsets(ref, map[string]*int64{"data": &h.data, "lengthMask": &h.lenMask})
	return *h
}

// internalTypes finds the types behind a map in what the linker describes
// (Go 1.26.8, cmd/link/internal/ld/dwarf.go, synthesizemaptypes): map<K,V>
// with dirPtr **table<K,V>, whose groups are a groupReference<K,V>. A type
// that is not there is nil.
func internalTypes(t *gotype.Type) (m, tab, ref *gotype.Type) {
	m = t.Internal
	if fd, ok := fieldAt(m, "dirPtr"); ok {
		tab = elem(elem(fd.Type))
	}
	if fd, ok := fieldAt(tab, "groups"); ok {
		ref = fd.Type
	}
	return m, tab, ref
}

func elem(t *gotype.Type) *gotype.Type {
	if t == nil {
		return nil
	}
	return t.Elem
}

// mapLayout finds the layout of a map type, once per type.
func (r *Reader) mapLayout(t *gotype.Type) (*mapLayout, fault) {
	if l, ok := r.layouts[t]; ok {
		return l, fault{}
	}
	h := r.mapHeader(t)
	if !h.ok || t.Key == nil || t.Elem == nil || t.Key.Size < 0 || t.Elem.Size < 0 {
		return nil, fault{report.StateUnreadable, "the layout of maps is not described"}
	}
	l := &mapLayout{mapHeader: h, key: t.Key, elem: t.Elem}
	if !l.described(t) {
		l.computed()
	}
	if l.groupSize <= ctrlSize || l.groupSize > hardLength {
		return nil, fault{report.StateUnreadable, "the layout of the map type makes no sense"}
	}
	r.layouts[t] = l
	return l, fault{}
}

// described takes the layout of a group from DWARF: either an array of slots
// of key and elem, or an array of keys and one of elems.
func (l *mapLayout) described(t *gotype.Type) bool {
	_, _, ref := internalTypes(t)
	data, ok := fieldAt(ref, "data")
	if !ok {
		return false
	}
	group := elem(data.Type)
	if group == nil {
		return false
	}
	l.groupSize = group.Size
	var kt, et *gotype.Type
	if slots, ok := fieldAt(group, "slots"); ok && elem(slots.Type) != nil {
		slot := slots.Type.Elem
		k, okK := fieldAt(slot, "key")
		e, okE := fieldAt(slot, "elem")
		if !okK || !okE {
			return false
		}
		kt, et = k.Type, e.Type
		l.keyOff, l.elemOff = slots.Offset+k.Offset, slots.Offset+e.Offset
		l.keyStep, l.elemStep = slot.Size, slot.Size
	} else {
		k, okK := fieldAt(group, "keys")
		e, okE := fieldAt(group, "elems")
		if !okK || !okE {
			return false
		}
		kt, et = elem(k.Type), elem(e.Type)
		if kt == nil || et == nil {
			return false
		}
		l.keyOff, l.elemOff = k.Offset, e.Offset
		l.keyStep, l.elemStep = kt.Size, et.Size
	}
	if kt == nil || et == nil {
		return false
	}
	// Large keys and elements are kept elsewhere (cmd/compile/internal/
	// reflectdata/map.go, MapGroupType).
	l.keyPtr = t.Key.Size > inlineMax && kt.Kind == reflect.Pointer
	l.elemPtr = t.Elem.Size > inlineMax && et.Kind == reflect.Pointer
	return true
}

// computed lays out a group as the compiler does where DWARF has no group
// type, for maps made by reflect (cmd/compile/internal/reflectdata/map.go,
// MapGroupType, and cmd/compile/internal/types/size.go).
func (l *mapLayout) computed() {
	slotField := func(t *gotype.Type) (size, align int64, ptr bool) {
		if t.Size > inlineMax {
			return 8, 8, true
		}
		return t.Size, min(max(t.Align, 1), 8), false
	}
	ks, ka, kp := slotField(l.key)
	es, ea, ep := slotField(l.elem)
	alignUp := func(n, a int64) int64 { return (n + a - 1) / a * a }
	off := alignUp(ks, ea)
	size := off + es
	if es == 0 && size > 0 {
		size++ // so that a pointer to the last field stays inside
	}
	size = alignUp(size, max(ka, ea))
	l.keyPtr, l.elemPtr = kp, ep
	l.keyOff, l.elemOff = ctrlSize, ctrlSize+off
	l.keyStep, l.elemStep = size, size
	l.groupSize = ctrlSize + groupSlots*size
	if size == 0 {
		l.groupSize += 8
	}
}

// mapUsed reads and checks the number of entries of the map at p.
func (d *decoder) mapUsed(l *mapLayout, p uint64) (uint64, fault) {
	b, f := view(d.r.mem, p+uint64(l.used), 8)
	if f.bad() {
		return 0, f
	}
	used := unsigned(b)
	if used > hardLength {
		return 0, fault{report.StateUnreadable, fmt.Sprintf("the map at 0x%x counts %d entries", p, used)}
	}
	return used, fault{}
}

// walkMap calls yield for the entries of the map at p in memory order, until
// it returns false. The fault tells that some could not be had.
func (d *decoder) walkMap(l *mapLayout, p uint64, yield func(entry) bool) fault {
	dir, f := view(d.r.mem, p+uint64(l.dirPtr), 8)
	if f.bad() {
		return f
	}
	n, f := view(d.r.mem, p+uint64(l.dirLen), 8)
	if f.bad() {
		return f
	}
	dirPtr, dirLen := unsigned(dir), unsigned(n)
	if dirLen == 0 {
		if dirPtr == 0 {
			return fault{} // nothing was ever put in
		}
		_, f := d.walkGroup(l, dirPtr, yield)
		return f
	}
	if dirLen > hardLength/8 || dirLen&(dirLen-1) != 0 {
		return fault{report.StateUnreadable, fmt.Sprintf("the directory of the map at 0x%x makes no sense", p)}
	}
	return d.walkTables(l, dirPtr, dirLen, yield)
}

// walkTables walks the tables of a directory. Neighbours may be the same.
func (d *decoder) walkTables(l *mapLayout, dir, n uint64, yield func(entry) bool) (worst fault) {
	var last uint64
	for i := uint64(0); i < n; i++ {
		if d.steps--; d.steps <= 0 {
			return fault{report.StateBudget, "the map has too many tables"}
		}
		b, f := view(d.r.mem, dir+8*i, 8)
		if f.bad() {
			return f
		}
		tab := unsigned(b)
		if tab == last {
			continue
		}
		last = tab
		more, f := d.walkTable(l, tab, yield)
		if f.bad() {
			worst = f
		}
		if !more {
			break
		}
	}
	return worst
}

// walkTable walks the groups of a table; more is false when yield had enough.
func (d *decoder) walkTable(l *mapLayout, tab uint64, yield func(entry) bool) (more bool, worst fault) {
	ref := tab + uint64(l.groups)
	b, f := view(d.r.mem, ref+uint64(l.data), 8)
	if f.bad() {
		return true, f
	}
	data := unsigned(b)
	if b, f = view(d.r.mem, ref+uint64(l.lenMask), 8); f.bad() {
		return true, f
	}
	n := unsigned(b) + 1
	if n == 0 || n > maxTableGroups || n&(n-1) != 0 {
		return true, fault{report.StateUnreadable, fmt.Sprintf("the map's table at 0x%x makes no sense", tab)}
	}
	for i := uint64(0); i < n; i++ {
		if d.steps--; d.steps <= 0 {
			return false, fault{report.StateBudget, "the map has too many groups"}
		}
		more, f := d.walkGroup(l, data+i*uint64(l.groupSize), yield)
		if f.bad() {
			worst = f
		}
		if !more {
			return false, worst
		}
	}
	return true, worst
}

// walkGroup walks the full slots of a group.
func (d *decoder) walkGroup(l *mapLayout, g uint64, yield func(entry) bool) (more bool, f fault) {
	ctrl, f := view(d.r.mem, g, ctrlSize)
	if f.bad() {
		return true, f
	}
	for i := 0; i < groupSlots; i++ {
		if ctrl[i]&ctrlFree != 0 {
			continue // empty or deleted
		}
		var e entry
		e.key = d.slot(g+uint64(l.keyOff+int64(i)*l.keyStep), l.key.Size, l.keyPtr)
		e.elem = d.slot(g+uint64(l.elemOff+int64(i)*l.elemStep), l.elem.Size, l.elemPtr)
		if !yield(e) {
			return false, fault{}
		}
	}
	return true, fault{}
}

// slot is the place of a key or element.
func (d *decoder) slot(addr uint64, size int64, ptr bool) region {
	if !ptr {
		return at(addr, size)
	}
	b, f := view(d.r.mem, addr, 8)
	if f.bad() {
		return lost(size, f)
	}
	return at(unsigned(b), size)
}

// sortKey is what map entries are ordered by.
type sortKey struct {
	n uint64 // numbers, made so that they order like their values
	s string
}

// sortEntries orders entries by key where keys are scalars or strings; others
// stay in memory order.
func (d *decoder) sortEntries(t *gotype.Type, es []entry) {
	if t == nil || t.Kind != reflect.String && width(t.Kind) == 0 {
		return
	}
	if len(es) < 2 {
		return
	}
	d.keys = d.keys[:0]
	for i := range es {
		d.keys = append(d.keys, d.sortKey(t, es[i].key))
	}
	sort.Stable(byKey{d.keys, es})
}

// sortedPrefix is how much of a string key takes part in sorting.
const sortedPrefix = 256

func (d *decoder) sortKey(t *gotype.Type, src region) (k sortKey) {
	if t.Kind == reflect.String {
		n, f := d.word(src, 8)
		if ptr, f2 := d.word(src, 0); !f.bad() && !f2.bad() {
			b, _ := view(d.r.mem, ptr, int(min(n, sortedPrefix)))
			k.s = string(b)
		}
		return k
	}
	w := width(t.Kind)
	b, f := src.read(d.r.mem, 0, w)
	if f.bad() {
		return k
	}
	switch t.Kind {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		k.n = uint64(signed(b)) ^ 1<<63
	case reflect.Float32, reflect.Float64:
		// The bits of floats order like the numbers once the negative ones
		// are turned around.
		k.n = unsigned(b) << (64 - 8*w)
		if k.n>>63 != 0 {
			k.n = ^k.n
		} else {
			k.n |= 1 << 63
		}
	default:
		k.n = unsigned(b)
	}
	return k
}

// byKey sorts entries along with their keys.
type byKey struct {
	keys []sortKey
	es   []entry
}

func (s byKey) Len() int { return len(s.es) }
func (s byKey) Swap(i, j int) {
	s.keys[i], s.keys[j] = s.keys[j], s.keys[i]
	s.es[i], s.es[j] = s.es[j], s.es[i]
}
func (s byKey) Less(i, j int) bool {
	if s.keys[i].n != s.keys[j].n {
		return s.keys[i].n < s.keys[j].n
	}
	return s.keys[i].s < s.keys[j].s
}
