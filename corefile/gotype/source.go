package gotype

import (
	"debug/dwarf"
	"fmt"
	"sync"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
)

// binaryFile is what this package needs of a corefile.Binary.
type binaryFile interface {
	DebugSection(name string) ([]byte, error)
	Symbol(name string) (addr, size uint64, ok bool)
}

// memory is what it needs of a corefile.Memory.
type memory interface {
	Read(buf []byte, addr uint64) error
}

// source is where types come from.
type source struct {
	binary binaryFile
	memory memory // nil without a process
	bias   uint64
}

// newTypes reads the units and indexes the types of the runtime's while other
// cores decompress the sections of lists and index the symbols, which nobody
// needs yet: nothing else here takes nearly as long.
func newTypes(src source) (*Types, error) {
	lists := [...]string{".debug_loc", ".debug_loclists", ".debug_ranges", ".debug_rnglists"}
	var damage [len(lists)]error
	var others sync.WaitGroup
	defer others.Wait()
	for i, name := range lists {
		others.Go(func() { _, damage[i] = src.binary.DebugSection(name) })
	}
	others.Go(func() { src.binary.Symbol("runtime.types") })
	sections, err := debugSections(src.binary)
	if err != nil {
		return nil, err
	}
	if len(sections.Info) == 0 {
		return nil, fmt.Errorf("types: %w", corefile.ErrNoDWARF)
	}
	info, err := die.New(sections)
	if err != nil {
		return nil, fmt.Errorf("types: %w", err)
	}
	t := &Types{src: src, info: info, byOff: map[dwarf.Offset]*Type{}}
	t.index.advance(info)
	t.findTypes()
	others.Wait()
	for _, err := range damage {
		t.index.addDamage(err)
	}
	return t, nil
}

// debugSections collects the sections that die reads.
func debugSections(b binaryFile) (die.Sections, error) {
	s := die.Sections{Lists: b.DebugSection}
	for _, part := range []struct {
		name string
		to   *[]byte
	}{
		{".debug_info", &s.Info}, {".debug_abbrev", &s.Abbrev}, {".debug_addr", &s.Addr},
		{".debug_str", &s.Str}, {".debug_line_str", &s.LineStr}, {".debug_str_offsets", &s.StrOffsets},
	} {
		var err error
		if *part.to, err = b.DebugSection(part.name); err != nil {
			return s, fmt.Errorf("section %s: %w", part.name, err)
		}
	}
	return s, nil
}
