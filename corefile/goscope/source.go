package goscope

import (
	"debug/elf"
	"encoding/binary"

	"github.com/safedump/sdcore/corefile"
)

// binaryFile is what this package needs of a corefile.Binary.
type binaryFile interface {
	Symbol(name string) (addr, size uint64, ok bool)
	ELF() *elf.File
}

// memory is what it needs of a corefile.Memory.
type memory interface {
	Read(buf []byte, addr uint64) error
}

// source is where code and values come from.
type source struct {
	binary binaryFile
	memory memory // nil without a process
}

// word reads a pointer-sized word of the process.
func (s source) word(addr uint64) (uint64, error) {
	if s.memory == nil {
		return 0, corefile.ErrUnmapped
	}
	var b [8]byte
	if err := s.memory.Read(b[:], addr); err != nil {
		return 0, err
	}
	return binary.LittleEndian.Uint64(b[:]), nil
}
