package pclntab

import (
	"debug/elf"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile"
)

// Open finds the table of a core's binary: in the file, or where the file has
// no such section, in memory. The error wraps ErrNoTable.
func Open(c *corefile.Core) (*Table, error) {
	if c == nil || c.Binary() == nil {
		return nil, fmt.Errorf("%w: no binary", ErrNoTable)
	}
	return open(finder{bin: c.Binary(), mem: c.Memory(), bias: c.LoadBias()})
}

// OpenBinary finds the table of an executable by itself. Addresses are those
// of the file.
func OpenBinary(b *corefile.Binary) (*Table, error) { return open(finder{bin: b}) }

// finder looks for the parts of a table.
type finder struct {
	bin  *corefile.Binary
	mem  *corefile.Memory // nil for an executable by itself
	bias uint64
}

func open(f finder) (*Table, error) {
	data, addr := f.section()
	module, layout, inMemory := f.module(addr)
	if data == nil && inMemory {
		data = f.fromMemory(module, layout)
	}
	if data == nil {
		return nil, fmt.Errorf("%s: %w: no section .gopclntab", f.bin.Path(), ErrNoTable)
	}
	var o Options
	if a, _, ok := f.bin.Symbol("runtime.text"); ok {
		o.Text = a + f.bias
	} else if inMemory {
		o.Text = f.word(module, layout.text)
	} else if v := headerText(data); v != 0 {
		o.Text = v + f.bias
	} else if s := f.bin.ELF().Section(".text"); s != nil {
		// With C code in front of Go's the section starts earlier, but such
		// binaries have symbols.
		o.Text = s.Addr + f.bias
	} else {
		return nil, fmt.Errorf("%s: %w: start of the text is unknown", f.bin.Path(), ErrNoTable)
	}
	if a, _, ok := f.bin.Symbol("go:func.*"); ok {
		o.FuncData = f.dataAt(a + f.bias)
	} else if inMemory {
		o.FuncData = f.dataAt(f.word(module, layout.gofunc))
	}
	if a, _, ok := f.bin.Symbol("runtime.rodata"); ok {
		o.ROData = f.dataAt(a + f.bias)
	} else if inMemory {
		o.ROData = f.dataAt(f.word(module, layout.rodata))
	}
	t, err := New(data, o)
	if err != nil {
		return nil, fmt.Errorf("%s: section .gopclntab: %w", f.bin.Path(), err)
	}
	return t, nil
}

// headerText is the start of the text as the table itself has it, before Go
// 1.26; 0 when it has not.
func headerText(data []byte) uint64 {
	if len(data) < headerSize {
		return 0
	}
	return binary.LittleEndian.Uint64(data[8+8*wordTextStart:])
}

// section returns the table in the file and its address in the process.
func (f *finder) section() ([]byte, uint64) {
	for _, name := range []string{".gopclntab", ".data.rel.ro.gopclntab"} {
		s := f.bin.ELF().Section(name)
		if s == nil || s.Type == elf.SHT_NOBITS || s.Size > maxTable || s.FileSize > maxTable {
			continue
		}
		if data, err := f.bin.DebugSection(name); err == nil && data != nil {
			return data, s.Addr + f.bias
		}
	}
	return nil, 0
}

// module finds runtime.firstmoduledata in memory: by its symbol, or in the
// sections that hold it by its first word, which points to the table.
func (f *finder) module(table uint64) (addr uint64, l moduleLayout, ok bool) {
	l = moduleLayoutOf(f.minor())
	if f.mem == nil {
		return 0, l, false
	}
	if a, _, found := f.bin.Symbol("runtime.firstmoduledata"); found {
		if _, err := f.mem.Uint64(a + f.bias); err == nil {
			return a + f.bias, l, true
		}
	}
	if table == 0 {
		return 0, l, false
	}
	for _, name := range []string{".go.module", ".noptrdata", ".data"} {
		s := f.bin.ELF().Section(name)
		if s == nil || s.Size > maxTable {
			continue
		}
		b, _, found := f.mem.View(s.Addr+f.bias, int(s.Size))
		for i := 0; found && i+8*64 <= len(b); i += 8 {
			at := b[i:]
			// The names follow the header at once, so does the slice of them.
			if binary.LittleEndian.Uint64(at) == table &&
				binary.LittleEndian.Uint64(at[8:])-table < 1<<10 &&
				binary.LittleEndian.Uint64(at[16:]) == binary.LittleEndian.Uint64(at[24:]) {
				return s.Addr + f.bias + uint64(i), l, true
			}
		}
	}
	return 0, l, false
}

// minor is the minor version of Go that built the binary, 0 when unknown.
func (f *finder) minor() int {
	info, err := f.bin.BuildInfo()
	if err != nil || info == nil {
		return 0
	}
	_, rest, _ := strings.Cut(info.GoVersion, "go1.")
	if i := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		rest = rest[:i]
	}
	n, err := strconv.Atoi(rest)
	if err != nil {
		return 0
	}
	return n
}

// word reads a word of the module data, 0 when it is not there.
func (f *finder) word(module uint64, n int) uint64 {
	v, err := f.mem.Uint64(module + 8*uint64(n))
	if err != nil {
		return 0
	}
	return v
}

// fromMemory reads the table that the module data points to.
func (f *finder) fromMemory(module uint64, l moduleLayout) []byte {
	start := f.word(module, l.header)
	end := f.word(module, l.funcs) + f.word(module, l.funcs+1)
	if start == 0 || end <= start || end-start > maxTable {
		return nil
	}
	b, _, ok := f.mem.View(start, int(end-start))
	if !ok {
		return nil
	}
	return b
}

// dataAt reads at an offset from base, an address of the process: in memory, or
// for an executable by itself, in the file.
func (f *finder) dataAt(base uint64) func(off uint64, n int) ([]byte, bool) {
	if base == 0 {
		return nil
	}
	if f.mem != nil {
		mem := f.mem
		return func(off uint64, n int) ([]byte, bool) {
			b, _, ok := mem.View(base+off, n)
			return b, ok
		}
	}
	file := f.bin.ELF()
	return func(off uint64, n int) ([]byte, bool) {
		addr := base + off
		for _, s := range file.Sections {
			if s.Type != elf.SHT_PROGBITS || s.Flags&elf.SHF_COMPRESSED != 0 || s.Addr == 0 ||
				addr < s.Addr || addr-s.Addr >= s.Size || s.Size-(addr-s.Addr) < uint64(n) {
				continue
			}
			b := make([]byte, n)
			if _, err := s.ReadAt(b, int64(addr-s.Addr)); err != nil {
				return nil, false
			}
			return b, true
		}
		return nil, false
	}
}
