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

func newTypes(src source) (*Types, error) {
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
	t.findTypes()
	return t, nil
}

// debugSections collects the sections that die reads. They are decompressed at
// the same time: nothing else here takes nearly as long.
func debugSections(b binaryFile) (die.Sections, error) {
	var s die.Sections
	parts := []struct {
		name string
		to   *[]byte
	}{
		{".debug_info", &s.Info}, {".debug_abbrev", &s.Abbrev},
		{".debug_str", &s.Str}, {".debug_line_str", &s.LineStr}, {".debug_str_offsets", &s.StrOffsets},
		{".debug_addr", &s.Addr}, {".debug_ranges", &s.Ranges}, {".debug_rnglists", &s.RngLists},
		{".debug_loc", &s.Loc}, {".debug_loclists", &s.LocLists},
	}
	errs := make([]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { *part.to, errs[i] = b.DebugSection(part.name) })
	}
	wg.Wait()
	for i, err := range errs {
		if err != nil {
			return s, fmt.Errorf("section %s: %w", parts[i].name, err)
		}
	}
	return s, nil
}
