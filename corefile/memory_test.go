package corefile

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/internal/coretest"
)

// Where each page of a crash comes from, with and without a binary.
func TestProvenance(t *testing.T) {
	for _, pie := range []bool{false, true} {
		core, bin := crashFiles(t, coretest.SynthGNUID, "", pie, nil)
		c := mustOpen(t, core, bin, Options{})
		bias := c.LoadBias()
		file, err := os.ReadFile(bin)
		if err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			addr uint64
			want Provenance
		}{
			{0, Unmapped},
			{coretest.SynthText + bias - 1, Unmapped},
			{coretest.SynthText + bias, FromCore},
			{coretest.SynthText + bias + 0xfff, FromCore},
			{coretest.SynthText + bias + 0x1000, FromBinary},
			{coretest.SynthRO + bias, FromBinary},
			{coretest.SynthRO + bias + 0xfff, FromBinary},
			{coretest.SynthData + bias, FromCore},
			{coretest.SynthBSS + bias, Absent},
			{coretest.SynthBSS + bias + 0x1000, Unmapped},
			{coretest.SynthHeap - 1, Unmapped},
			{coretest.SynthHeap, FromCore},
			{^uint64(0), Unmapped},
		} {
			if got := c.Memory().Provenance(tt.addr); got != tt.want {
				t.Errorf("pie %v: %#x is from %v, want %v", pie, tt.addr, got, tt.want)
			}
		}
		// Text: one page of the core, then two of the binary, then read-only data: the file's bytes.
		v, p, ok := c.Memory().View(coretest.SynthText+bias, 4*coretest.SynthPage)
		if !ok || p != FromCore || !bytes.Equal(v, file[:4*coretest.SynthPage]) {
			t.Errorf("pie %v: text is not the binary's", pie)
		}
		if pie && c.Memory().Provenance(coretest.SynthText) != Unmapped {
			t.Error("the binary is also at its unrelocated address")
		}
	}
}

// A page that was not dumped is only taken from the file that NT_FILE has there.
func TestOtherFilesMapping(t *testing.T) {
	// It exists and has the bytes, but nothing proves that it had them then.
	data := write(t, t.TempDir(), "data.bin", bytes.Repeat([]byte{1}, 5*coretest.SynthPage))
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		for i, n := range c.Core.Notes[0] {
			if n.Type == ntFile {
				c.Core.Notes[0][i] = coretest.FileNote(
					coretest.FileMap{Start: coretest.SynthText, End: coretest.SynthText + 0x2000, Path: "/pay"},
					coretest.FileMap{Start: coretest.SynthText + 0x2000, End: coretest.SynthRO, Offset: 0x9000, Path: "/pay"},
					coretest.FileMap{Start: coretest.SynthRO, End: coretest.SynthData, Offset: 3 * coretest.SynthPage, Path: data},
				)
			}
		}
	})
	m := mustOpen(t, core, bin, Options{}).Memory()
	for addr, want := range map[uint64]Provenance{
		coretest.SynthText + 0x1000: FromBinary,
		coretest.SynthText + 0x2000: Absent, // another part of the file
		coretest.SynthRO:            Absent, // another file
	} {
		if got := m.Provenance(addr); got != want {
			t.Errorf("%#x is from %v, want %v", addr, got, want)
		}
	}
}

