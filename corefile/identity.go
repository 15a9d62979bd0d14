package corefile

import (
	"bytes"
	"context"
	"debug/elf"
	"fmt"

	"github.com/safedump/sdcore/report"
)

// openBinary opens the binary, or looks for one, and proves that it belongs to
// the core.
func (c *Core) openBinary(ctx context.Context, path string, o Options) error {
	id := &c.identity
	id.Core, id.Binary, id.Match = c.path, path, report.MatchNoBinary
	id.Evidence = append([]string{}, id.Evidence...)
	if c.image == nil {
		c.evidence("the core does not hold the first page of its executable (coredump_filter bit 4), so its build ID is unknown")
	}
	if path == "" {
		b, err := c.findBinary(ctx, o)
		if err != nil || b == nil {
			c.withoutBinary()
			return err
		}
		c.bin = b
	} else {
		b, err := OpenBinary(path)
		if err != nil {
			return err
		}
		c.bin = b
		c.chooseImage()
	}
	c.bin.findDebug(o.DebugDirs, c.evidence)
	c.identifyImage()
	id.Binary, id.BinaryBuildID, id.BinaryGoID = c.bin.path, c.bin.ids.gnu, c.bin.ids.gob
	reason := c.findBias()
	if r := c.compare(); r != "" {
		reason = r
	}
	if reason == "" {
		return nil
	}
	if !o.AllowMismatch {
		return fmt.Errorf("%s and %s: %w: %s", printable(c.path), printable(c.bin.path), ErrBinaryMismatch, reason)
	}
	id.Match = report.MatchMismatch
	c.evidence("opened nevertheless, as asked: %s", reason)
	c.problem("binary", false, "does not belong to the core (%s): names, lines, types and read-only data may be wrong", reason)
	return nil
}

// chooseImage looks for the binary elsewhere in memory when the program's main
// executable is another file: a program started as "ld.so PROGRAM", or Go code
// in a shared library.
func (c *Core) chooseImage() {
	if c.image != nil && c.image.ids.sameBuild(c.bin.ids) {
		return
	}
	if img := imageWith(c.mem, c.segments, c.bin.ids.sameBuild); img != nil {
		c.image = img
		c.evidence("the binary is mapped at %v, but not as the file that the kernel started", report.Addr(img.base))
	}
}

// identifyImage records the build IDs in memory.
func (c *Core) identifyImage() {
	if c.image != nil {
		c.identity.CoreBuildID, c.identity.CoreGoID = c.image.ids.gnu, c.image.ids.gob
	}
}

// evidence records a fact about identity.
func (c *Core) evidence(format string, args ...any) {
	c.identity.Evidence = append(c.identity.Evidence, fmt.Sprintf(format, args...))
}

// compare sets the verdict on core and binary. The result is empty, or why
// they do not belong together.
func (c *Core) compare() (mismatch string) {
	id := &c.identity
	id.Match = report.MatchNone
	gnu, gob := "", ""
	if id.CoreBuildID != "" && id.BinaryBuildID != "" {
		gnu = relation(id.CoreBuildID, id.BinaryBuildID)
		c.evidence("GNU build ID in the core %s, in the binary %s: %s", id.CoreBuildID, id.BinaryBuildID, gnu)
	}
	if id.CoreGoID != "" && id.BinaryGoID != "" {
		gob = relation(id.CoreGoID, id.BinaryGoID)
		c.evidence("Go build ID in the core %s, in the binary %s: %s", id.CoreGoID, id.BinaryGoID, gob)
	}
	switch {
	case gnu == different:
		return fmt.Sprintf("GNU build ID in the core %s, in the binary %s", id.CoreBuildID, id.BinaryBuildID)
	case gob == different:
		return fmt.Sprintf("Go build ID in the core %s, in the binary %s", id.CoreGoID, id.BinaryGoID)
	case gnu == equal || gob == equal:
		id.Match = report.MatchBuildID
		return ""
	}
	c.evidence("no build ID to compare: the core has %s, the binary has %s", c.which(id.CoreBuildID, id.CoreGoID), c.which(id.BinaryBuildID, id.BinaryGoID))
	return c.compareContents()
}

// The outcomes of a comparison.
const (
	equal     = "equal"
	different = "different"
)

// relation compares two IDs.
func relation(a, b string) string {
	if a == b {
		return equal
	}
	return different
}

// which names the IDs that one side has.
func (c *Core) which(gnu, gob string) string {
	switch {
	case gnu != "" && gob != "":
		return "both"
	case gnu != "":
		return "a GNU one"
	case gob != "":
		return "a Go one"
	}
	return "none"
}

