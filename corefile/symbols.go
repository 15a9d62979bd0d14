package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"hash/maphash"
	"math/bits"
)

// Layout of an ELF64 symbol. Source: System V ABI.
const (
	symSize    = 24
	symShndx   = 6
	symValue   = 8
	symBytes   = 16
	maxSymName = 4096
	emptySlot  = 0
)

// symbolTable finds symbols by name without copying any: an open hash table of
// symbol numbers over .symtab and .strtab as they lie in the file.
type symbolTable struct {
	syms, names []byte
	seed        maphash.Seed
	slots       []uint32 // symbol number + 1
}

// Symbol returns the address (without load bias) and size of a symbol.
func (b *Binary) Symbol(name string) (addr, size uint64, ok bool) {
	b.symOnce.Do(func() { b.syms = b.loadSymbols() })
	return b.syms.lookup([]byte(name))
}

// loadSymbols indexes .symtab, or that of the separate file with debug
// information, or .dynsym.
func (b *Binary) loadSymbols() symbolTable {
	t, ok := readSymbols(b.elf, b.file.data, elf.SHT_SYMTAB)
	if !ok && b.debug != nil {
		t, ok = readSymbols(b.debug.elf, b.debug.file.data, elf.SHT_SYMTAB)
	}
	if !ok {
		t, _ = readSymbols(b.elf, b.file.data, elf.SHT_DYNSYM)
	}
	return t
}

// readSymbols indexes the first symbol table of a type.
func readSymbols(f *elf.File, data []byte, typ elf.SectionType) (t symbolTable, ok bool) {
	for _, s := range f.Sections {
		if s.Type != typ || s.Flags&elf.SHF_COMPRESSED != 0 || int(s.Link) >= len(f.Sections) {
			continue
		}
		str := f.Sections[s.Link]
		if str.Type != elf.SHT_STRTAB || str.Flags&elf.SHF_COMPRESSED != 0 {
			continue
		}
		t = symbolTable{
			syms:  data[s.Offset : s.Offset+s.FileSize],
			names: data[str.Offset : str.Offset+str.FileSize],
			seed:  maphash.MakeSeed(),
		}
		t.index()
		return t, true
	}
	return symbolTable{}, false
}

// index fills the hash table.
func (t *symbolTable) index() {
	n := len(t.syms) / symSize
	t.slots = make([]uint32, 2<<bits.Len(uint(n)))
	for i := range n {
		name := t.name(i)
		if len(name) == 0 || t.sym(i)[symShndx] == 0 && t.sym(i)[symShndx+1] == 0 {
			continue // no name, or not defined here
		}
		for at := t.slot(name); ; at = (at + 1) & (len(t.slots) - 1) {
			if t.slots[at] == emptySlot {
				t.slots[at] = uint32(i) + 1
				break
			}
			if bytes.Equal(t.name(int(t.slots[at]-1)), name) {
				break // the first of equal names counts
			}
		}
	}
}

// lookup finds a symbol.
func (t *symbolTable) lookup(name []byte) (addr, size uint64, ok bool) {
	if len(t.slots) == 0 || len(name) == 0 {
		return 0, 0, false
	}
	for at := t.slot(name); t.slots[at] != emptySlot; at = (at + 1) & (len(t.slots) - 1) {
		i := int(t.slots[at] - 1)
		if bytes.Equal(t.name(i), name) {
			s := t.sym(i)
			return binary.LittleEndian.Uint64(s[symValue:]), binary.LittleEndian.Uint64(s[symBytes:]), true
		}
	}
	return 0, 0, false
}

// slot is where the search for a name starts.
func (t *symbolTable) slot(name []byte) int {
	return int(maphash.Bytes(t.seed, name) & uint64(len(t.slots)-1))
}

// sym returns the bytes of symbol i.
func (t *symbolTable) sym(i int) []byte { return t.syms[i*symSize:][:symSize] }

// name returns the name of symbol i, nil when it is out of bounds or too long.
func (t *symbolTable) name(i int) []byte {
	off := binary.LittleEndian.Uint32(t.sym(i))
	if uint64(off) >= uint64(len(t.names)) {
		return nil
	}
	rest := t.names[off:]
	rest = rest[:min(len(rest), maxSymName)]
	n := bytes.IndexByte(rest, 0)
	if n < 0 {
		return nil
	}
	return rest[:n]
}
