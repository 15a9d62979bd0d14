package corefile

import (
	"context"
	"debug/elf"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// rewrite replaces a binary by another build.
func rewrite(t *testing.T, bin string, change func(*coretest.SynthELF), gnuID, goID string, pie bool) {
	t.Helper()
	c := coretest.NewSynthCrash(bin, gnuID, goID, pie)
	if change != nil {
		change(c.Binary)
	}
	b, _ := c.Binary.Bytes()
	if err := os.WriteFile(bin, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// A binary of another build is refused with both IDs; opened on request, the
// report says so.
func TestMismatch(t *testing.T) {
	other := strings.Repeat("\xab", 20)
	tests := []struct {
		name                   string
		coreGNU, coreGo        string
		binGNU, binGo          string
		binPIE                 bool
		change                 func(*coretest.SynthELF)
		says                   []string
		noHeaderPage, noBinary bool
	}{
		{name: "GNU ID", coreGNU: coretest.SynthGNUID, binGNU: other,
			says: []string{"0102030405060708090a0b0c0d0e0f1011121314", strings.Repeat("ab", 20)}},
		{name: "Go ID", coreGo: "a/b", binGo: "a/c", says: []string{"a/b", "a/c"}},
		{name: "Go ID under one GNU ID", coreGNU: other, coreGo: "a/b", binGNU: other, binGo: "a/c", says: []string{"a/b", "a/c"}},
		{name: "program headers", change: func(e *coretest.SynthELF) { e.Segments[2].MemSize += 8 }, says: []string{"program headers differ"}},
		{name: "count of program headers", change: func(e *coretest.SynthELF) { e.Segments = e.Segments[:2]; e.Sections = nil }, says: []string{"had 3 program headers, the binary has 2"}},
		{name: "build info", change: func(e *coretest.SynthELF) { e.Sections[1].Data[40]++; e.Segments[2].Data[40]++ }, says: []string{"Go build info differ"}},
		{name: "entry", change: func(e *coretest.SynthELF) { e.Entry += 16 }, says: []string{"0x401100", "0x401110"}},
		{name: "position independent binary", binPIE: true, says: []string{"the binary is position independent"}},
		{name: "entry without header page", noHeaderPage: true, change: func(e *coretest.SynthELF) { e.Entry += 16 }, says: []string{"0x401100", "0x401110"}},
	}
	for _, tt := range tests {
		core, bin := crashFiles(t, tt.coreGNU, tt.coreGo, false, func(c *coretest.SynthCrash) {
			if tt.noHeaderPage {
				c.Core.Segments[0].Data = nil
			}
		})
		rewrite(t, bin, tt.change, tt.binGNU, tt.binGo, tt.binPIE)
		_, err := Open(context.Background(), core, bin, Options{})
		for _, s := range append(tt.says, bin) {
			checkError(t, tt.name, err, ErrBinaryMismatch, core, s)
		}
		c := mustOpen(t, core, bin, Options{AllowMismatch: true})
		if id := c.Identity(); id.Match != report.MatchMismatch || !slices.ContainsFunc(id.Evidence, func(s string) bool { return strings.HasPrefix(s, "opened nevertheless") }) {
			t.Errorf("%s: %+v", tt.name, id)
		}
		if !hasProblem(c, "does not belong to the core") {
			t.Errorf("%s: problems %v", tt.name, c.Problems())
		}
	}
}

// Without build IDs the verdict is "none", and the evidence says what agrees.
func TestNothingToCompare(t *testing.T) {
	core, bin := crashFiles(t, "", "", false, nil)
	c := mustOpen(t, core, bin, Options{})
	id := c.Identity()
	if id.Match != report.MatchNone || id.GoVersion != coretest.SynthVersion {
		t.Errorf("identity %+v", id)
	}
	for _, want := range []string{"no build ID to compare", "first 4096 bytes", "Go build info: equal"} {
		if !slices.ContainsFunc(id.Evidence, func(s string) bool { return strings.Contains(s, want) }) {
			t.Errorf("evidence %q lacks %q", id.Evidence, want)
		}
	}
	if len(c.Problems()) != 0 {
		t.Errorf("problems %v", c.Problems())
	}
}

// IDs of different kinds can't be compared, however long they are.
func TestDifferentKindsOfID(t *testing.T) {
	core, bin := crashFiles(t, "", "a/b", false, nil)
	rewrite(t, bin, nil, coretest.SynthGNUID, "", false)
	_, err := Open(context.Background(), core, bin, Options{})
	// The headers hold the size of the notes: they differ too.
	checkError(t, "kinds", err, ErrBinaryMismatch, core, "program headers differ")
}

// The GNU build ID behind the notes that PT_NOTE covers is found, as Go's
// internal linker leaves it.
func TestBuildIDBehindNotes(t *testing.T) {
	h := &header{phoff: 64, phnum: 2}
	note := coretest.NoteBytes([]coretest.SynthNote{{Name: "GNU", Type: 3, Desc: []byte("abcd")}})
	for _, tt := range []struct {
		off  int
		note []byte
		want string
	}{
		{64 + 2*56, note, "61626364"},
		{4096 - 20, note, "61626364"},
		{2048, note, "61626364"},
		{2046, note, ""},      // not aligned
		{4096 - 16, note, ""}, // ends behind the page
		{128, note, ""},       // inside the program headers
		{2048, append(coretest.Words(4|65<<32), note[8:]...), ""}, // ID too long
	} {
		page := make([]byte, 4096+100)
		copy(page[tt.off:], tt.note)
		var ids buildIDs
		if ids.addPage(h, page); ids.gnu != tt.want {
			t.Errorf("note at %d: %q, want %q", tt.off, ids.gnu, tt.want)
		}
	}
}

// The load bias without a header page in the core, from AT_ENTRY alone.
func TestBiasFromEntry(t *testing.T) {
	noPage := func(c *coretest.SynthCrash) { c.Core.Segments[0].Data = nil }
	core, bin := crashFiles(t, coretest.SynthGNUID, "", true, noPage)
	c := mustOpen(t, core, bin, Options{})
	if c.LoadBias() != coretest.SynthPIE || c.Identity().Match != report.MatchNone {
		t.Errorf("bias %#x, identity %+v", c.LoadBias(), c.Identity())
	}
	rewrite(t, bin, func(e *coretest.SynthELF) { e.Entry += 8 }, coretest.SynthGNUID, "", true)
	_, err := Open(context.Background(), core, bin, Options{})
	checkError(t, "entry", err, ErrBinaryMismatch, core, "can't be mapped to")
	// Neither page nor vector: the bias is unknown, and no byte of the binary is served.
	core, bin = crashFiles(t, coretest.SynthGNUID, "", true, func(c *coretest.SynthCrash) {
		noPage(c)
		c.Core.Notes[0] = slices.Delete(c.Core.Notes[0], 3, 4)
	})
	c = mustOpen(t, core, bin, Options{})
	if !hasProblem(c, "does not tell where it was loaded") || c.Memory().Provenance(coretest.SynthRO+coretest.SynthPIE) != Absent || c.Memory().Provenance(coretest.SynthRO) != Unmapped {
		t.Errorf("problems %v", c.Problems())
	}
}

// A core without auxiliary vector: the executable is the ELF image in memory
// that has a Go build ID, not any other.
func TestImageWithoutVector(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, true, func(c *coretest.SynthCrash) {
		c.Core.Notes[0] = slices.Delete(c.Core.Notes[0], 3, 4)
		vdso := coretest.NewSynthCrash("", strings.Repeat("v", 20), "", true).Binary
		b, _ := vdso.Bytes()
		c.Core.Segments = append([]coretest.SynthSegment{{Addr: 0x10000, Data: b, Flags: elf.PF_R}}, c.Core.Segments...)
	})
	c := mustOpen(t, core, bin, Options{})
	if c.LoadBias() != coretest.SynthPIE || c.Identity().Match != report.MatchBuildID {
		t.Errorf("bias %#x, identity %+v", c.LoadBias(), c.Identity())
	}
}

func TestFindBinary(t *testing.T) {
	gnu := "0102030405060708090a0b0c0d0e0f1011121314"
	place := map[string]func(t *testing.T, bin, dir string) string{
		"named by the core": func(t *testing.T, bin, dir string) string { return bin },
		"same name": func(t *testing.T, bin, dir string) string {
			return move(t, bin, filepath.Join(dir, filepath.Base(bin)))
		},
		"any name": func(t *testing.T, bin, dir string) string { return move(t, bin, filepath.Join(dir, "release-17")) },
		"build ID tree": func(t *testing.T, bin, dir string) string {
			return move(t, bin, filepath.Join(dir, ".build-id", gnu[:2], gnu[2:]))
		},
	}
	for name, put := range place {
		core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, false, nil)
		dir := t.TempDir()
		write(t, dir, "notes.txt", []byte("nothing"))
		want := put(t, bin, dir)
		c := mustOpen(t, core, "", Options{BinaryDirs: []string{filepath.Join(dir, "none"), dir}})
		id := c.Identity()
		if c.Binary() == nil || c.Binary().Path() != want || id.Binary != want || id.Match != report.MatchBuildID {
			t.Errorf("%s: %+v", name, id)
		}
		if !slices.ContainsFunc(id.Evidence, func(s string) bool { return strings.Contains(s, want+" was found by its build ID") }) ||
			name != "named by the core" && !slices.ContainsFunc(id.Evidence, func(s string) bool { return strings.Contains(s, "none could not be searched") }) {
			t.Errorf("%s: evidence %q", name, id.Evidence)
		}
	}
}

// move puts a file elsewhere.
func move(t *testing.T, from, to string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// Without the right binary the core is opened alone; its build info still comes
// from its own memory.
func TestNoBinary(t *testing.T) {
	for _, tt := range []struct {
		gnuID, evidence string
		otherBuild      bool
	}{
		{coretest.SynthGNUID, "is another build", true},
		{coretest.SynthGNUID, "no such file", false},
		{"", "holds no build ID to recognize it by", false},
	} {
		core, bin := crashFiles(t, tt.gnuID, "", true, nil)
		if tt.otherBuild {
			rewrite(t, bin, nil, strings.Repeat("z", 20), "", true)
		} else if tt.gnuID != "" {
			move(t, bin, bin+".gone")
		}
		c := mustOpen(t, core, "", Options{})
		id := c.Identity()
		if c.Binary() != nil || id.Match != report.MatchNoBinary || id.Binary != "" || id.GoVersion != coretest.SynthVersion || c.LoadBias() != coretest.SynthPIE {
			t.Errorf("%s: %+v", tt.evidence, id)
		}
		if !slices.ContainsFunc(id.Evidence, func(s string) bool { return strings.Contains(s, tt.evidence) }) {
			t.Errorf("evidence %q lacks %q", id.Evidence, tt.evidence)
		}
		if c.Memory().Provenance(coretest.SynthRO+coretest.SynthPIE) != Absent {
			t.Errorf("%s: read-only data are from %v", tt.evidence, c.Memory().Provenance(coretest.SynthRO+coretest.SynthPIE))
		}
	}
}

// Build info that the core lacks is taken from a binary that is proven to
// belong to it, not from one that does not.
func TestBuildInfoFromBinary(t *testing.T) {
	noData := func(c *coretest.SynthCrash) {
		c.Core.Segments[2].MemSize, c.Core.Segments[2].Data = coretest.SynthPage, nil
	}
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, noData)
	if id := mustOpen(t, core, bin, Options{}).Identity(); id.GoVersion != coretest.SynthVersion || id.Main.Path != "example.org/pay" {
		t.Errorf("identity %+v", id)
	}
	rewrite(t, bin, nil, strings.Repeat("z", 20), "", false)
	c := mustOpen(t, core, bin, Options{AllowMismatch: true})
	if id := c.Identity(); id.GoVersion != "" || !hasProblem(c, "Go version and modules are unknown") {
		t.Errorf("identity %+v, problems %v", id, c.Problems())
	}
}

func TestHostileBuildInfo(t *testing.T) {
	blob := func(version, mod string) []byte {
		b := append([]byte(buildInfoMagic), 8, buildInfoInline)
		b = append(b, make([]byte, 16)...)
		b = append(append(b, byte(len(version))), version...)
		return append(append(b, byte(len(mod))), mod...)
	}
	good := blob("go1.26", "")
	for name, tt := range map[string]struct {
		data []byte
		want bool
	}{
		"no modules":      {good, true},
		"not aligned":     {append([]byte{0}, good...), false},
		"second one":      {append(append(append([]byte(buildInfoMagic), 8, 0), make([]byte, 16)...), good...), true},
		"no version":      {blob("", "x"), false},
		"cut":             {good[:33], false},
		"header cut":      {good[:20], false},
		"huge length":     {append(good[:32:32], 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), false},
		"modules garbled": {blob("go1.26", strings.Repeat("f", 16)+"dep\ta\n"+strings.Repeat("f", 16)), true},
	} {
		info := findBuildInfo(tt.data, 0x1000)
		if (info != nil) != tt.want || info != nil && info.GoVersion != "go1.26" {
			t.Errorf("%s: %+v", name, info)
		}
	}
}

func TestNotGo(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		clear(c.Binary.Segments[2].Data)
		clear(c.Core.Segments[2].Data)
		c.Binary.Sections = nil
	})
	c := mustOpen(t, core, bin, Options{})
	if _, err := c.Binary().BuildInfo(); !errors.Is(err, ErrNotGo) {
		t.Errorf("build info: %v", err)
	}
	if !hasProblem(c, "no Go build info") || c.Identity().GoVersion != "" {
		t.Errorf("problems %v", c.Problems())
	}
}

