package corefile

import (
	"context"
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// write puts a file into a test's directory.
func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// crashFiles writes a synthetic crash whose NT_FILE names the written binary.
// change, when not nil, edits it before.
func crashFiles(t testing.TB, gnuID, goID string, pie bool, change func(*coretest.SynthCrash)) (core, bin string) {
	t.Helper()
	dir := t.TempDir()
	bin = filepath.Join(dir, "pay")
	c := coretest.NewSynthCrash(bin, gnuID, goID, pie)
	if change != nil {
		change(c)
	}
	b, _ := c.Binary.Bytes()
	write(t, dir, "pay", b)
	b, _ = c.Core.Bytes()
	return write(t, dir, "core", b), bin
}

// mustOpen opens a core that is closed with the test.
func mustOpen(t testing.TB, core, bin string, o Options) *Core {
	t.Helper()
	c, err := Open(context.Background(), core, bin, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestOpenSynthetic(t *testing.T) {
	for _, pie := range []bool{false, true} {
		core, bin := crashFiles(t, coretest.SynthGNUID, coretest.SynthGoID, pie, nil)
		c := mustOpen(t, core, bin, Options{})
		bias := uint64(0)
		if pie {
			bias = coretest.SynthPIE
		}
		if c.LoadBias() != bias || c.Path() != core || c.Binary().Path() != bin || c.ModTime().IsZero() {
			t.Errorf("pie %v: bias %#x, path %s, binary %s", pie, c.LoadBias(), c.Path(), c.Binary().Path())
		}
		if len(c.Problems()) != 0 {
			t.Errorf("pie %v: problems %v", pie, c.Problems())
		}
		checkThreads(t, c, bias)
		checkIdentity(t, c)
		s := c.Signal()
		if s == nil || s.Name != "SIGSEGV" || s.Code != 1 || !s.HasAddr || s.Addr != 0x10 || s.PC != report.Addr(coretest.SynthText+0x1200+bias) {
			t.Errorf("signal %+v", s)
		}
		if c.Auxv()[atEntry] != coretest.SynthEntry+bias || len(c.Mappings()) != 3 || len(c.Segments()) != 6 {
			t.Errorf("auxv %v, mappings %v, segments %v", c.Auxv(), c.Mappings(), c.Segments())
		}
		if m := c.Mappings()[1]; m.Path != bin || m.Offset != 3*coretest.SynthPage {
			t.Errorf("mapping %+v", m)
		}
	}
}

func checkThreads(t *testing.T, c *Core, bias uint64) {
	t.Helper()
	th := c.Threads()
	if len(th) != 2 || th[0].TID != coretest.SynthPID || th[1].TID != coretest.SynthPID+1 {
		t.Fatalf("threads %+v", th)
	}
	if th[0].Signal != 6 || th[0].PC != coretest.SynthText+0x1200+bias || th[1].SP != coretest.SynthStack+0x200 {
		t.Errorf("thread %+v", th[0])
	}
	// Registers by DWARF number, against their index in user_regs_struct.
	for reg, index := range map[uint64]uint64{0: 10, 1: 12, 2: 11, 3: 5, 4: 13, 5: 14, 6: 4, 8: 9, 15: 0, 49: 18, RegFSBase: 21, RegGSBase: 22} {
		b, ok := th[0].Regs.Bytes(reg)
		if !ok || binary.LittleEndian.Uint64(b) != 0x1000+index {
			t.Errorf("register %d: %x, want word %d", reg, b, index)
		}
	}
	for i := range uint64(16) {
		b, _ := th[1].Regs.Bytes(RegXMM0 + i)
		if len(b) != 16 || b[0] != 2+byte(i) || b[15] != 2+byte(i) {
			t.Errorf("xmm%d: %x", i, b)
		}
	}
	if _, ok := th[0].Regs.Bytes(33); ok {
		t.Error("register 33 is known")
	}
}

func checkIdentity(t *testing.T, c *Core) {
	t.Helper()
	id := c.Identity()
	if id.Match != report.MatchBuildID || id.CoreBuildID != "0102030405060708090a0b0c0d0e0f1011121314" || id.CoreBuildID != id.BinaryBuildID ||
		id.CoreGoID != coretest.SynthGoID || id.BinaryGoID != coretest.SynthGoID {
		t.Errorf("identity %+v", id)
	}
	if id.GoVersion != coretest.SynthVersion || id.GOOS != "linux" || id.GOARCH != "amd64" || id.MainPackage != "example.org/pay" ||
		id.Main.Version != "v1.2.3" || len(id.Deps) != 1 || id.Deps[0].Sum != "h1:abc=" || len(id.Settings) != 3 || id.Segments != 6 {
		t.Errorf("build %+v", id)
	}
}

// Everything that a core says of its process, read from the initial stack.
func TestProcess(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, nil)
	p := mustOpen(t, core, bin, Options{}).Process()
	if p.PID != coretest.SynthPID || p.Name != "pay" || p.Dir != "/srv/pay" {
		t.Errorf("process %+v", p)
	}
	if !slices.Equal(p.Args, []string{"./pay", "-v"}) || !slices.Equal(p.EnvNames, []string{"HOME", "PWD", "TOKEN"}) {
		t.Errorf("args %q, names %q", p.Args, p.EnvNames)
	}
	if len(p.Env) != 3 || p.Env[1].Name != "TOKEN" || p.Env[1].Value != "s3cr3t=x" {
		t.Errorf("env %+v", p.Env)
	}
}

// A string that looks like the auxiliary vector, but is not aligned, does not
// lead astray.
func TestVectorLookAlike(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		stack := c.Core.Segments[5].Data
		copy(stack[coretest.SynthPage+0xa01:], stack[coretest.SynthPage+0x40:][:0x40])
	})
	if p := mustOpen(t, core, bin, Options{}).Process(); !slices.Equal(p.Args, []string{"./pay", "-v"}) || len(p.EnvNames) != 3 {
		t.Errorf("%+v", p)
	}
}

