package elfcore

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// File is what a core is written to. *os.File is one.
type File interface {
	io.WriterAt
	Truncate(size int64) error
}

// Memory gives access to the memory of the stopped process by address:
// /proc/PID/mem.
type Memory struct {
	Mem io.ReaderAt
	// Pagemap is /proc/PID/pagemap, nil when it can't be had: then the whole
	// of each mapping is read.
	Pagemap io.ReaderAt
}

// Stats tells what a core holds.
type Stats struct {
	Threads    int
	Segments   int    // PT_LOAD
	Size       int64  // of the file, holes included
	Copied     uint64 // bytes of memory that are really in it
	Unreadable uint64 // bytes that could not be read: holes, too
}

const (
	ehdrSize = 64
	phdrSize = 56
	shdrSize = 64
	pnXNum   = 0xffff // the count of segments stands in section 0
)

type segment struct {
	Mapping
	offset   uint64
	fileSize uint64
}

// Layout is a core before its memory is in it.
type Layout struct {
	// Head is the start of the file: headers and notes.
	Head []byte
	// Size is that of the whole file.
	Size int64
	// Segments counts PT_LOAD.
	Segments int

	segs []segment
}

// Plan decides what the core of p holds and where. machine is elf.EM_X86_64 or
// elf.EM_AARCH64.
func Plan(machine elf.Machine, p *Process, c Crash, mem io.ReaderAt) (*Layout, error) {
	if len(c.Threads) == 0 {
		return nil, errors.New("elfcore: no thread")
	}
	note, err := notes(p, c)
	if err != nil {
		return nil, fmt.Errorf("elfcore: notes: %w", err)
	}
	segs := make([]segment, len(p.Mappings))
	for i, m := range p.Mappings {
		segs[i] = segment{Mapping: m, fileSize: size(m, p.Filter, mem)}
	}
	noteOffset := uint64(ehdrSize + phdrSize*(1+len(segs)))
	if 1+len(segs) >= pnXNum {
		noteOffset += shdrSize
	}
	end := layout(segs, noteOffset+uint64(len(note)))
	head := append(headers(machine, segs, noteOffset, uint64(len(note))), note...)
	return &Layout{Head: head, Size: int64(end), Segments: len(segs), segs: segs}, nil
}

// Run is a range of memory and its place in the file.
type Run struct{ Addr, Len, Offset uint64 }

// Runs calls f for each range of memory that goes into the core, in order.
// Pages that pagemap knows not to be there are left out; pagemap may be nil,
// or choose by mapping.
func (l *Layout) Runs(pagemap func(Mapping) io.ReaderAt, f func(Run) error) error {
	for _, s := range l.segs {
		if s.fileSize == 0 {
			continue
		}
		var pages io.ReaderAt
		// Pages of a file that are not in the page table still have content.
		if pagemap != nil && !s.hasFile() && !s.Shared && s.Path != "[vdso]" {
			pages = pagemap(s.Mapping)
		}
		err := populated(pages, s.Start, s.Start+s.fileSize, func(r span) error {
			return f(Run{Addr: r.start, Len: r.end - r.start, Offset: s.offset + r.start - s.Start})
		})
		if err != nil {
			return fmt.Errorf("elfcore: memory %#x-%#x: %w", s.Start, s.End, err)
		}
	}
	return nil
}

// Write writes the core of p, which must be stopped and stay so. machine is
// elf.EM_X86_64 or elf.EM_AARCH64.
func Write(out File, machine elf.Machine, p *Process, c Crash, mem Memory) (Stats, error) {
	l, err := Plan(machine, p, c, mem.Mem)
	if err != nil {
		return Stats{Threads: len(c.Threads)}, err
	}
	stats := Stats{Threads: len(c.Threads), Segments: l.Segments, Size: l.Size}
	if _, err := out.WriteAt(l.Head, 0); err != nil {
		return stats, fmt.Errorf("elfcore: headers: %w", err)
	}
	w := copier{out: out, mem: mem.Mem, buf: make([]byte, 1<<20)}
	if err := l.Runs(func(Mapping) io.ReaderAt { return mem.Pagemap }, w.run); err != nil {
		return stats, err
	}
	stats.Copied, stats.Unreadable = w.copied, w.unreadable
	if err := out.Truncate(l.Size); err != nil {
		return stats, fmt.Errorf("elfcore: %w", err)
	}
	return stats, nil
}

// size is how many bytes of a mapping go into the core.
func size(m Mapping, filter uint32, mem io.ReaderAt) uint64 {
	switch plan(m, filter) {
	case whole:
		return m.End - m.Start
	case header:
		magic := make([]byte, len(elf.ELFMAG))
		if _, err := mem.ReadAt(magic, int64(m.Start)); err == nil && string(magic) == elf.ELFMAG {
			return pageSize
		}
	}
	return 0
}

