package corefile

import (
	"bytes"
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sys/unix"
)

// Binary is the executable of a core, or an executable by itself. Its methods
// are safe for concurrent use.
type Binary struct {
	path string
	file *file
	head *header
	elf  *elf.File
	ids  buildIDs

	symOnce sync.Once
	syms    symbolTable

	infoOnce sync.Once
	info     *buildinfo.BuildInfo
	infoErr  error

	debug *debugFile // what a stripped binary's debug information is in, or nil
	tried []string   // where that was looked for

	mu       sync.Mutex // guards the map, not what is in it
	sections map[string]*sectionData
	reading  sync.WaitGroup // of sections, in the background

	dwarfOnce sync.Once
	dwarf     *dwarf.Data
	dwarfErr  error
}

// OpenBinary opens an ELF executable and checks its headers and the headers of
// its sections.
func OpenBinary(path string) (*Binary, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	b, err := newBinary(f)
	if err != nil {
		f.close()
		return nil, err
	}
	return b, nil
}

// newBinary checks a mapped file. On error the caller closes it.
func newBinary(f *file) (*Binary, error) {
	h, err := binaryHeader(f.path, f.data)
	if err != nil {
		return nil, err
	}
	if err := checkSections(f.path, f.data, h); err != nil {
		return nil, err
	}
	b := &Binary{path: f.path, file: f, head: h, sections: map[string]*sectionData{}}
	if b.elf, err = parseELF(f.path, f.data); err != nil {
		return nil, err
	}
	b.ids = fileBuildIDs(f.data, h)
	return b, nil
}

// parseELF hands headers that were checked to debug/elf.
func parseELF(path string, data []byte) (f *elf.File, err error) {
	err = Guard(printable(path)+": ELF headers", func() (err error) {
		f, err = elf.NewFile(bytes.NewReader(data))
		return err
	})
	var fe *elf.FormatError
	if errors.As(err, &fe) {
		// Its text may quote the file; the place is all that is needed.
		return nil, &FormatError{path, -1, "section headers are malformed", ErrCorrupt}
	}
	return f, err
}

// maxExecProgs bounds the program headers of an executable, which has about a
// dozen.
const maxExecProgs = 1 << 10

// binaryHeader parses the headers of an executable and checks that its
// segments lie inside the file.
func binaryHeader(path string, data []byte) (*header, error) {
	h, err := parseIdent(path, data)
	if err != nil {
		return nil, err
	}
	switch h.typ {
	case elf.ET_EXEC, elf.ET_DYN:
	case elf.ET_CORE:
		return nil, &FormatError{path, 16, "is a core dump, not an executable: give the core first, then the binary", fmt.Errorf("%w: %w", ErrSwapped, ErrNotExecutable)}
	default:
		return nil, &FormatError{path, 16, "is " + typeName(h.typ) + ", not an executable", ErrNotExecutable}
	}
	if err := h.readProgs(path, data); err != nil {
		return nil, err
	}
	if len(h.progs) > maxExecProgs {
		return nil, &FormatError{path, 56, fmt.Sprintf("claims %d program headers", len(h.progs)), ErrCorrupt}
	}
	size := uint64(len(data))
	loads := 0
	for i := range h.progs {
		p := &h.progs[i]
		if p.typ != elf.PT_LOAD {
			continue
		}
		loads++
		if p.filesz > 0 && p.off+p.filesz > size {
			return nil, &FormatError{path, int64(size), fmt.Sprintf("is truncated: a segment ends at offset 0x%x", p.off+p.filesz), ErrTruncated}
		}
	}
	if loads == 0 {
		return nil, &FormatError{path, 56, "has no loadable segment: it is not an executable", ErrNotExecutable}
	}
	return h, nil
}

// fileBuildIDs reads the build IDs from a file's PT_NOTE segments and its first page.
func fileBuildIDs(data []byte, h *header) buildIDs {
	var ids buildIDs
	size := uint64(len(data))
	for _, p := range h.noteSegments() {
		if p.off <= size && p.filesz <= size-p.off {
			ids.addNotes(data[p.off:p.off+p.filesz], p.align)
		}
	}
	ids.addPage(h, data)
	return ids
}

// Close releases the file, and the one with its debug information. What DWARF,
// DebugSection and ELF returned must not be used afterwards.
func (b *Binary) Close() error {
	b.reading.Wait()
	err := b.file.close()
	if b.debug != nil {
		err = errors.Join(err, b.debug.file.close())
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, d := range b.sections {
		if d.pages != nil {
			err = errors.Join(err, unix.Munmap(d.pages))
		}
	}
	clear(b.sections)
	return err
}

// Path is where the binary was found.
func (b *Binary) Path() string { return b.path }

// ELF gives access to sections and symbols. Headers and ranges are checked; a
// section's contents are not: prefer DebugSection and Symbol, and call parsers
// of debug/elf through Guard.
func (b *Binary) ELF() *elf.File { return b.elf }

// GNUBuildID is the linker's build ID in hex, "" when there is none.
func (b *Binary) GNUBuildID() string { return b.ids.gnu }

// GoBuildID is the go command's build ID, "" when there is none.
func (b *Binary) GoBuildID() string { return b.ids.gob }

// BuildInfo is what the go command recorded; the error wraps ErrNotGo.
func (b *Binary) BuildInfo() (*buildinfo.BuildInfo, error) {
	b.infoOnce.Do(func() {
		err := Guard("build info", func() (err error) {
			b.info, err = buildinfo.Read(bytes.NewReader(b.file.data))
			return err
		})
		if err != nil {
			b.infoErr = &FormatError{b.path, -1, "holds no Go build info", ErrNotGo}
		}
	})
	return b.info, b.infoErr
}
