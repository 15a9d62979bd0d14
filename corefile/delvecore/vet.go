package delvecore

import (
	"debug/elf"
	"encoding/binary"
	"fmt"

	"github.com/go-delve/delve/pkg/dwarf/frame"
	"github.com/safedump/sdcore/corefile"
)

// maxRatio bounds how much a debug section may grow when it is uncompressed:
// zlib reaches 1032:1, and Go's linker uses zlib.
const maxRatio = 1100

// vet parses what delve parses in goroutines that nobody recovers in, with the
// same parsers where delve exports them. An error means that delve must not
// see this binary.
func vet(b *corefile.Binary) error {
	if b == nil {
		return fmt.Errorf("no binary: %w", corefile.ErrNoDWARF)
	}
	if !b.HasDWARF() {
		return fmt.Errorf("%s: %w", b.Path(), corefile.ErrNoDWARF)
	}
	return guard("check "+b.Path(), func() error {
		if err := vetSections(b.ELF()); err != nil {
			return err
		}
		if err := vetSections(b.DebugELF()); err != nil {
			return err
		}
		if err := vetFrames(b); err != nil {
			return err
		}
		return vetInfo(b)
	})
}

// vetSections refuses sections whose claimed size can't come from the bytes
// that the file holds: delve allocates what they claim.
func vetSections(f *elf.File) error {
	if f == nil {
		return corefile.ErrNotELF
	}
	for _, s := range f.Sections {
		if s.Type == elf.SHT_NOBITS {
			if s.Name == ".eh_frame" && s.Size > 1<<30 {
				return fmt.Errorf("section %s: %d bytes", s.Name, s.Size)
			}
			continue
		}
		if s.Flags&elf.SHF_COMPRESSED != 0 && s.Size/maxRatio > s.FileSize {
			return fmt.Errorf("section %s: %d bytes out of %d", s.Name, s.Size, s.FileSize)
		}
	}
	return vetBuildID(f)
}

// vetBuildID refuses a build ID note that claims more than its section holds:
// delve allocates the name and the descriptor before it reads them, 4 GB each
// where the note says so. Source: delve v1.27.2, pkg/proc/bininfo.go,
// loadBuildID.
func vetBuildID(f *elf.File) error {
	s := f.Section(".note.gnu.build-id")
	if s == nil {
		return nil
	}
	var head struct{ Name, Desc, Type uint32 }
	if err := binary.Read(s.Open(), binary.LittleEndian, &head); err != nil {
		return nil // delve goes without it too
	}
	if n := uint64(head.Name) + uint64(head.Desc); n > s.Size {
		return fmt.Errorf("section %s: name and descriptor of %d bytes in a section of %d", s.Name, n, s.Size)
	}
	return nil
}

// vetFrames parses the call frame information once, as delve will.
func vetFrames(b *corefile.Binary) error {
	data, err := b.DebugSection(".debug_frame")
	if err != nil {
		return fmt.Errorf("section .debug_frame: %w", err)
	}
	if err := vetFrameTable(data, 0); err != nil {
		return fmt.Errorf("section .debug_frame: %w", err)
	}
	s := b.ELF().Section(".eh_frame")
	if s == nil || s.Type == elf.SHT_NOBITS {
		return nil
	}
	data, err = s.Data()
	if err != nil {
		return fmt.Errorf("section .eh_frame: %w", err)
	}
	if err := vetFrameTable(data, s.Addr); err != nil {
		return fmt.Errorf("section .eh_frame: %w", err)
	}
	return nil
}

func vetFrameTable(data []byte, addr uint64) error {
	return guard("parse frames", func() error {
		// Every entry needs its length within the section, or the parser
		// asks for slices that do not exist.
		for off := 0; off < len(data); {
			if len(data)-off < 4 {
				return fmt.Errorf("entry at %#x ends early", off)
			}
			n := binary.LittleEndian.Uint32(data[off:])
			off += 4
			if n == 0 {
				continue
			}
			if n < 4 || int64(n) > int64(len(data)-off) {
				return fmt.Errorf("entry at %#x has length %d", off-4, n)
			}
			off += int(n)
		}
		_, err := frame.Parse(data, binary.LittleEndian, 0, 8, addr)
		return err
	})
}