// Without NT_FILE nothing contradicts the binary, and its read-only pages are
// served where build ID and bias are known.
func TestNoFileNote(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", true, func(c *coretest.SynthCrash) {
		c.Core.Notes[0] = slices.Delete(c.Core.Notes[0], 4, 5)
	})
	c := mustOpen(t, core, bin, Options{})
	if got := c.Memory().Provenance(coretest.SynthRO + coretest.SynthPIE); got != FromBinary || c.Mappings() != nil {
		t.Errorf("read-only data from %v, mappings %v", got, c.Mappings())
	}
	// The path that the program was started with still leads to the binary.
	if c = mustOpen(t, core, "", Options{}); c.Binary() == nil || c.Binary().Path() != bin {
		t.Errorf("evidence %q", c.Identity().Evidence)
	}
}

// A core may not send the search to a relative path, a device or a directory.
func TestPathsFromTheCore(t *testing.T) {
	here := t.TempDir()
	t.Chdir(here)
	b, _ := coretest.NewSynthCrash("", coretest.SynthGNUID, "", false).Binary.Bytes()
	write(t, here, "pay", b)
	for _, path := range []string{"pay", "../" + filepath.Base(here) + "/pay", "/dev/zero", "/", "/proc/self/mem", "/dev/null\nx"} {
		dir := t.TempDir()
		c := coretest.NewSynthCrash(path, coretest.SynthGNUID, "", false)
		b, _ := c.Core.Bytes()
		got := mustOpen(t, write(t, dir, "core", b), "", Options{})
		if got.Binary() != nil || got.Identity().Match != report.MatchNoBinary {
			t.Errorf("%q: %+v", path, got.Identity())
		}
		for _, e := range got.Identity().Evidence {
			if strings.Contains(e, "\n") {
				t.Errorf("%q: evidence %q has more than a line", path, e)
			}
		}
	}
}

