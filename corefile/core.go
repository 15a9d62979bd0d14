package corefile

import (
	"cmp"
	"context"
	"debug/elf"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/safedump/sdcore/report"
)

// Options change how a core is opened. The zero value is the strict default.
type Options struct {
	// AllowMismatch opens a core with a binary whose build ID differs; the
	// Identity records it.
	AllowMismatch bool
	// BinaryDirs are searched, with what is below them, for a binary with the
	// core's build ID when none is named, before the path that the core itself
	// records.
	BinaryDirs []string
	// Candidates, when set, is asked first for files that may be the binary
	// with these build IDs, of which either may be "". Each is proven like
	// every other file.
	Candidates func(gnu, goID string) []string
	// DebugDirs are searched for the debug information of a stripped binary:
	// by build ID in .build-id trees, by the name in .gnu_debuglink, as
	// NAME.debug. The places where systems keep it are searched behind them.
	DebugDirs []string
	// MaxUnpacked bounds the bytes that a compressed core may hold, zeros
	// included. 0 means nine tenths of the free space where it is unpacked,
	// more of which is never written.
	MaxUnpacked int64
	// TempDir is where compressed cores are unpacked, to a private file that
	// never outlives the process; "" means /var/tmp, or else /tmp.
	TempDir string
	// Progress, when set, is called with the bytes of a compressed core that
	// were read and that there are. It must not block.
	Progress func(stage string, done, total int)
}

// Core is an opened core with its binary. Its methods are safe for concurrent
// use. Slices that it returns must not be changed.
type Core struct {
	path     string
	file     *file
	bin      *Binary
	libs     []*file
	mem      *Memory
	notes    *notes
	segments []Segment
	image    *image // the executable's headers in memory, nil when not found
	bias     uint64
	process  report.Process
	identity report.Identity
	problems []report.Problem
	looked   []string // where the binary was looked for
}