// A writable mapping that was not dumped may have been changed: nothing stands
// in for it. A read-only one that was cut off is the file's.
func TestWhatTheBinaryStandsInFor(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		c.Core.Segments[2].MemSize, c.Core.Segments[2].Data = coretest.SynthPage, nil
		c.Core.Segments[1].Flags |= 2 // read-only data made writable
	})
	m := mustOpen(t, core, bin, Options{}).Memory()
	if m.Provenance(coretest.SynthData) != Absent || m.Provenance(coretest.SynthRO) != Absent {
		t.Errorf("data from %v, writable read-only data from %v", m.Provenance(coretest.SynthData), m.Provenance(coretest.SynthRO))
	}
	// Data that were made read-only after they had been written, as RELRO is.
	core, bin = crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		c.Core.Segments[2].MemSize, c.Core.Segments[2].Data, c.Core.Segments[2].Flags = coretest.SynthPage, nil, 4
	})
	if got := mustOpen(t, core, bin, Options{}).Memory().Provenance(coretest.SynthData); got != Absent {
		t.Errorf("data made read-only are from %v", got)
	}

	core, bin = crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		b, _ := c.Binary.Bytes()
		c.Core.Segments[0].Data = b[:3*coretest.SynthPage]
	})
	if err := os.Truncate(core, 2*coretest.SynthPage); err != nil {
		t.Fatal(err)
	}
	m = mustOpen(t, core, bin, Options{}).Memory()
	if got := m.Provenance(coretest.SynthText + 0x2000); got != FromBinary {
		t.Errorf("cut text is from %v", got)
	}
	if got := m.Provenance(coretest.SynthData); got != Truncated {
		t.Errorf("cut data are from %v", got)
	}
}

// A library's pages are served when the build ID in the core's own first page
// of the mapping is that of the file, and not otherwise.
func TestLibraries(t *testing.T) {
	const base = 0x7f0000000000
	for _, tt := range []struct {
		name         string
		inCore, file string // GNU build IDs
		firstPage    bool
		want         Provenance
	}{
		{"same build", "lib1", "lib1", true, FromLib},
		{"another build", "lib1", "lib2", true, Absent},
		{"no build ID", "", "", true, Absent},
		{"first page not dumped", "lib1", "lib1", false, Absent},
	} {
		path := filepath.Join(t.TempDir(), "lib.so")
		id := func(s string) string { return strings.Repeat(s, min(len(s), 5)) }
		inCore, _ := coretest.NewSynthCrash("", id(tt.inCore), "", true).Binary.Bytes()
		file, _ := coretest.NewSynthCrash("", id(tt.file), "", true).Binary.Bytes()
		write(t, filepath.Dir(path), "lib.so", file)
		core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
			lib := coretest.SynthSegment{Addr: base, MemSize: 3 * coretest.SynthPage, Flags: 5}
			if tt.firstPage {
				lib.Data = inCore[:coretest.SynthPage]
			}
			rest := coretest.SynthSegment{Addr: base + 0x3000, MemSize: coretest.SynthPage, Flags: 4}
			c.Core.Segments = append(c.Core.Segments, lib, rest)
			c.Core.Notes[0] = append(c.Core.Notes[0][:4:4], append([]coretest.SynthNote{coretest.FileNote(
				coretest.FileMap{Start: base, End: base + 0x3000, Path: path},
				coretest.FileMap{Start: base + 0x3000, End: base + 0x4000, Offset: 0x3000, Path: path},
			)}, c.Core.Notes[0][5:]...)...)
		})
		c := mustOpen(t, core, bin, Options{})
		for _, off := range []uint64{0x1000, 0x2fff, 0x3000} {
			if got := c.Memory().Provenance(base + off); got != tt.want {
				t.Errorf("%s: offset %#x is from %v, want %v", tt.name, off, got, tt.want)
			}
		}
		if tt.want == FromLib {
			if v, _, ok := c.Memory().View(base+0x1000, 0x3000); !ok || !bytes.Equal(v, file[0x1000:0x4000]) {
				t.Errorf("%s: not the file's bytes", tt.name)
			}
		}
	}
}

// The part of a mapped file's last page behind the end of the file is zero;
// nothing behind that page is.
func TestTailOfFile(t *testing.T) {
	data := bytes.Repeat([]byte{7}, 0x1234)
	h := &header{progs: []prog{{typ: 1, flags: 4, off: 0x1000, vaddr: 0x5000, filesz: 0x234, memsz: 0x234}}}
	m := &Memory{regions: overlay([]region{{0x105000, 0x107000, nil, Absent, false}}, fileBackings(data, h, 0x100000, FromBinary))}
	for addr, want := range map[uint64]Provenance{0x105000: FromBinary, 0x105233: FromBinary, 0x105234: ZeroFill, 0x105fff: ZeroFill, 0x106000: Absent} {
		if got := m.Provenance(addr); got != want {
			t.Errorf("%#x is from %v, want %v", addr, got, want)
		}
	}
	if v, err := m.Uint64(0x105230); err != nil || v != 0x07070707 {
		t.Errorf("word across the end: %#x, %v", v, err)
	}
	// Memory beyond the file's bytes is the loader's business: only those bytes are served.
	h.progs[0].memsz = 0x300
	m = &Memory{regions: overlay([]region{{0x105000, 0x107000, nil, Absent, false}}, fileBackings(data, h, 0x100000, FromBinary))}
	if got := m.Provenance(0x105234); got != Absent {
		t.Errorf("byte behind the file's part is from %v", got)
	}
}

