package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/corefile/inflate"
)

// sectionData is the outcome of reading a debug section.
type sectionData struct {
	once  sync.Once
	data  []byte
	pages []byte // to unmap: what data was decompressed to
	err   error
}

// DebugSection returns an uncompressed debug section such as ".debug_loc" or
// ".debug_loclists", nil when there is none in the binary and, for a stripped
// one, in the separate file with its debug information. It must not be changed
// and is valid until the Binary is closed.
// Different sections can be decompressed at the same time.
func (b *Binary) DebugSection(name string) ([]byte, error) {
	b.mu.Lock()
	d, ok := b.sections[name]
	if !ok {
		d = &sectionData{}
		b.sections[name] = d
	}
	b.mu.Unlock()
	d.once.Do(func() { d.data, d.pages, d.err = b.readDebugSection(name) })
	return d.data, d.err
}

// readDebugSection finds and, where needed, decompresses a section.
func (b *Binary) readDebugSection(name string) (data, pages []byte, err error) {
	s, f := b.section(name)
	if s == nil || s.Type == elf.SHT_NOBITS {
		return nil, nil, nil
	}
	if f.data == nil {
		return nil, nil, fmt.Errorf("%s: section %s: %w", printable(f.path), name, fs.ErrClosed)
	}
	raw := f.data[s.Offset : s.Offset+s.FileSize : s.Offset+s.FileSize]
	if s.Flags&elf.SHF_COMPRESSED == 0 {
		return raw, nil, nil
	}
	if s.Size == 0 {
		return []byte{}, nil, nil
	}
	if pages, err = reserve(s.Size); err != nil {
		return nil, nil, fmt.Errorf("%s: section %s: reserve %d bytes: %w", printable(f.path), name, s.Size, err)
	}
	err = Guard("decompress "+name, func() error { return decompress(pages, raw) })
	if err != nil {
		_ = unix.Munmap(pages) // nothing was read from them
		return nil, nil, &FormatError{f.path, int64(s.Offset), "section " + name + " can't be decompressed", ErrCorrupt}
	}
	_ = unix.Mprotect(pages, unix.PROT_READ) // a guard against our own mistakes
	return pages, pages, nil
}

// reserve returns zeroed pages that the garbage collector does not know: debug
// information is the largest thing that is held, and as part of the heap it
// would double the garbage that is let lie. What is not written takes up no
// memory, so a size that only is claimed costs nothing.
func reserve(size uint64) ([]byte, error) {
	if size > math.MaxInt {
		return nil, unix.ENOMEM
	}
	// Not in huge pages: clearing them takes longer than the faults that they save.
	return unix.Mmap(-1, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
}

// decompress unpacks a section, with the compression header in front, into dst,
// which has the size that the header claims.
func decompress(dst, raw []byte) error {
	switch elf.CompressionType(binary.LittleEndian.Uint32(raw)) {
	case elf.COMPRESS_ZLIB:
		return inflate.Zlib(dst, raw[chdrSize:])
	case elf.COMPRESS_ZSTD:
		z, err := zstd.NewReader(bytes.NewReader(raw[chdrSize:]), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return err
		}
		defer z.Close()
		if _, err := io.ReadFull(z, dst); err != nil {
			return err
		}
		// The checksum is looked at when the end is read.
		if n, err := z.Read(make([]byte, 1)); n != 0 || err != io.EOF {
			return ErrCorrupt
		}
		return nil
	}
	return ErrCorrupt
}

// section returns the first section of a name and the file that it is in:
// debug sections of a stripped binary are in its debug file.
func (b *Binary) section(name string) (*elf.Section, *file) {
	if b.debug != nil && strings.HasPrefix(name, ".debug_") {
		return findSection(b.debug.elf, name), b.debug.file
	}
	return findSection(b.elf, name), b.file
}

// findSection returns the first section of a name.
func findSection(f *elf.File, name string) *elf.Section {
	for _, s := range f.Sections {
		if s.Name == name && s.Type != elf.SHT_NULL {
			return s
		}
	}
	return nil
}