// layout gives each segment its place in the file and returns the file's size.
func layout(segs []segment, offset uint64) uint64 {
	offset = (offset + pageSize - 1) / pageSize * pageSize
	for i := range segs {
		segs[i].offset = offset
		offset += segs[i].fileSize
	}
	return offset
}

// headers encodes the ELF header, the program headers and, for many segments,
// the section header that holds their count.
func headers(machine elf.Machine, segs []segment, noteOffset, noteSize uint64) []byte {
	le := binary.LittleEndian
	b := make([]byte, ehdrSize, noteOffset)
	copy(b, elf.ELFMAG)
	b[elf.EI_CLASS], b[elf.EI_DATA], b[elf.EI_VERSION] = byte(elf.ELFCLASS64), byte(elf.ELFDATA2LSB), byte(elf.EV_CURRENT)
	le.PutUint16(b[16:], uint16(elf.ET_CORE))
	le.PutUint16(b[18:], uint16(machine))
	le.PutUint32(b[20:], uint32(elf.EV_CURRENT))
	le.PutUint64(b[32:], ehdrSize) // e_phoff
	le.PutUint16(b[52:], ehdrSize)
	le.PutUint16(b[54:], phdrSize)
	count := 1 + len(segs)
	le.PutUint16(b[56:], uint16(min(count, pnXNum)))
	if count >= pnXNum {
		le.PutUint64(b[40:], ehdrSize+uint64(count)*phdrSize) // e_shoff
		le.PutUint16(b[58:], shdrSize)
		le.PutUint16(b[60:], 1)
	}
	b = appendProg(b, elf.ProgHeader{Type: elf.PT_NOTE, Off: noteOffset, Filesz: noteSize, Align: 4})
	for _, s := range segs {
		b = appendProg(b, elf.ProgHeader{Type: elf.PT_LOAD, Flags: s.flags(), Off: s.offset, Vaddr: s.Start,
			Filesz: s.fileSize, Memsz: s.End - s.Start, Align: pageSize})
	}
	if count >= pnXNum {
		section := make([]byte, shdrSize)
		le.PutUint64(section[32:], 1)             // sh_size: count of sections
		le.PutUint32(section[44:], uint32(count)) // sh_info: count of segments
		b = append(b, section...)
	}
	return b
}

func appendProg(b []byte, p elf.ProgHeader) []byte {
	le := binary.LittleEndian
	b = le.AppendUint32(b, uint32(p.Type))
	b = le.AppendUint32(b, uint32(p.Flags))
	for _, v := range []uint64{p.Off, p.Vaddr, p.Paddr, p.Filesz, p.Memsz, p.Align} {
		b = le.AppendUint64(b, v)
	}
	return b
}

func (m Mapping) flags() (f elf.ProgFlag) {
	if m.Read {
		f |= elf.PF_R
	}
	if m.Write {
		f |= elf.PF_W
	}
	if m.Exec {
		f |= elf.PF_X
	}
	return f
}

// copier copies memory into the file and leaves out what is zero.
type copier struct {
	out                File
	mem                io.ReaderAt
	buf                []byte
	copied, unreadable uint64
}

func (w *copier) run(r Run) error {
	for done := uint64(0); done < r.Len; {
		chunk := w.buf[:min(uint64(len(w.buf)), r.Len-done)]
		if err := w.chunk(chunk, r.Addr+done, r.Offset+done); err != nil {
			return err
		}
		done += uint64(len(chunk))
	}
	return nil
}

// chunk copies memory at addr to offset. Pages that can't be read stay holes
// and are counted.
func (w *copier) chunk(b []byte, addr, offset uint64) error {
	n, err := w.mem.ReadAt(b, int64(addr))
	if n == len(b) || err == nil {
		return w.pages(b[:n], offset)
	}
	for i := 0; i < len(b); i += pageSize {
		page := b[i : i+pageSize]
		if n, _ := w.mem.ReadAt(page, int64(addr)+int64(i)); n < len(page) {
			w.unreadable += pageSize
			continue
		}
		if err := w.pages(page, offset+uint64(i)); err != nil {
			return err
		}
	}
	return nil
}

// pages writes b without its pages that are zero.
func (w *copier) pages(b []byte, offset uint64) error {
	var zero [pageSize]byte
	for i := 0; i < len(b); {
		for i < len(b) && bytes.Equal(b[i:i+pageSize], zero[:]) {
			i += pageSize
		}
		j := i
		for j < len(b) && !bytes.Equal(b[j:j+pageSize], zero[:]) {
			j += pageSize
		}
		if i == j {
			break
		}
		if _, err := w.out.WriteAt(b[i:j], int64(offset)+int64(i)); err != nil {
			return err
		}
		w.copied += uint64(j - i)
		i = j
	}
	return nil
}
