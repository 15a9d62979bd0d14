package corefile

import (
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// program writes a binary with debug information and a symbol.
func program(t testing.TB, gnuID, goID string) (path string) {
	t.Helper()
	c := coretest.NewSynthCrash("/pay", gnuID, goID, false)
	var notes []coretest.SynthSection
	_, l := c.Binary.Bytes()
	if gnuID != "" || goID != "" {
		note := coretest.NoteBytes(c.Binary.Notes[0])
		notes = append(notes, coretest.SynthSection{Name: ".note", Type: elf.SHT_NOTE, Flags: elf.SHF_ALLOC, Offset: l.Headers, Data: note})
	}
	info := tinyInfoBytes()
	c.Binary.Sections = slices.Concat(c.Binary.Sections, notes, []coretest.SynthSection{
		{Name: ".debug_abbrev", Type: elf.SHT_PROGBITS, Data: []byte(tinyAbbrev)},
		{Name: ".debug_info", Type: elf.SHT_PROGBITS, Flags: elf.SHF_COMPRESSED, Data: deflated(info, uint64(len(info)))},
		{Name: ".symtab", Type: elf.SHT_SYMTAB, Link: uint32(len(notes) + 6), Data: append(sym(0, 0, 0, 0), sym(1, 1, 0x1234, 8)...)},
		{Name: ".strtab", Type: elf.SHT_STRTAB, Data: []byte("\x00main.main\x00")},
	})
	b, _ := c.Binary.Bytes()
	return write(t, t.TempDir(), "pay", b)
}

// found opens a stripped binary and looks for its debug information.
func found(t *testing.T, path string, dirs ...string) (*Binary, []string) {
	t.Helper()
	b := mustBinary(t, path)
	var evidence []string
	b.findDebug(dirs, func(format string, args ...any) { evidence = append(evidence, fmt.Sprintf(format, args...)) })
	return b, evidence
}

func TestDebugFile(t *testing.T) {
	whole := program(t, coretest.SynthGNUID, coretest.SynthGoID)
	want := mustBinary(t, whole)
	if !want.HasDWARF() || want.DebugPath() != whole {
		t.Fatalf("the program itself has no debug information: %q", want.DebugPath())
	}
	id := want.GNUBuildID()
	stripped, debug := coretest.Split(t, whole, "pay.dbg")
	inTree := filepath.Join(".build-id", id[:2], id[2:]+".debug")
	for _, name := range []string{inTree, inTree[len(".build-id/"):], "pay.dbg", "pay.debug", "pay"} {
		dir, home := t.TempDir(), t.TempDir()
		path := filepath.Join(dir, name)
		write(t, dir, "x", debug)
		move(t, filepath.Join(dir, "x"), path)
		b, evidence := found(t, write(t, home, "pay", stripped), filepath.Join(dir, "none"), dir)
		checkDebugFile(t, name, b, path)
		if len(evidence) != 1 || !strings.Contains(evidence[0], path+": equal build ID") {
			t.Errorf("%s: evidence %q", name, evidence)
		}
	}
	for _, name := range []string{"pay.dbg", ".debug/pay.dbg", "pay.debug"} {
		home := t.TempDir()
		bin := write(t, home, "pay", stripped)
		write(t, home, "x", debug)
		b, _ := found(t, bin)
		if b.HasDWARF() || b.DebugPath() != "" || len(b.DebugSearch()) < 4 {
			t.Errorf("without a debug file: %q, searched %q", b.DebugPath(), b.DebugSearch())
		}
		b, _ = found(t, bin, "/nowhere")
		if _, err := b.DWARF(); !errors.Is(err, ErrNoDWARF) {
			t.Errorf("without a debug file: %v", err)
		}
		path := move(t, filepath.Join(home, "x"), filepath.Join(home, name))
		b, _ = found(t, bin)
		checkDebugFile(t, "beside the binary, "+name, b, path)
		link := filepath.Join(t.TempDir(), "server")
		if err := os.Symlink(bin, link); err != nil {
			t.Fatal(err)
		}
		b, _ = found(t, link)
		checkDebugFile(t, "beside what is linked to, "+name, b, path)
	}
}

// checkDebugFile checks that everything about debug information comes from the
// file at path.
func checkDebugFile(t *testing.T, name string, b *Binary, path string) {
	t.Helper()
	if !b.HasDWARF() || b.DebugPath() != path || b.DebugELF() == b.ELF() {
		t.Errorf("%s: debug information in %q, searched %q", name, b.DebugPath(), b.DebugSearch())
		return
	}
	if d, err := b.DWARF(); err != nil {
		t.Errorf("%s: %v", name, err)
	} else if e, err := d.Reader().Next(); err != nil || e == nil {
		t.Errorf("%s: first entry %v, %v", name, e, err)
	}
	if data, err := b.DebugSection(".debug_info"); err != nil || !bytes.Equal(data, tinyInfoBytes()) {
		t.Errorf("%s: .debug_info is %q, %v", name, data, err)
	}
	if data, err := b.DebugSection(".go.buildinfo"); err != nil || len(data) == 0 || data[0] != 0xff {
		t.Errorf("%s: .go.buildinfo is not the binary's: %q, %v", name, data, err)
	}
	if addr, size, ok := b.Symbol("main.main"); !ok || addr != 0x1234 || size != 8 {
		t.Errorf("%s: symbol %#x, %d, %v", name, addr, size, ok)
	}
	if info, err := b.BuildInfo(); err != nil || info.GoVersion != coretest.SynthVersion {
		t.Errorf("%s: build info %v, %v", name, info, err)
	}
}

// What is not proven to belong to the binary is not used, and told of.
func TestWrongDebugFile(t *testing.T) {
	stripped, debug := coretest.Split(t, program(t, coretest.SynthGNUID, ""), "pay.dbg")
	_, other := coretest.Split(t, program(t, strings.Repeat("z", 20), ""), "")
	bare, bareDebug := coretest.Split(t, program(t, "", ""), "pay.dbg")
	unlinked, _ := coretest.Split(t, program(t, "", ""), "")
	for _, tt := range []struct {
		name, file    string
		binary, debug []byte
		says          string // "" when it is to be used
	}{
		{"another build", "pay.dbg", stripped, other, "pay.dbg (another build)"},
		{"no build ID to compare", "pay.debug", stripped, bareDebug, "pay.debug (nothing proves"},
		{"checksum", "pay.dbg", bare, bareDebug, ""},
		{"wrong checksum", "pay.dbg", bare, append(bytes.Clone(bareDebug), 0), "pay.dbg (nothing proves"},
		{"name alone", "pay.debug", unlinked, bareDebug, "pay.debug (nothing proves"},
		{"stripped as well", "pay.dbg", stripped, stripped, "pay.dbg (holds no debug information)"},
		{"text", "pay.dbg", stripped, []byte("text"), "pay.dbg (is not an ELF file)"},
		{"compressed", "pay.dbg", stripped, []byte("\x28\xb5\x2f\xfd...."), "pay.dbg (is compressed with zstd"},
		{"cut", "pay.dbg", stripped, debug[:len(debug)-9], "is truncated"},
		{"a core", "pay.dbg", stripped, func() []byte { b := bytes.Clone(debug); b[16] = 4; return b }(), "a core dump, not debug information"},
	} {
		home := t.TempDir()
		write(t, home, tt.file, tt.debug)
		b, evidence := found(t, write(t, home, "pay", tt.binary))
		if b.HasDWARF() != (tt.says == "") {
			t.Errorf("%s: debug information in %q", tt.name, b.DebugPath())
		}
		if got := strings.Join(evidence, "\n"); !strings.Contains(got, tt.says) {
			t.Errorf("%s: evidence %q", tt.name, got)
		}
	}
	// A directory, and a link that leads out of the directory.
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "pay.dbg"), 0o700); err != nil {
		t.Fatal(err)
	}
	if b, _ := found(t, write(t, home, "pay", stripped)); !slices.ContainsFunc(b.DebugSearch(), func(s string) bool { return strings.Contains(s, "pay.dbg (is a directory)") }) {
		t.Errorf("a directory: searched %q", b.DebugSearch())
	}
	for _, link := range []string{"../pay.dbg", "/pay.dbg", ".", "..", "", strings.Repeat("x", 300)} {
		evil, _ := coretest.Split(t, program(t, coretest.SynthGNUID, ""), link)
		if name, _ := mustBinary(t, write(t, home, "pay", evil)).debugLink(); name != "" {
			t.Errorf("link %q is followed to %q", link, name)
		}
	}
}

