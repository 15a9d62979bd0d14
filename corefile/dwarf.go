package corefile

import (
	"debug/dwarf"
	"debug/elf"
)

// HasDWARF reports whether there is a .debug_info section, in the binary or in
// the separate file with its debug information.
func (b *Binary) HasDWARF() bool {
	s, _ := b.section(".debug_info")
	return hasBytes(s)
}

// hasBytes reports whether a section is there and takes bytes of the file.
func hasBytes(s *elf.Section) bool {
	return s != nil && s.Type != elf.SHT_NOBITS && s.FileSize > 0
}

// DWARF returns the debug information, parsed once. The error wraps
// ErrNoDWARF when there is none. What walks it should do so inside [Guard]:
// debug/dwarf parses most of it only when asked.
func (b *Binary) DWARF() (*dwarf.Data, error) {
	b.dwarfOnce.Do(func() { b.dwarf, b.dwarfErr = b.loadDWARF() })
	return b.dwarf, b.dwarfErr
}

// loadDWARF hands the sections to debug/dwarf.
func (b *Binary) loadDWARF() (*dwarf.Data, error) {
	if !b.HasDWARF() {
		return nil, &FormatError{b.path, -1, "has no debug information: no section .debug_info", ErrNoDWARF}
	}
	get := map[string][]byte{}
	for _, name := range []string{
		"abbrev", "info", "line", "ranges", "str", // DWARF 4
		"addr", "line_str", "str_offsets", "rnglists", "loclists", // DWARF 5
	} {
		data, err := b.DebugSection(".debug_" + name)
		if err != nil {
			return nil, err
		}
		get[name] = data
	}
	var d *dwarf.Data
	err := Guard(printable(b.path)+": debug information", func() (err error) {
		d, err = dwarf.New(get["abbrev"], nil, nil, get["info"], get["line"], nil, get["ranges"], get["str"])
		if err != nil {
			return err
		}
		for _, name := range []string{"addr", "line_str", "str_offsets", "rnglists", "loclists"} {
			if get[name] == nil {
				continue
			}
			if err := d.AddSection(".debug_"+name, get[name]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s, f := b.section(".debug_info")
		return nil, &FormatError{f.path, int64(s.Offset), "debug information is malformed", ErrCorrupt}
	}
	return d, nil
}
