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

// sectionData is a debug section that is, or is being, read.
type sectionData struct {
	mu    sync.Mutex
	begun bool
	moved sync.Cond // when one of the following has changed
	data  []byte
	pages []byte // to unmap: what data is decompressed to
	have  int    // bytes of data that are there
	ended bool
	err   error
}

func newSectionData() *sectionData {
	d := &sectionData{}
	d.moved.L = &d.mu
	return d
}

// begin reports, once, that nobody reads the section yet.
func (d *sectionData) begin() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := !d.begun
	d.begun = true
	return first
}

// set changes what is known, and wakes up who waits for that.
func (d *sectionData) set(change func()) {
	d.mu.Lock()
	change()
	d.mu.Unlock()
	d.moved.Broadcast()
}

// wait waits until it has n bytes or, for the last one, until it is known that
// they are right.
func (d *sectionData) wait(n int) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.ended && (d.data == nil || d.have < n || n >= len(d.data)) {
		d.moved.Wait()
	}
	return d.data, d.err
}

// DebugSection returns an uncompressed debug section such as ".debug_loc" or
// ".debug_loclists", nil when there is none in the binary and, for a stripped
// one, in the separate file with its debug information. It must not be changed
// and is valid until the Binary is closed.
// Different sections can be decompressed at the same time.
func (b *Binary) DebugSection(name string) ([]byte, error) {
	d := b.sectionData(name)
	if d.begin() {
		b.readDebugSection(name, d)
	}
	return d.wait(math.MaxInt)
}

// DebugSectionSoFar is DebugSection for who can use the first n bytes while the
// others are still being decompressed, which happens in a goroutine that ends
// by itself and that Close waits for. The section has its whole length; when it
// turns out to be damaged, later calls say so.
func (b *Binary) DebugSectionSoFar(name string, n int) ([]byte, error) {
	d := b.sectionData(name)
	if d.begin() {
		b.reading.Go(func() { b.readDebugSection(name, d) })
	}
	return d.wait(n)
}

func (b *Binary) sectionData(name string) *sectionData {
	b.mu.Lock()
	defer b.mu.Unlock()
	d, ok := b.sections[name]
	if !ok {
		d = newSectionData()
		b.sections[name] = d
	}
	return d
}

// readDebugSection finds and, where needed, decompresses a section.
func (b *Binary) readDebugSection(name string, d *sectionData) {
	var data []byte
	var err error
	defer func() {
		d.set(func() { d.data, d.have, d.err, d.ended = data, len(data), err, true })
	}()
	s, f := b.section(name)
	if s == nil || s.Type == elf.SHT_NOBITS {
		return
	}
	if f.data == nil {
		err = fmt.Errorf("%s: section %s: %w", printable(f.path), name, fs.ErrClosed)
		return
	}
	raw := f.data[s.Offset : s.Offset+s.FileSize : s.Offset+s.FileSize]
	if s.Flags&elf.SHF_COMPRESSED == 0 {
		data = raw
		return
	}
	if s.Size == 0 {
		data = []byte{}
		return
	}
	pages, err := reserve(s.Size)
	if err != nil {
		err = fmt.Errorf("%s: section %s: reserve %d bytes: %w", printable(f.path), name, s.Size, err)
		return
	}
	d.set(func() { d.data, d.pages = pages, pages })
	err = Guard("decompress "+name, func() error {
		return decompress(pages, raw, func(n int) { d.set(func() { d.have = n }) })
	})
	if err != nil {
		err = &FormatError{f.path, int64(s.Offset), "section " + name + " can't be decompressed", ErrCorrupt}
		return
	}
	_ = unix.Mprotect(pages, unix.PROT_READ) // a guard against our own mistakes
	data = pages
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
// which has the size that the header claims. progress may be told how much of it
// is done.
func decompress(dst, raw []byte, progress func(n int)) error {
	switch elf.CompressionType(binary.LittleEndian.Uint32(raw)) {
	case elf.COMPRESS_ZLIB:
		return inflate.Zlib(dst, raw[chdrSize:], progress)
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