// Open opens a core and its binary. binaryPath may be empty: the binary is
// then looked for by build ID, and a core without one is still opened, with
// Binary() == nil and Identity().Match == report.MatchNoBinary.
// Nothing is fetched and no program is run. Errors are one line that starts with
// the file at fault, and wrap one of the package's sentinels or what the
// operating system said.
func Open(ctx context.Context, corePath, binaryPath string, o Options) (*Core, error) {
	f, err := openFile(corePath)
	if err != nil {
		return nil, err
	}
	c := &Core{path: corePath, file: f}
	if err := c.unpack(ctx, o); err != nil {
		c.Close()
		return nil, err
	}
	if err := c.open(ctx, binaryPath, o); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// unpack replaces a compressed core by what is in it.
func (c *Core) unpack(ctx context.Context, o Options) error {
	f, u, err := unpackCore(ctx, c.file, o)
	if err != nil || f == nil {
		return err
	}
	c.file.close()
	c.file = f
	c.problems = append(c.problems, u.problems()...)
	c.evidence("the core is compressed with %s: %d bytes hold %d", u.format, u.used, u.size)
	return nil
}

// open does what Open promises, on the mapped core. On error the caller closes.
func (c *Core) open(ctx context.Context, binaryPath string, o Options) error {
	h, err := coreHeader(c.file.path, c.file.data, binaryPath)
	if err != nil {
		return err
	}
	if c.notes, err = readNotes(c.file.path, c.file.data, h); err != nil {
		return err
	}
	c.readSegments(h)
	if err := ctx.Err(); err != nil {
		return err
	}
	regions, overlaps := segmentRegions(c.file.data, c.segments)
	if overlaps > 0 {
		c.problem("core", false, "%d memory segments overlap others", overlaps)
	}
	c.mem = &Memory{regions: regions} // what the core holds by itself
	c.image = findImage(c.mem, c.notes.auxv, c.segments)
	if err := c.openBinary(ctx, binaryPath, o); err != nil {
		return err
	}
	c.process = c.readProcess()
	c.fillIdentity()
	c.mapFiles(ctx)
	c.problems = append(c.problems, c.notes.problems...)
	if len(c.notes.threads) == 0 {
		c.problem("core", true, "holds no thread: no NT_PRSTATUS note")
	}
	return ctx.Err()
}

// coreHeader parses the header of a core; binaryPath only serves the error.
func coreHeader(path string, data []byte, binaryPath string) (*header, error) {
	h, err := parseIdent(path, data)
	if err != nil {
		return nil, err
	}
	if h.typ != elf.ET_CORE {
		return nil, notCore(path, h.typ, binaryPath)
	}
	if err := h.readProgs(path, data); err != nil {
		return nil, err
	}
	if len(h.progs) == 0 {
		return nil, &FormatError{path, 56, "core without program headers: it holds no memory", ErrCorrupt}
	}
	return h, nil
}

// notCore says what was given in place of a core.
func notCore(path string, typ elf.Type, binaryPath string) error {
	if binaryPath != "" {
		if t, err := fileType(binaryPath); err == nil && t == elf.ET_CORE {
			msg := fmt.Sprintf("is %s and %s is a core dump: give the core first, then the binary", typeName(typ), printable(binaryPath))
			return &FormatError{path, 16, msg, fmt.Errorf("%w: %w", ErrSwapped, ErrNotCore)}
		}
	}
	return &FormatError{path, 16, "is " + typeName(typ) + ", not a core dump", ErrNotCore}
}

// typeName is an ELF file type in words.
func typeName(t elf.Type) string {
	switch t {
	case elf.ET_EXEC:
		return "an executable"
	case elf.ET_DYN:
		return "a position independent executable or shared library"
	case elf.ET_REL:
		return "an object file"
	case elf.ET_CORE:
		return "a core dump"
	}
	return fmt.Sprintf("an ELF file of type %d", uint16(t))
}

// fileType reads the ELF type of a file.
func fileType(path string) (elf.Type, error) {
	f, err := openFile(path)
	if err != nil {
		return 0, err
	}
	defer f.close()
	h, err := parseIdent(path, f.data)
	if err != nil {
		return 0, err
	}
	return h.typ, nil
}

// readSegments makes the segments of the PT_LOAD headers and measures what a
// truncated core lacks.
func (c *Core) readSegments(h *header) {
	size := int64(len(c.file.data))
	for i := range h.progs {
		p := &h.progs[i]
		if p.typ != elf.PT_LOAD || p.memsz == 0 {
			continue
		}
		s := Segment{
			Start: p.vaddr, End: p.end, Offset: int64(p.off), FileSize: int64(p.filesz),
			Read: p.flags&elf.PF_R != 0, Write: p.flags&elf.PF_W != 0, Exec: p.flags&elf.PF_X != 0,
		}
		s.Present = max(0, min(s.FileSize, size-s.Offset))
		if cut := s.FileSize - s.Present; cut > 0 {
			c.identity.TruncatedSegments++
			c.identity.MissingBytes += cut
		}
		c.segments = append(c.segments, s)
	}
	slices.SortStableFunc(c.segments, func(a, b Segment) int { return cmp.Compare(a.Start, b.Start) })
	c.identity.Segments = len(c.segments)
	if n := c.identity.TruncatedSegments; n > 0 {
		c.problem("core", true, "is truncated: %d of %d memory segments are cut short or missing, %d bytes are not there",
			n, len(c.segments), c.identity.MissingBytes)
		c.problem("memory", true, "%s", c.cutSegments())
	}
	if h.countRecovered {
		c.problem("core", false, "the number of program headers (%d) was cut off and is inferred from where the notes start", h.phnum)
	}
}

// maxCutNamed bounds how many cut segments are named in a report.
const maxCutNamed = 32

// cutSegments says what a truncated core has of each segment that it cuts.
func (c *Core) cutSegments() string {
	var b strings.Builder
	b.WriteString("there are only ")
	named := 0
	for i := range c.segments {
		s := &c.segments[i]
		switch {
		case s.Present == s.FileSize:
			continue
		case named == maxCutNamed:
			fmt.Fprintf(&b, ", and %d more", c.identity.TruncatedSegments-named)
			return b.String()
		case named > 0:
			b.WriteString(", ")
		}
		named++
		fmt.Fprintf(&b, "%d of %d bytes at %v", s.Present, s.FileSize, report.Addr(s.Start))
	}
	return b.String()
}

// problem records something wrong with the files.
func (c *Core) problem(subject string, missing bool, format string, args ...any) {
	c.problems = append(c.problems, report.Problem{
		Stage: "corefile", Subject: subject, Message: fmt.Sprintf(format, args...), Missing: missing,
	})
}

// Close releases the files. Values that were read stay valid; views into
// memory do not, and Memory must not be read any more.
func (c *Core) Close() error {
	err := c.file.close()
	if c.bin != nil {
		err = cmp.Or(err, c.bin.Close())
	}
	for _, l := range c.libs {
		err = cmp.Or(err, l.close())
	}
	return err
}

// Path is the core's path as given.
func (c *Core) Path() string { return c.path }

// ModTime is when the core file was last written.
func (c *Core) ModTime() time.Time { return c.file.mod }

// Binary is the binary, nil when there is none.
func (c *Core) Binary() *Binary { return c.bin }

// Memory is the process's memory.
func (c *Core) Memory() *Memory { return c.mem }

// Threads are the threads in the order of the core's notes.
func (c *Core) Threads() []Thread { return c.notes.threads }

// Signal is what NT_SIGINFO says, nil when the core has none.
func (c *Core) Signal() *report.Signal { return c.notes.signal }

// Auxv is the auxiliary vector by AT_ number.
func (c *Core) Auxv() map[uint64]uint64 { return c.notes.auxv }

// Mappings are the file mappings of NT_FILE.
func (c *Core) Mappings() []Mapping { return c.notes.files }

// Segments are the PT_LOAD segments in address order.
func (c *Core) Segments() []Segment { return c.segments }

// Process is what the notes and the initial stack say about the process:
// PID, name, command line and environment.
func (c *Core) Process() report.Process { return c.process }

// Identity says how sure it is that core and binary belong together.
func (c *Core) Identity() report.Identity { return c.identity }

// LoadBias is what must be added to the binary's addresses.
func (c *Core) LoadBias() uint64 { return c.bias }

// Problems lists what was wrong with the files, truncation first.
func (c *Core) Problems() []report.Problem { return c.problems }

// Thread is one thread of the process.
type Thread struct {
	TID    int
	Signal int // pr_cursig
	PC, SP uint64
	Regs   *Registers
}

// Mapping is a file mapped into the process (NT_FILE).
type Mapping struct {
	Start, End uint64
	Offset     uint64 // bytes into the file
	Path       string
}

// Segment is a PT_LOAD segment of the core.
type Segment struct {
	Start, End        uint64 // addresses
	Offset            int64  // of its bytes in the core
	FileSize          int64  // bytes that the core claims to hold
	Present           int64  // bytes that are really there
	Read, Write, Exec bool
}
