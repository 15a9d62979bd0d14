package coretest

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"hash/crc32"
	"os"
	"strings"
	"testing"
)

// Split is an executable without its symbols and debug information, and the
// file with these, as `strip --only-keep-debug` and `strip` leave them. What
// stays is where it was. link, when not empty, is the name in .gnu_debuglink.
func Split(t testing.TB, path, link string) (stripped, debug []byte) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	debug = onlyDebug(data, f)
	var keep []elf.Section64
	var names []string
	for i, h := range sectionHeaders(data) {
		s := f.Sections[i]
		if s.Flags&elf.SHF_ALLOC != 0 || s.Type == elf.SHT_NULL {
			h.Link = 0
			keep, names = append(keep, h), append(names, s.Name)
		} else if !strings.HasPrefix(s.Name, ".debug_") && s.Type != elf.SHT_SYMTAB && s.Type != elf.SHT_STRTAB {
			keep, names = append(keep, h), append(names, s.Name)
		}
	}
	stripped = bytes.Clone(data)
	for _, s := range f.Sections {
		if strings.HasPrefix(s.Name, ".debug_") && s.Type != elf.SHT_NOBITS {
			clear(stripped[s.Offset : s.Offset+s.FileSize])
		}
	}
	if link != "" {
		body := padTo(append([]byte(link), 0), 4)
		body = binary.LittleEndian.AppendUint32(body, crc32.ChecksumIEEE(debug))
		stripped = padTo(stripped, 8)
		keep = append(keep, elf.Section64{Type: uint32(elf.SHT_PROGBITS), Off: uint64(len(stripped)), Size: uint64(len(body))})
		names = append(names, ".gnu_debuglink")
		stripped = append(stripped, body...)
	}
	return withSections(stripped, keep, names), debug
}

// onlyDebug clears what is loaded, but for notes.
func onlyDebug(data []byte, f *elf.File) []byte {
	out := bytes.Clone(data)
	shoff := binary.LittleEndian.Uint64(data[40:])
	for i, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOTE || s.Type == elf.SHT_NOBITS {
			continue
		}
		clear(out[s.Offset : s.Offset+s.FileSize])
		binary.LittleEndian.PutUint32(out[shoff+uint64(i)*synthShdr+4:], uint32(elf.SHT_NOBITS))
	}
	// The headers may lie in a loaded section.
	copy(out, data[:synthEhdr+len(f.Progs)*synthPhdr])
	for i, p := range f.Progs {
		if p.Type == elf.PT_LOAD {
			at := synthEhdr + i*synthPhdr
			binary.LittleEndian.PutUint64(out[at+32:], 0) // p_filesz
		}
	}
	return out
}

// sectionHeaders are the raw section headers of a file.
func sectionHeaders(data []byte) []elf.Section64 {
	n := binary.LittleEndian.Uint16(data[60:])
	hs := make([]elf.Section64, n)
	r := bytes.NewReader(data[binary.LittleEndian.Uint64(data[40:]):])
	if err := binary.Read(r, binary.LittleEndian, hs); err != nil {
		panic(err) // debug/elf has read them
	}
	return hs
}

// withSections gives a file new section headers.
func withSections(data []byte, hs []elf.Section64, names []string) []byte {
	table := []byte{0}
	for i := range hs {
		hs[i].Name = 0
		if names[i] != "" {
			hs[i].Name = uint32(len(table))
			table = append(append(table, names[i]...), 0)
		}
	}
	hs = append(hs, elf.Section64{Type: uint32(elf.SHT_STRTAB), Off: uint64(len(data)), Size: uint64(len(table))})
	data = padTo(append(data, table...), 8)
	binary.LittleEndian.PutUint64(data[40:], uint64(len(data)))
	for _, h := range hs {
		data = append(data, encode(h)...)
	}
	binary.LittleEndian.PutUint16(data[60:], uint16(len(hs)))
	binary.LittleEndian.PutUint16(data[62:], uint16(len(hs)-1))
	return data
}
