package shape

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
)

// ID is the number of a type in a [Table]. They are dense.
type ID uint32

// The types that every table has.
const (
	Unknown     ID = iota // nothing is known
	StringBytes           // what a string points to
	WeakHandle            // what a weak pointer points to: a word that the collector clears
	firstID
)

// Kind says what the values of a type are.
type Kind uint8

// The kinds of types.
const (
	KindUnknown Kind = iota
	KindValue        // values of a Go type
	KindString       // the bytes of a string
	KindClosure      // a function's address and what it captured
	KindMap          // the header of a map
	KindMapTable
	KindMapGroup
	KindChan // the header of a channel; elements without pointers follow in the same object
	KindWeakHandle
)

// Info is what is known of a type. It must not be changed.
type Info struct {
	ID   ID
	Kind Kind
	// Name is the type as Go spells it, or as the package comment says. Package
	// is its import path; for types without a name, that of what they are made
	// of; "" for those of the language.
	Name, Package string
	// Size is that of one value in bytes. A closure may be larger than what is
	// known of it (Partial), and behind a channel's header may follow elements.
	Size uint64
	// PtrBytes is the end of the last pointer word, 0 when there is none.
	PtrBytes uint64
	// Type is the layout, nil where there is none; for a closure a struct that
	// was made up of what it captured.
	Type *gotype.Type
	// Elem is the element of channels.
	Elem ID
	// Partial means that the type is not described completely: there may be
	// pointers that are not among Words.
	Partial bool
	// Mask has a bit for each of the first 64 words of a value that the garbage
	// collector takes for a pointer, Known for each of which it is known
	// whether it does.
	Mask, Known uint64
	// Words are the pointer words of a value in ascending order.
	Words []Word
}

// slot is a type of the table, compiled when it is first looked at.
type slot struct {
	ready atomic.Bool
	info  Info
}

// Table numbers types and knows their words. It is safe for concurrent use;
// walks go through a [Walker] each. The gotype.Types and goscope.Finder that it
// was made from must not be used while it is: they are not safe for that, and
// types that appear during a walk are looked up there.
type Table struct {
	mem    memory
	types  typeSource
	finder funcSource
	rt     *goruntime.Runtime
	lay    layout

	slots atomic.Pointer[[]*slot] // read without the lock; only grows

	mu       sync.RWMutex
	byType   map[*gotype.Type]ID
	pointers map[*gotype.Type]extent // see extentOf
	marked   map[*gotype.Type]bool   // see notInHeap
	dynamic  map[uint64]dynamic      // by the address of a descriptor or itab
	funcs    map[uint64]ID           // by entry
	chans    map[ID]ID               // what channels point to, by their elements
}

// memory is what is used of a corefile.Memory.
type memory interface {
	Uint64(addr uint64) (uint64, error)
	Uint8(addr uint64) (uint8, error)
	View(addr uint64, n int) ([]byte, corefile.Provenance, bool)
}

// typeSource is what is used of gotype.Types.
type typeSource interface {
	ByName(name string) (*gotype.Type, error)
	ByDescriptor(addr uint64) (*gotype.Type, error)
}

// funcSource is what is used of goscope.Finder.
type funcSource interface {
	Function(pc uint64) (name string, entry, end uint64, ok bool)
	Captured(entry uint64) ([]goscope.Captured, error)
}

// New makes the table of a core's types. rt names functions without debug
// information; it may be nil.
func New(c *corefile.Core, types *gotype.Types, finder *goscope.Finder, rt *goruntime.Runtime) (*Table, error) {
	if c == nil || types == nil || finder == nil {
		return nil, fmt.Errorf("shapes of types: %w", corefile.ErrNoDWARF)
	}
	t := newTable(c.Memory(), types, finder)
	t.rt = rt
	return t, nil
}

