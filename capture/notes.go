package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Note types of Linux cores (include/uapi/linux/elf.h), and delve's own header
// note (delve pkg/elfwriter/delve_core_notes.go), which is dropped.
const (
	ntPRStatus = 1
	ntFile     = 0x46494c45
	ntXState   = 0x202
	ntDelve    = 0x444C5645

	// prPID is the offset of pr_pid in struct elf_prstatus.
	prPID = 32

	pageSize = 4096
)

// note is one ELF note.
type note struct {
	name string
	typ  uint32
	data []byte
}

// Sizes and offsets in the ELF header and the program headers of a 64-bit file.
const (
	ehdrSize, phdrSize   = 64, 56
	ehdrPhOff, ehdrPhNum = 32, 56
	phdrFileOff          = 8
	phdrFileSize         = 32
	ptNote               = 4
	maxNotes             = 256 << 20 // bytes; a thread has about 3 KiB
	maxSegments          = 0xffff
)

// rewriteNotes replaces the notes of a core that delve has just written by
// those of a kernel: named, the dying thread first, NT_FILE among them. It
// appends them and turns the note segment there. It returns how many threads
// the core has.
func rewriteNotes(f *os.File, dying int, files []fileMapping) (threads int, err error) {
	ehdr := make([]byte, ehdrSize)
	if _, err := f.ReadAt(ehdr, 0); err != nil {
		return 0, fmt.Errorf("header: %w", err)
	}
	le := binary.LittleEndian
	off, count := int64(le.Uint64(ehdr[ehdrPhOff:])), int(le.Uint16(ehdr[ehdrPhNum:]))
	if count >= maxSegments {
		return 0, fmt.Errorf("%d segments are more than the header holds", count)
	}
	phdrs := make([]byte, count*phdrSize)
	if _, err := f.ReadAt(phdrs, off); err != nil {
		return 0, fmt.Errorf("program headers: %w", err)
	}
	for i := range count {
		p := phdrs[i*phdrSize:][:phdrSize]
		if le.Uint32(p) != ptNote {
			continue
		}
		size := le.Uint64(p[phdrFileSize:])
		if size > maxNotes {
			return 0, fmt.Errorf("notes of %d bytes", size)
		}
		old := make([]byte, size)
		if _, err := f.ReadAt(old, int64(le.Uint64(p[phdrFileOff:]))); err != nil {
			return 0, fmt.Errorf("notes: %w", err)
		}
		parsed, err := parseNotes(old)
		if err != nil {
			return 0, err
		}
		fresh, threads, err := kernelOrder(parsed, dying, files)
		if err != nil {
			return 0, err
		}
		return threads, place(f, off+int64(i*phdrSize), p, fresh)
	}
	return 0, errors.New("no notes")
}

// place appends the notes to the file and points program header p at them.
func place(f *os.File, at int64, p, notes []byte) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	end = (end + 3) &^ 3
	if _, err := f.WriteAt(notes, end); err != nil {
		return err
	}
	binary.LittleEndian.PutUint64(p[phdrFileOff:], uint64(end))
	binary.LittleEndian.PutUint64(p[phdrFileSize:], uint64(len(notes)))
	_, err = f.WriteAt(p, at)
	return err
}

func parseNotes(b []byte) ([]note, error) {
	le := binary.LittleEndian
	var all []note
	align := func(n uint64) uint64 { return (n + 3) &^ 3 }
	for len(b) >= 12 {
		nameSize, size := uint64(le.Uint32(b)), uint64(le.Uint32(b[4:]))
		typ := le.Uint32(b[8:])
		b = b[12:]
		if align(nameSize) > uint64(len(b)) || size > uint64(len(b))-align(nameSize) {
			return nil, errors.New("a note is longer than the segment")
		}
		data := b[align(nameSize):][:size]
		all = append(all, note{strings.TrimRight(string(b[:nameSize]), "\x00"), typ, data})
		b = b[min(uint64(len(b)), align(nameSize)+align(size)):]
	}
	return all, nil
}

// kernelOrder sorts delve's notes as the kernel does: the dying thread, the
// process, the other threads. Each thread is NT_PRSTATUS and what follows it.
func kernelOrder(notes []note, dying int, files []fileMapping) ([]byte, int, error) {
	var process, first, others []note
	var current *[]note
	threads := 0
	for _, n := range notes {
		switch n.typ {
		case ntDelve:
			continue
		case ntPRStatus:
			if len(n.data) < prPID+4 {
				return nil, 0, fmt.Errorf("thread status of %d bytes", len(n.data))
			}
			threads++
			current = &others
			if int(binary.LittleEndian.Uint32(n.data[prPID:])) == dying {
				current = &first
			}
		case ntXState:
			n.name = "LINUX"
		}
		if n.name == "" {
			n.name = "CORE"
		}
		if current == nil {
			process = append(process, n)
			continue
		}
		*current = append(*current, n)
	}
	if len(first) == 0 {
		return nil, 0, fmt.Errorf("the dying thread %d is not among the %d threads of the dump", dying, threads)
	}
	if len(files) > 0 {
		process = append(process, note{"CORE", ntFile, fileNote(files)})
	}
	var b []byte
	b = appendNote(b, first[0])
	for _, group := range [][]note{process, first[1:], others} {
		for _, n := range group {
			b = appendNote(b, n)
		}
	}
	return b, threads, nil
}

func appendNote(b []byte, n note) []byte {
	le := binary.LittleEndian
	pad := func() {
		for len(b)%4 != 0 {
			b = append(b, 0)
		}
	}
	b = le.AppendUint32(b, uint32(len(n.name)+1))
	b = le.AppendUint32(b, uint32(len(n.data)))
	b = le.AppendUint32(b, n.typ)
	b = append(append(b, n.name...), 0)
	pad()
	b = append(b, n.data...)
	pad()
	return b
}

// fileNote encodes NT_FILE (fs/binfmt_elf.c, fill_files_note): count, page
// size, the ranges with their offset in pages, the names.
func fileNote(files []fileMapping) []byte {
	le := binary.LittleEndian
	b := le.AppendUint64(nil, uint64(len(files)))
	b = le.AppendUint64(b, pageSize)
	for _, m := range files {
		b = le.AppendUint64(b, m.start)
		b = le.AppendUint64(b, m.end)
		b = le.AppendUint64(b, m.offset/pageSize)
	}
	for _, m := range files {
		b = append(append(b, m.path...), 0)
	}
	return b
}
