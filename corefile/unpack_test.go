package corefile

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// packers compress with the formats that are unpacked.
func packers() map[string]func(io.Writer) io.WriteCloser {
	return map[string]func(io.Writer) io.WriteCloser{
		"zstd": func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z },
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"lz4": func(w io.Writer) io.WriteCloser {
			z := lz4.NewWriter(w)
			_ = z.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.BlockChecksumOption(true))
			return z
		},
	}
}

// pack compresses each part as a frame of its own.
func pack(t testing.TB, format string, parts ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, p := range parts {
		w := packers()[format](&b)
		if _, err := w.Write(p); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// bigCore is a synthetic core with a heap of zeros and some pages of noise.
func bigCore(t testing.TB) (plain []byte, bin string) {
	t.Helper()
	heap := make([]byte, 4<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for _, at := range []int{0, 1 << 20, 3<<20 + 512} {
		for i := range 70_000 {
			heap[at+i] = byte(r.Uint32())
		}
	}
	core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, false, func(c *coretest.SynthCrash) {
		c.Core.Segments[4].Data = heap
	})
	plain, err := os.ReadFile(core)
	if err != nil {
		t.Fatal(err)
	}
	return plain, bin
}

// skippable is a frame without data for both zstd and lz4.
func skippable(n int) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0x184D2A53)
	b = binary.LittleEndian.AppendUint32(b, uint32(n))
	return append(b, bytes.Repeat([]byte{0xaa}, n)...)
}

// A compressed core is the same core, whatever its name, in one frame or in
// several; what it was unpacked to is sparse, private and has no name.
func TestOpenCompressed(t *testing.T) {
	plain, bin := bigCore(t)
	for format := range packers() {
		variants := map[string][]byte{
			"one frame":     pack(t, format, plain),
			"three frames":  pack(t, format, plain[:5000], plain[5000:5000], plain[5000:2<<20], plain[2<<20:]),
			"frame of none": append(pack(t, format, nil), pack(t, format, plain)...),
		}
		if format != "gzip" {
			variants["to skip"] = append(append(append(skippable(7), skippable(0)...), pack(t, format, plain)...), skippable(100)...)
		} else {
			variants["padded"] = append(pack(t, format, plain), make([]byte, 512)...)
		}
		for name, packed := range variants {
			name = format + ", " + name
			dir, temp := t.TempDir(), t.TempDir()
			path := write(t, dir, "core.1234", packed)
			var last, total int
			c := mustOpen(t, path, bin, Options{TempDir: temp, Progress: func(_ string, done, of int) {
				if done < last || done > of {
					t.Errorf("%s: progress %d after %d of %d", name, done, last, of)
				}
				last, total = done, of
			}})
			if last == 0 || total != len(packed) {
				t.Errorf("%s: progress ended at %d of %d", name, last, total)
			}
			if len(c.Problems()) != 0 || c.Identity().Match != report.MatchBuildID || c.Path() != path || c.Identity().Core != path {
				t.Errorf("%s: problems %v, identity %+v", name, c.Problems(), c.Identity())
			}
			if !strings.Contains(strings.Join(c.Identity().Evidence, "\n"), fmt.Sprintf("compressed with %s", format)) {
				t.Errorf("%s: evidence %q", name, c.Identity().Evidence)
			}
			checkUnpacked(t, name, c, plain, temp)
		}
	}
}

// checkUnpacked compares the unpacked file with what it should be.
func checkUnpacked(t *testing.T, name string, c *Core, plain []byte, temp string) {
	t.Helper()
	if !bytes.Equal(c.file.data, plain) {
		t.Errorf("%s: %d bytes unpacked, not the %d of the core", name, len(c.file.data), len(plain))
	}
	again, err := os.ReadFile(c.FilePath())
	if err != nil || !bytes.Equal(again, plain) {
		t.Errorf("%s: %s: %v", name, c.FilePath(), err)
	}
	var st syscall.Stat_t
	if err := syscall.Fstat(int(c.file.temp.Fd()), &st); err != nil || st.Nlink != 0 || st.Mode&0o777 != 0o600 || st.Blocks*512 > 1<<20 {
		t.Errorf("%s: %d links, mode %o, %d bytes on disk, %v", name, st.Nlink, st.Mode, st.Blocks*512, err)
	}
	if left, _ := os.ReadDir(temp); len(left) != 0 {
		t.Errorf("%s: %v is left in the directory", name, left)
	}
}

