package heapwalk

import (
	"encoding/binary"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// rootReader lists what roots point to.
type rootReader struct {
	h     *Heap
	table *shape.Table
	edges *shape.Walker
	m     pointerMap
	e     shape.Edge
}

func newRootReader(h *Heap, t *shape.Table) *rootReader {
	return &rootReader{h: h, table: t, edges: t.Walker()}
}

// maxRoot bounds one root in bytes.
const maxRoot = 1 << 40

// each calls visit for what a root points to, in the heap or elsewhere; what is
// named by a type and by the words alone may come twice.
func (r *rootReader) each(root *Root, visit func(*shape.Edge)) {
	id := r.typeOf(root)
	switch {
	case root.Addr == 0:
		var b [8]byte
		binary.LittleEndian.PutUint64(b[:], root.Value)
		r.value(root, id, b[:], visit)
		return
	case root.object:
		if o, ok := r.h.target(root.Addr); ok {
			s := r.h.spanOf(o)
			if r.h.pointersOf(&r.m, s, uint32(o-s.first)) {
				if in := r.table.Info(id); len(in.Words) > 0 && in.Words[0].Kind == shape.WordPointer {
					r.edges.Edges(in.Words[0].Elem, r.m.data, visit)
				}
				r.m.each(func(off, p uint64) { r.word(off, p, visit) })
			}
		}
		return
	}
	if data, _, ok := r.h.mem.View(root.Addr, int(min(root.Size, maxRoot))); ok {
		r.value(root, id, data, visit)
	}
}

// typeOf is the type of a root's value, or of the pointer to its object.
func (r *rootReader) typeOf(root *Root) shape.ID {
	if root.descriptor != 0 {
		return r.table.OfDescriptor(root.descriptor)
	}
	return r.table.Of(root.Type)
}

// value lists the pointers in the bytes of a root: by its type, and where that
// does not tell all by its words.
func (r *rootReader) value(root *Root, id shape.ID, data []byte, visit func(*shape.Edge)) {
	if id != shape.Unknown {
		r.edges.Edges(id, data, visit)
		if root.segment == nil && !r.edges.Info(id).Partial {
			return
		}
	}
	for off := 0; off+8 <= len(data); off += 8 {
		if p := binary.LittleEndian.Uint64(data[off:]); p != 0 && (root.segment == nil || isPointer(root.segment, root.Addr+uint64(off))) {
			r.word(uint64(off), p, visit)
		}
	}
}

// word is a pointer of which nothing else is known.
func (r *rootReader) word(off, p uint64, visit func(*shape.Edge)) {
	r.e = shape.Edge{Off: off, Ptr: p, Count: 1, Len: 1}
	visit(&r.e)
}