func newTable(mem memory, types typeSource, finder funcSource) *Table {
	t := &Table{
		mem: mem, types: types, finder: finder, lay: readLayout(types),
		byType: map[*gotype.Type]ID{}, pointers: map[*gotype.Type]extent{}, marked: map[*gotype.Type]bool{},
		dynamic: map[uint64]dynamic{}, funcs: map[uint64]ID{}, chans: map[ID]ID{},
	}
	t.slots.Store(&[]*slot{})
	for _, in := range []Info{
		Unknown:     {Name: "?"},
		StringBytes: {Name: "string bytes", Kind: KindString, Size: 1},
		WeakHandle:  {Name: "weak handle", Package: "weak", Kind: KindWeakHandle, Size: ptrSize, Known: ^uint64(0)},
	} {
		t.add(in).ready.Store(true)
	}
	(*t.slots.Load())[StringBytes].info.Known = ^uint64(0)
	return t
}

// Len is the number of types so far: all IDs are below it.
func (t *Table) Len() int { return len(*t.slots.Load()) }

// Of numbers a type, Unknown for nil. A map or channel is the pointer; what it
// points to has a number of its own.
func (t *Table) Of(ty *gotype.Type) ID {
	if ty == nil {
		return Unknown
	}
	t.mu.RLock()
	id, ok := t.byType[ty]
	t.mu.RUnlock()
	if ok {
		return id
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.of(ty)
}

// Info returns what is known of a type. An ID that is not of this table is
// Unknown. It costs two loads, and once per type its compilation.
func (t *Table) Info(id ID) *Info {
	slots := *t.slots.Load()
	if int(id) >= len(slots) {
		return &slots[Unknown].info
	}
	s := slots[id]
	if !s.ready.Load() {
		t.compile(s)
	}
	return &s.info
}

// OfFunc numbers the closures of the function that begins at entry.
func (t *Table) OfFunc(entry uint64) ID {
	t.mu.RLock()
	id, ok := t.funcs[entry]
	t.mu.RUnlock()
	if ok {
		return id
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ofFunc(entry)
}

// OfDescriptor numbers the type whose abi.Type lies at addr, as malloc headers,
// large spans and interfaces name them; Unknown when there is no type at addr.
func (t *Table) OfDescriptor(addr uint64) ID {
	d := t.lookup(addr, false)
	return d.id
}

// add appends a type. The lock is held, or nobody has the table yet.
func (t *Table) add(in Info) *slot {
	old := *t.slots.Load()
	in.ID = ID(len(old))
	s := &slot{info: in}
	grown := append(old, s) // readers of old do not look behind its end
	t.slots.Store(&grown)
	return s
}

// of is Of with the lock held.
func (t *Table) of(ty *gotype.Type) ID {
	if ty == nil {
		return Unknown
	}
	if id, ok := t.byType[ty]; ok {
		return id
	}
	in := Info{Kind: KindValue, Name: ty.Name, Type: ty, Size: uint64(max(ty.Size, 0)), Package: packageOf(ty)}
	if ty.Err != nil {
		in.Kind, in.Partial = KindUnknown, true
	}
	return t.put(ty, in)
}

// put adds a type that a *gotype.Type stands for.
func (t *Table) put(ty *gotype.Type, in Info) ID {
	if id, ok := t.byType[ty]; ok {
		return id
	}
	id := t.add(in).info.ID
	t.byType[ty] = id
	return id
}

// packageOf is the package of a type, or for one without a name that of what
// it is made of.
func packageOf(ty *gotype.Type) string {
	for range 16 {
		switch {
		case ty == nil:
			return ""
		case ty.Package != "":
			return ty.Package
		case ty.Kind == reflect.Map && (ty.Elem == nil || ty.Elem.Package == "" && ty.Elem.Elem == nil):
			ty = ty.Key
		default:
			ty = ty.Elem
		}
	}
	return ""
}

// compile finds the words of a type.
func (t *Table) compile(s *slot) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.ready.Load() {
		return
	}
	c := compiler{t: t}
	in := &s.info
	if in.Type != nil {
		c.value(in.Type, 0, 0)
	}
	in.Words, in.Partial = c.words, in.Partial || c.partial
	in.PtrBytes = ptrBytes(in.Words)
	in.Mask, in.Known = maskOf(in.Words), c.known(in)
	if in.Partial && in.Kind != KindClosure && in.Type != nil {
		t.maskOfDescriptor(in)
	}
	s.ready.Store(true)
}