// naive is a memory of one byte per entry, to compare with.
type naive map[uint64]struct {
	b byte
	p Provenance
}

// Views, reads and availability of random memories equal those of a map from
// address to byte, however segments overlap and backings lie.
func TestMemoryAgainstModel(t *testing.T) {
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		m, model := randomMemory(r)
		for range 200 {
			addr, n := r.Uint64N(140), int(r.Uint64N(20))
			checkAgainst(t, seed, m, model, addr, n)
			if t.Failed() {
				return
			}
		}
	}
}

// randomMemory makes up segments and backings in the addresses below 120.
func randomMemory(r *rand.Rand) (*Memory, naive) {
	core := make([]byte, 200)
	for i := range core {
		core[i] = byte(r.Uint32())
	}
	model := naive{}
	var segs []Segment
	start := uint64(0)
	for range r.IntN(6) {
		start += r.Uint64N(25)
		s := Segment{Start: start, End: start + 1 + r.Uint64N(30), Write: r.IntN(2) == 0}
		s.FileSize = int64(r.Uint64N(s.End - s.Start + 1))
		s.Present = int64(r.Uint64N(uint64(s.FileSize) + 1))
		s.Offset = int64(r.IntN(len(core) - int(s.Present) + 1))
		segs = append(segs, s)
	}
	back := randomBackings(r)
	owned := uint64(0)
	writable := map[uint64]bool{}
	for _, s := range segs {
		for a := max(s.Start, owned); a < s.End; a++ {
			e := model[a]
			switch off := int64(a - s.Start); {
			case off < s.Present:
				e.b, e.p = core[s.Offset+off], FromCore
			case off < s.FileSize:
				e.p = Truncated
			default:
				e.p = Absent
			}
			model[a], writable[a] = e, s.Write
		}
		owned = max(owned, s.End)
	}
	for _, b := range back {
		for a := b.start; a < b.end; a++ {
			if e := model[a]; e.p != FromCore && !writable[a] {
				e.b, e.p = b.data[a-b.start], b.prov
				model[a] = e
			}
		}
	}
	regions, _ := segmentRegions(core, segs)
	return &Memory{regions: overlay(regions, back)}, model
}

// randomBackings are backings that don't overlap.
func randomBackings(r *rand.Rand) []backing {
	var back []backing
	at := uint64(0)
	for range r.IntN(4) {
		at += r.Uint64N(20)
		b := backing{start: at, end: at + 1 + r.Uint64N(25), prov: FromBinary}
		b.data = make([]byte, b.end-b.start)
		for i := range b.data {
			b.data[i] = byte(r.Uint32())
		}
		back, at = append(back, b), b.end
	}
	return back
}