// A binary with its own debug information is not searched for any.
func TestOwnDebugInformation(t *testing.T) {
	whole := program(t, coretest.SynthGNUID, "")
	b, evidence := found(t, whole, filepath.Dir(whole))
	if len(evidence) != 0 || b.debug != nil || b.DebugSearch() != nil {
		t.Errorf("evidence %q, searched %q", evidence, b.DebugSearch())
	}
}

// The debug information of a real binary, split by binutils and by us.
func TestRealDebugFile(t *testing.T) {
	f := coretest.Core(t, "payment")
	whole := mustBinary(t, f.Bin)
	want, err := whole.DebugSection(".debug_info")
	if err != nil {
		t.Fatal(err)
	}
	id := whole.GNUBuildID()
	tree := func(dir string) string { return filepath.Join(dir, ".build-id", id[:2], id[2:]+".debug") }
	check := func(name, bin, debugDir string) {
		c := mustOpen(t, f.Core, bin, Options{DebugDirs: []string{debugDir}})
		if got, err := c.Binary().DebugSection(".debug_info"); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of .debug_info, want %d, %v", name, len(got), len(want), err)
		}
		checkBuildVersion(t, c)
		if _, _, ok := c.Binary().Symbol("main.main"); !ok {
			t.Errorf("%s: no symbols", name)
		}
		if c = mustOpen(t, f.Core, bin, Options{}); c.Binary().HasDWARF() {
			t.Errorf("%s: debug information without the debug file, in %s", name, c.Binary().DebugPath())
		}
	}
	dir := t.TempDir()
	stripped, debug := coretest.Split(t, f.Bin, "")
	write(t, dir, "x", debug)
	move(t, filepath.Join(dir, "x"), tree(dir))
	check("our split", write(t, t.TempDir(), "bin", stripped), dir)
	objcopy, err := exec.LookPath("objcopy")
	if err != nil {
		t.Log("no objcopy: its split is not tested")
		return
	}
	dir, bin := t.TempDir(), filepath.Join(t.TempDir(), "bin")
	for _, args := range [][]string{{"--only-keep-debug", f.Bin, filepath.Join(dir, "x")}, {"--strip-all", f.Bin, bin}} {
		if out, err := exec.Command(objcopy, args...).CombinedOutput(); err != nil {
			t.Fatalf("objcopy %v: %v\n%s", args, err, out)
		}
	}
	move(t, filepath.Join(dir, "x"), tree(dir))
	check("objcopy", bin, dir)
}
