package corefile

import (
	"debug/elf"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/report"
)

// Types of notes in Linux cores. Source: Linux 6.12,
// include/uapi/linux/elf.h; the names in front of them are "CORE" and "LINUX".
const (
	ntPRStatus = 1
	ntFPRegSet = 2
	ntPRPSInfo = 3
	ntAuxv     = 6
	ntSigInfo  = 0x53494749
	ntFile     = 0x46494c45
	ntXState   = 0x202
)

// Bounds of what notes may hold. They are far above what Linux makes.
const (
	maxThreads = 1 << 17
	maxAuxv    = 1 << 10
)

// rawNote is one note of a PT_NOTE segment.
type rawNote struct {
	name string
	typ  uint32
	desc []byte
	off  int64 // of desc in the file
}

// eachNote calls f for the notes in data, which lies at base in the file.
func eachNote(path string, data []byte, base int64, align uint64, f func(rawNote) error) error {
	pad := 4
	if align == 8 {
		pad = 8
	}
	c := cursor{path: path, what: "notes", data: data, base: base}
	for c.err == nil && c.left() >= 12 {
		namesz, descsz, typ := c.u32(), c.u32(), c.u32()
		name := c.bytes(uint64(namesz))
		c.align(pad)
		off := base + int64(c.off)
		desc := c.bytes(uint64(descsz))
		c.align(pad)
		if c.err != nil {
			break
		}
		for len(name) > 0 && name[len(name)-1] == 0 {
			name = name[:len(name)-1]
		}
		if err := f(rawNote{string(name[:min(len(name), 32)]), typ, desc, off}); err != nil {
			return err
		}
	}
	return c.err
}

// notes is what the notes of a core say.
type notes struct {
	path     string
	threads  []Thread
	signal   *report.Signal
	auxv     map[uint64]uint64
	auxvRaw  []byte
	files    []Mapping
	info     psinfo
	hasInfo  bool
	problems []report.Problem
}

// psinfo is NT_PRPSINFO.
type psinfo struct {
	pid  int
	name string // 15 bytes at most
	args string // 79 bytes at most
}

// readNotes reads all PT_NOTE segments in the order of the program headers.
func readNotes(path string, data []byte, h *header) (*notes, error) {
	n := &notes{path: path}
	for i := range h.progs {
		p := &h.progs[i]
		if p.typ != elf.PT_NOTE {
			continue
		}
		size := uint64(len(data))
		if p.off > size || p.filesz > size-p.off {
			return nil, truncatedNotes(path, h, p, size)
		}
		if err := eachNote(path, data[p.off:p.off+p.filesz], int64(p.off), p.align, n.add); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// truncatedNotes says what can be said of a core that ends in its notes: its
// program headers are whole.
func truncatedNotes(path string, h *header, p *prog, size uint64) error {
	var segments int
	var bytes uint64
	for i := range h.progs {
		if h.progs[i].typ == elf.PT_LOAD {
			segments++
			bytes += h.progs[i].filesz
		}
	}
	have := uint64(0)
	if size > p.off {
		have = size - p.off
	}
	msg := fmt.Sprintf("ends inside its notes, %d of %d bytes are there: threads are unknown, and none of %d memory segments (%d bytes) was written",
		have, p.filesz, segments, bytes)
	return &FormatError{path, int64(size), msg, ErrTruncated}
}

// add takes one note in. Notes of other names and types are not ours.
func (n *notes) add(r rawNote) error {
	switch {
	case r.name == "CORE" && r.typ == ntPRStatus:
		return n.addThread(r)
	case r.name == "CORE" && r.typ == ntFPRegSet, r.name == "LINUX" && r.typ == ntXState:
		n.addVectors(r)
	case r.name == "CORE" && r.typ == ntPRPSInfo:
		n.addInfo(r)
	case r.name == "CORE" && r.typ == ntSigInfo:
		n.addSignal(r)
	case r.name == "CORE" && r.typ == ntAuxv:
		n.addAuxv(r)
	case r.name == "CORE" && r.typ == ntFile:
		n.addFiles(r)
	}
	return nil
}

// problem records that a note can't be used, once per kind of note: a hostile
// core holds as many as it likes.
func (n *notes) problem(subject, format string, args ...any) {
	if slices.ContainsFunc(n.problems, func(p report.Problem) bool { return p.Subject == subject }) {
		return
	}
	n.problems = append(n.problems, report.Problem{
		Stage: "corefile", Subject: subject, Message: fmt.Sprintf(format, args...), Missing: true,
	})
}

// addAuxv reads NT_AUXV: pairs of type and value up to AT_NULL.
func (n *notes) addAuxv(r rawNote) {
	if n.auxv != nil {
		return
	}
	n.auxv, n.auxvRaw = map[uint64]uint64{}, r.desc
	c := cursor{path: n.path, what: "NT_AUXV", data: r.desc, base: r.off}
	for i := 0; i < maxAuxv && c.left() >= 16; i++ {
		typ, val := c.u64(), c.u64()
		if typ == 0 {
			return
		}
		if _, dup := n.auxv[typ]; !dup {
			n.auxv[typ] = val
		}
	}
}

// addFiles reads NT_FILE: count, page size, count times (start, end, offset in
// pages), then the names. Source: Linux 6.12, fs/binfmt_elf.c, fill_files_note.
func (n *notes) addFiles(r rawNote) {
	if n.files != nil {
		return
	}
	c := cursor{path: n.path, what: "NT_FILE", data: r.desc, base: r.off}
	count, unit := c.u64(), c.u64()
	if c.err == nil && count > uint64(c.left())/24 {
		c.fail(ErrCorrupt, "claims %d mappings in %d bytes", count, c.left())
	}
	if c.err != nil {
		n.problem("NT_FILE", "%v", cause(c.err))
		return
	}
	n.files = make([]Mapping, 0, count)
	names := cursor{path: n.path, what: "NT_FILE", data: r.desc, base: r.off, off: c.off + int(count)*24}
	last := uint64(0) // the kernel writes mappings in order of address
	for range count {
		m := Mapping{Start: c.u64(), End: c.u64()}
		pages := c.u64()
		m.Path = string(names.cstring())
		if names.err != nil {
			n.problem("NT_FILE", "%v", cause(names.err))
			return
		}
		m.Offset = pages * unit
		if m.End <= m.Start || m.Start < last || unit != 0 && m.Offset/unit != pages {
			n.problem("NT_FILE", "mapping at %v makes no sense, those behind it are left out", report.Addr(m.Start))
			return
		}
		last = m.End
		n.files = append(n.files, m)
	}
}
