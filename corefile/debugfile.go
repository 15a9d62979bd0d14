package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// systemDebugDir is where Linux distributions keep debug files.
const systemDebugDir = "/usr/lib/debug"

// debugFile holds the debug information of a stripped binary: what
// `objcopy --only-keep-debug` leaves, or the binary before it was stripped.
type debugFile struct {
	file *file
	elf  *elf.File
	ids  buildIDs
}

// openDebugFile opens a file with debug sections. Its program headers are those
// of the binary and don't fit the file, so nothing is read by them.
func openDebugFile(path string) (*debugFile, error) {
	f, err := openFile(path)
	if err != nil {
		return nil, err
	}
	d := &debugFile{file: f}
	if err := d.check(); err != nil {
		f.close()
		return nil, err
	}
	return d, nil
}

// check parses the section headers.
func (d *debugFile) check() error {
	path, data := d.file.path, d.file.data
	h, err := parseIdent(path, data)
	if err != nil {
		return err
	}
	if h.typ != elf.ET_EXEC && h.typ != elf.ET_DYN {
		return &FormatError{path, 16, "is " + typeName(h.typ) + ", not debug information of an executable", ErrNotExecutable}
	}
	if err := checkSections(path, data, h); err != nil {
		return err
	}
	if d.elf, err = parseELF(path, data); err != nil {
		return err
	}
	if !hasBytes(findSection(d.elf, ".debug_info")) {
		return &FormatError{path, -1, "holds no debug information", ErrNoDWARF}
	}
	for _, s := range d.elf.Sections {
		if s.Type == elf.SHT_NOTE && s.Flags&elf.SHF_COMPRESSED == 0 && s.FileSize <= maxNoteSegment {
			d.ids.addNotes(data[s.Offset:s.Offset+s.FileSize], s.Addralign)
		}
	}
	return nil
}

// findDebug looks for the debug information of a binary that has none itself.
// evidence is told what was found, and what was tried when nothing was.
func (b *Binary) findDebug(dirs []string, evidence func(format string, args ...any)) {
	if hasBytes(findSection(b.elf, ".debug_info")) {
		return
	}
	link, sum := b.debugLink()
	for _, path := range b.debugCandidates(dirs, link) {
		d, err := openDebugFile(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			b.tried = append(b.tried, printable(path))
			continue
		case err != nil:
			b.tried = append(b.tried, fmt.Sprintf("%s (%v)", printable(path), cause(err)))
			continue
		case d.ids.sameBuild(b.ids):
			evidence("debug information of the binary is in %s: equal build ID", printable(path))
		case d.ids.comparable(b.ids):
			b.tried = append(b.tried, printable(path)+" (another build)")
			d.file.close()
			continue
		case filepath.Base(path) == link && crc32.ChecksumIEEE(d.file.data) == sum:
			evidence("debug information of the binary is in %s: checksum as in .gnu_debuglink", printable(path))
		default:
			b.tried = append(b.tried, printable(path)+" (nothing proves that it belongs to the binary)")
			d.file.close()
			continue
		}
		b.debug = d
		return
	}
	evidence("the binary has no debug information, and none was found: looked for %s", strings.Join(b.tried, ", "))
}

// DebugSearch lists the files that were looked for as the debug information of
// a stripped binary, and why those that exist are not it; nil when the binary
// has its own.
func (b *Binary) DebugSearch() []string { return b.tried }

// comparable reports whether at least one kind of build ID is on both sides.
func (ids buildIDs) comparable(other buildIDs) bool {
	return ids.gnu != "" && other.gnu != "" || ids.gob != "" && other.gob != ""
}

// debugCandidates lists where the debug information may be, in the order of
// gdb's manual ("Debugging Information in Separate Files"): by build ID, by
// debug link, then by the name of the binary.
func (b *Binary) debugCandidates(dirs []string, link string) []string {
	all := append(slices.Clone(dirs), systemDebugDir)
	var out []string
	if id := b.ids.gnu; len(id) > 2 {
		for _, dir := range all {
			out = append(out, filepath.Join(dir, ".build-id", id[:2], id[2:]+".debug"))
		}
		for _, dir := range dirs {
			out = append(out, filepath.Join(dir, id[:2], id[2:]+".debug"))
		}
	}
	places := []string{b.path}
	if real, err := filepath.EvalSymlinks(b.path); err == nil && real != b.path {
		places = append(places, real) // installed binaries are often links to a release
	}
	for _, path := range places {
		home := filepath.Dir(path)
		if abs, err := filepath.Abs(home); err == nil {
			home = abs
		}
		if link != "" {
			out = append(out, filepath.Join(home, link), filepath.Join(home, ".debug", link))
			for _, dir := range all {
				out = append(out, filepath.Join(dir, home, link))
			}
			for _, dir := range dirs {
				out = append(out, filepath.Join(dir, link))
			}
		}
		name := filepath.Base(path)
		out = append(out, filepath.Join(home, name+".debug"))
		for _, dir := range dirs {
			out = append(out, filepath.Join(dir, name+".debug"), filepath.Join(dir, name))
		}
	}
	seen := map[string]bool{b.path: true}
	return slices.DeleteFunc(out, func(path string) bool {
		again := seen[path]
		seen[path] = true
		return again
	})
}

// debugLink reads .gnu_debuglink: a file name, padded with zeros to a multiple
// of four, and the CRC-32 of that file. A name with directories is none.
func (b *Binary) debugLink() (name string, sum uint32) {
	s := findSection(b.elf, ".gnu_debuglink")
	if !hasBytes(s) || s.Flags&elf.SHF_COMPRESSED != 0 {
		return "", 0
	}
	data := b.file.data[s.Offset : s.Offset+s.FileSize]
	n := bytes.IndexByte(data, 0)
	at := (n + 4) &^ 3
	if n <= 0 || n > 255 || len(data) < at+4 {
		return "", 0
	}
	name = string(data[:n])
	if name != filepath.Base(name) || !filepath.IsLocal(name) || name == "." {
		return "", 0
	}
	return name, binary.LittleEndian.Uint32(data[at:])
}

// DebugPath is the file that the debug information is in: Path, or that of the
// separate file, "" when there is none.
func (b *Binary) DebugPath() string {
	switch {
	case !b.HasDWARF():
		return ""
	case b.debug != nil:
		return b.debug.file.path
	}
	return b.path
}

// DebugELF is the ELF file that the debug information is in; see ELF.
func (b *Binary) DebugELF() *elf.File {
	if b.debug != nil {
		return b.debug.elf
	}
	return b.elf
}