func checkAgainst(t *testing.T, seed uint64, m *Memory, model naive, addr uint64, n int) {
	t.Helper()
	var want []byte
	for i := range n {
		e, ok := model[addr+uint64(i)]
		if !ok || e.p != FromCore && e.p != FromBinary {
			break
		}
		want = append(want, e.b)
	}
	if got := m.Available(addr, int64(n)); got != int64(len(want)) {
		t.Errorf("seed %d: %d bytes available at %d of %d, want %d", seed, got, addr, n, len(want))
	}
	if got := m.Provenance(addr); got != model[addr].p {
		t.Errorf("seed %d: %d is from %v, want %v", seed, addr, got, model[addr].p)
	}
	v, p, ok := m.View(addr, n)
	whole := len(want) == n && (n > 0 || model[addr].p == FromCore || model[addr].p == FromBinary)
	first := model[addr].p
	if !whole {
		first = model[addr+uint64(len(want))].p
	}
	if ok != whole || p != first || ok && !bytes.Equal(v, want) {
		t.Errorf("seed %d: view of %d at %d: %v %v %v, want %v %v %v", seed, n, addr, v, p, ok, want, first, whole)
	}
	buf := make([]byte, n)
	err := m.Read(buf, addr)
	if (err == nil) != (len(want) == n) || err == nil && !bytes.Equal(buf, want) {
		t.Errorf("seed %d: read of %d at %d: %v, %v", seed, n, addr, buf, err)
	}
	var ae *AddressError
	if err != nil && (!errors.As(err, &ae) || ae.Addr != addr+uint64(len(want))) {
		t.Errorf("seed %d: error %v", seed, err)
	}
}

// Typed reads, also across the border of two regions, and their errors.
func TestTypedReads(t *testing.T) {
	m := &Memory{regions: []region{
		{0x1000, 0x1006, []byte{1, 2, 3, 4, 5, 6}, FromCore, false},
		{0x1006, 0x100a, []byte{7, 8, 9, 10}, FromBinary, false},
		{0x100a, 0x1010, nil, Truncated, false},
		{0x1010, 0x1020, nil, Absent, false},
	}}
	if v, err := m.Uint64(0x1000); err != nil || v != 0x0807060504030201 {
		t.Errorf("Uint64: %#x, %v", v, err)
	}
	if v, err := m.Uint32(0x1004); err != nil || v != 0x08070605 {
		t.Errorf("Uint32: %#x, %v", v, err)
	}
	if v, err := m.Uint8(0x1009); err != nil || v != 10 {
		t.Errorf("Uint8: %#x, %v", v, err)
	}
	for addr, want := range map[uint64]error{0x1008: ErrTruncated, 0x1010: ErrAbsent, 0x1020: ErrUnmapped, ^uint64(3): ErrUnmapped} {
		if _, err := m.Uint64(addr); !errors.Is(err, want) || !strings.Contains(err.Error(), "address 0x") {
			t.Errorf("%#x: %v, want %v", addr, err, want)
		}
	}
	if _, _, ok := m.View(0x1000, -1); ok {
		t.Error("a view of a negative length")
	}
}

// The same bytes at many addresses don't make a view that fills the memory.
func TestViewOfTooMuch(t *testing.T) {
	data, err := unix.Mmap(-1, 0, maxCopy, unix.PROT_READ, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(data)
	m := &Memory{regions: []region{{0, maxCopy, data, FromCore, true}, {maxCopy, 2 * maxCopy, data, FromLib, true}}}
	if _, _, ok := m.View(1, maxCopy+1); ok {
		t.Error("more than maxCopy was copied")
	}
	if b, _, ok := m.View(0, maxCopy); !ok || len(b) != maxCopy {
		t.Error("what lies in one piece is not served")
	}
}

// Readers need no lock of their own.
func TestConcurrentReaders(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, nil)
	c := mustOpen(t, core, bin, Options{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range uint64(500) {
				if v, err := c.Memory().Uint64(coretest.SynthHeap + 8*i); err != nil || v != 'H'<<56|8*i {
					t.Errorf("%#x, %v", v, err)
					return
				}
				c.Binary().Symbol("main.main")
				c.Binary().BuildInfo()
				c.Binary().DebugSection(".text")
			}
		})
	}
	wg.Wait()
}

func BenchmarkUint64(b *testing.B) {
	var regions []region
	for i := range uint64(200) {
		regions = append(regions, region{i << 20, i<<20 + 4096, make([]byte, 4096), FromCore, true})
	}
	m := &Memory{regions: regions}
	b.ReportAllocs()
	for i := range uint64(b.N) {
		if _, err := m.Uint64((i%200)<<20 + i%500*8); err != nil {
			b.Fatal(err)
		}
	}
}
