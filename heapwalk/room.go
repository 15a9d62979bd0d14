package heapwalk

import (
	"encoding/binary"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk/shape"
)

// roomReader tells of maps and channels how much they hold and have room for,
// from their headers. It is safe for concurrent use.
type roomReader struct {
	l *Live
}

func newRoomReader(l *Live) *roomReader { return &roomReader{l: l} }

// of is the room of a map or channel by the object of its header.
func (r *roomReader) of(o Object) (Room, bool) {
	in := r.l.table.Info(r.l.typing(o).id())
	b := r.l.h.bytesOf(o)
	switch in.Kind {
	case shape.KindMap:
		return r.ofMap(in, b)
	case shape.KindChan:
		return ofChan(in, b)
	}
	return Room{}, false
}

// bytesOf is the memory of an object, behind its header.
func (h *Heap) bytesOf(o Object) []byte {
	s := h.spanOf(o)
	off := uint64(o-s.first) * s.elem
	if off+s.elem > uint64(len(s.data)) {
		return nil
	}
	b := s.data[off : off+s.elem]
	if s.flags&hasHeader != 0 {
		b = b[headerSize:]
	}
	return b
}

// number reads a field of 1, 2, 4 or 8 bytes.
func number(t *gotype.Type, name string, b []byte) (uint64, bool) {
	if t == nil {
		return 0, false
	}
	f, ok := t.Field(name)
	if !ok || f.Type == nil || f.Offset < 0 || f.Type.Size < 0 || f.Offset+f.Type.Size > int64(len(b)) {
		return 0, false
	}
	b = b[f.Offset:]
	switch f.Type.Size {
	case 1:
		return uint64(b[0]), true
	case 2:
		return uint64(binary.LittleEndian.Uint16(b)), true
	case 4:
		return uint64(binary.LittleEndian.Uint32(b)), true
	case 8:
		return binary.LittleEndian.Uint64(b), true
	}
	return 0, false
}

// ofChan: the buffer is of one size from the beginning (runtime/chan.go).
func ofChan(in *shape.Info, b []byte) (Room, bool) {
	n, ok1 := number(in.Type, "qcount", b)
	room, ok2 := number(in.Type, "dataqsiz", b)
	size, ok3 := number(in.Type, "elemsize", b)
	if !ok1 || !ok2 || !ok3 || n > room || size > 1<<16 || room > 1<<47/max(size, 1) {
		return Room{}, false
	}
	return Room{n, room, (room - n) * size}, true
}

// groupSlots is how many slots a group of a map has (internal/abi/map_swiss.go).
const groupSlots = 8

// ofMap: a map has one group, or tables, each of which may stand in several
// entries of the directory that follow each other (internal/runtime/maps/map.go).
func (r *roomReader) ofMap(in *shape.Info, b []byte) (Room, bool) {
	used, ok1 := number(in.Type, "used", b)
	dir, ok2 := number(in.Type, "dirPtr", b)
	n, ok3 := number(in.Type, "dirLen", b)
	table, slot := mapTypes(r.l.table, in)
	if !ok1 || !ok2 || !ok3 || slot == 0 {
		return Room{}, false
	}
	room := uint64(0)
	switch {
	case n > 0:
		if room, ok1 = r.tables(dir, n, table); !ok1 {
			return Room{}, false
		}
	case dir != 0:
		room = groupSlots
	}
	if used > room {
		return Room{}, false // damaged, or in the middle of a change
	}
	return Room{used, room, (room - used) * slot}, true
}

// tables adds up the slots of the tables of a directory.
func (r *roomReader) tables(dir, n uint64, table *gotype.Type) (slots uint64, ok bool) {
	o, ok := r.l.h.target(dir)
	if !ok {
		return 0, false
	}
	list := r.l.h.bytesOf(o)
	if n > uint64(len(list))/8 {
		return 0, false
	}
	last := uint64(0)
	for i := range n {
		at := le64(list[8*i:])
		if at == last {
			continue
		}
		last = at
		t, found := r.l.h.target(at)
		if !found {
			return 0, false
		}
		capacity, ok := number(table, "capacity", r.l.h.bytesOf(t))
		if !ok {
			return 0, false
		}
		slots += capacity
	}
	return slots, true
}

// mapTypes are the type of a map's tables, and the size of a slot in bytes.
func mapTypes(t *shape.Table, in *shape.Info) (table *gotype.Type, slot uint64) {
	for i := range in.Words {
		w := &in.Words[i]
		if w.Kind != shape.WordMapDir {
			continue
		}
		if p := t.Info(w.Alt).Type; p != nil {
			table = p.Elem
		}
		return table, t.Info(w.Elem).Size / groupSlots
	}
	return nil, 0
}
