package corefile

import (
	"debug/elf"
	"fmt"
	"math"
)

// Sizes of the ELF64 structures. Source: System V ABI, "Object Files".
const (
	ehdrSize = 64
	phdrSize = 56
	shdrSize = 64
	pageSize = 4096 // the unit in which Linux on amd64 maps files

	pnXNum = 0xffff // e_phnum of a file with more program headers than fit

	// maxProgs refuses absurd program header tables. A process has as many
	// entries as mappings, 65530 with Linux's default vm.max_map_count.
	maxProgs = 1 << 22
)

// header is what the ELF header says, checked against the file.
type header struct {
	typ            elf.Type
	entry          uint64
	phoff, shoff   uint64
	phnum, shnum   uint64
	shstrndx       uint64
	progs          []prog
	countRecovered bool // phnum was inferred from the first program header
}

// prog is a program header.
type prog struct {
	typ                       elf.ProgType
	flags                     elf.ProgFlag
	off, vaddr, filesz, memsz uint64
	align                     uint64
	at                        int64  // offset of the header in the file
	end                       uint64 // vaddr+memsz, known not to overflow
}

// parseHeader reads the ELF header and the program headers of a file or of
// the start of an ELF image in memory (size is then that of what data holds).
// Section headers are left alone.
func parseHeader(path string, data []byte) (*header, error) {
	h, err := parseIdent(path, data)
	if err != nil {
		return nil, err
	}
	if err := h.readProgs(path, data); err != nil {
		return nil, err
	}
	return h, nil
}

// parseIdent reads the ELF header and checks that it is of a kind that is
// supported: 64 bit, little endian, amd64.
func parseIdent(path string, data []byte) (*header, error) {
	if len(data) < 4 || string(data[:4]) != elf.ELFMAG {
		if err := checkCompressed(path, data); err != nil {
			return nil, err
		}
		return nil, &FormatError{path, 0, "is not an ELF file", ErrNotELF}
	}
	if len(data) < ehdrSize {
		return nil, &FormatError{path, int64(len(data)), fmt.Sprintf("ends inside the ELF header, %d of %d bytes are there", len(data), ehdrSize), ErrTruncated}
	}
	unsupported := func(off int64, what string, v any) error {
		return &FormatError{path, off, fmt.Sprintf("%s %v is not supported: only 64-bit little-endian x86-64 is", what, v), ErrUnsupported}
	}
	if cl := elf.Class(data[elf.EI_CLASS]); cl != elf.ELFCLASS64 {
		return nil, unsupported(elf.EI_CLASS, "ELF class", cl)
	}
	if d := elf.Data(data[elf.EI_DATA]); d != elf.ELFDATA2LSB {
		return nil, unsupported(elf.EI_DATA, "byte order", d)
	}
	if v := elf.Version(data[elf.EI_VERSION]); v != elf.EV_CURRENT {
		return nil, unsupported(elf.EI_VERSION, "ELF version", v)
	}
	c := cursor{path: path, what: "ELF header", data: data[:ehdrSize], off: elf.EI_NIDENT}
	h := &header{typ: elf.Type(c.u16())}
	if m := elf.Machine(c.u16()); m != elf.EM_X86_64 {
		return nil, unsupported(18, "machine", m)
	}
	if v := c.u32(); v != uint32(elf.EV_CURRENT) {
		return nil, unsupported(20, "ELF version", v)
	}
	h.entry, h.phoff, h.shoff = c.u64(), c.u64(), c.u64()
	c.bytes(4) // e_flags
	ehsize, phentsize := c.u16(), c.u16()
	h.phnum = uint64(c.u16())
	shentsize := c.u16()
	h.shnum, h.shstrndx = uint64(c.u16()), uint64(c.u16())
	if ehsize < ehdrSize || h.phnum > 0 && phentsize != phdrSize || h.shnum > 0 && shentsize != shdrSize {
		return nil, &FormatError{path, 52, fmt.Sprintf("ELF header sizes %d, %d, %d are not those of ELF64", ehsize, phentsize, shentsize), ErrCorrupt}
	}
	return h, c.err
}

// readProgs reads the program header table.
func (h *header) readProgs(path string, data []byte) error {
	if h.phnum == pnXNum {
		if err := h.extendedCount(path, data); err != nil {
			return err
		}
	}
	if h.phnum == 0 {
		return nil
	}
	if h.phnum > maxProgs {
		return &FormatError{path, 56, fmt.Sprintf("claims %d program headers", h.phnum), ErrCorrupt}
	}
	size := uint64(len(data))
	if h.phoff > size || h.phnum*phdrSize > size-h.phoff {
		return &FormatError{path, int64(size), fmt.Sprintf("ends inside its %d program headers", h.phnum), ErrTruncated}
	}
	c := cursor{path: path, what: "program header", data: data[h.phoff : h.phoff+h.phnum*phdrSize], base: int64(h.phoff)}
	h.progs = make([]prog, h.phnum)
	for i := range h.progs {
		p, err := readProg(&c)
		if err != nil {
			return err
		}
		h.progs[i] = p
	}
	return c.err
}

// readProg reads one program header and checks its arithmetic.
func readProg(c *cursor) (prog, error) {
	p := prog{at: c.base + int64(c.off)}
	p.typ, p.flags = elf.ProgType(c.u32()), elf.ProgFlag(c.u32())
	p.off, p.vaddr = c.u64(), c.u64()
	c.u64() // p_paddr
	p.filesz, p.memsz, p.align = c.u64(), c.u64(), c.u64()
	bad := func(msg string) (prog, error) {
		return p, &FormatError{c.path, p.at, "program header: " + msg, ErrCorrupt}
	}
	if p.off > math.MaxInt64 || p.filesz > math.MaxInt64-p.off {
		return bad("file range overflows")
	}
	if p.typ == elf.PT_LOAD {
		if p.memsz > math.MaxUint64-p.vaddr {
			return bad("address range overflows")
		}
		if p.filesz > p.memsz {
			return bad("more bytes in the file than in memory")
		}
	}
	p.end = p.vaddr + p.memsz
	return p, nil
}

// extendedCount finds the number of program headers when it does not fit into
// the ELF header: sh_info of the first section header (Linux,
// fs/binfmt_elf.c, fill_extnum_info). The kernel writes that header at the
// very end, where truncation takes it first. The notes start where the program
// headers end, so the first program header, which is theirs, tells it too.
func (h *header) extendedCount(path string, data []byte) error {
	size := uint64(len(data))
	if h.shoff > 0 && h.shoff <= size && size-h.shoff >= shdrSize {
		c := cursor{path: path, what: "first section header", data: data[h.shoff : h.shoff+shdrSize], base: int64(h.shoff), off: 44}
		h.phnum = uint64(c.u32())
		return c.err
	}
	if h.phoff <= size && size-h.phoff >= phdrSize {
		c := cursor{path: path, what: "program header", data: data[h.phoff : h.phoff+phdrSize], base: int64(h.phoff)}
		p, err := readProg(&c)
		if err == nil && p.typ == elf.PT_NOTE && p.off > h.phoff && (p.off-h.phoff)%phdrSize == 0 {
			h.phnum, h.countRecovered = (p.off-h.phoff)/phdrSize, true
			return nil
		}
	}
	return &FormatError{path, int64(size), "ends before the section header that counts its program headers", ErrTruncated}
}
