package corefile

import (
	"bytes"
	"debug/elf"
	"fmt"
	"math"
)

// Bounds of section headers. Executables have some dozens of sections.
const (
	maxSections    = 1 << 16
	maxSectionName = 256

	// maxRatio is the highest compression ratio that a section may claim. It
	// is deflate's own limit; debug information reaches about 5.
	maxRatio = 1032
	chdrSize = 24 // ELF64 compression header
)

// checkSections checks the section header table before debug/elf reads it,
// which is not made for hostile files: ranges inside the file, names short, and
// sizes of compressed sections plausible.
func checkSections(path string, data []byte, h *header) error {
	if h.shoff == 0 {
		return nil
	}
	size := uint64(len(data))
	if h.shoff > size || size-h.shoff < shdrSize {
		return &FormatError{path, int64(size), "is truncated: it ends before its section headers", ErrTruncated}
	}
	first, err := readSection(path, data, h.shoff)
	if err != nil {
		return err
	}
	count, strndx := h.shnum, h.shstrndx
	if count == 0 {
		count = first.size
	}
	if strndx == uint64(elf.SHN_XINDEX) {
		strndx = uint64(first.link)
	}
	if count > maxSections {
		return &FormatError{path, 60, fmt.Sprintf("claims %d sections", count), ErrCorrupt}
	}
	if count*shdrSize > size-h.shoff {
		return &FormatError{path, int64(size), fmt.Sprintf("is truncated: it ends inside its %d section headers", count), ErrTruncated}
	}
	if strndx != 0 && strndx >= count {
		return &FormatError{path, 62, fmt.Sprintf("names of sections are in section %d of %d", strndx, count), ErrCorrupt}
	}
	return checkEachSection(path, data, h.shoff, count, strndx)
}

// checkEachSection checks every section header on its own.
func checkEachSection(path string, data []byte, shoff, count, strndx uint64) error {
	var names []byte
	if strndx != 0 {
		s, err := readSection(path, data, shoff+strndx*shdrSize)
		if err != nil {
			return err
		}
		if s.flags&elf.SHF_COMPRESSED != 0 || s.typ != elf.SHT_STRTAB {
			return &FormatError{path, s.at, "section names are not stored as they are", ErrCorrupt}
		}
		names = data[s.off : s.off+s.size]
	}
	for i := range count {
		s, err := readSection(path, data, shoff+i*shdrSize)
		if err != nil {
			return err
		}
		if strndx == 0 {
			continue
		}
		if uint64(s.name) >= uint64(len(names)) {
			return &FormatError{path, s.at, "section name lies outside of the name table", ErrCorrupt}
		}
		if n := bytes.IndexByte(names[s.name:], 0); n < 0 || n > maxSectionName {
			return &FormatError{path, s.at, "section name is too long", ErrCorrupt}
		}
	}
	return nil
}

// section is a section header.
type section struct {
	name, link uint32
	typ        elf.SectionType
	flags      elf.SectionFlag
	off, size  uint64
	at         int64
}

// readSection reads and checks the section header at offset at, which is
// inside the file with all its bytes. The ranges of SHT_NULL and SHT_NOBITS
// mean nothing and stay unchecked.
func readSection(path string, data []byte, at uint64) (section, error) {
	c := cursor{path: path, what: "section header", data: data[at : at+shdrSize], base: int64(at)}
	s := section{at: int64(at), name: c.u32(), typ: elf.SectionType(c.u32()), flags: elf.SectionFlag(c.u64())}
	c.u64() // sh_addr
	s.off, s.size, s.link = c.u64(), c.u64(), c.u32()
	if s.typ == elf.SHT_NOBITS || s.typ == elf.SHT_NULL {
		return s, c.err
	}
	size := uint64(len(data))
	if s.off > size || s.size > size-s.off {
		return s, &FormatError{path, s.at, fmt.Sprintf("is truncated: a section of %d bytes at 0x%x ends behind the file", s.size, s.off), ErrTruncated}
	}
	if s.flags&elf.SHF_COMPRESSED != 0 {
		if s.size < chdrSize {
			return s, &FormatError{path, s.at, "compressed section without a header", ErrCorrupt}
		}
		ch := cursor{path: path, what: "compression header", data: data[s.off : s.off+chdrSize], base: int64(s.off), off: 8}
		if n := ch.u64(); n > math.MaxInt64 || n/maxRatio > s.size {
			return s, &FormatError{path, s.at, fmt.Sprintf("compressed section of %d bytes claims to hold %d", s.size, n), ErrCorrupt}
		}
	}
	return s, c.err
}
