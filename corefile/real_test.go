package corefile

import (
	"bytes"
	"context"
	"debug/elf"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// Real cores, against what debug/elf says of the same files.
func TestRealCores(t *testing.T) {
	for _, name := range []string{"payment", "payment.pie", "payment.stripped", "payment.trimpath", "cgosegv", "manywait"} {
		t.Run(name, func(t *testing.T) {
			f := coretest.Core(t, name)
			c := mustOpen(t, f.Core, f.Bin, Options{})
			id := c.Identity()
			if id.Match != report.MatchBuildID || id.GOOS != "linux" || id.GOARCH != runtime.GOARCH || id.MainPackage == "" {
				t.Errorf("identity %+v", id)
			}
			if len(c.Problems()) != 0 {
				t.Errorf("problems %v", c.Problems())
			}
			if p := c.Process(); p.PID == 0 || p.Name == "" || len(p.Args) == 0 || len(p.EnvNames) == 0 || !filepath.IsAbs(p.Dir) {
				t.Errorf("process: PID %d, name %q, %d arguments, %d names", p.PID, p.Name, len(p.Args), len(p.EnvNames))
			}
			if c.Signal() == nil || len(c.Threads()) == 0 || c.Threads()[0].TID == 0 {
				t.Errorf("signal %v, threads %v", c.Signal(), c.Threads())
			}
			compareSegments(t, c, f.Core)
			compareSections(t, c, f.Bin)
			checkBuildVersion(t, c)
			checkDWARF(t, c, name)
		})
	}
}

// compareSegments reads the core's memory through debug/elf.
func compareSegments(t *testing.T, c *Core, path string) {
	t.Helper()
	e, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	n := 0
	for _, p := range e.Progs {
		if p.Type != elf.PT_LOAD || p.Filesz == 0 {
			continue
		}
		n++
		want, err := io.ReadAll(p.Open())
		if err != nil {
			t.Fatal(err)
		}
		got, prov, ok := c.Memory().View(p.Vaddr, len(want))
		if !ok || prov != FromCore || !bytes.Equal(got, want) {
			t.Errorf("segment at %#x: from %v, whole %v, or other bytes", p.Vaddr, prov, ok)
		}
	}
	if n == 0 {
		t.Error("no segment was compared")
	}
}

// compareSections reads the binary's read-only sections through memory.
func compareSections(t *testing.T, c *Core, path string) {
	t.Helper()
	e, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	for _, name := range []string{".text", ".rodata"} {
		s := e.Section(name)
		want, err := s.Data()
		if err != nil {
			t.Fatal(err)
		}
		got, _, ok := c.Memory().View(s.Addr+c.LoadBias(), len(want))
		if !ok || !bytes.Equal(got, want) {
			t.Errorf("%s in memory is not the binary's", name)
		}
		if p := c.Memory().Provenance(s.Addr + c.LoadBias() + uint64(len(want)) - 1); p != FromBinary {
			t.Errorf("the end of %s is from %v", name, p)
		}
	}
}

// checkBuildVersion follows runtime.buildVersion, a string whose header is in
// dumped data and whose bytes are in read-only data.
func checkBuildVersion(t *testing.T, c *Core) {
	t.Helper()
	addr, size, ok := c.Binary().Symbol("runtime.buildVersion")
	if !ok {
		return // stripped
	}
	m := c.Memory()
	ptr, err := m.Uint64(addr + c.LoadBias())
	n, err2 := m.Uint64(addr + c.LoadBias() + 8)
	if err != nil || err2 != nil || size != 16 || n > 100 {
		t.Fatalf("runtime.buildVersion: size %d, length %d, %v, %v", size, n, err, err2)
	}
	if v, _, ok := m.View(ptr, int(n)); !ok || string(v) != c.Identity().GoVersion {
		t.Errorf("runtime.buildVersion is %q, the build info says %q", v, c.Identity().GoVersion)
	}
}

func checkDWARF(t *testing.T, c *Core, name string) {
	t.Helper()
	d, err := c.Binary().DWARF()
	if name == "payment.stripped" {
		if !errors.Is(err, ErrNoDWARF) || c.Binary().HasDWARF() {
			t.Errorf("stripped: %v", err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if e, err := d.Reader().Next(); err != nil || e == nil {
		t.Errorf("first entry %v, %v", e, err)
	}
}

// A real core cut at 10, 50 and 90 percent: what is there can be read, and what
// is not is said to be cut off.
func TestRealCoreTruncated(t *testing.T) {
	f := coretest.Core(t, "payment")
	whole := mustOpen(t, f.Core, f.Bin, Options{})
	data, err := os.ReadFile(f.Core)
	if err != nil {
		t.Fatal(err)
	}
	for _, percent := range []int{10, 50, 90} {
		cut := len(data) * percent / 100
		c := mustOpen(t, write(t, t.TempDir(), "core", data[:cut]), f.Bin, Options{})
		id := c.Identity()
		if id.Match != report.MatchBuildID || id.TruncatedSegments == 0 || id.MissingBytes == 0 || id.MissingBytes > int64(len(data)-cut) || !hasProblem(c, "is truncated") {
			t.Errorf("%d%%: %d segments, %d bytes missing, problems %v", percent, id.TruncatedSegments, id.MissingBytes, c.Problems())
		}
		if len(c.Threads()) != len(whole.Threads()) {
			t.Errorf("%d%%: %d threads", percent, len(c.Threads()))
		}
		for _, s := range c.Segments() {
			if s.Present < s.FileSize && !s.Write {
				continue // the binary may stand in
			}
			if s.Present < s.FileSize && c.Memory().Provenance(s.Start+uint64(s.Present)) != Truncated {
				t.Errorf("%d%%: %#x is from %v", percent, s.Start+uint64(s.Present), c.Memory().Provenance(s.Start+uint64(s.Present)))
			}
		}
	}
}

// Another build of the same program is refused; the right one is found in a
// directory without being named.
func TestRealIdentity(t *testing.T) {
	f, other := coretest.Core(t, "payment"), coretest.Core(t, "payment.noopt")
	_, err := Open(context.Background(), f.Core, other.Bin, Options{})
	checkError(t, "another build", err, ErrBinaryMismatch, f.Core, "build ID in the core")
	c := mustOpen(t, f.Core, "", Options{BinaryDirs: []string{other.Dir, f.Dir}})
	if c.Binary() == nil || c.Binary().Path() != f.Bin || c.Identity().Match != report.MatchBuildID {
		t.Errorf("identity %+v", c.Identity())
	}
	if c.Binary() != nil && !slices.Equal([]string{c.Binary().GNUBuildID(), c.Binary().GoBuildID()}, []string{c.Identity().CoreBuildID, c.Identity().CoreGoID}) {
		t.Error("IDs differ")
	}
}

// The build IDs are those that the go command reads.
func TestRealBuildIDs(t *testing.T) {
	f := coretest.Core(t, "payment")
	e, err := elf.Open(f.Bin)
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	b := mustBinary(t, f.Bin)
	for section, want := range map[string]string{".note.go.buildid": b.GoBuildID(), ".note.gnu.build-id": fromHex(t, b.GNUBuildID())} {
		s := e.Section(section)
		if s == nil {
			continue
		}
		data, err := s.Data()
		if err != nil || want == "" || !bytes.Contains(data, []byte(want)) {
			t.Errorf("%s does not hold the ID that was read, %v", section, err)
		}
	}
}

func fromHex(t *testing.T, s string) string {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Pages of libraries that the kernel did not dump come from the libraries,
// whose build ID is the one in the core; nothing else is in their place.
func TestRealLibraries(t *testing.T) {
	f := coretest.Core(t, "cgosegv")
	c := mustOpen(t, f.Core, f.Bin, Options{})
	served := 0
	for _, m := range c.Mappings() {
		if m.Path == c.executablePath() || c.Memory().Provenance(m.Start+pageSize) != FromLib {
			continue
		}
		lib, err := os.ReadFile(m.Path)
		if err != nil {
			t.Fatal(err)
		}
		n := int(m.End - m.Start - pageSize)
		have, _, ok := c.Memory().View(m.Start+pageSize, n)
		if off := m.Offset + pageSize; !ok || !bytes.Equal(have, padded(lib[off:], n)) {
			t.Errorf("%#x is not %s at %#x", m.Start, m.Path, off)
		}
		served++
	}
	if served == 0 {
		t.Error("no page of any library is there")
	}
}

// padded is the first n bytes of b, with zeros behind its end.
func padded(b []byte, n int) []byte {
	return append(bytes.Clone(b[:min(len(b), n)]), make([]byte, max(0, n-len(b)))...)
}
