package shape

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
)

// fakeMemory is memory from fakeBase on.
type fakeMemory struct{ data []byte }

const fakeBase = 0x10000

func (m *fakeMemory) View(addr uint64, n int) ([]byte, corefile.Provenance, bool) {
	if addr < fakeBase || n < 0 || addr-fakeBase > uint64(len(m.data)) || uint64(len(m.data))-(addr-fakeBase) < uint64(n) {
		return nil, corefile.Unmapped, false
	}
	return m.data[addr-fakeBase:][:n], corefile.FromCore, true
}

func (m *fakeMemory) Uint64(addr uint64) (uint64, error) {
	b, _, ok := m.View(addr, 8)
	if !ok {
		return 0, corefile.ErrUnmapped
	}
	return le64(b), nil
}

func (m *fakeMemory) Uint8(addr uint64) (uint8, error) {
	b, _, ok := m.View(addr, 1)
	if !ok {
		return 0, corefile.ErrUnmapped
	}
	return b[0], nil
}

// put appends words and returns where they lie.
func (m *fakeMemory) put(ws ...uint64) uint64 {
	at := fakeBase + uint64(len(m.data))
	m.data = append(m.data, wordBytes(ws...)...)
	return at
}

func wordBytes(ws ...uint64) (b []byte) {
	for _, w := range ws {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// fakes is a binary made of literals.
type fakes struct {
	mem    fakeMemory
	names  map[string]*gotype.Type
	descs  map[uint64]*gotype.Type
	funcs  map[uint64]string
	closes map[uint64][]goscope.Captured
}

func newFakes() *fakes {
	return &fakes{
		names: map[string]*gotype.Type{}, descs: map[uint64]*gotype.Type{},
		funcs: map[uint64]string{}, closes: map[uint64][]goscope.Captured{},
	}
}

func (f *fakes) table() *Table { return newTable(&f.mem, f, f) }

func (f *fakes) ByName(name string) (*gotype.Type, error) {
	if ty, ok := f.names[name]; ok {
		return ty, nil
	}
	return nil, gotype.ErrNoType
}

func (f *fakes) ByDescriptor(addr uint64) (*gotype.Type, error) {
	if ty, ok := f.descs[addr]; ok {
		return ty, nil
	}
	return nil, gotype.ErrNoType
}

func (f *fakes) Function(pc uint64) (string, uint64, uint64, bool) {
	name, ok := f.funcs[pc&^15]
	return name, pc &^ 15, pc&^15 + 16, ok
}

func (f *fakes) Captured(entry uint64) ([]goscope.Captured, error) {
	if _, ok := f.funcs[entry]; !ok {
		return nil, goscope.ErrNoFunction
	}
	return f.closes[entry], nil
}

// describe puts a descriptor of a type into memory.
func (f *fakes) describe(ty *gotype.Type, ptrBytes uint64, flags byte) uint64 {
	b := make([]byte, 48)
	binary.LittleEndian.PutUint64(b, uint64(ty.Size))
	binary.LittleEndian.PutUint64(b[8:], ptrBytes)
	b[20], b[21], b[23] = flags, 8, byte(ty.Kind)
	binary.LittleEndian.PutUint64(b[32:], fakeBase)
	at := fakeBase + uint64(len(f.mem.data))
	f.mem.data = append(f.mem.data, b...)
	f.descs[at] = ty
	return at
}

func typeOf(name string, kind reflect.Kind, size int64) *gotype.Type {
	return &gotype.Type{Name: name, Kind: kind, Size: size, Align: min(max(size, 1), 8)}
}

func ptrTo(elem *gotype.Type) *gotype.Type {
	ty := typeOf("*"+elem.Name, reflect.Pointer, 8)
	ty.Elem = elem
	return ty
}

func sliceOf(elem *gotype.Type) *gotype.Type {
	ty := typeOf("[]"+elem.Name, reflect.Slice, 24)
	ty.Elem = elem
	return ty
}

func arrayOf(n int64, elem *gotype.Type) *gotype.Type {
	ty := typeOf(fmt.Sprintf("[%d]%s", n, elem.Name), reflect.Array, n*elem.Size)
	ty.Len, ty.Elem = n, elem
	return ty
}

// structOf lays fields out in words: name, type, name, type.
func structOf(name string, fields ...any) *gotype.Type {
	ty := typeOf(name, reflect.Struct, 0)
	for i := 0; i < len(fields); i += 2 {
		ft := fields[i+1].(*gotype.Type)
		ty.Size = (ty.Size + ft.Align - 1) / max(ft.Align, 1) * ft.Align
		ty.Fields = append(ty.Fields, gotype.Field{Name: fields[i].(string), Offset: ty.Size, Type: ft})
		ty.Size += ft.Size
	}
	ty.Size = (ty.Size + 7) / 8 * 8
	return ty
}
