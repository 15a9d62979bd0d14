package sdcore_test

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
)

// victim is a core with its binary, to be damaged.
type victim struct {
	name      string
	core, bin *coretest.Scratch
	coreData  []byte
	binData   []byte
	c         *corefile.Core // of the undamaged fixture
	rt        *goruntime.Runtime
	gs        []corefile.Goroutine
	gSize     int64
	mSize     int64
}

// newVictim copies a fixture; its debug information is uncompressed, so that
// damage to it is more than a wrong checksum.
func newVictim(t *testing.T, name string) *victim {
	t.Helper()
	f := coretest.Core(t, name)
	v := &victim{name: name}
	var err error
	if v.coreData, err = os.ReadFile(f.Core); err != nil {
		t.Fatal(err)
	}
	if v.binData, err = os.ReadFile(f.Bin); err != nil {
		t.Fatal(err)
	}
	if v.binData, err = coretest.Inflated(v.binData); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	v.core = coretest.NewScratch(t, filepath.Join(dir, "core"), v.coreData)
	v.bin = coretest.NewScratch(t, filepath.Join(dir, "bin"), v.binData)
	v.open(t, f)
	return v
}

// open reads the runtime's structures of the undamaged fixture.
func (v *victim) open(t *testing.T, f coretest.Files) {
	t.Helper()
	var err error
	if v.c, err = corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.c.Close() })
	types, err := gotype.New(v.c)
	if err != nil {
		t.Fatal(err)
	}
	finder, err := goscope.New(v.c, types)
	if err != nil {
		t.Fatal(err)
	}
	if v.rt, err = goruntime.New(v.c, types, finder); err != nil {
		t.Fatal(err)
	}
	if v.gs, _, err = v.rt.Goroutines(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]*int64{"runtime.g": &v.gSize, "runtime.m": &v.mSize} {
		typ, err := types.ByName(name)
		if err != nil {
			t.Fatal(err)
		}
		*size = typ.Size
	}
}

// offset is where the core file has the byte at addr, -1 when it has not.
func (v *victim) offset(addr uint64) int64 {
	for _, s := range v.c.Segments() {
		if addr >= s.Start && addr-s.Start < uint64(s.Present) {
			return s.Offset + int64(addr-s.Start)
		}
	}
	return -1
}

// runtimeVariables are what goroutines, threads and stacks are found by.
var runtimeVariables = []string{
	"runtime.allgs", "runtime.allglen", "runtime.allgptr", "runtime.allm", "runtime.m0", "runtime.g0", "runtime.firstmoduledata",
	"runtime.waitReasonStrings", "runtime.panicking", "runtime.printBacklog", "runtime.printBacklogIndex", "runtime.buildVersion",
	"runtime.semtable", "runtime.sched",
}

// corePlaces are what damage to a core is aimed at.
func (v *victim) corePlaces() []coretest.Place {
	f, err := elf.NewFile(bytes.NewReader(v.coreData))
	if err != nil {
		return nil
	}
	places := []coretest.Place{{Kind: "ELF header", Off: 0, Len: 64}, {Kind: "program headers", Off: 64, Len: 56 * int64(len(f.Progs)), Unit: 56}}
	for _, p := range f.Progs {
		if p.Type == elf.PT_NOTE {
			places = append(places, coretest.Place{Kind: "notes", Off: int64(p.Off), Len: int64(p.Filesz), Unit: 8})
		}
	}
	add := func(kind string, addr uint64, n int64) {
		places = append(places, coretest.Place{Kind: kind, Off: v.offset(addr), Len: n, Unit: 8})
	}
	for _, name := range runtimeVariables {
		if addr, size, ok := v.c.Binary().Symbol(name); ok {
			add("runtime variables", addr+v.c.LoadBias(), int64(size))
		}
	}
	if allgs, ok := v.rt.Symbol("runtime.allgs"); ok {
		if ptr, err := v.c.Memory().Uint64(allgs); err == nil {
			add("allgs", ptr, 8*int64(len(v.gs)))
		}
	}
	ms, _ := v.rt.Threads()
	for _, m := range ms {
		add("m", m.Addr, v.mSize)
	}
	for i := range v.gs {
		g := &v.gs[i]
		add("g", g.Addr, v.gSize)
		add("sudog", g.Waiting, 96)
		add("stack bounds and saved registers", g.Addr, 0x70)
		if _, hi, err := v.rt.StackBounds(g.Addr); err == nil && g.SP < hi {
			add("stacks", g.SP, int64(hi-g.SP))
		}
	}
	return append(places, v.pages()...)
}

// pages are the pages of writable memory that hold something.
func (v *victim) pages() []coretest.Place {
	var places []coretest.Place
	zeros := make([]byte, 4096)
	for _, s := range v.c.Segments() {
		for off := s.Offset; s.Write && off+4096 <= s.Offset+s.Present; off += 4096 {
			if !bytes.Equal(v.coreData[off:off+4096], zeros) {
				places = append(places, coretest.Place{Kind: "memory", Off: off, Len: 4096, Unit: 8})
			}
		}
	}
	return places
}

// sectionUnits are the sections of a binary that are read, and the size of
// their records.
var sectionUnits = map[string]int64{
	".gopclntab": 1, ".typelink": 4, ".itablink": 8, ".go.buildinfo": 8, ".note.go.buildid": 4, ".rodata": 8,
	".symtab": 24, ".strtab": 1, ".eh_frame": 1, ".debug_info": 1, ".debug_abbrev": 1, ".debug_line": 1, ".debug_frame": 1,
	".debug_loclists": 1, ".debug_rnglists": 1, ".debug_addr": 8, ".debug_loc": 1, ".debug_ranges": 8,
}

// binaryPlaces are what damage to a binary is aimed at.
func (v *victim) binaryPlaces() []coretest.Place {
	f, err := elf.NewFile(bytes.NewReader(v.binData))
	if err != nil {
		return nil
	}
	const sectionHeader = 64
	shoff := binary.LittleEndian.Uint64(v.binData[40:])
	places := []coretest.Place{
		{Kind: "ELF header", Off: 0, Len: 64, Unit: 8},
		{Kind: "program headers", Off: 64, Len: 56 * int64(len(f.Progs)), Unit: 56},
		{Kind: "section headers", Off: int64(shoff), Len: sectionHeader * int64(len(f.Sections)), Unit: sectionHeader},
	}
	for _, s := range f.Sections {
		if unit := sectionUnits[s.Name]; unit > 0 {
			places = append(places, coretest.Place{Kind: s.Name, Off: int64(s.Offset), Len: int64(s.FileSize), Unit: unit})
		}
		if s.Name == ".gopclntab" { // its header and the start of the table of functions
			places = append(places, coretest.Place{Kind: "pclntab header", Off: int64(s.Offset), Len: 72, Unit: 8})
		}
	}
	return places
}

// words are addresses that pointers are bent to.
func (v *victim) words() []uint64 {
	var out []uint64
	for _, s := range v.c.Segments() {
		out = append(out, s.Start, s.End-8)
	}
	for i := range v.gs {
		lo, hi, err := v.rt.StackBounds(v.gs[i].Addr)
		if err == nil {
			out = append(out, v.gs[i].Addr, lo, hi, hi-16, v.gs[i].SP, v.gs[i].PC)
		}
	}
	ms, _ := v.rt.Threads()
	for _, m := range ms {
		out = append(out, m.Addr, m.G0, m.GSignal)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