// Without an initial stack the command line of NT_PRPSINFO is all there is,
// and that is said.
func TestProcessFallback(t *testing.T) {
	stack := func(c *coretest.SynthCrash) *coretest.SynthSegment { return &c.Core.Segments[5] }
	for name, change := range map[string]func(*coretest.SynthCrash){
		"stack not dumped": func(c *coretest.SynthCrash) {
			stack(c).MemSize, stack(c).Data = uint64(len(stack(c).Data)), nil
		},
		"wrong argc":                 func(c *coretest.SynthCrash) { stack(c).Data[coretest.SynthPage] = 9 },
		"environment without an end": func(c *coretest.SynthCrash) { stack(c).Data[coretest.SynthPage+0x38] = 1 },
		"no vector":                  func(c *coretest.SynthCrash) { clear(stack(c).Data[coretest.SynthPage+0x40:][:0x60]) },
		"no NT_AUXV":                 func(c *coretest.SynthCrash) { c.Core.Notes[0] = slices.Delete(c.Core.Notes[0], 3, 4) },
	} {
		core, bin := crashFiles(t, coretest.SynthGNUID, "", false, change)
		c := mustOpen(t, core, bin, Options{})
		p := c.Process()
		if !slices.Equal(p.Args, []string{"./pay", "-v"}) || p.EnvNames != nil || p.Env != nil || p.PID != coretest.SynthPID {
			t.Errorf("%s: %+v", name, p)
		}
		if !hasProblem(c, "initial stack was not found") {
			t.Errorf("%s: problems %v", name, c.Problems())
		}
	}
}

func hasProblem(c *Core, text string) bool {
	return slices.ContainsFunc(c.Problems(), func(p report.Problem) bool { return strings.Contains(p.Message, text) })
}

// Notes of other names, other types and odd sizes are survived.
func TestOddNotes(t *testing.T) {
	short := func(n coretest.SynthNote, by int) coretest.SynthNote { n.Desc = n.Desc[:len(n.Desc)-by]; return n }
	tests := []struct {
		name    string
		notes   []coretest.SynthNote
		problem string
		threads int
	}{
		{"other vendor", []coretest.SynthNote{{Name: "VMCOREINFO", Type: 1, Desc: []byte("x")}, coretest.PRStatus(1, 6, 2, 3)}, "", 1},
		{"no thread", []coretest.SynthNote{coretest.PRPSInfo(1, "a", "a")}, "holds no thread", 0},
		{"no info", []coretest.SynthNote{coretest.PRStatus(1, 6, 2, 3)}, "no NT_PRPSINFO", 1},
		{"short info", []coretest.SynthNote{short(coretest.PRPSInfo(1, "a", "a"), 1)}, "has 135 bytes", 0},
		{"short signal", []coretest.SynthNote{short(coretest.SigInfo(11, 1, 1), 110)}, "has only 18 bytes", 0},
		{"count of files", []coretest.SynthNote{{Name: "CORE", Type: ntFile, Desc: coretest.Words(1<<40, 4096)}}, "mappings in 0 bytes", 0},
		{"names of files", []coretest.SynthNote{short(coretest.FileNote(coretest.FileMap{Start: 1, End: 2, Path: "/a"}), 1)}, "string without an end", 0},
		{"order of files", []coretest.SynthNote{coretest.FileNote(coretest.FileMap{Start: 5, End: 9, Path: "/a"}, coretest.FileMap{Start: 8, End: 10, Path: "/a"})}, "makes no sense", 0},
		{"a thousand odd notes", slices.Repeat([]coretest.SynthNote{{Name: "CORE", Type: ntPRPSInfo}}, 1000), "has 0 bytes", 0},
		{"vectors without thread", []coretest.SynthNote{coretest.FPRegs(1)}, "", 0},
		{"empty vector", []coretest.SynthNote{{Name: "CORE", Type: ntAuxv}}, "", 0},
	}
	for _, tt := range tests {
		e := coretest.SynthELF{Type: elf.ET_CORE, Notes: [][]coretest.SynthNote{tt.notes}}
		b, _ := e.Bytes()
		c := mustOpen(t, write(t, t.TempDir(), "core", b), "", Options{})
		if len(c.Threads()) != tt.threads {
			t.Errorf("%s: threads %v", tt.name, c.Threads())
		}
		if tt.problem != "" && !hasProblem(c, tt.problem) || len(c.Problems()) > 6 {
			t.Errorf("%s: problems %v", tt.name, c.Problems())
		}
	}
}