// Where the file system has no unnamed files, the name is removed at once.
func TestUnnamedFileFallback(t *testing.T) {
	dir := t.TempDir()
	f, err := namelessFile(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if left, _ := os.ReadDir(dir); len(left) != 0 {
		t.Errorf("%v is left", left)
	}
	if st, err := f.Stat(); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
}

// A stream cut anywhere gives the beginning of the core and says so, or a
// clear error where there is nothing to give.
func TestTruncatedStream(t *testing.T) {
	plain, bin := bigCore(t)
	for format := range packers() {
		packed := pack(t, format, plain[:1<<20], plain[1<<20:])
		opened := 0
		for _, cut := range []int{5, 12, 40, 200, len(packed) / 10, len(packed) / 2, len(packed) * 9 / 10, len(packed) - 9, len(packed) - 1} {
			path := write(t, t.TempDir(), "core", packed[:cut])
			c, err := Open(context.Background(), path, bin, Options{})
			if err != nil {
				checkError(t, fmt.Sprintf("%s cut at %d", format, cut), err, ErrTruncated, path, "ends ")
				continue
			}
			opened++
			if !hasProblem(c, "is compressed with "+format+" and ends early") || !bytes.HasPrefix(plain, c.file.data) {
				t.Errorf("%s cut at %d: problems %v, %d bytes", format, cut, c.Problems(), len(c.file.data))
			}
			if short := len(c.file.data) < len(plain)-4096; short != (c.Identity().TruncatedSegments > 0) {
				t.Errorf("%s cut at %d: %d bytes of %d, identity %+v", format, cut, len(c.file.data), len(plain), c.Identity())
			}
			c.Close()
		}
		if opened < 4 {
			t.Errorf("%s: only %d of the cut cores opened", format, opened)
		}
	}
}

// Wrong checksums, wrong data and data that follow are told of.
func TestDamagedStream(t *testing.T) {
	plain, bin := bigCore(t)
	for format := range packers() {
		packed := pack(t, format, plain)
		flip := func(at int) []byte {
			b := bytes.Clone(packed)
			b[at] ^= 0x40
			return b
		}
		for name, tt := range map[string]struct {
			data    []byte
			problem string
			missing bool
		}{
			"garbage behind":  {append(bytes.Clone(packed), "and some more text"...), "followed by 18 bytes that are not compressed", false},
			"wrong checksum":  {flip(len(packed) - map[string]int{"gzip": 6, "zstd": 2, "lz4": 2}[format]), "wrong checksum", true},
			"wrong in middle": {flip(len(packed) * 2 / 3), "values may be wrong", true},
		} {
			c := mustOpen(t, write(t, t.TempDir(), "core", tt.data), bin, Options{})
			if !hasProblem(c, tt.problem) || c.Problems()[0].Missing != tt.missing {
				t.Errorf("%s, %s: problems %v", format, name, c.Problems())
			}
		}
	}
}

// What is too large is refused, by what it claims or when it gets there.
func TestBomb(t *testing.T) {
	zeros := make([]byte, 8<<20)
	for format := range packers() {
		var parts [][]byte
		for range 32 {
			parts = append(parts, zeros)
		}
		path := write(t, t.TempDir(), "core", pack(t, format, parts...))
		n := allocated(func() {
			_, err := Open(context.Background(), path, "", Options{MaxUnpacked: 100 << 20})
			checkError(t, format, err, ErrTooLarge, path, "at most 104857600 may be unpacked")
		})
		if n > 64<<20 {
			t.Errorf("%s: %d bytes allocated", format, n)
		}
	}
	// Claims, without data to back them.
	z := []byte("\x28\xb5\x2f\xfd\xe0\x00\x00\x00\x00\x00\x10\x00\x00") // single segment, 8 bytes of content size
	path := write(t, t.TempDir(), "core", z)
	_, err := Open(context.Background(), path, "", Options{})
	checkError(t, "window of a segment", err, ErrCompressed, path, "zstd -d --long=31")
	path = write(t, t.TempDir(), "core", []byte("\x28\xb5\x2f\xfd\xc0\x50\x00\x00\x00\x00\x10\x00\x00\x00"))
	_, err = Open(context.Background(), path, "", Options{MaxUnpacked: 1 << 30})
	checkError(t, "content size", err, ErrTooLarge, path, "claims to hold 68719476736 bytes")
	path = write(t, t.TempDir(), "core", []byte("\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"))
	_, err = Open(context.Background(), path, "", Options{})
	checkError(t, "window", err, ErrCompressed, path, "window of 2147483648 bytes, more than 134217728: run `zstd -d --long=31`")
}

// No room: bytes that are not zero stop at what the disk has to spare.
func TestNoRoom(t *testing.T) {
	s, err := newSparseFile([]string{filepath.Join(t.TempDir(), "none"), t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	defer s.f.Close()
	if s.room <= 0 {
		t.Fatalf("room for %d bytes", s.room)
	}
	s.room = 5 * holeUnit
	data := bytes.Repeat([]byte{1}, 4*holeUnit)
	if err := errors.Join(s.append(data), s.append(make([]byte, 64*holeUnit))); err != nil || s.written != 4*holeUnit || s.size != 68*holeUnit {
		t.Errorf("%d of %d bytes written, %v", s.written, s.size, err)
	}
	if err := s.append(data); !errors.Is(err, errNoRoom) {
		t.Errorf("beyond the room: %v", err)
	}
}

// Errors that have nothing to do with the stream.
func TestUnpackErrors(t *testing.T) {
	plain, _ := bigCore(t)
	path := write(t, t.TempDir(), "core", pack(t, "zstd", plain))
	_, err := Open(context.Background(), path, "", Options{TempDir: "/nowhere"})
	checkError(t, "no directory", err, os.ErrNotExist, path, "temporary file in /nowhere")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Open(ctx, path, "", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	// What is inside is named with the file that it is in.
	for _, tt := range []struct {
		inside   []byte
		sentinel error
		says     string
	}{
		{[]byte("just text, no core in here"), ErrNotELF, "(unpacked): is not an ELF file"},
		{pack(t, "gzip", plain), ErrCompressed, "gunzip -k"},
		{nil, ErrEmpty, "holds nothing"},
	} {
		for format := range packers() {
			path := write(t, t.TempDir(), "core", pack(t, format, tt.inside))
			_, err := Open(context.Background(), path, "", Options{})
			checkError(t, format, err, tt.sentinel, path, tt.says)
		}
	}
}

// A real core that was compressed is the same core.
func TestRealCoreCompressed(t *testing.T) {
	f := coretest.Core(t, "payment")
	plain, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	for format := range packers() {
		packed := pack(t, format, plain)
		c := mustOpen(t, write(t, t.TempDir(), "core", packed), f.Bin, Options{})
		if !bytes.Equal(c.file.data, plain) || len(c.Problems()) != 0 || c.Identity().Match != report.MatchBuildID {
			t.Errorf("%s: %d bytes, problems %v", format, len(c.file.data), c.Problems())
		}
		c.Close()
		c = mustOpen(t, write(t, t.TempDir(), "core", packed[:len(packed)/2]), f.Bin, Options{})
		if !bytes.HasPrefix(plain, c.file.data) || c.Identity().TruncatedSegments == 0 || len(c.Threads()) == 0 {
			t.Errorf("%s cut in half: %d bytes, %+v", format, len(c.file.data), c.Identity())
		}
		c.Close()
	}
}

// FuzzUnpack: no stream makes unpacking panic, hang, or take more memory or
// disk than it may; what comes out is what the decoder said.
func FuzzUnpack(f *testing.F) {
	small := bytes.Repeat([]byte("core and some zeros \x00\x00\x00\x00\x00\x00"), 400)
	for format := range packers() {
		packed := pack(f, format, small, nil, small[:50])
		f.Add(packed)
		f.Add(packed[:len(packed)/2])
		f.Add(append(bytes.Clone(packed), "garbage"...))
		f.Add(append(skippable(3), packed...))
	}
	f.Add(append(pack(f, "lz4", small), bytes.Repeat([]byte("\x02\x21\x4c\x18"), 50)...))
	const limit = 4 << 20
	temp := f.TempDir()
	f.Fuzz(func(t *testing.T, data []byte) {
		in := &file{path: "core", data: data}
		var out *file
		var u *unpacking
		var err error
		n := allocated(func() {
			out, u, err = unpackCore(context.Background(), in, Options{TempDir: temp, MaxUnpacked: limit})
		})
		if n > 2*maxWindow+64<<20 {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
		if err != nil {
			if out != nil || strings.Contains(err.Error(), "\n") {
				t.Errorf("file %v beside error %q", out, err)
			}
			return
		}
		if out == nil {
			return // not compressed
		}
		if len(out.data) > limit || int64(len(out.data)) != u.size || u.used > len(data) || u.trailing > len(data) {
			t.Errorf("%+v, %d bytes", u, len(out.data))
		}
		u.problems()
		if err := out.close(); err != nil {
			t.Error(err)
		}
	})
}

// Cores are told from other files, compressed or not.
func TestIsCore(t *testing.T) {
	plain, bin := bigCore(t)
	dir := t.TempDir()
	binary, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		data []byte
		want bool
	}{
		"core":             {plain, true},
		"core cut":         {plain[:64], true},
		"header cut":       {plain[:63], false},
		"binary":           {binary, false},
		"zstd core":        {pack(t, "zstd", plain), true},
		"gzip core":        {pack(t, "gzip", plain), true},
		"lz4 core":         {pack(t, "lz4", plain), true},
		"gzip core cut":    {pack(t, "gzip", plain)[:3000], true},
		"gzip header cut":  {pack(t, "gzip", plain)[:30], false},
		"gzip binary":      {pack(t, "gzip", binary), false},
		"zstd of nothing":  {pack(t, "zstd", nil), false},
		"lz4 of some text": {pack(t, "lz4", []byte("text")), false},
		"xz":               {[]byte("\xfd7zXZ\x00 and more"), false},
		"empty":            {nil, false},
	} {
		if got := IsCore(write(t, dir, name, tt.data)); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if IsCore(dir) || IsCore(filepath.Join(dir, "none")) || IsCore("/dev/zero") {
		t.Error("a directory, a device or nothing is a core")
	}
}

// The first bytes of a core name its process and the file itself.
func TestPeek(t *testing.T) {
	plain, bin := bigCore(t)
	dir := t.TempDir()
	for format, data := range map[string][]byte{"": plain, "zstd": pack(t, "zstd", plain), "gzip": pack(t, "gzip", plain), "lz4": pack(t, "lz4", plain)} {
		path := write(t, dir, "core"+format, data)
		h, err := Peek(path)
		if err != nil || h.Format != format || h.PID != coretest.SynthPID || h.Name != "pay" || len(h.ID) != 32 {
			t.Errorf("%q: %+v, %v", format, h, err)
		}
		longer, err := Peek(write(t, dir, "longer"+format, append(data, 0)))
		if err != nil || longer.ID == h.ID {
			t.Errorf("%q: a longer file has the same ID (%v)", format, err)
		}
	}
	for name, tt := range map[string]struct {
		data []byte
		want error
	}{
		"xz": {[]byte("\xfd7zXZ\x00 and more"), ErrCompressed}, "text": {[]byte("text"), ErrNotELF}, "none": {nil, ErrEmpty},
		"gzip of text": {pack(t, "gzip", []byte("text")), ErrNotELF}, "cut": {plain[:40], ErrTruncated},
	} {
		if _, err := Peek(write(t, dir, name, tt.data)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	if _, err := Peek(bin); !errors.Is(err, ErrNotCore) {
		t.Errorf("a binary: %v", err)
	}
	gnu, goID, err := BuildIDs(bin)
	if b, e := OpenBinary(bin); err != nil || e != nil || gnu != b.ids.gnu || goID != b.ids.gob || goID == "" {
		t.Errorf("build IDs %q, %q, %v, %v", gnu, goID, err, e)
	}
	if _, _, err := BuildIDs(write(t, dir, "core", plain)); !errors.Is(err, ErrNotExecutable) {
		t.Errorf("build ID of a core: %v", err)
	}
}
