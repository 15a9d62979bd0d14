package pclntab

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sort"
)

// ErrNoTable is wrapped when there is no table that can be read.
var ErrNoTable = errors.New("no table of functions")

// Options say what the table itself does not.
type Options struct {
	// Text is the address in the process of runtime.text, from which functions
	// are counted.
	Text uint64
	// FuncData returns n bytes at an offset from what the linker calls
	// go:func.*. Without it, inlined calls are unknown.
	FuncData func(off uint64, n int) ([]byte, bool)
	// ROData returns n bytes at an offset from runtime.rodata. Without it, the
	// pointers of stack objects are unknown.
	ROData func(off uint64, n int) ([]byte, bool)
}

// Table is a program's table of functions. Its methods take and give addresses
// of the process; they are safe for concurrent use.
type Table struct {
	o       Options
	nfunc   int
	quantum uint64 // instruction granularity
	names   []byte
	cus     []byte
	files   []byte
	pctab   []byte
	funcs   []byte // the index, then the functions
}

// New reads the header of a table. data is kept and must not change. The error
// wraps ErrNoTable.
func New(data []byte, o Options) (*Table, error) {
	if len(data) < headerSize || len(data) > maxTable {
		return nil, fmt.Errorf("%w: %d bytes", ErrNoTable, len(data))
	}
	if binary.LittleEndian.Uint32(data) != magic || data[4] != 0 || data[5] != 0 || data[7] != 8 {
		return nil, fmt.Errorf("%w: header is not that of a 64-bit Go 1.20 program or later", ErrNoTable)
	}
	if q := data[6]; q != 1 && q != 2 && q != 4 {
		return nil, fmt.Errorf("%w: instruction size %d", ErrNoTable, q)
	}
	size := uint64(len(data))
	var off [8]uint64
	for i := range off {
		off[i] = binary.LittleEndian.Uint64(data[8+8*i:])
	}
	for i := wordFuncNames; i <= wordFuncs; i++ {
		if off[i] > size || i > wordFuncNames && off[i] < off[i-1] {
			return nil, fmt.Errorf("%w: part %d begins at 0x%x of 0x%x bytes", ErrNoTable, i, off[i], size)
		}
	}
	nfunc := off[wordNFunc]
	// The index has one entry more, with the end of the last function.
	if room := (size - off[wordFuncs]) / 8; nfunc >= room {
		return nil, fmt.Errorf("%w: claims %d functions in %d bytes", ErrNoTable, nfunc, size)
	}
	return &Table{
		o: o, nfunc: int(nfunc), quantum: uint64(data[6]),
		names: data[off[wordFuncNames]:off[wordCUs]],
		cus:   data[off[wordCUs]:off[wordFiles]],
		files: data[off[wordFiles]:off[wordPCTab]],
		pctab: data[off[wordPCTab]:off[wordFuncs]],
		funcs: data[off[wordFuncs]:],
	}, nil
}

// Len is the number of functions.
func (t *Table) Len() int { return t.nfunc }

// start is where function i begins, relative to the text; i may be Len.
func (t *Table) start(i int) uint32 { return binary.LittleEndian.Uint32(t.funcs[8*i:]) }

// Find returns the function that holds pc.
func (t *Table) Find(pc uint64) (Func, bool) {
	if t == nil || t.nfunc == 0 || pc < t.o.Text || pc-t.o.Text > 1<<32-1 {
		return Func{}, false
	}
	rel := uint32(pc - t.o.Text)
	if rel >= t.start(t.nfunc) {
		return Func{}, false
	}
	i := sort.Search(t.nfunc, func(i int) bool { return t.start(i) > rel }) - 1
	return t.At(i)
}

// At returns function i of Len, in the order of addresses.
func (t *Table) At(i int) (Func, bool) {
	if i < 0 || i >= t.nfunc {
		return Func{}, false
	}
	at := uint64(binary.LittleEndian.Uint32(t.funcs[8*i+4:]))
	if at > uint64(len(t.funcs)) || uint64(len(t.funcs))-at < funcTables {
		return Func{}, false
	}
	return Func{
		t: t, rec: t.funcs[at:],
		entry: t.o.Text + uint64(t.start(i)), end: t.o.Text + uint64(t.start(i+1)),
	}, true
}

// name returns the string at an offset of the table of names, "" when there is
// none.
func (t *Table) name(off uint32) string { return cString(t.names, uint64(off)) }

// file names a file of a compilation unit by its number there.
func (t *Table) file(cu uint32, n int32) string {
	if n < 0 {
		return ""
	}
	at := (uint64(cu) + uint64(n)) * 4
	if at+4 > uint64(len(t.cus)) {
		return ""
	}
	off := binary.LittleEndian.Uint32(t.cus[at:])
	if off == none {
		return ""
	}
	return cString(t.files, uint64(off))
}

func cString(b []byte, off uint64) string {
	if off >= uint64(len(b)) {
		return ""
	}
	b = b[off:]
	n := bytes.IndexByte(b[:min(len(b), maxString)], 0)
	if n < 0 {
		return ""
	}
	return string(b[:n])
}

// value runs the table of (value delta, PC delta) pairs at off up to the PC that
// is rel bytes into its function. ok is false when it does not get there.
func (t *Table) value(off uint32, rel uint64) (value int32, ok bool) {
	if off == 0 || uint64(off) >= uint64(len(t.pctab)) {
		return 0, false
	}
	b := t.pctab[off:]
	v, pc := int32(-1), uint64(0)
	for i := range maxEntries {
		delta, n := varint(b)
		if n == 0 || delta == 0 && i > 0 {
			return 0, false
		}
		b = b[n:]
		v += int32(delta>>1) ^ -int32(delta&1)
		step, n := varint(b)
		if n == 0 {
			return 0, false
		}
		b = b[n:]
		if pc += uint64(step) * t.quantum; rel < pc {
			return v, true
		}
	}
	return 0, false
}

// varint decodes as runtime.readvarint does; n is 0 when the bytes end early or
// the number has more than 32 bits.
func varint(b []byte) (v uint32, n int) {
	for i := 0; i < len(b) && i < 5; i++ {
		v |= uint32(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}
