package corefile

import (
	"bytes"
	"compress/zlib"
	"debug/elf"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/safedump/sdcore/internal/coretest"
)

// A compilation unit named "main": the least that debug/dwarf accepts.
const (
	tinyAbbrev = "\x01\x11\x00\x03\x08\x00\x00\x00"
	tinyInfo   = "\x0d\x00\x00\x00\x04\x00\x00\x00\x00\x00\x08\x01main\x00"
)

// tinyInfoBytes fixes the unit's length.
func tinyInfoBytes() []byte {
	b := []byte(tinyInfo)
	binary.LittleEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

// deflated is data as a SHF_COMPRESSED section that claims to hold size bytes.
func deflated(data []byte, size uint64) []byte {
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(data)
	w.Close()
	return append(coretest.Words(uint64(elf.COMPRESS_ZLIB), size, 1), z.Bytes()...)
}

// zstandard is the same with zstd, which "objcopy --compress-debug-sections=zstd"
// writes; as a stream, when asked, whose header does not tell the size.
func zstandard(t *testing.T, data []byte, size uint64, stream bool) []byte {
	t.Helper()
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	packed := w.EncodeAll(data, nil)
	if stream {
		w.Write(data)
		w.Flush()
		w.Close()
		packed = z.Bytes()
	}
	return append(coretest.Words(uint64(elf.COMPRESS_ZSTD), size, 1), packed...)
}

// binaryWith writes a binary with more sections.
func binaryWith(t testing.TB, sections ...coretest.SynthSection) string {
	t.Helper()
	c := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, "", false)
	c.Binary.Sections = append(c.Binary.Sections, sections...)
	b, _ := c.Binary.Bytes()
	return write(t, t.TempDir(), "pay", b)
}

