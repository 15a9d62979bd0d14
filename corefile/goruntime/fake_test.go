package goruntime

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
)

// fakeMemory is memory made of pieces.
type fakeMemory map[uint64][]byte

func (m fakeMemory) View(addr uint64, n int) ([]byte, corefile.Provenance, bool) {
	if n < 0 {
		return nil, corefile.Unmapped, false
	}
	for base, b := range m {
		if addr >= base && addr-base <= uint64(len(b)) && uint64(n) <= uint64(len(b))-(addr-base) {
			return b[addr-base:][:n], corefile.FromCore, true
		}
	}
	return nil, corefile.Unmapped, false
}

func (m fakeMemory) Window(addr uint64, n int) []byte {
	b, _, _ := m.View(addr, int(min(int64(n), m.Available(addr, int64(n)))))
	return b
}

func (m fakeMemory) Available(addr uint64, n int64) int64 {
	for base, b := range m {
		if addr >= base && addr < base+uint64(len(b)) {
			return min(n, int64(uint64(len(b))-(addr-base)))
		}
	}
	return 0
}

func (m fakeMemory) Uint64(addr uint64) (uint64, error) {
	b, _, ok := m.View(addr, 8)
	if !ok {
		return 0, corefile.ErrUnmapped
	}
	return binary.LittleEndian.Uint64(b), nil
}

func (m fakeMemory) Uint32(addr uint64) (uint32, error) {
	b, _, ok := m.View(addr, 4)
	if !ok {
		return 0, corefile.ErrUnmapped
	}
	return binary.LittleEndian.Uint32(b), nil
}

// put writes words at addr.
func (m fakeMemory) put(addr uint64, words ...uint64) {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	m[addr] = b
}

// fakeTypes are structs whose fields are all eight bytes, but for those listed
// in small.
type fakeTypes map[string]*gotype.Type

func (t fakeTypes) ByName(name string) (*gotype.Type, error) {
	if typ := t[name]; typ != nil {
		return typ, nil
	}
	return nil, fmt.Errorf("%s: %w", name, gotype.ErrNoType)
}

func (t fakeTypes) HasPackage(path string) bool   { return t["package "+path] != nil }
func (t fakeTypes) Constant(string) (int64, bool) { return 0, false }

func word() *gotype.Type { return &gotype.Type{Name: "uint64", Kind: reflect.Uint64, Size: 8} }

func structOf(name string, fields ...string) *gotype.Type {
	t := &gotype.Type{Name: name, Kind: reflect.Struct}
	for _, f := range fields {
		t.Fields = append(t.Fields, gotype.Field{Name: f, Offset: t.Size, Type: word()})
		t.Size += 8
	}
	return t
}

// The word index of each field in the fake structures.
const (
	gStack = iota // two words
	_
	gPanicW
	gDeferW
	gMW
	gSchedW // sp, pc, g
	_
	gSelfW
	gStatusW
	gIDW
	gReasonW
	gParentW
	gStartW
	gSigW
	gWords
)

func runtimeTypes() fakeTypes {
	g := structOf("runtime.g", "lo", "hi", "_panic", "_defer", "m", "sp", "pc", "g", "atomicstatus", "goid", "waitreason", "parentGoid", "startpc", "sig")
	stack := structOf("runtime.stack", "lo", "hi")
	sched := structOf("runtime.gobuf", "sp", "pc", "g")
	g.Fields = append([]gotype.Field{{Name: "stack", Offset: 0, Type: stack}, {Name: "sched", Offset: 8 * gSchedW, Type: sched}}, g.Fields...)
	return fakeTypes{
		"runtime.g":      g,
		"runtime.m":      structOf("runtime.m", "g0", "procid", "curg", "alllink", "dying"),
		"runtime._panic": structOf("runtime._panic", "arg", "arg2", "link", "recovered"),
	}
}

// world is a fake process: goroutines at 0x1000, 0x2000 ...
type world struct {
	mem   fakeMemory
	types fakeTypes
	syms  map[string][2]uint64
}

func newWorld(n int) *world {
	w := &world{mem: fakeMemory{}, types: runtimeTypes(), syms: map[string][2]uint64{
		"runtime.allgs": {0x100, 24}, "runtime.allm": {0x140, 8}, "runtime.waitReasonStrings": {0x200, 32},
		"runtime.printBacklog": {0x300, 16}, "runtime.printBacklogIndex": {0x340, 8},
	}}
	var addrs []uint64
	for i := range n {
		addrs = append(addrs, uint64(0x1000*(i+1)))
		g := make([]uint64, gWords)
		g[gStack], g[gStack+1], g[gStatusW], g[gIDW], g[gReasonW] = 0x70000, 0x78000, gWaiting, uint64(i+1), 1
		w.mem.put(addrs[i], g...)
	}
	w.mem.put(0x100, 0x800, uint64(n), uint64(n))
	w.mem.put(0x800, addrs...)
	w.mem.put(0x140, 0)
	w.mem.put(0x200, 0, 0, 0x280, 12)
	w.mem[0x280] = []byte("chan receive")
	return w
}

// set changes a word of a goroutine.
func (w *world) set(addr uint64, field int, v uint64) {
	binary.LittleEndian.PutUint64(w.mem[addr][8*field:], v)
}

func (w *world) open() (*Runtime, error) {
	return newRuntime(w.mem, w.types, func(name string) (uint64, int64, bool) {
		s, ok := w.syms[name]
		return s[0], int64(s[1]), ok
	}, nil)
}
