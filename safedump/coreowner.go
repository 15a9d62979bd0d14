package safedump

import (
	"encoding/binary"
	"errors"
	"io"
)

// errNotCore is for what is no core, or tells no process.
var errNotCore = errors.New("no core with the number of its process")

// Layout of a 64-bit little-endian ELF core (elf(5)): the header's place of the
// program headers, a program header's type, offset and size, a note's head, and
// pr_pid in the struct elf_prpsinfo of amd64 and arm64.
const (
	elfTypeCore = 4
	phSize      = 56
	ptNote      = 4
	notePSInfo  = 3
	psinfoPID   = 24

	maxHeaders = 64      // the notes' is the first one
	maxNotes   = 1 << 20 // looked through; NT_PRPSINFO is the second note
)

// corePID reads from a core which process it is of. The kernel and Capture
// both write it into NT_PRPSINFO, as the process itself knows its number.
func corePID(r io.ReaderAt) (int, error) {
	le := binary.LittleEndian
	var head [64]byte
	if _, err := r.ReadAt(head[:], 0); err != nil {
		return 0, err
	}
	if string(head[:6]) != "\x7fELF\x02\x01" || le.Uint16(head[16:]) != elfTypeCore || le.Uint16(head[54:]) != phSize {
		return 0, errNotCore
	}
	for i := 0; i < min(int(le.Uint16(head[56:])), maxHeaders); i++ {
		var ph [phSize]byte
		if _, err := r.ReadAt(ph[:], int64(le.Uint64(head[32:]))+int64(i)*phSize); err != nil {
			return 0, err
		}
		if le.Uint32(ph[:]) == ptNote {
			notes := io.NewSectionReader(r, int64(le.Uint64(ph[8:])), int64(min(le.Uint64(ph[32:]), maxNotes)))
			return psinfoOf(notes)
		}
	}
	return 0, errNotCore
}

// psinfoOf walks the notes to NT_PRPSINFO.
func psinfoOf(notes *io.SectionReader) (int, error) {
	le := binary.LittleEndian
	for at := int64(0); ; {
		var head [12]byte
		if _, err := notes.ReadAt(head[:], at); err != nil {
			return 0, err
		}
		name, size := int64(le.Uint32(head[:])), int64(le.Uint32(head[4:]))
		data := at + int64(len(head)) + (name+3)&^3
		if le.Uint32(head[8:]) == notePSInfo && size >= psinfoPID+4 {
			var pid [4]byte
			_, err := notes.ReadAt(pid[:], data+psinfoPID)
			return int(le.Uint32(pid[:])), err
		}
		at = data + (size+3)&^3
	}
}
