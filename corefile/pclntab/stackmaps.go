package pclntab

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Stack maps: which words of a frame the garbage collector takes for pointers,
// by PC. Sources, the same in go1.25.4, go1.26.8 and go1.27.0: runtime/stkframe.go
// (getStackMap), runtime/symtab.go (stackmap), runtime/stack.go
// (stackObjectRecord), cmd/compile/internal/liveness.

// ErrBadMap is wrapped when what the table says of a function's frame
// contradicts itself.
var ErrBadMap = errors.New("stack map is wrong")

// Bounds on stack maps. The linker itself refuses frames of 1<<31 bytes; a
// variable of more than 128 kB is on the heap.
const (
	maxMapWords     = 1 << 24
	maxStackObjects = 1 << 16
	maxObjectSize   = 1 << 27
)

// PointerMap says which of N words are pointers: bit i of Bits is word i. The
// zero value has none. It must not be changed.
type PointerMap struct {
	N    int
	Bits []byte
}

// At reports whether word i is a pointer.
func (m PointerMap) At(i int) bool {
	return i >= 0 && i < m.N && i/8 < len(m.Bits) && m.Bits[i/8]>>(i%8)&1 != 0
}

// PointerMaps are the live pointers of a frame of f that goes on at pc: the
// return address of the call that it waits for, or its entry where it has not
// begun. The last word of locals lies below the saved frame pointer, or the
// return address where there is none; hasLocals says that there are words below
// it. The first word of args lies above the return address.
//
// The error wraps ErrBadMap: the collector would have given up too.
func (f *Func) PointerMaps(pc uint64, hasLocals bool) (locals, args PointerMap, err error) {
	index := int32(0) // the prologue has the first map
	if pc != f.entry {
		if v, ok := f.stackMapIndex(pc - 1); ok && v != -1 {
			index = v
		}
	}
	if hasLocals {
		if locals, err = f.stackMap(localsMapsData, index); err != nil {
			return PointerMap{}, PointerMap{}, fmt.Errorf("locals: %w", err)
		}
	}
	if n, known := f.Args(); known && n >= 8 {
		if args, err = f.stackMap(argsMapsData, index); err != nil {
			return PointerMap{}, PointerMap{}, fmt.Errorf("arguments: %w", err)
		}
	}
	return locals, args, nil
}

// stackMapIndex is PCDATA_StackMapIndex at pc.
func (f *Func) stackMapIndex(pc uint64) (int32, bool) {
	if f.t == nil || pc < f.entry || pc >= f.end {
		return 0, false
	}
	return f.t.value(f.pcdata(stackMapPCData), pc-f.entry)
}

// stackMap reads one of the maps of a runtime.stackmap: how many there are, how
// many bits each has, the bits, each map from a new byte on.
func (f *Func) stackMap(table uint64, index int32) (PointerMap, error) {
	at, ok := f.funcdata(table)
	if !ok || f.t == nil || f.t.o.FuncData == nil {
		return PointerMap{}, fmt.Errorf("%w: there is none", ErrBadMap)
	}
	h, ok := f.t.o.FuncData(uint64(at), 8)
	if !ok {
		return PointerMap{}, fmt.Errorf("%w: not in memory", ErrBadMap)
	}
	n, bits := int32(binary.LittleEndian.Uint32(h)), int32(binary.LittleEndian.Uint32(h[4:]))
	switch {
	case n <= 0 || bits < 0 || bits > maxMapWords:
		return PointerMap{}, fmt.Errorf("%w: %d maps of %d words", ErrBadMap, n, bits)
	case bits == 0:
		return PointerMap{}, nil
	case index < 0 || index >= n:
		return PointerMap{}, fmt.Errorf("%w: number %d of %d", ErrBadMap, index, n)
	}
	size := int(bits+7) / 8
	b, ok := f.t.o.FuncData(uint64(at)+8+uint64(index)*uint64(size), size)
	if !ok {
		return PointerMap{}, fmt.Errorf("%w: number %d is not in memory", ErrBadMap, index)
	}
	return PointerMap{N: int(bits), Bits: b}, nil
}

// Args is the size in bytes of arguments and results in the caller's frame, with
// the room for those that came in registers. known is false for assembly that
// does not say.
func (f *Func) Args() (n int64, known bool) {
	const unknown = -0x80000000 // abi.ArgsSizeUnknown
	v := int32(f.word(funcArgs))
	return int64(max(v, 0)), v != unknown
}

// DeferReturn is where f goes on when it has recovered from a panic, the address
// of a call; ok is false when it defers nothing.
func (f *Func) DeferReturn() (pc uint64, ok bool) {
	off := f.word(funcDeferRet)
	return f.entry + uint64(off), off != 0
}

// StackObject is a variable in a frame whose address is taken: it is alive while
// something that is alive points to it.
type StackObject struct {
	// Off is where it begins: when negative from where the locals end, as in
	// [Func.PointerMaps], otherwise from where the arguments begin.
	Off  int64
	Size int64
	// Pointers are its words.
	Pointers PointerMap
}

// StackObjects are the stack objects of f's frames, in the order of their
// addresses. On error those before the damage are returned; it wraps ErrBadMap.
func (f *Func) StackObjects() ([]StackObject, error) {
	at, ok := f.funcdata(objectsData)
	if !ok {
		return nil, nil
	}
	if f.t == nil || f.t.o.FuncData == nil || f.t.o.ROData == nil {
		return nil, fmt.Errorf("%w: stack objects are not in memory", ErrBadMap)
	}
	h, ok := f.t.o.FuncData(uint64(at), 8)
	if !ok {
		return nil, fmt.Errorf("%w: stack objects are not in memory", ErrBadMap)
	}
	n := binary.LittleEndian.Uint64(h)
	if n > maxStackObjects {
		return nil, fmt.Errorf("%w: %d stack objects", ErrBadMap, n)
	}
	const recordSize = 16 // runtime.stackObjectRecord
	recs, ok := f.t.o.FuncData(uint64(at)+8, int(n)*recordSize)
	if !ok {
		return nil, fmt.Errorf("%w: %d stack objects are not in memory", ErrBadMap, n)
	}
	out := make([]StackObject, 0, n)
	for ; len(recs) >= recordSize; recs = recs[recordSize:] {
		o, err := f.t.stackObject(recs)
		if err != nil {
			return out, err
		}
		out = append(out, o)
	}
	return out, nil
}

// stackObject reads one runtime.stackObjectRecord.
func (t *Table) stackObject(rec []byte) (StackObject, error) {
	word := func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(rec[4*i:]))) }
	o := StackObject{Off: word(0), Size: word(1)}
	pointers := word(2)
	if o.Size < 0 || o.Size > maxObjectSize || pointers < 0 || pointers > o.Size {
		return o, fmt.Errorf("%w: stack object of %d bytes, pointers in %d", ErrBadMap, o.Size, pointers)
	}
	words := int(pointers / 8)
	if words == 0 {
		return o, nil
	}
	b, ok := t.o.ROData(uint64(binary.LittleEndian.Uint32(rec[12:])), (words+7)/8)
	if !ok {
		return o, fmt.Errorf("%w: pointers of a stack object are not in memory", ErrBadMap)
	}
	o.Pointers = PointerMap{N: words, Bits: b}
	return o, nil
}