func mustBinary(t testing.TB, path string) *Binary {
	t.Helper()
	b, err := OpenBinary(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

func TestDWARFSections(t *testing.T) {
	info := tinyInfoBytes()
	plain := func(name string, data []byte) coretest.SynthSection {
		return coretest.SynthSection{Name: name, Type: elf.SHT_PROGBITS, Data: data}
	}
	packed := func(name string, data []byte) coretest.SynthSection {
		return coretest.SynthSection{Name: name, Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: data}
	}
	abbrev := plain(".debug_abbrev", []byte(tinyAbbrev))
	for _, tt := range []struct {
		name     string
		sections []coretest.SynthSection
		has      bool
		err      error
	}{
		{"none", nil, false, ErrNoDWARF},
		{"plain", []coretest.SynthSection{abbrev, plain(".debug_info", info)}, true, nil},
		{"compressed", []coretest.SynthSection{abbrev, packed(".debug_info", deflated(info, uint64(len(info))))}, true, nil},
		{"zstd", []coretest.SynthSection{abbrev, packed(".debug_info", zstandard(t, info, uint64(len(info)), false))}, true, nil},
		{"zstd, streamed", []coretest.SynthSection{abbrev, packed(".debug_info", zstandard(t, info, uint64(len(info)), true))}, true, nil},
		{"zstd, more than it holds", []coretest.SynthSection{abbrev, packed(".debug_info", zstandard(t, info, uint64(len(info))+1, true))}, true, ErrCorrupt},
		{"zstd, less than it holds", []coretest.SynthSection{abbrev, packed(".debug_info", zstandard(t, info, uint64(len(info))-1, true))}, true, ErrCorrupt},
		{"zstd, wrong checksum", []coretest.SynthSection{abbrev, packed(".debug_info", flip(zstandard(t, info, uint64(len(info)), true)))}, true, ErrCorrupt},
		{"moved to another file", []coretest.SynthSection{{Name: ".debug_info", Type: elf.SHT_NOBITS}}, false, ErrNoDWARF},
		{"garbage", []coretest.SynthSection{abbrev, plain(".debug_info", []byte("\xff\x00\x00\x00 this is no unit"))}, true, ErrCorrupt},
		{"wrong checksum", []coretest.SynthSection{abbrev, packed(".debug_info", flip(deflated(info, uint64(len(info)))))}, true, ErrCorrupt},
		{"more than it holds", []coretest.SynthSection{abbrev, packed(".debug_info", deflated(info, uint64(len(info))+9))}, true, ErrCorrupt},
		{"less than it holds", []coretest.SynthSection{abbrev, packed(".debug_info", deflated(info, uint64(len(info))-1))}, true, ErrCorrupt},
		{"unknown compression", []coretest.SynthSection{abbrev, packed(".debug_info", append(coretest.Words(77, 9, 1), info...))}, true, ErrCorrupt},
	} {
		b := mustBinary(t, binaryWith(t, tt.sections...))
		if b.HasDWARF() != tt.has {
			t.Errorf("%s: HasDWARF %v", tt.name, b.HasDWARF())
		}
		d, err := b.DWARF()
		if !errors.Is(err, tt.err) || (d != nil) != (tt.err == nil) {
			t.Errorf("%s: %v, %v", tt.name, d, err)
			continue
		}
		if err != nil {
			checkError(t, tt.name, err, tt.err, b.Path(), "")
			continue
		}
		if e, err := d.Reader().Next(); err != nil || e.Val(3) != "main" { // DW_AT_name
			t.Errorf("%s: entry %v, %v", tt.name, e, err)
		}
	}
}

// flip damages the last byte.
func flip(b []byte) []byte {
	b[len(b)-1] ^= 1
	return b
}

// A compressed section can't claim more than compression could yield: the
// claim decides about an allocation.
func TestCompressionBomb(t *testing.T) {
	zeros := make([]byte, 1<<20)
	for _, tt := range []struct {
		name string
		size uint64
		ok   bool // the claim is plausible
	}{
		{"true size", 1 << 20, true},
		{"a byte less", 1<<20 - 1, true},
		{"a byte more", 1<<20 + 1, true},
		{"terabyte", 1 << 40, false},
		{"negative", 1 << 63, false},
	} {
		path := binaryWith(t, coretest.SynthSection{Name: ".debug_line", Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: deflated(zeros, tt.size)})
		b, err := OpenBinary(path)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err != nil {
			continue
		}
		data, err := b.DebugSection(".debug_line")
		if whole := tt.size == 1<<20; (err == nil) != whole || whole && len(data) != 1<<20 || !whole && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %d bytes, %v", tt.name, len(data), err)
		}
		b.Close()
	}
}

// Sections are decompressed once each, whoever asks at the same time.
func TestDebugSectionsTogether(t *testing.T) {
	b := mustBinary(t, program(t, coretest.SynthGNUID, ""))
	var wg sync.WaitGroup
	got := make([][]byte, 8)
	for i := range got {
		wg.Go(func() {
			got[i], _ = b.DebugSection(".debug_info")
			if abbrev, err := b.DebugSection(".debug_abbrev"); string(abbrev) != tinyAbbrev || err != nil {
				t.Errorf("abbreviations %q, %v", abbrev, err)
			}
		})
	}
	wg.Wait()
	for _, data := range got {
		if len(data) == 0 || &data[0] != &got[0][0] {
			t.Fatal("not decompressed, or more than once")
		}
	}
}

// What is asked for of a section is there while the rest is still being
// decompressed; damage is told by whoever asks for the rest.
func TestDebugSectionSoFar(t *testing.T) {
	data := make([]byte, 4<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range data {
		data[i] = byte(rng.UintN(16))
	}
	for _, damaged := range []bool{false, true} {
		packed := deflated(data, uint64(len(data)))
		if damaged {
			packed = flip(packed)
		}
		b := mustBinary(t, binaryWith(t, coretest.SynthSection{Name: ".debug_info", Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: packed}))
		for n := 0; n < len(data); n += 1 << 18 {
			got, err := b.DebugSectionSoFar(".debug_info", n)
			if damaged && err != nil {
				break // it was faster
			}
			if err != nil || len(got) != len(data) || !bytes.Equal(got[:n], data[:n]) {
				t.Fatalf("the first %d of %d bytes are not there: %v", n, len(got), err)
			}
		}
		for _, ask := range []func() ([]byte, error){
			func() ([]byte, error) { return b.DebugSectionSoFar(".debug_info", len(data)+1) },
			func() ([]byte, error) { return b.DebugSection(".debug_info") },
		} {
			if got, err := ask(); damaged != errors.Is(err, ErrCorrupt) || !damaged && !bytes.Equal(got, data) {
				t.Errorf("damaged %v: %d bytes, %v", damaged, len(got), err)
			}
		}
		if got, err := b.DebugSectionSoFar(".debug_none", 1); got != nil || err != nil {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestDebugSection(t *testing.T) {
	b := mustBinary(t, binaryWith(t, coretest.SynthSection{Name: ".debug_loc", Type: elf.SHT_PROGBITS, Data: []byte("locations")}))
	for range 2 {
		if data, err := b.DebugSection(".debug_loc"); string(data) != "locations" || err != nil {
			t.Errorf("%q, %v", data, err)
		}
		if data, err := b.DebugSection(".debug_none"); data != nil || err != nil {
			t.Errorf("%q, %v", data, err)
		}
	}
}

// sym is a symbol as .symtab holds it.
func sym(name uint32, shndx uint16, addr, size uint64) []byte {
	b := binary.LittleEndian.AppendUint32(nil, name)
	b = binary.LittleEndian.AppendUint16(b, 0)
	b = binary.LittleEndian.AppendUint16(b, shndx)
	return append(b, coretest.Words(addr, size)...)
}

func TestSymbol(t *testing.T) {
	names := "\x00main.main\x00runtime.allgs\x00" + strings.Repeat("x", maxSymName+1) + "\x00cut"
	syms := append(sym(0, 0, 0, 0), sym(1, 1, 0x401000, 16)...)
	syms = append(syms, sym(1, 1, 0x402000, 8)...)             // a second of that name
	syms = append(syms, sym(11, 2, 0x404000, 24)...)           //
	syms = append(syms, sym(6, 0, 1, 1)...)                    // "main", not defined here
	syms = append(syms, sym(25, 1, 1, 1)...)                   // too long
	syms = append(syms, sym(uint32(len(names)-3), 1, 1, 1)...) // without an end
	syms = append(syms, sym(0xffffffff, 1, 1, 1)...)           // out of bounds
	syms = append(syms, make([]byte, symSize-1)...)            // half a symbol
	link := uint32(3 + 1)                                      // null, .text, .go.buildinfo, .symtab, .strtab
	b := mustBinary(t, binaryWith(t, coretest.SynthSection{Name: ".symtab", Type: elf.SHT_SYMTAB, Link: link, Data: syms},
		coretest.SynthSection{Name: ".strtab", Type: elf.SHT_STRTAB, Data: []byte(names)}))
	for name, want := range map[string]uint64{"main.main": 0x401000, "runtime.allgs": 0x404000, "main": 0, "": 0, "cut": 0, "none": 0} {
		addr, _, ok := b.Symbol(name)
		if ok != (want != 0) || addr != want {
			t.Errorf("%q: %#x, %v", name, addr, ok)
		}
	}
	if _, size, _ := b.Symbol("runtime.allgs"); size != 24 {
		t.Errorf("size %d", size)
	}
	if _, _, ok := mustBinary(t, binaryWith(t)).Symbol("main.main"); ok {
		t.Error("a symbol without a symbol table")
	}
}

// Section headers that debug/elf must not see.
func TestHostileSections(t *testing.T) {
	for name, tt := range map[string]struct {
		section  coretest.SynthSection
		sentinel error
	}{
		"behind the file":        {coretest.SynthSection{Name: ".x", Type: elf.SHT_PROGBITS, Offset: 1 << 40, Data: []byte("x")}, ErrTruncated},
		"offset overflows":       {coretest.SynthSection{Name: ".x", Type: elf.SHT_PROGBITS, Offset: ^uint64(0), Data: []byte("x")}, ErrTruncated},
		"long name":              {coretest.SynthSection{Name: strings.Repeat("n", maxSectionName+1), Type: elf.SHT_PROGBITS}, ErrCorrupt},
		"compressed, no header":  {coretest.SynthSection{Name: ".x", Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: make([]byte, 23)}, ErrCorrupt},
		"compressed, no content": {coretest.SynthSection{Name: ".x", Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: coretest.Words(1, 1<<20, 1)}, ErrCorrupt},
	} {
		path := binaryWith(t, tt.section)
		_, err := OpenBinary(path)
		checkError(t, name, err, tt.sentinel, path, "")
	}
	// The section of the names itself: compressed, of which debug/elf would
	// inflate any amount, and of a type whose range means nothing.
	for name, change := range map[string]func(header []byte){
		"compressed names": func(h []byte) { binary.LittleEndian.PutUint64(h[8:], uint64(elf.SHF_COMPRESSED)) },
		"names nowhere":    func(h []byte) { h[4] = byte(elf.SHT_NULL); h[35] = 0x50 },
	} {
		b, err := os.ReadFile(binaryWith(t))
		if err != nil {
			t.Fatal(err)
		}
		change(b[len(b)-64:])
		path := write(t, t.TempDir(), "pay", b)
		_, err = OpenBinary(path)
		checkError(t, name, err, ErrCorrupt, path, "")
	}
}

func TestGuard(t *testing.T) {
	err := Guard("read it", func() error { panic("secret contents") })
	if !errors.Is(err, ErrCorrupt) || strings.Contains(err.Error(), "secret") || !strings.HasPrefix(err.Error(), "read it: ") {
		t.Errorf("got %v", err)
	}
	if err := Guard("", func() error { return os.ErrClosed }); err != os.ErrClosed {
		t.Errorf("got %v", err)
	}
	if err := Guard("", func() error { return nil }); err != nil {
		t.Errorf("got %v", err)
	}
}