// All PT_NOTE segments are read, not the first one only.
func TestManyNoteSegments(t *testing.T) {
	core, bin := crashFiles(t, coretest.SynthGNUID, "", false, func(c *coretest.SynthCrash) {
		n := c.Core.Notes[0]
		c.Core.Notes = [][]coretest.SynthNote{n[:2], n[2:6], n[6:]}
	})
	checkThreads(t, mustOpen(t, core, bin, Options{}), 0)
}

// More program headers than the ELF header can count (PN_XNUM): the count is
// in a section header at the end of the file, which truncation takes first.
func TestExtendedProgramHeaderCount(t *testing.T) {
	const count = 70000
	e := coretest.SynthELF{Type: elf.ET_CORE, ExtendedCount: true, Notes: [][]coretest.SynthNote{{coretest.PRStatus(1, 6, 2, 3)}}}
	for i := range uint64(count) {
		e.Segments = append(e.Segments, coretest.SynthSegment{Addr: 0x10000 + i*2*coretest.SynthPage, MemSize: coretest.SynthPage, Flags: elf.PF_R})
	}
	e.Segments[count-1].Data = []byte("last")
	b, _ := e.Bytes()
	dir := t.TempDir()
	for name, data := range map[string][]byte{"whole": b, "cut": b[:len(b)-64]} {
		c := mustOpen(t, write(t, dir, name, data), "", Options{})
		if len(c.Segments()) != count || len(c.Threads()) != 1 {
			t.Errorf("%s: %d segments, %d threads", name, len(c.Segments()), len(c.Threads()))
		}
		if v, _, ok := c.Memory().View(0x10000+(count-1)*2*coretest.SynthPage, 4); !ok || string(v) != "last" {
			t.Errorf("%s: last segment %q", name, v)
		}
		if inferred := hasProblem(c, "is inferred"); inferred != (name == "cut") {
			t.Errorf("%s: problems %v", name, c.Problems())
		}
	}
}

// A truncated core says of each segment what is there, of the first ones when
// there are many.
func TestCutSegments(t *testing.T) {
	e := coretest.SynthELF{Type: elf.ET_CORE, Notes: [][]coretest.SynthNote{{coretest.PRStatus(1, 6, 2, 3)}}}
	for i := range uint64(40) {
		e.Segments = append(e.Segments, coretest.SynthSegment{Addr: 0x10000 + i*2*coretest.SynthPage, Data: make([]byte, coretest.SynthPage), Flags: elf.PF_R})
	}
	b, l := e.Bytes()
	dir := t.TempDir()
	for segment, want := range map[int][]string{
		38: {"there are only 9 of 4096 bytes at 0x5c000, 0 of 4096 bytes at 0x5e000"},
		2:  {"there are only 9 of 4096 bytes at 0x14000, 0 of 4096 bytes at 0x16000, ", " 0 of 4096 bytes at 0x52000, and 6 more"},
	} {
		c := mustOpen(t, write(t, dir, "core", b[:l.Segments[segment]+9]), "", Options{})
		for _, s := range want {
			if !hasProblem(c, s) {
				t.Errorf("problems %v lack %q", c.Problems(), s)
			}
		}
		c.Close()
	}
}

// Only a fault that the processor raised has an address.
func TestSignals(t *testing.T) {
	for _, tt := range []struct {
		sig, code int32
		name      string
		hasAddr   bool
	}{
		{11, 1, "SIGSEGV", true},
		{7, 2, "SIGBUS", true},
		{11, 0, "SIGSEGV", false},    // kill(2)
		{11, -6, "SIGSEGV", false},   // tgkill(2)
		{11, 0x80, "SIGSEGV", false}, // SI_KERNEL: a non-canonical address, which is not told
		{6, -6, "SIGABRT", false},
		{34, 0, "signal 34", false},
		{0, 0, "", false},
	} {
		e := coretest.SynthELF{Type: elf.ET_CORE, Notes: [][]coretest.SynthNote{{coretest.PRStatus(1, 6, 0x42, 3), coretest.SigInfo(tt.sig, tt.code, 0x123)}}}
		b, _ := e.Bytes()
		s := mustOpen(t, write(t, t.TempDir(), "core", b), "", Options{}).Signal()
		if tt.sig == 0 {
			if s != nil {
				t.Errorf("no signal: %+v", s)
			}
			continue
		}
		want := report.Signal{Number: int(tt.sig), Name: tt.name, Code: int(tt.code), Source: "NT_SIGINFO", HasAddr: tt.hasAddr}
		if tt.hasAddr {
			want.Addr, want.PC = 0x123, 0x42
		}
		if s == nil || *s != want {
			t.Errorf("signal %d code %d: %+v", tt.sig, tt.code, s)
		}
	}
}
