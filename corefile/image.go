package corefile

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"encoding/hex"
)

// Types of the auxiliary vector. Source: Linux 6.12, include/uapi/linux/auxvec.h.
const (
	atPHDR   = 3
	atPHNum  = 5
	atEntry  = 9
	atRandom = 25
	atExecFn = 31
)

// maxImages bounds how many ELF images in memory are looked at.
const maxImages = 512

// image is an ELF file found in the process's memory by its first page, which
// the kernel dumps by default (coredump_filter bit 4).
type image struct {
	base  uint64 // address of the ELF header
	bias  uint64 // what to add to the addresses of its headers
	head  *header
	ids   buildIDs
	bytes []byte // the header page, as far as the core has it
}

// buildIDs are the IDs in an ELF file's notes, "" where there is none.
type buildIDs struct {
	gnu string // NT_GNU_BUILD_ID in hex
	gob string // the go command's build ID
}

// readImage reads the ELF headers at base. ok is false when there are none.
func readImage(m *Memory, base uint64) (img *image, ok bool) {
	n := m.Available(base, pageSize)
	page, p, ok := m.View(base, int(n))
	if !ok || p != FromCore || n < ehdrSize {
		return nil, false
	}
	h, err := parseHeader("memory", page)
	if err != nil || h.typ != elf.ET_EXEC && h.typ != elf.ET_DYN {
		return nil, false
	}
	for i := range h.progs {
		q := &h.progs[i]
		if q.typ == elf.PT_LOAD && q.off == 0 && q.filesz > 0 {
			img := &image{base: base, bias: base - q.vaddr&^(pageSize-1), head: h, bytes: page}
			img.ids = imageBuildIDs(m, img)
			return img, true
		}
	}
	return nil, false
}

// findImage finds the executable in memory: by the auxiliary vector, which
// points to its program headers, or else as the first ELF header with a Go
// build ID.
func findImage(m *Memory, auxv map[uint64]uint64, segs []Segment) *image {
	var byAuxv *image
	if phdr, ok := auxv[atPHDR]; ok {
		// The program headers stand behind the ELF header, whose size is fixed.
		if img, ok := readImage(m, phdr&^(pageSize-1)); ok && img.base+img.head.phoff == phdr {
			byAuxv = img
			if auxv[atEntry] == img.head.entry+img.bias && img.ids != (buildIDs{}) {
				return img
			}
		}
	}
	if img := imageWith(m, segs, func(ids buildIDs) bool { return ids.gob != "" }); img != nil {
		return img
	}
	return byAuxv
}

// imageWith finds the first ELF image at the start of a segment whose build
// IDs are wanted.
func imageWith(m *Memory, segs []Segment, want func(buildIDs) bool) *image {
	tried := 0
	for i := range segs {
		s := &segs[i]
		if s.Present < ehdrSize {
			continue
		}
		if magic, _, ok := m.View(s.Start, 4); !ok || string(magic) != elf.ELFMAG {
			continue
		}
		if tried++; tried > maxImages {
			break
		}
		if img, ok := readImage(m, s.Start); ok && want(img.ids) {
			return img
		}
	}
	return nil
}

// imageBuildIDs reads the build IDs of an image from its PT_NOTE segments and
// its first page.
func imageBuildIDs(m *Memory, img *image) buildIDs {
	var ids buildIDs
	for _, p := range img.head.noteSegments() {
		if b, _, ok := m.View(p.vaddr+img.bias, int(p.filesz)); ok {
			ids.addNotes(b, p.align)
		}
	}
	ids.addPage(img.head, img.bytes)
	return ids
}

// Bounds of the PT_NOTE segments of an executable, which has a few of some
// hundred bytes: memory may hold many images, each claiming large ones.
const (
	maxNoteSegment  = 1 << 16
	maxNoteSegments = 16
)

// noteSegments are the PT_NOTE segments of plausible size.
func (h *header) noteSegments() []prog {
	var out []prog
	for i := range h.progs {
		if p := &h.progs[i]; p.typ == elf.PT_NOTE && p.filesz <= maxNoteSegment && len(out) < maxNoteSegments {
			out = append(out, *p)
		}
	}
	return out
}

// Notes of executables. Sources: elf(5) for GNU; Go 1.26
// cmd/link/internal/ld/elf.go for Go.
const (
	ntGNUBuildID = 3
	ntGoBuildID  = 4
	maxGNUID     = 64
	maxGoID      = 256
)

// addNotes takes the IDs out of a run of notes; what is malformed is skipped.
func (ids *buildIDs) addNotes(data []byte, align uint64) {
	_ = eachNote("", data, 0, align, func(r rawNote) error { // a malformed rest ends the walk
		switch {
		case r.name == "GNU" && r.typ == ntGNUBuildID && ids.gnu == "" && len(r.desc) > 0 && len(r.desc) <= maxGNUID:
			ids.gnu = hex.EncodeToString(r.desc)
		case r.name == "Go" && r.typ == ntGoBuildID && ids.gob == "" && len(r.desc) <= maxGoID && isGraphic(r.desc):
			ids.gob = string(r.desc)
		}
		return nil
	})
}

// addPage looks for a GNU build ID in the first page, behind the headers: Go's
// internal linker puts both notes there, but its one PT_NOTE covers the Go
// build ID only (Go 1.26, cmd/link/internal/ld/elf.go, asmbElf).
func (ids *buildIDs) addPage(h *header, page []byte) {
	page = page[:min(len(page), pageSize)]
	from := h.phoff + h.phnum*phdrSize
	if ids.gnu != "" || from >= uint64(len(page)) {
		return
	}
	tail := []byte("\x03\x00\x00\x00GNU\x00") // type and name; namesz and descsz stand before
	for off := int(from); ; {
		i := bytes.Index(page[off:], tail)
		if i < 0 {
			return
		}
		at := off + i
		off = at + 1
		if at < 8 || at%4 != 0 || binary.LittleEndian.Uint32(page[at-8:]) != 4 {
			continue
		}
		n := int(binary.LittleEndian.Uint32(page[at-4:]))
		if desc := page[at+len(tail):]; n > 0 && n <= maxGNUID && n <= len(desc) {
			ids.gnu = hex.EncodeToString(desc[:n])
			return
		}
	}
}

// isGraphic reports whether b is not empty and all graphic ASCII.
func isGraphic(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0
}
