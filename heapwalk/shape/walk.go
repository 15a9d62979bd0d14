package shape

// How says what the type of an edge's target rests on.
type How uint8

// The grounds of a type, best last.
const (
	HowUnknown  How = iota // there is none
	HowShape               // generic code says what the target looks like, not of which type it is
	HowRule                // what the standard library does with a field that says nothing
	HowDynamic             // the type word of an interface, the function of a closure
	HowDeclared            // the type of the field
)

// Edge is a pointer in a value and what it points to. All numbers are as memory
// has them, not checked against anything.
type Edge struct {
	Off uint64 // of the word, from the start of the bytes
	// Ptr is never 0. It is what the word holds, but for a timer of package time:
	// then it is the start of the runtime.timeTimer that the word points into.
	Ptr uint64
	// Elem is the type of what Ptr points to, Unknown when that is not known.
	Elem ID
	How  How
	// Many means that Ptr points to an array of Elem: the data of a slice or
	// string, the buffer of a channel, the groups of a map. Count is then the
	// number of elements that there is room for and Len how many are in use
	// (equal where that is not told apart). Otherwise both are 1.
	Many       bool
	Count, Len uint64
}

// Walker lists the edges of values. It keeps the dynamic types that it met
// last; each goroutine has its own.
type Walker struct {
	t     *Table
	slots []*slot // of the table, some time ago
	edge  Edge
	types [cached]cachedType // by descriptor
	itabs [cached]cachedType
	funcs [cached]cachedFunc
}

const cachedBits = 9
const cached = 1 << cachedBits

type cachedType struct {
	key uint64
	dynamic
}

type cachedFunc struct {
	key uint64
	id  ID
}

// Walker makes a walker over the table.
func (t *Table) Walker() *Walker { return &Walker{t: t} }

// Edges calls visit for each pointer that is not nil in the values of type id
// that b holds: one, or an array of them; a closure or a channel is one and
// what follows it is not looked at. A value that b holds the beginning of only
// gives those that are there. The Edge is valid until visit returns.
//
// Costs, beside visit: a few nanoseconds for each word; for an interface or func
// value also a look into a small cache and, for a func value, one into memory.
// Nothing is allocated but for types that are met for the first time.
func (w *Walker) Edges(id ID, b []byte, visit func(*Edge)) {
	in := w.Info(id)
	if len(in.Words) == 0 {
		return
	}
	if in.Size == 0 || in.Kind == KindClosure || in.Kind == KindChan || uint64(len(b)) <= in.Size {
		w.words(in.Words, b, 0, visit)
		return
	}
	for off := uint64(0); off < uint64(len(b)); off += in.Size {
		end := min(off+in.Size, uint64(len(b)))
		w.words(in.Words, b[off:end], off, visit)
	}
}

// Info is Table.Info by the walker's own copy of the list.
func (w *Walker) Info(id ID) *Info {
	if int(id) < len(w.slots) {
		if s := w.slots[id]; s.ready.Load() {
			return &s.info
		}
	}
	in := w.t.Info(id)
	w.slots = *w.t.slots.Load()
	return in
}

// words runs the words of a value over its bytes, which lie at off.
func (w *Walker) words(words []Word, b []byte, off uint64, visit func(*Edge)) {
	for i := 0; i < len(words); i++ {
		wd := &words[i]
		if wd.Kind == WordRepeat {
			body := words[i+1 : i+1+int(wd.Body)]
			w.repeat(wd, body, b, off, visit)
			i += len(body)
			continue
		}
		at := wd.Off
		if wd.Kind == WordEface || wd.Kind == WordIface {
			at += ptrSize
		}
		p := word(b, at)
		if p == 0 {
			continue
		}
		// Field by field: a literal is made elsewhere and copied.
		e := &w.edge
		e.Off, e.Ptr, e.Elem, e.How, e.Many, e.Count, e.Len = off+at, p, wd.Elem, wd.How, false, 1, 1
		if wd.Kind != WordPointer {
			w.resolve(wd, b, e)
		}
		if e.Elem == Unknown {
			e.How = HowUnknown
		}
		visit(e)
	}
}

// repeat runs the words of an array's element over each that is there.
func (w *Walker) repeat(head *Word, body []Word, b []byte, off uint64, visit func(*Edge)) {
	if head.Stride == 0 {
		return
	}
	if len(body) == 1 && body[0].Kind == WordPointer {
		w.pointers(head, &body[0], b, off, visit)
		return
	}
	for n, at := uint64(0), head.Off; n < head.N && at < uint64(len(b)); n, at = n+1, at+head.Stride {
		w.words(body, b[at:min(at+head.Stride, uint64(len(b)))], off+at, visit)
	}
}