// A program started through the dynamic loader: the vector describes the
// loader, the binary is another image.
func TestStartedByLoader(t *testing.T) {
	const at = 0x7f0000000000
	core, bin := crashFiles(t, coretest.SynthGNUID, "", true, func(c *coretest.SynthCrash) {
		loader, _ := coretest.NewSynthCrash("", strings.Repeat("l", 20), "", true).Binary.Bytes()
		c.Core.Segments = append(c.Core.Segments, coretest.SynthSegment{Addr: at, Data: loader[:coretest.SynthPage], Flags: elf.PF_R})
		for i, n := range c.Core.Notes[0] {
			if n.Type == ntAuxv {
				c.Core.Notes[0][i].Desc = coretest.Words(atPHDR, at+64, atPHNum, 4, atEntry, at+0x1100, 0, 0)
			}
		}
	})
	c := mustOpen(t, core, bin, Options{})
	if id := c.Identity(); id.Match != report.MatchBuildID || c.LoadBias() != coretest.SynthPIE {
		t.Errorf("bias %#x, %+v", c.LoadBias(), id)
	}
	rewrite(t, bin, nil, strings.Repeat("z", 20), "", true)
	_, err := Open(context.Background(), core, bin, Options{})
	checkError(t, "neither", err, ErrBinaryMismatch, core, strings.Repeat("6c", 20))
}

// AT_PHDR that does not point to program headers proves nothing.
func TestWrongVector(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		for i, n := range c.Core.Notes[0] {
			if n.Type == ntAuxv {
				n.Desc[8]++
				c.Core.Notes[0][i] = n
			}
		}
	})
	c := mustOpen(t, core, "", Options{})
	if c.Binary() != nil || c.Identity().CoreBuildID != "" {
		t.Errorf("%+v", c.Identity())
	}
	if id := mustOpen(t, core, bin, Options{}).Identity(); id.Match != report.MatchBuildID {
		t.Errorf("with the binary named: %+v", id)
	}
}
