package heapwalk

import (
	"sync"
	"sync/atomic"
)

// typings are the types of all objects. Nearly all spans hold objects of one type
// only, so that a bit for each object says enough: whether it has the first type
// that was offered in its span. Only spans in which there are others take more for
// each object, as many bits as it takes to number these.
//
// What a type is said to be depends on who came first; of which type an object is
// does not.
type typings struct {
	spans []spanTypes
	first bitset // objects of the first type of their span
	locks [64]sync.Mutex
}

// spanTypes are the types of one span.
type spanTypes struct {
	first atomic.Uint32 // a typing, 0 until there is one
	mixed atomic.Pointer[mixedTypes]
}

// mixedTypes are the types of those objects of a span that have another than its
// first.
type mixedTypes struct {
	// types are numbered, the first of them is none. Without index they are those of
	// the objects themselves.
	types []typing
	used  int // of types
	// index has the number of each object's type, of width bits.
	index []uint32
	width uint32
}

const maxWidth = 8

func newMixedTypes(types int, width uint32, objects uint16) *mixedTypes {
	return &mixedTypes{types: make([]typing, types), used: 1, index: make([]uint32, (uint32(objects)*width+31)/32), width: width}
}

func newTypings(h *Heap) *typings {
	return &typings{spans: make([]spanTypes, len(h.spans)), first: newBitset(h.n)}
}

// of is the type of an object of s. Others may offer types at once, but to this
// object only under its lock.
func (t *typings) of(s *span, o Object) typing {
	st := &t.spans[s.number]
	if m := st.mixed.Load(); m != nil {
		if got := m.at(uint32(o - s.first)); got != 0 {
			return got
		}
	}
	if t.first.seen(o) {
		return typing(st.first.Load())
	}
	return 0
}

// only is the type of all objects of a span that have one; ok is false when they
// may have several.
func (t *typings) only(s *span) (first typing, ok bool) {
	st := &t.spans[s.number]
	return typing(st.first.Load()), st.mixed.Load() == nil
}

func (m *mixedTypes) at(i uint32) typing {
	if m.index == nil {
		return m.types[i]
	}
	bit := i * m.width
	return m.types[atomic.LoadUint32(&m.index[bit/32])>>(bit%32)&(1<<m.width-1)]
}

// number sets the number of object i's type. The caller holds the lock of the
// span; others may read those of other objects.
func (m *mixedTypes) number(i, n uint32) {
	bit := i * m.width
	at, mask := &m.index[bit/32], uint32(1<<m.width-1)<<(bit%32)
	atomic.StoreUint32(at, atomic.LoadUint32(at)&^mask|n<<(bit%32))
}

// offer gives an object a type unless it has one that is as good: better is a strict
// order. Several may offer at once, and what comes out does not depend on theirs.
func (t *typings) offer(s *span, o Object, to typing, better func(a, b typing) bool) {
	if to == 0 {
		return
	}
	first := t.firstOf(s, to)
	if first == to {
		if t.first.add(o); t.spans[s.number].mixed.Load() == nil {
			return
		}
	} else if t.first.seen(o) && !better(to, first) {
		return // it can only have got a better one since
	}
	lock := &t.locks[s.number%uint32(len(t.locks))]
	lock.Lock()
	defer lock.Unlock()
	// Where there are mixed types is said before the bit is read: who sets the bit
	// looks for them afterwards, so that one of the two sees the other.
	t.mix(s)
	if better(to, t.of(s, o)) {
		t.set(s, o, to)
	}
}

// firstOf is the first type of a span, which is to when there was none.
func (t *typings) firstOf(s *span, to typing) typing {
	first := &t.spans[s.number].first
	if got := first.Load(); got != 0 {
		return typing(got)
	}
	first.CompareAndSwap(0, uint32(to))
	return typing(first.Load())
}

// set replaces the type of an object, 0 takes it away. The caller holds the lock of
// its span, or is alone.
func (t *typings) set(s *span, o Object, to typing) {
	i := uint32(o - s.first)
	if to == 0 || t.firstOf(s, to) == to {
		if m := t.spans[s.number].mixed.Load(); m != nil {
			m.put(i, 0)
		}
		if to == 0 {
			t.first.remove(o)
		} else {
			t.first.add(o)
		}
		return
	}
	if m := t.mix(s); !m.put(i, to) {
		m = m.larger(s.n)
		m.put(i, to)
		t.spans[s.number].mixed.Store(m)
	}
	t.first.remove(o)
}

// mix are the mixed types of a span, made when there are none.
func (t *typings) mix(s *span) *mixedTypes {
	at := &t.spans[s.number].mixed
	if at.Load() == nil {
		at.Store(newMixedTypes(2, 1, s.n))
	}
	return at.Load()
}

// put sets the type of object i. It reports false when there is no room for one
// that is new.
func (m *mixedTypes) put(i uint32, to typing) bool {
	if m.index == nil {
		m.types[i] = to
		return true
	}
	for n, got := range m.types[:m.used] {
		if got == to {
			m.number(i, uint32(n))
			return true
		}
	}
	if m.used == len(m.types) {
		return false
	}
	m.types[m.used] = to
	m.number(i, uint32(m.used))
	m.used++
	return true
}

// larger is the same with room for more types. Who reads m meanwhile finds it as it
// was.
func (m *mixedTypes) larger(objects uint16) *mixedTypes {
	width := m.width
	if m.used == 1<<width {
		width *= 2
	}
	if width > maxWidth || 2*m.used*32+int(objects)*int(width) >= int(objects)*32 { // it is no smaller
		types := make([]typing, objects)
		for i := range types {
			types[i] = m.at(uint32(i))
		}
		return &mixedTypes{types: types}
	}
	l := newMixedTypes(2*m.used, width, objects)
	l.used = copy(l.types, m.types)
	for i := range uint32(objects) {
		bit := i * m.width
		l.number(i, m.index[bit/32]>>(bit%32)&(1<<m.width-1))
	}
	return l
}
