package corefile

import (
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
)

// Binary is the executable of a core, or an executable by itself.
type Binary struct{}

// OpenBinary opens an ELF executable and checks its headers.
func OpenBinary(path string) (*Binary, error) { return nil, nil }

// Close releases the file.
func (b *Binary) Close() error { return nil }

// Path is where the binary was found.
func (b *Binary) Path() string { return "" }

// ELF gives access to sections and symbols.
func (b *Binary) ELF() *elf.File { return nil }

// DWARF returns the debug information, parsed once. The error wraps
// ErrNoDWARF when there is none.
func (b *Binary) DWARF() (*dwarf.Data, error) { return nil, ErrNoDWARF }

// HasDWARF reports whether the binary has a .debug_info section.
func (b *Binary) HasDWARF() bool { return false }

// DebugSection returns an uncompressed debug section such as ".debug_loc" or
// ".debug_loclists", nil when the binary has none.
func (b *Binary) DebugSection(name string) ([]byte, error) { return nil, nil }

// BuildInfo is what the go command recorded; the error wraps ErrNotGo.
func (b *Binary) BuildInfo() (*buildinfo.BuildInfo, error) { return nil, ErrNotGo }

// GNUBuildID and GoBuildID are the build IDs, "" when absent. The GNU one is
// in hex.
func (b *Binary) GNUBuildID() string { return "" }

// GoBuildID is the go command's build ID.
func (b *Binary) GoBuildID() string { return "" }

// Symbol returns the address (without load bias) and size of a symbol.
func (b *Binary) Symbol(name string) (addr, size uint64, ok bool) { return 0, 0, false }
