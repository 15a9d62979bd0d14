package goscope

import (
	"debug/elf"
	"encoding/binary"
	"sort"
)

// lineTable finds lines in the runtime's function table (pclntab): a few bytes
// per function, where the line programs of DWARF must be run from the start of
// a package.
//
// The layout is that of go1.20 to go1.27: the header is runtime.pcHeader, a
// function is runtime._func (runtime/symtab.go, runtime/runtime2.go).
type lineTable struct {
	binary binaryFile
	opened bool
	text   uint64 // address that entries are relative to
	nfunc  int
	quant  uint32 // instruction granularity
	pctab  []byte
	funcs  []byte // index, then the functions
	gofunc uint64 // address that funcdata is relative to, 0 when unknown
}

const (
	pclnMagic      = 0xfffffff1 // go1.20 and later
	pclnHeader     = 8 + 8*8
	funcPcln       = 24 // offset of _func.pcln
	maxPclntab     = 1 << 31
	maxLineEntries = 1 << 20
)

// line returns the line of the innermost function, inlined or not, at an
// address of the file; 0 when it is not known.
func (t *lineTable) line(pc uint64) int {
	fn, entry, ok := t.function(pc)
	if !ok {
		return 0
	}
	n, _ := t.pcvalue(fn.word(funcPcln), uint32(pc-entry))
	return max(n, 0)
}

// funcRecord is a runtime._func with what follows it.
type funcRecord []byte

// word returns the 32-bit word at an offset, 0 past the end.
func (r funcRecord) word(off uint64) uint32 {
	if off > uint64(len(r)) || uint64(len(r))-off < 4 {
		return 0
	}
	return binary.LittleEndian.Uint32(r[off:])
}

// function returns the record and the entry of the function at an address.
func (t *lineTable) function(pc uint64) (fn funcRecord, entry uint64, ok bool) {
	if !t.opened {
		t.opened = true
		t.open()
	}
	if t.nfunc == 0 || pc < t.text || pc-t.text > 1<<32-1 {
		return nil, 0, false
	}
	rel := uint32(pc - t.text)
	start := func(i int) uint32 { return binary.LittleEndian.Uint32(t.funcs[8*i:]) }
	i := sort.Search(t.nfunc, func(i int) bool { return start(i) > rel }) - 1
	if i < 0 {
		return nil, 0, false
	}
	at := uint64(binary.LittleEndian.Uint32(t.funcs[8*i+4:]))
	if at > uint64(len(t.funcs)) {
		return nil, 0, false
	}
	return t.funcs[at:], t.text + uint64(start(i)), true
}

// pcvalue runs a table of (value delta, PC delta) pairs up to the PC that is
// rel bytes into its function. ok is false when the table does not get there.
func (t *lineTable) pcvalue(off, rel uint32) (value int, ok bool) {
	if off == 0 || uint64(off) >= uint64(len(t.pctab)) {
		return 0, false
	}
	b := t.pctab[off:]
	v, pc := int32(-1), uint64(0)
	for i := range maxLineEntries {
		delta, n := binary.Uvarint(b)
		if n <= 0 || delta == 0 && i > 0 {
			return 0, false
		}
		b = b[n:]
		v += int32(uint32(delta)>>1) ^ -int32(delta&1)
		step, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, false
		}
		b = b[n:]
		if pc += step * uint64(t.quant); uint64(rel) < pc {
			return int(v), true
		}
	}
	return 0, false
}

// open finds the table. Without one, lines are unknown.
func (t *lineTable) open() {
	f := t.binary.ELF()
	if f == nil {
		return
	}
	data := pclntab(f)
	if len(data) < pclnHeader || len(data) > maxPclntab || binary.LittleEndian.Uint32(data) != pclnMagic || data[7] != 8 {
		return
	}
	word := func(i int) uint64 { return binary.LittleEndian.Uint64(data[8+8*i:]) }
	// Words: nfunc, nfiles, (text start), funcnametab, cutab, filetab, pctab, pclntab.
	nfunc, pctab, funcs := word(0), word(6), word(7)
	size := uint64(len(data))
	if pctab > funcs || funcs > size || nfunc > (size-funcs)/8 {
		return
	}
	text, _, ok := t.binary.Symbol("runtime.text")
	if !ok {
		// With C code in front of Go's the section starts earlier, but such
		// binaries have symbols.
		if s := f.Section(".text"); s != nil {
			text, ok = s.Addr, true
		}
	}
	if !ok {
		return
	}
	t.text, t.nfunc, t.quant = text, int(nfunc), uint32(data[6])
	t.pctab, t.funcs = data[pctab:funcs], data[funcs:]
	t.gofunc, _, _ = t.binary.Symbol("go:func.*")
}

func pclntab(f *elf.File) []byte {
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		if s := f.Section(name); s != nil && s.FileSize <= maxPclntab {
			if data, err := s.Data(); err == nil {
				return data
			}
		}
	}
	return nil
}
