package heapwalk

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
)

// typeMask says which words of a value are pointers, as the collector sees it.
type typeMask struct {
	size, pointers uint64 // bytes; pointers is the length of the part that may hold some
	bits           []byte
}

// has reports whether the word at an offset in bytes is a pointer.
func (m *typeMask) has(off uint64) bool { return m.bits[off>>6]&(1<<(off>>3&7)) != 0 }

// descriptorLayout is where the fields of the runtime's type descriptors are
// (internal/abi/type.go).
type descriptorLayout struct {
	size, pointers, flag, kind, data int64
	elem, length                     int64 // of an array
	fields                           int64 // of a struct: a slice
	fieldSize, fieldType, fieldOff   int64
	total                            int
}

const (
	flagMaskOnDemand = 16 // abi.TFlagGCMaskOnDemand
	kindMask         = 31 // abi.KindMask
)

// maskCache keeps the masks of types by the address of their descriptors.
type maskCache struct {
	mem *corefile.Memory
	lay descriptorLayout
	mu  sync.RWMutex
	by  map[uint64]*typeMask // nil: not readable
	// steps were taken to make masks that the binary does not have.
	steps atomic.Int64
}

// maxMasks bounds what is kept: a program has fewer types, a damaged heap may
// name any address.
const maxMasks = 1 << 20

func newMaskCache(mem *corefile.Memory, t *gotype.Types) (*maskCache, error) {
	c := &maskCache{mem: mem, by: map[uint64]*typeMask{}}
	l := &c.lay
	for _, need := range []struct {
		typ, field string
		to         *int64
	}{
		{"internal/abi.Type", "Size_", &l.size}, {"internal/abi.Type", "PtrBytes", &l.pointers}, {"internal/abi.Type", "TFlag", &l.flag},
		{"internal/abi.Type", "Kind_", &l.kind}, {"internal/abi.Type", "GCData", &l.data},
		{"internal/abi.ArrayType", "Elem", &l.elem}, {"internal/abi.ArrayType", "Len", &l.length},
		{"internal/abi.StructType", "Fields", &l.fields},
		{"internal/abi.StructField", "Typ", &l.fieldType}, {"internal/abi.StructField", "Offset", &l.fieldOff},
	} {
		typ, err := t.ByName(need.typ)
		if err != nil {
			return nil, err
		}
		f, ok := typ.Field(need.field)
		if !ok || f.Offset < 0 || f.Offset > 1<<12 {
			return nil, fmt.Errorf("type %s has no field %s", need.typ, need.field)
		}
		*need.to = f.Offset
		switch need.typ {
		case "internal/abi.Type":
			l.total = int(min(typ.Size, 1<<12))
		case "internal/abi.StructField":
			l.fieldSize = typ.Size
		}
	}
	return c, nil
}

// of returns the mask of the type at an address, nil when it can't be one. limit
// is the size of the object that is said to have it.
func (c *maskCache) of(addr, limit uint64) *typeMask {
	c.mu.RLock()
	m, ok := c.by[addr]
	c.mu.RUnlock()
	if !ok {
		size, err := c.mem.Uint64(addr + uint64(c.lay.size))
		if err != nil || size > limit {
			return nil // of this object; it may be that of another
		}
		m = c.read(addr, limit)
		c.mu.Lock()
		if len(c.by) < maxMasks {
			c.by[addr] = m
		}
		c.mu.Unlock()
	}
	if m == nil || m.size > limit {
		return nil
	}
	return m
}

func (c *maskCache) read(addr, limit uint64) *typeMask {
	b, _, ok := c.mem.View(addr, c.lay.total)
	if !ok {
		return nil
	}
	word := func(off int64) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
	m := &typeMask{size: word(c.lay.size), pointers: word(c.lay.pointers)}
	if m.size == 0 || m.size > limit || m.pointers > m.size || m.pointers%8 != 0 || m.size%8 != 0 && m.pointers != 0 {
		return nil
	}
	if m.pointers == 0 {
		return m
	}
	n := int((m.pointers/8 + 7) / 8)
	data := word(c.lay.data)
	if b[c.lay.flag]&flagMaskOnDemand != 0 {
		// The mask is made when it is needed first (runtime/type.go, getGCMaskOnDemand).
		at, err := c.mem.Uint64(data)
		if err != nil {
			return nil
		}
		if data = at; data == 0 {
			m.bits = make([]byte, n)
			if !c.build(m.bits, addr, 0, m.pointers, 0) {
				return nil
			}
			return m
		}
	}
	if m.bits, _, ok = c.mem.View(data, n); !ok {
		return nil
	}
	return m
}

const (
	maxMaskSteps = 1 << 26 // of all types together: a program has few that large
	maxMaskDepth = 64
)

// build sets the bits of a type at an offset, as the runtime's buildGCMask does:
// types that are too large for a mask in the binary are arrays and structs.
func (c *maskCache) build(bits []byte, addr, off, limit uint64, depth int) bool {
	b, _, ok := c.mem.View(addr, c.lay.total)
	if !ok || depth > maxMaskDepth || c.steps.Add(1) > maxMaskSteps {
		return false
	}
	word := func(off int64) uint64 { return binary.LittleEndian.Uint64(b[off:]) }
	pointers := word(c.lay.pointers)
	if pointers == 0 || off >= limit {
		return true
	}
	if b[c.lay.flag]&flagMaskOnDemand == 0 {
		n := pointers / 8
		mask, _, ok := c.mem.View(word(c.lay.data), int((n+7)/8))
		if !ok || n > limit/8 {
			return false
		}
		for i := range n {
			if at := off/8 + i; mask[i/8]&(1<<(i%8)) != 0 && at < limit/8 {
				bits[at/8] |= 1 << (at % 8)
			}
		}
		c.steps.Add(int64(n / 64))
		return true
	}
	switch reflect.Kind(b[c.lay.kind] & kindMask) {
	case reflect.Array:
		return c.buildArray(bits, addr, off, limit, depth)
	case reflect.Struct:
		return c.buildStruct(bits, addr, off, limit, depth)
	}
	return false
}

func (c *maskCache) buildArray(bits []byte, addr, off, limit uint64, depth int) bool {
	elem, err1 := c.mem.Uint64(addr + uint64(c.lay.elem))
	n, err2 := c.mem.Uint64(addr + uint64(c.lay.length))
	size, err3 := c.mem.Uint64(elem + uint64(c.lay.size))
	if err1 != nil || err2 != nil || err3 != nil || size == 0 {
		return false
	}
	for i := uint64(0); i < n && off < limit; i++ {
		if !c.build(bits, elem, off, limit, depth+1) {
			return false
		}
		if off += size; off < size {
			return false
		}
	}
	return true
}

func (c *maskCache) buildStruct(bits []byte, addr, off, limit uint64, depth int) bool {
	list, err1 := c.mem.Uint64(addr + uint64(c.lay.fields))
	n, err2 := c.mem.Uint64(addr + uint64(c.lay.fields) + 8)
	if err1 != nil || err2 != nil || n > 1<<16 {
		return false
	}
	for i := range n {
		at := list + i*uint64(c.lay.fieldSize)
		typ, err1 := c.mem.Uint64(at + uint64(c.lay.fieldType))
		fieldOff, err2 := c.mem.Uint64(at + uint64(c.lay.fieldOff))
		if err1 != nil || err2 != nil {
			return false
		}
		if fieldOff >= limit { // behind the last pointer
			continue
		}
		if !c.build(bits, typ, off+fieldOff, limit, depth+1) {
			return false
		}
	}
	return true
}
