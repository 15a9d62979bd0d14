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
	DebugSectionSoFar(name string, n int) ([]byte, error)
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

// newTypes reads the units, indexes the types of the runtime's as soon as they
// are unpacked, and has other cores decompress the sections of lists and index
// the symbols, which nobody needs yet: nothing else here takes nearly as long.
func newTypes(src source) (*Types, error) {
	lists := [...]string{".debug_loc", ".debug_loclists", ".debug_ranges", ".debug_rnglists"}
	var damage [len(lists)]error
	var others sync.WaitGroup
	defer others.Wait()
	sections, err := debugSections(src.binary)
	if err != nil {
		return nil, err
	}
	if len(sections.Info) == 0 {
		return nil, fmt.Errorf("types: %w", corefile.ErrNoDWARF)
	}
	for i, name := range lists {
		others.Go(func() { _, damage[i] = src.binary.DebugSection(name) })
	}
	others.Go(func() { src.binary.Symbol("runtime.types") })
	t := &Types{src: src, byOff: map[dwarf.Offset]*Type{}, index: newTypeIndex()}
	if t.info, err = t.index.runtime(sections); err != nil {
		return nil, fmt.Errorf("types: %w", err)
	}
	if _, err := src.binary.DebugSection(infoSection); err != nil {
		return nil, fmt.Errorf("section %s: %w", infoSection, err)
	}
	t.findTypes()
	others.Wait()
	for _, err := range damage {
		t.index.addDamage(err)
	}
	return t, nil
}

// infoSection is the one that is read while it is still being unpacked.
const infoSection = ".debug_info"

// debugSections collects the sections that die reads.
func debugSections(b binaryFile) (die.Sections, error) {
	s := die.Sections{Lists: b.DebugSection, Wait: func(end uint64) error {
		_, err := b.DebugSectionSoFar(infoSection, int(end))
		return err
	}}
	var err error
	if s.Info, err = b.DebugSectionSoFar(infoSection, 0); err != nil {
		return s, fmt.Errorf("section %s: %w", infoSection, err)
	}
	for _, part := range []struct {
		name string
		to   *[]byte
	}{
		{".debug_abbrev", &s.Abbrev}, {".debug_addr", &s.Addr},
		{".debug_str", &s.Str}, {".debug_line_str", &s.LineStr}, {".debug_str_offsets", &s.StrOffsets},
	} {
		if *part.to, err = b.DebugSection(part.name); err != nil {
			return s, fmt.Errorf("section %s: %w", part.name, err)
		}
	}
	return s, nil
}
