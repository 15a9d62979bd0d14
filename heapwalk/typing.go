package heapwalk

import "github.com/safedump/sdcore/heapwalk/shape"

// Confidence says how the type of an object is known, best last.
type Confidence uint8

// The confidences.
const (
	// Unknown: no pointer with a type leads to the object.
	Unknown Confidence = iota
	// Weak: one leads to it or into it, and nothing is against that type.
	Weak
	// Strong: one leads to its start, and the size of the type, of all elements
	// together, is one that the allocator would have given such a place.
	Strong
	// Exact: the allocator recorded the type.
	Exact
)

// typing is the type of an object: its number, whether the object is an array of
// it, and the confidence, so that of two the larger number is the surer one.
type typing uint32

const (
	typeBits        = 28
	maxTypes        = 1<<typeBits - 1
	manyBit         = 1 << typeBits
	confidenceShift = typeBits + 1
)

func newTyping(id shape.ID, many bool, c Confidence) typing {
	if id > maxTypes || id == shape.Unknown || c == Unknown {
		return 0
	}
	t := typing(id) | typing(c)<<confidenceShift
	if many {
		t |= manyBit
	}
	return t
}

func (t typing) id() shape.ID           { return shape.ID(t & maxTypes) }
func (t typing) many() bool             { return t&manyBit != 0 }
func (t typing) confidence() Confidence { return Confidence(t >> confidenceShift) }

// better reports whether a is the better answer of two. Of equally sure ones it is
// that of the larger type, then that of a type with a name of its own, then the one
// whose name comes first: not that of the lower number, since types are numbered
// as they are met.
func (w *walker) better(a, b typing) bool {
	if ca, cb := a.confidence(), b.confidence(); ca != cb {
		return ca > cb
	}
	if a == b || a == 0 {
		return false
	}
	ia, ib := w.info(a.id()), w.info(b.id())
	switch {
	case ia.Size != ib.Size:
		return ia.Size > ib.Size
	case named(ia) != named(ib):
		return named(ia)
	case ia.Name != ib.Name:
		return ia.Name < ib.Name
	case a.id() != b.id():
		return a.id() < b.id()
	}
	return !a.many()
}

func named(in *shape.Info) bool { return in.Type != nil && in.Type.Package != "" }

// typeOf judges an edge that leads to the byte at off of an object in s.
func (w *walker) typeOf(s *span, off uint64, e *shape.Edge) typing {
	if e.Elem == shape.Unknown || s.flags&hasHeader != 0 || s.flags&(large|noPointers) == large && w.w.h.largeType(s) != 0 {
		return 0 // the allocator recorded it
	}
	in := w.info(e.Elem)
	switch {
	case in.Size == 0 || in.Size > s.elem-off:
		return 0
	case in.PtrBytes > 0 && s.flags&noPointers != 0 && in.Kind != shape.KindChan:
		return 0 // it would need pointers; a channel has none that count when its elements have none (runtime/chan.go, makechan)
	case in.PtrBytes == 0 && !in.Partial && s.flags&noPointers == 0 && in.Kind != shape.KindWeakHandle:
		return newTyping(e.Elem, e.Many, min(Weak, offBase(off)))
	}
	size := in.Size
	if e.Many {
		if e.Count > s.elem/in.Size {
			if e.Len > s.elem/in.Size {
				return 0 // it can't hold so many
			}
			e.Count = e.Len
		}
		size *= max(e.Count, 1)
	}
	if off != 0 {
		if e.Many && off%in.Size == 0 {
			return newTyping(e.Elem, true, Weak) // a slice that begins further behind
		}
		return 0
	}
	c := Weak
	switch {
	case e.How == shape.HowShape:
	case in.Kind == shape.KindClosure || in.Kind == shape.KindChan: // what they hold behind is not known in advance
		c = Strong
	case s.flags&large != 0:
		if size+pageMask > s.elem {
			c = Strong
		}
	case size > w.w.h.below(s):
		c = Strong
	}
	return newTyping(e.Elem, e.Many, c)
}

const pageMask = 8191

// offBase is Weak at the start of an object and Unknown inside of it.
func offBase(off uint64) Confidence {
	if off == 0 {
		return Weak
	}
	return Unknown
}

func (w *walker) info(id shape.ID) *shape.Info { return w.edges.Info(id) }