// compareContents compares, in absence of build IDs, what both sides hold and
// no program changes: the header page, the build info, the tables of functions.
// Equality is evidence only; a difference proves that they do not belong
// together.
func (c *Core) compareContents() (mismatch string) {
	if n, ok := c.notes.auxv[atPHNum]; ok && n != uint64(len(c.bin.head.progs)) {
		return fmt.Sprintf("the program that crashed had %d program headers, the binary has %d", n, len(c.bin.head.progs))
	}
	if c.image != nil {
		a, b := c.image.bytes, c.bin.file.data
		n := min(len(a), len(b), pageSize)
		have, want := programHeaders(a, c.image.head), programHeaders(b, c.bin.head)
		switch {
		case have == nil || want == nil:
		case !bytes.Equal(have, want):
			return "their program headers differ"
		case bytes.Equal(a[:n], b[:n]):
			c.evidence("the first %d bytes of the executable in the core and of the binary are equal", n)
		default:
			c.evidence("program headers in the core and in the binary are equal")
		}
	}
	if m := c.compareBuildInfo(); m != "" {
		return m
	}
	return c.compareModuleData()
}

// programHeaders returns the program header table in data, nil when it is not whole.
func programHeaders(data []byte, h *header) []byte {
	end := h.phoff + h.phnum*phdrSize
	if end > uint64(len(data)) {
		return nil
	}
	return data[h.phoff:end]
}

// compareBuildInfo compares the section that the go command's build info lies
// in, byte for byte.
func (c *Core) compareBuildInfo() (mismatch string) {
	s, _ := c.bin.section(".go.buildinfo")
	if s == nil || s.Type == elf.SHT_NOBITS || s.FileSize > maxBuildInfo {
		return ""
	}
	want, err := c.bin.DebugSection(".go.buildinfo")
	if err != nil || len(want) < buildInfoHeader || want[buildInfoFlags]&buildInfoInline == 0 {
		return "" // before Go 1.18 it holds pointers, which are relocated
	}
	return c.compareBytes("Go build info", s.Addr, want)
}

// compareModuleData compares the start of runtime.firstmoduledata: addresses
// and sizes of the function tables and the bounds of the program text, which
// the linker writes and nothing changes. Position independent binaries have
// them relocated. Source: Go 1.18 to 1.26, runtime/symtab.go, moduledata up to
// etext: 1 + 6*3 + 1 + 2 + 2 words.
func (c *Core) compareModuleData() (mismatch string) {
	const size = (1 + 6*3 + 1 + 2 + 2) * 8
	addr, _, ok := c.bin.Symbol("runtime.firstmoduledata")
	if !ok || c.bin.head.typ != elf.ET_EXEC {
		return ""
	}
	for i := range c.bin.head.progs {
		p := &c.bin.head.progs[i]
		if p.typ == elf.PT_LOAD && p.vaddr <= addr && addr-p.vaddr < p.filesz && p.filesz-(addr-p.vaddr) >= size {
			off := p.off + (addr - p.vaddr)
			return c.compareBytes("function tables (runtime.firstmoduledata)", addr, c.bin.file.data[off:off+size])
		}
	}
	return ""
}

// compareBytes compares a piece of the binary with memory at its address.
// Memory that the core does not hold proves nothing.
func (c *Core) compareBytes(what string, addr uint64, want []byte) (mismatch string) {
	have, p, ok := c.mem.View(addr+c.bias, len(want))
	switch {
	case !ok || p != FromCore:
		return ""
	case !bytes.Equal(have, want):
		return "their " + what + " differ"
	}
	c.evidence("%s: equal in the core and in the binary", what)
	return ""
}

// fillIdentity adds what the build says about itself.
func (c *Core) fillIdentity() {
	id := &c.identity
	id.LoadBias = report.Addr(c.bias)
	id.Deps, id.Settings = []report.Module{}, []report.Setting{}
	info := c.buildInfoFromCore()
	if info != nil {
		c.evidence("build info was read from the core")
	} else if c.bin != nil && id.Match != report.MatchMismatch {
		var err error
		if info, err = c.bin.BuildInfo(); err != nil {
			c.problem("binary", true, "no Go build info: not a Go program, or one that was stripped of it")
			return
		}
	}
	if info == nil {
		c.problem("core", true, "Go version and modules are unknown: the core does not hold the build info")
		return
	}
	id.GoVersion, id.MainPackage = info.GoVersion, info.Path
	id.Main = module(&info.Main)
	for _, d := range info.Deps {
		id.Deps = append(id.Deps, module(d))
	}
	for _, s := range info.Settings {
		id.Settings = append(id.Settings, report.Setting{Key: s.Key, Value: s.Value})
		switch s.Key {
		case "GOOS":
			id.GOOS = s.Value
		case "GOARCH":
			id.GOARCH = s.Value
		}
	}
	if id.GOOS == "" {
		id.GOOS = "linux" // the notes that this package reads are Linux's
	}
	if id.GOARCH == "" {
		id.GOARCH = "amd64" // checked in the ELF header
	}
}