// pointers is repeat for arrays of pointers, and of structs with one.
func (w *Walker) pointers(head, wd *Word, b []byte, off uint64, visit func(*Edge)) {
	e := &w.edge
	how := wd.How
	if wd.Elem == Unknown {
		how = HowUnknown
	}
	size := uint64(len(b))
	for n, at := uint64(0), head.Off+wd.Off; n < head.N && at < size && size-at >= ptrSize; n, at = n+1, at+head.Stride {
		if p := le64(b[at:]); p != 0 {
			e.Off, e.Ptr, e.Elem, e.How, e.Many, e.Count, e.Len = off+at, p, wd.Elem, how, false, 1, 1
			visit(e)
		}
	}
}

// word reads a word of a value; 0 where its bytes are not there.
func word(b []byte, off uint64) uint64 {
	if end := off + ptrSize; end < off || end > uint64(len(b)) {
		return 0
	}
	return le64(b[off:])
}

// resolve finds the target of a word that is not a plain pointer.
func (w *Walker) resolve(wd *Word, b []byte, e *Edge) {
	switch wd.Kind {
	case WordString:
		e.Many, e.Len = true, word(b, wd.Off+ptrSize)
		e.Count = e.Len
	case WordSlice:
		e.Many, e.Len, e.Count = true, word(b, wd.Off+ptrSize), word(b, wd.Off+2*ptrSize)
	case WordEface:
		w.value(w.typeAt(word(b, wd.Off)), e)
	case WordIface:
		w.value(w.itabAt(word(b, wd.Off)), e)
	case WordFunc:
		e.Elem, e.How = w.closureAt(e.Ptr), HowDynamic
	case WordCounted:
		e.Many, e.Count = true, word(b, wd.Aux)
		e.Len = e.Count
	case WordMasked:
		e.Many, e.Count = true, word(b, wd.Aux)+1
		e.Len = e.Count
	case WordMapDir:
		if n := word(b, wd.Aux); n != 0 {
			e.Elem, e.Many, e.Count, e.Len = wd.Alt, true, n, n
		}
	case WordTrie:
		e.How = HowDynamic
		if flag, err := w.t.mem.Uint8(e.Ptr); err != nil || flag != 1 {
			e.Elem = wd.Alt
		}
	case WordChanBuf:
		e.Elem, e.How = w.typeAt(word(b, wd.Aux2)).id, HowDynamic
		e.Many, e.Count = true, word(b, wd.Aux)
		e.Len = e.Count
	case WordChan:
		e.Elem, e.How = w.chanAt(e.Ptr), HowDynamic
	case WordTimer:
		w.timerAt(wd.Alt, e)
	case WordReflect:
		d := w.typeAt(word(b, wd.Aux))
		if word(b, wd.Aux2)&reflectFlagIndir != 0 {
			d.direct = false
		}
		w.value(d, e)
	}
}

// value sets the target of a word that holds a value of a dynamic type, as
// interfaces do: a pointer to it, or the value itself where that is a pointer.
func (w *Walker) value(d dynamic, e *Edge) {
	e.Elem, e.How = d.id, HowDynamic
	if !d.direct || d.id == Unknown {
		return
	}
	words := w.Info(d.id).Words
	if len(words) == 0 {
		e.Elem = Unknown // a pointer that is none for the collector
		return
	}
	switch wd := &words[0]; wd.Kind {
	case WordFunc:
		e.Elem = w.closureAt(e.Ptr)
	case WordTrie, WordChan, WordTimer:
		w.resolve(wd, nil, e)
	default:
		e.Elem = wd.Elem
	}
}

// place is where a key is in a cache.
func place(key uint64) uint64 {
	return key * 0x9e3779b97f4a7c15 >> (64 - cachedBits) // 2^64 divided by the golden ratio
}

func (w *Walker) typeAt(addr uint64) dynamic {
	c := &w.types[place(addr)]
	if c.key != addr {
		*c = cachedType{addr, w.t.lookup(addr, false)}
	}
	return c.dynamic
}

func (w *Walker) itabAt(addr uint64) dynamic {
	c := &w.itabs[place(addr)]
	if c.key != addr {
		*c = cachedType{addr, w.t.lookup(addr, true)}
	}
	return c.dynamic
}

// closureAt is the type of the closure at addr, by its function.
func (w *Walker) closureAt(addr uint64) ID {
	entry, err := w.t.mem.Uint64(addr)
	if err != nil || entry == 0 {
		return Unknown
	}
	c := &w.funcs[place(entry)]
	if c.key != entry {
		*c = cachedFunc{entry, w.t.OfFunc(entry)}
	}
	return c.id
}

// Descriptor is Table.OfDescriptor by the walker's own cache.
func (w *Walker) Descriptor(addr uint64) ID { return w.typeAt(addr).id }

// ClosureAt numbers the closure that a func value points to.
func (w *Walker) ClosureAt(addr uint64) ID { return w.closureAt(addr) }

// InterfaceType numbers the dynamic type of an interface by its first word,
// an itab unless the interface has no methods. direct means that the second
// word is the value itself, not a pointer to it.
func (w *Walker) InterfaceType(word uint64, empty bool) (id ID, direct bool) {
	d := w.itabAt
	if empty {
		d = w.typeAt
	}
	r := d(word)
	return r.id, r.direct
}
