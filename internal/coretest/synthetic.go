package coretest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
)

// Synthetic ELF files: written from Go values, so that a test shows in its own
// source what is wrong with them. Layouts as in the System V ABI and Linux
// 6.12, fs/binfmt_elf.c.

// SynthPage is the page size of synthetic files.
const SynthPage = 4096

// SynthNote is a note of a PT_NOTE segment.
type SynthNote struct {
	Name string // without the NUL
	Type uint32
	Desc []byte
}

// SynthSegment is a PT_LOAD segment.
type SynthSegment struct {
	Addr    uint64
	Data    []byte // bytes in the file
	MemSize uint64 // 0: as many as Data
	Flags   elf.ProgFlag
}

// SynthSection is a section. Data is stored as it is.
type SynthSection struct {
	Name   string
	Type   elf.SectionType
	Flags  elf.SectionFlag
	Addr   uint64
	Offset uint64 // where Data lies already; 0: it is appended to the file
	Data   []byte
	Link   uint32
}

// SynthELF is an ELF64 file, little endian.
type SynthELF struct {
	Type     elf.Type
	Machine  elf.Machine // 0: x86-64
	Entry    uint64
	Notes    [][]SynthNote // one PT_NOTE segment each
	Segments []SynthSegment
	Sections []SynthSection
	// HeadersMapped puts the headers and notes into the first segment, as
	// executables have it: the first segment's Data starts at offset 0.
	HeadersMapped bool
	// ExtendedCount stores the number of program headers in a section header
	// at the end of the file, as the kernel does when there are 65535 and more.
	ExtendedCount bool
}

// Layout is where the parts of a synthetic file lie.
type Layout struct {
	Headers  uint64   // end of the program headers
	Notes    []uint64 // end of each PT_NOTE segment
	Segments []uint64 // offset of each segment's bytes
	Sections uint64   // offset of the section headers, 0: none
}

const (
	synthEhdr = 64
	synthPhdr = 56
	synthShdr = 64
)

// Bytes writes the file.
func (e *SynthELF) Bytes() ([]byte, Layout) {
	var l Layout
	phnum := len(e.Notes) + len(e.Segments)
	l.Headers = synthEhdr + uint64(phnum)*synthPhdr
	body := make([]byte, l.Headers)
	phdr := func(i int, typ elf.ProgType, flags elf.ProgFlag, off, addr, filesz, memsz, align uint64) {
		p := elf.Prog64{Type: uint32(typ), Flags: uint32(flags), Off: off, Vaddr: addr, Filesz: filesz, Memsz: memsz, Align: align}
		copy(body[synthEhdr+i*synthPhdr:], encode(p))
	}
	base := uint64(0)
	if e.HeadersMapped && len(e.Segments) > 0 {
		base = e.Segments[0].Addr
	}
	for i, notes := range e.Notes {
		data := NoteBytes(notes)
		off := uint64(len(body))
		body = append(body, data...)
		addr := uint64(0)
		if e.HeadersMapped {
			addr = base + off
		}
		phdr(i, elf.PT_NOTE, elf.PF_R, off, addr, uint64(len(data)), 0, 4)
		l.Notes = append(l.Notes, uint64(len(body)))
	}
	for i, s := range e.Segments {
		off := uint64(0)
		if !e.HeadersMapped || i > 0 {
			body = padTo(body, SynthPage)
			off = uint64(len(body))
			body = append(body, s.Data...)
		} else {
			body = append(body, s.Data[min(len(body), len(s.Data)):]...)
		}
		memsz := max(s.MemSize, uint64(len(s.Data)))
		phdr(len(e.Notes)+i, elf.PT_LOAD, s.Flags, off, s.Addr, uint64(len(s.Data)), memsz, SynthPage)
		l.Segments = append(l.Segments, off)
	}
	h := elf.Header64{
		Type: uint16(e.Type), Machine: uint16(e.Machine), Version: uint32(elf.EV_CURRENT), Entry: e.Entry,
		Phoff: synthEhdr, Ehsize: synthEhdr, Phentsize: synthPhdr, Phnum: uint16(phnum), Shentsize: synthShdr,
	}
	if e.Machine == 0 {
		h.Machine = uint16(elf.EM_X86_64)
	}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	switch {
	case e.ExtendedCount:
		h.Phnum, h.Shoff, h.Shnum = 0xffff, uint64(len(body)), 1
		body = append(body, encode(elf.Section64{Info: uint32(phnum)})...)
	case e.Sections != nil:
		body, h.Shoff = e.appendSections(body, &l)
		h.Shnum, h.Shstrndx = uint16(len(e.Sections)+2), uint16(len(e.Sections)+1)
	}
	l.Sections = h.Shoff
	copy(body, encode(h))
	return body, l
}

// appendSections appends sections, their names and their headers.
func (e *SynthELF) appendSections(body []byte, l *Layout) (_ []byte, shoff uint64) {
	names := []byte{0}
	headers := []elf.Section64{{}}
	for _, s := range e.Sections {
		off := s.Offset
		if off == 0 {
			off = uint64(len(body))
			body = append(body, s.Data...)
		}
		headers = append(headers, elf.Section64{
			Name: uint32(len(names)), Type: uint32(s.Type), Flags: uint64(s.Flags), Addr: s.Addr,
			Off: off, Size: uint64(len(s.Data)), Link: s.Link,
		})
		names = append(append(names, s.Name...), 0)
	}
	headers = append(headers, elf.Section64{Name: 0, Type: uint32(elf.SHT_STRTAB), Off: uint64(len(body)), Size: uint64(len(names))})
	body = padTo(append(body, names...), 8)
	shoff = uint64(len(body))
	for _, h := range headers {
		body = append(body, encode(h)...)
	}
	return body, shoff
}

// NoteBytes encodes notes as a PT_NOTE segment holds them.
func NoteBytes(notes []SynthNote) []byte {
	var b []byte
	for _, n := range notes {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(n.Name)+1))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(n.Desc)))
		b = binary.LittleEndian.AppendUint32(b, n.Type)
		b = padTo(append(append(b, n.Name...), 0), 4)
		b = padTo(append(b, n.Desc...), 4)
	}
	return b
}

// Words encodes 64-bit words.
func Words(words ...uint64) []byte {
	var b []byte
	for _, w := range words {
		b = binary.LittleEndian.AppendUint64(b, w)
	}
	return b
}

// encode is a fixed-size structure in little endian.
func encode(v any) []byte {
	var b bytes.Buffer
	if err := binary.Write(&b, binary.LittleEndian, v); err != nil {
		panic(err) // only for types that have no fixed size
	}
	return b.Bytes()
}

// padTo appends zeros up to a multiple of n.
func padTo(b []byte, n int) []byte {
	return append(b, make([]byte, (n-len(b)%n)%n)...)
}
