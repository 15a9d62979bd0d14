package corefile

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// checkError demands one line that names the file, wraps the sentinel and
// says what it has to say.
func checkError(t *testing.T, what string, err, sentinel error, path, text string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("%s: no error", what)
	case !errors.Is(err, sentinel):
		t.Errorf("%s: %v is not %v", what, err, sentinel)
	case strings.ContainsRune(err.Error(), '\n') || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), text):
		t.Errorf("%s: %q lacks %q or %q, or has more than a line", what, err, path, text)
	}
}

func TestBadInput(t *testing.T) {
	dir := t.TempDir()
	crash := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, "", false)
	core, _ := crash.Core.Bytes()
	bin, _ := crash.Binary.Bytes()
	edit := func(b []byte, off int, v ...byte) []byte {
		b = append([]byte(nil), b...)
		copy(b[off:], v)
		return b
	}
	tests := []struct {
		name     string
		data     []byte
		sentinel error
		text     string
		binary   bool
	}{
		{"empty", nil, ErrEmpty, "is empty", false},
		{"text", []byte("panic: nil map\n"), ErrNotELF, "is not an ELF file (offset 0x0)", false},
		{"three-bytes", []byte("\x7fEL"), ErrNotELF, "is not an ELF file", false},
		{"header-cut", core[:40], ErrTruncated, "40 of 64 bytes", false},
		{"zstd", []byte("\x28\xb5\x2f\xfd...."), ErrCorrupt, "is compressed with zstd, of which nothing can be unpacked", false},
		{"gzip", []byte("\x1f\x8b\x08......"), ErrTruncated, "is compressed with gzip, of which nothing can be unpacked: ends early", false},
		{"lz4", []byte("\x04\x22\x4d\x18...."), ErrTruncated, "is compressed with lz4, of which nothing can be unpacked", false},
		{"lz4-legacy", []byte("\x02\x21\x4c\x18...."), ErrCompressed, "(legacy format): run `lz4 -d ", false},
		{"xz", []byte("\xfd7zXZ\x00...."), ErrCompressed, "xz -dk ", false},
		{"32-bit", edit(core, 4, 1), ErrUnsupported, "ELFCLASS32", false},
		{"big-endian", edit(core, 5, 2), ErrUnsupported, "ELFDATA2MSB", false},
		{"arm64", edit(core, 18, 183), ErrUnsupported, "EM_AARCH64", false},
		{"version", edit(core, 6, 9), ErrUnsupported, "version", false},
		{"phentsize", edit(core, 54, 32), ErrCorrupt, "sizes", false},
		{"no-programs", edit(core, 56, 0, 0), ErrCorrupt, "without program headers", false},
		{"phoff", edit(core, 32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ErrTruncated, "ends inside its 7 program headers", false},
		{"absurd-count", absurdCount(core), ErrCorrupt, "claims 4294967295 program headers", false},
		{"offset-overflow", edit(core, 64+8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ErrCorrupt, "file range overflows (offset 0x40)", false},
		{"size-overflow", edit(core, 64+32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), ErrCorrupt, "file range overflows", false},
		{"address-overflow", edit(core, 64+56+16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), ErrCorrupt, "address range overflows", false},
		{"file-over-memory", edit(core, 64+56+40, 1, 0, 0), ErrCorrupt, "more bytes in the file than in memory", false},
		{"note-size", edit(core, 64+7*56+4, 0xff, 0xff, 0xff, 0xff), ErrCorrupt, "4294967295 bytes wanted", false},
		{"note-name-size", edit(core, 64+7*56, 0xff, 0xff, 0xff, 0x7f), ErrCorrupt, "bytes wanted", false},
		{"prstatus-size", edit(core, 64+7*56+4, 144, 0), ErrUnsupported, "144 bytes instead of the 336", false},
		{"executable-as-core", bin, ErrNotCore, "is an executable, not a core dump", false},
		{"core-as-binary", core, ErrSwapped, "is a core dump, not an executable", true},
		{"object-file", edit(bin, 16, 1), ErrNotExecutable, "an object file", true},
		{"text-as-binary", []byte("#!/bin/sh\n"), ErrNotELF, "is not an ELF file", true},
		{"zstd-binary", []byte("\x28\xb5\x2f\xfd...."), ErrCompressed, "zstd -d ", true},
		{"gzip-binary", []byte("\x1f\x8b\x08......"), ErrCompressed, "gunzip -k ", true},
		{"lz4-binary", []byte("\x04\x22\x4d\x18...."), ErrCompressed, "lz4 -d ", true},
		{"no-load", edit(bin, 56, 1, 0), ErrNotExecutable, "no loadable segment", true},
		{"binary-cut", bin[:5000], ErrTruncated, "a segment ends at offset", true},
		{"section-table-cut", bin[:len(bin)-1], ErrTruncated, "ends inside its 4 section headers", true},
		{"section-table-gone", edit(bin, 40, 0, 0, 0, 1), ErrTruncated, "before its section headers", true},
		{"section-names", edit(bin, 62, 9), ErrCorrupt, "section 9 of 4", true},
	}
	good := write(t, dir, "good-core", core)
	for _, tt := range tests {
		path := write(t, dir, tt.name, tt.data)
		if tt.binary {
			_, err := OpenBinary(path)
			checkError(t, tt.name, err, tt.sentinel, path, tt.text)
			_, err = Open(context.Background(), good, path, Options{AllowMismatch: true})
			checkError(t, tt.name, err, tt.sentinel, path, tt.text)
			continue
		}
		c, err := Open(context.Background(), path, "", Options{})
		checkError(t, tt.name, err, tt.sentinel, path, tt.text)
		if c != nil {
			t.Errorf("%s: a core beside the error", tt.name)
		}
	}
}

// absurdCount gives a core an extended count that no file could hold.
func absurdCount(core []byte) []byte {
	b := append([]byte(nil), core...)
	binary.LittleEndian.PutUint16(b[56:], pnXNum)
	binary.LittleEndian.PutUint64(b[40:], uint64(len(b)))
	b = append(b, make([]byte, 64)...)
	binary.LittleEndian.PutUint32(b[len(b)-64+44:], 0xffffffff)
	return b
}

func TestBadFiles(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path     string
		sentinel error
		text     string
	}{
		{dir, ErrNotFile, "is a directory"},
		{fifo, ErrNotFile, "not a regular file"},
		{os.DevNull, ErrNotFile, "not a regular file"},
		{filepath.Join(dir, "none"), fs.ErrNotExist, "no such file"},
	} {
		_, err := Open(context.Background(), tt.path, "", Options{})
		checkError(t, "core", err, tt.sentinel, tt.path, tt.text)
		_, err = OpenBinary(tt.path)
		checkError(t, "binary", err, tt.sentinel, tt.path, tt.text)
	}
	if os.Getuid() != 0 { // root may read everything
		path := write(t, dir, "secret", []byte("x"))
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		_, err := Open(context.Background(), path, "", Options{})
		checkError(t, "permission", err, fs.ErrPermission, path, "permission denied")
	}
	_, err := Open(context.Background(), filepath.Join(dir, "a\nb"), "", Options{})
	checkError(t, "newline", err, fs.ErrNotExist, `a\nb"`, "no such file")
}

