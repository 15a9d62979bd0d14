package vars

import (
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// fakeMemory is memory made by hand: blocks at growing addresses with gaps
// between them.
type fakeMemory struct {
	blocks []fakeBlock
	next   uint64
}

type fakeBlock struct {
	addr uint64
	data []byte
	prov corefile.Provenance
}

func newFakeMemory() *fakeMemory { return &fakeMemory{next: 0xc000000000} }

// alloc places bytes and returns their address.
func (m *fakeMemory) alloc(b []byte) uint64 {
	a := m.next
	m.blocks = append(m.blocks, fakeBlock{a, b, corefile.FromCore})
	m.next += (uint64(len(b)) + 63) &^ 63
	m.next += 64
	return a
}

// words places 64-bit words.
func (m *fakeMemory) words(ws ...uint64) uint64 { return m.alloc(words(ws...)) }

// set changes the word at an address.
func (m *fakeMemory) set(addr, w uint64) {
	b := m.block(addr)
	binary.LittleEndian.PutUint64(b.data[addr-b.addr:], w)
}

func (m *fakeMemory) block(addr uint64) *fakeBlock {
	for i := range m.blocks {
		b := &m.blocks[i]
		if addr >= b.addr && addr-b.addr < uint64(len(b.data)) {
			return b
		}
	}
	return nil
}

func (m *fakeMemory) View(addr uint64, n int) ([]byte, corefile.Provenance, bool) {
	b := m.block(addr)
	switch {
	case b == nil:
		return nil, corefile.Unmapped, false
	case b.prov != corefile.FromCore:
		return nil, b.prov, false
	case n < 0 || uint64(n) > uint64(len(b.data))-(addr-b.addr):
		return nil, corefile.Unmapped, false
	}
	return b.data[addr-b.addr:][:n], b.prov, true
}

func (m *fakeMemory) Provenance(addr uint64) corefile.Provenance {
	if b := m.block(addr); b != nil {
		return b.prov
	}
	return corefile.Unmapped
}

// fakeTypes knows the runtime's types and those given descriptors.
type fakeTypes struct {
	named map[string]*gotype.Type
	descs map[uint64]*gotype.Type
}

var errFake = errors.New("no such type")

func (f *fakeTypes) ByName(name string) (*gotype.Type, error) {
	if t := f.named[name]; t != nil {
		return t, nil
	}
	return nil, errFake
}

func (f *fakeTypes) ByDescriptor(addr uint64) (*gotype.Type, error) {
	if t := f.descs[addr]; t != nil {
		return t, nil
	}
	return nil, errFake
}

// fakeFuncs knows functions by entry.
type fakeFuncs map[uint64]function

func (f fakeFuncs) Function(pc uint64) (function, bool) { fn, ok := f[pc]; return fn, ok }

// world is everything that a test decodes from.
type world struct {
	*fakeMemory
	types *fakeTypes
	funcs fakeFuncs
}

func newWorld() *world {
	u := uintType
	return &world{
		fakeMemory: newFakeMemory(),
		funcs:      fakeFuncs{},
		types: &fakeTypes{descs: map[uint64]*gotype.Type{}, named: map[string]*gotype.Type{
			// The layouts of Go 1.26.8 (runtime/chan.go, internal/runtime/maps).
			"runtime.hchan": structOf("runtime.hchan", 112, field("qcount", 0, u), field("dataqsiz", 8, u),
				field("buf", 16, u), field("closed", 28, u), field("sendx", 48, u), field("recvx", 56, u)),
			"internal/runtime/maps.Map":             structOf("Map", 48, field("used", 0, u), field("dirPtr", 16, u), field("dirLen", 24, u)),
			"internal/runtime/maps.table":           structOf("table", 32, field("groups", 16, u)),
			"internal/runtime/maps.groupsReference": structOf("groupsReference", 16, field("data", 0, u), field("lengthMask", 8, u)),
		}},
	}
}

func (w *world) reader(o Options) *Reader {
	r := newReader(w.fakeMemory, w.types, o)
	r.funcs = w.funcs
	return r
}

// descriptor places an abi.Type for t.
func (w *world) descriptor(t *gotype.Type, direct bool) uint64 {
	b := make([]byte, 48)
	if direct {
		b[typeTFlag] = flagDirectIface
	}
	a := w.alloc(b)
	w.types.descs[a] = t
	return a
}

// str places a string header.
func (w *world) str(s string) uint64 {
	return w.words(w.alloc([]byte(s)), uint64(len(s)))
}

func words(ws ...uint64) []byte {
	var b []byte
	for _, x := range ws {
		b = binary.LittleEndian.AppendUint64(b, x)
	}
	return b
}

func scalarOf(name string, k reflect.Kind) *gotype.Type {
	n := int64(width(k))
	return &gotype.Type{Name: name, Kind: k, Size: n, Align: min(n, 8)}
}

var (
	uintType   = scalarOf("uint", reflect.Uint)
	intType    = scalarOf("int", reflect.Int)
	byteType   = scalarOf("uint8", reflect.Uint8)
	stringType = &gotype.Type{Name: "string", Kind: reflect.String, Size: 16, Align: 8}
	anyType    = &gotype.Type{Name: "interface {}", Kind: reflect.Interface, Size: 16, Align: 8, EmptyInterface: true}
	errorType  = &gotype.Type{Name: "error", Kind: reflect.Interface, Size: 16, Align: 8}
	funcType   = &gotype.Type{Name: "func()", Kind: reflect.Func, Size: 8, Align: 8}
)

func ptrTo(t *gotype.Type) *gotype.Type {
	return &gotype.Type{Name: "*" + t.Name, Kind: reflect.Pointer, Size: 8, Align: 8, Elem: t}
}
func sliceOf(t *gotype.Type) *gotype.Type {
	return &gotype.Type{Name: "[]" + t.Name, Kind: reflect.Slice, Size: 24, Align: 8, Elem: t}
}
func arrayOf(n int64, t *gotype.Type) *gotype.Type {
	return &gotype.Type{Name: "[n]" + t.Name, Kind: reflect.Array, Size: n * t.Size, Align: t.Align, Elem: t, Len: n}
}
func mapOf(k, e *gotype.Type) *gotype.Type {
	return &gotype.Type{Name: "map[" + k.Name + "]" + e.Name, Kind: reflect.Map, Size: 8, Align: 8, Key: k, Elem: e}
}
func chanOf(e *gotype.Type) *gotype.Type {
	return &gotype.Type{Name: "chan " + e.Name, Kind: reflect.Chan, Size: 8, Align: 8, Elem: e}
}
func field(name string, off int64, t *gotype.Type) gotype.Field {
	return gotype.Field{Name: name, Offset: off, Type: t}
}
func structOf(name string, size int64, fs ...gotype.Field) *gotype.Type {
	return &gotype.Type{Name: name, Kind: reflect.Struct, Size: size, Align: 8, Fields: fs}
}

// walk calls f for a value and all below it.
func walk(v *report.Value, f func(*report.Value)) {
	f(v)
	for i := range v.Children {
		if k := v.Children[i].Key; k != nil {
			walk(k, f)
		}
		walk(&v.Children[i].Value, f)
	}
}

// count is the number of values in a tree.
func count(v *report.Value) (n int) {
	walk(v, func(*report.Value) { n++ })
	return n
}

// height is the number of values above each other.
func height(v *report.Value) int {
	h := 0
	for i := range v.Children {
		h = max(h, height(&v.Children[i].Value))
	}
	return h + 1
}

// well checks what holds for every value.
func well(t testing.TB, v *report.Value) {
	t.Helper()
	walk(v, func(x *report.Value) {
		switch x.State {
		case "":
			t.Errorf("a value of type %q has no state", x.Type)
		case report.StateOK, report.StateTruncated, report.StateCycle, report.StateBudget:
		default:
			if x.Note == "" {
				t.Errorf("%s value of type %q without a note", x.State, x.Type)
			}
		}
		if x.Nil && x.State != report.StateOK {
			t.Errorf("%s value of type %q is nil", x.State, x.Type)
		}
		if x.Kind == "" {
			t.Errorf("a value of type %q has no kind", x.Type)
		}
	})
}

func f64(x float64) uint64 { return math.Float64bits(x) }
