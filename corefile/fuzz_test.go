package corefile

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// allowance is how much may be allocated for an input: a constant for the
// tables of a small file, and a multiple for what grows with it.
func allowance(input int) uint64 { return 8<<20 + 64*uint64(input) }

// allocated runs f and returns how many bytes it allocated.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// FuzzOpenCore: no input makes Open panic, hang or allocate out of proportion;
// an error comes without a core and in one line; what opens can be read.
func FuzzOpenCore(f *testing.F) {
	for _, pie := range []bool{false, true} {
		c := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, coretest.SynthGoID, pie)
		b, l := c.Core.Bytes()
		f.Add(b)
		f.Add(b[:l.Notes[0]])
		f.Add(b[:l.Segments[4]+9])
		c.Core.ExtendedCount = true
		b, _ = c.Core.Bytes()
		f.Add(b)
	}
	e := coretest.SynthELF{Type: elf.ET_CORE, Notes: [][]coretest.SynthNote{{coretest.PRStatus(1, 6, 2, 3)}},
		Segments: []coretest.SynthSegment{{Addr: ^uint64(0) - 0xfff, Data: make([]byte, 16), MemSize: 0xfff, Flags: elf.PF_X}}}
	b, _ := e.Bytes()
	f.Add(b)
	path := filepath.Join(f.TempDir(), "core")
	crash := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, coretest.SynthGoID, false)
	bin, _ := crash.Binary.Bytes()
	binPath := write(f, f.TempDir(), "pay", bin)
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, binary := range []string{"", binPath} {
			var c *Core
			var err error
			if n := allocated(func() { c, err = Open(context.Background(), path, binary, Options{AllowMismatch: true}) }); n > allowance(len(data)+len(bin)) {
				t.Errorf("%d bytes allocated for %d", n, len(data))
			}
			if err != nil {
				if c != nil || strings.Contains(err.Error(), "\n") {
					t.Errorf("core %v beside error %q", c, err)
				}
				continue
			}
			useCore(t, c)
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// useCore reads what an opened core offers and checks that it is consistent.
func useCore(t *testing.T, c *Core) {
	m := c.Memory()
	var last uint64
	for i, r := range m.regions {
		if r.start >= r.end || r.start < last || r.data != nil && uint64(len(r.data)) != r.end-r.start {
			t.Fatalf("region %d: %#x to %#x, %d bytes, after %#x", i, r.start, r.end, len(r.data), last)
		}
		last = r.end
		if (r.data != nil) != (r.prov == FromCore || r.prov == FromBinary || r.prov == FromLib || r.prov == ZeroFill) {
			t.Fatalf("region %d from %v with %d bytes", i, r.prov, len(r.data))
		}
		_, _ = m.Uint64(r.start)
		_, _ = m.Uint64(r.end - 4)
		m.View(r.start, 64<<10)
	}
	for _, s := range c.Segments() {
		if s.Present < 0 || s.Present > s.FileSize || s.Start >= s.End {
			t.Fatalf("segment %+v", s)
		}
	}
	for _, th := range c.Threads() {
		if b, ok := th.Regs.Bytes(RegRIP); !ok || len(b) != 8 {
			t.Fatalf("thread %d without a program counter", th.TID)
		}
	}
	c.Process()
	c.Identity()
}

// FuzzBinary: the same for binaries, with everything that they offer.
func FuzzBinary(f *testing.F) {
	info := tinyInfoBytes()
	section := func(name string, typ elf.SectionType, flags elf.SectionFlag, link uint32, data []byte) coretest.SynthSection {
		return coretest.SynthSection{Name: name, Type: typ, Flags: flags, Link: link, Data: data}
	}
	c := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, coretest.SynthGoID, true)
	b, l := c.Binary.Bytes()
	f.Add(b)
	f.Add(b[:l.Sections])
	c.Binary.Sections = append(c.Binary.Sections,
		section(".debug_abbrev", elf.SHT_PROGBITS, 0, 0, []byte(tinyAbbrev)),
		section(".debug_info", elf.SHT_PROGBITS, elf.SHF_COMPRESSED, 0, deflated(info, uint64(len(info)))),
		section(".symtab", elf.SHT_SYMTAB, 0, 6, append(sym(0, 0, 0, 0), sym(1, 1, 1, 1)...)),
		section(".strtab", elf.SHT_STRTAB, 0, 0, []byte("\x00main.main\x00")))
	b, _ = c.Binary.Bytes()
	f.Add(b)
	path := filepath.Join(f.TempDir(), "pay")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		n := allocated(func() {
			b, err := OpenBinary(path)
			if err != nil {
				if b != nil || strings.Contains(err.Error(), "\n") {
					t.Errorf("binary %v beside error %q", b, err)
				}
				return
			}
			defer b.Close()
			b.Symbol("main.main")
			if info, err := b.BuildInfo(); (info == nil) == (err == nil) {
				t.Errorf("build info %v, %v", info, err)
			}
			if d, err := b.DWARF(); (d == nil) == (err == nil) || b.HasDWARF() != (d != nil) && err == nil {
				t.Errorf("DWARF %v, %v", d, err)
			}
		})
		// Compressed sections may expand by maxRatio.
		if n > allowance(len(data))+3*maxRatio*uint64(len(data)) {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
	})
}

// FuzzDebugFile: the same for the file with the debug information of a
// stripped binary, which is used only when it proves to be of the same build.
func FuzzDebugFile(f *testing.F) {
	whole := program(f, coretest.SynthGNUID, coretest.SynthGoID)
	stripped, debug := coretest.Split(f, whole, "pay.dbg")
	f.Add(debug)
	f.Add(debug[:len(debug)-100])
	f.Add(stripped)
	f.Add([]byte("\x28\xb5\x2f\xfd"))
	home := f.TempDir()
	bin := write(f, home, "pay", stripped)
	path := filepath.Join(home, "pay.dbg")
	f.Fuzz(func(t *testing.T, data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		n := allocated(func() {
			b, err := OpenBinary(bin)
			if err != nil {
				t.Fatal(err)
			}
			defer b.Close()
			b.findDebug(nil, func(string, ...any) {})
			if (b.debug != nil) != b.HasDWARF() || b.debug != nil && !b.debug.ids.sameBuild(b.ids) {
				t.Errorf("debug information in %q", b.DebugPath())
			}
			if d, err := b.DWARF(); (d == nil) == (err == nil) {
				t.Errorf("DWARF %v, %v", d, err)
			}
			b.Symbol("main.main")
		})
		if n > allowance(len(data)+len(stripped))+3*maxRatio*uint64(len(data)) {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
	})
}