func TestSwappedArguments(t *testing.T) {
	for _, pie := range []bool{false, true} {
		core, bin := crashFiles(t, coretest.SynthGNUID, "", pie, nil)
		_, err := Open(context.Background(), bin, core, Options{})
		checkError(t, "swapped", err, ErrSwapped, core, "give the core first")
		checkError(t, "swapped", err, ErrNotCore, bin, "is a core dump")
		_, err = Open(context.Background(), bin, bin, Options{})
		if !errors.Is(err, ErrNotCore) || errors.Is(err, ErrSwapped) {
			t.Errorf("two binaries: %v", err)
		}
		_, err = Open(context.Background(), core, core, Options{})
		checkError(t, "two cores", err, ErrNotExecutable, core, "is a core dump")
	}
}

func TestCancelled(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, nil)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, core, bin, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// A core cut at any byte of its headers and notes is refused as truncated; one
// cut behind them opens, and says what is missing. No cut is mistaken for
// another kind of damage.
func TestTruncatedEverywhere(t *testing.T) {
	crash := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, "", false)
	core, layout := crash.Core.Bytes()
	path := filepath.Join(t.TempDir(), "core")
	notes := layout.Notes[len(layout.Notes)-1]
	cuts := []uint64{}
	for n := uint64(4); n <= notes; n++ {
		cuts = append(cuts, n)
	}
	for _, off := range layout.Segments {
		cuts = append(cuts, off-1, off, off+1)
	}
	cuts = append(cuts, uint64(len(core))-1, uint64(len(core)))
	for _, n := range cuts {
		if err := os.WriteFile(path, core[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Open(context.Background(), path, "", Options{})
		if n < notes {
			var fe *FormatError
			if !errors.Is(err, ErrTruncated) || !errors.As(err, &fe) || fe.Path != path || fe.Off != int64(n) || c != nil {
				t.Fatalf("cut at %#x: %v", n, err)
			}
			if n >= layout.Headers && !strings.Contains(err.Error(), "inside its notes") {
				t.Fatalf("cut at %#x: %v", n, err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("cut at %#x: %v", n, err)
		}
		checkCut(t, c, crash.Core.Segments, layout, n, uint64(len(core)))
		c.Close()
	}
}

// checkCut compares what an opened core says is missing with where it was cut.
func checkCut(t *testing.T, c *Core, segs []coretest.SynthSegment, l coretest.Layout, cut, size uint64) {
	t.Helper()
	var segments int
	var missing, claimed int64
	for i, s := range segs {
		n := int64(len(s.Data))
		claimed += n
		lost := min(n, max(0, int64(l.Segments[i])+n-int64(cut)))
		if lost > 0 {
			segments++
			missing += lost
		}
		for _, at := range []int64{0, n - lost - 1, n - lost, n - 1} {
			if at < 0 || at >= n {
				continue
			}
			want := FromCore
			if at >= n-lost {
				want = Truncated
			}
			if p := c.Memory().Provenance(s.Addr + uint64(at)); p != want {
				t.Fatalf("cut at %#x: %#x is from %v, not %v", cut, s.Addr+uint64(at), p, want)
			}
		}
	}
	id := c.Identity()
	if id.TruncatedSegments != segments || id.MissingBytes != missing || (missing > 0) != hasProblem(c, "is truncated") {
		t.Fatalf("cut at %#x: identity %d segments %d bytes, want %d, %d; problems %v", cut, id.TruncatedSegments, id.MissingBytes, segments, missing, c.Problems())
	}
	if missing > 0 && c.Problems()[0].Message[:12] != "is truncated" {
		t.Fatalf("truncation is not the first problem: %v", c.Problems())
	}
	if cut == size && claimed == 0 {
		t.Fatal("the core holds nothing")
	}
}

// A truncated binary is not taken for an unknown format.
func TestTruncatedBinaryEverywhere(t *testing.T) {
	crash := coretest.NewSynthCrash("/pay", coretest.SynthGNUID, "", false)
	bin, layout := crash.Binary.Bytes()
	path := filepath.Join(t.TempDir(), "bin")
	cuts := []uint64{layout.Notes[0], layout.Segments[1], layout.Segments[2] + 7, layout.Sections - 1, layout.Sections, uint64(len(bin)) - 1}
	for n := uint64(4); n <= layout.Headers; n++ {
		cuts = append(cuts, n)
	}
	for n := layout.Sections; n < uint64(len(bin)); n++ {
		cuts = append(cuts, n)
	}
	for _, n := range cuts {
		if err := os.WriteFile(path, bin[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		if b, err := OpenBinary(path); !errors.Is(err, ErrTruncated) || b != nil {
			t.Fatalf("cut at %#x: %v", n, err)
		}
	}
}

// Segments that overlap: the first keeps its addresses, and it is said.
func TestOverlappingSegments(t *testing.T) {
	e := coretest.SynthELF{Type: elf.ET_CORE, Notes: [][]coretest.SynthNote{{coretest.PRStatus(1, 6, 2, 3)}}, Segments: []coretest.SynthSegment{
		{Addr: 0x1000, Data: []byte(strings.Repeat("a", 0x1000)), Flags: elf.PF_R},
		{Addr: 0x1800, Data: []byte(strings.Repeat("b", 0x1000)), Flags: elf.PF_R},
		{Addr: 0x1900, Data: []byte(strings.Repeat("c", 0x100)), Flags: elf.PF_R},
	}}
	b, _ := e.Bytes()
	c := mustOpen(t, write(t, t.TempDir(), "core", b), "", Options{})
	v, _, ok := c.Memory().View(0x1ff0, 0x20)
	if !ok || string(v) != strings.Repeat("a", 16)+strings.Repeat("b", 16) {
		t.Errorf("view %q", v)
	}
	if !hasProblem(c, "2 memory segments overlap") {
		t.Errorf("problems %v", c.Problems())
	}
	if c.Identity().Match != report.MatchNoBinary {
		t.Errorf("match %s", c.Identity().Match)
	}
}
