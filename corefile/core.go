package corefile

import (
	"context"
	"errors"

	"github.com/safedump/sdcore/report"
)

// Errors that callers tell apart. Each is wrapped with the file and the place.
var (
	ErrNotELF         = errors.New("not an ELF file")
	ErrNotCore        = errors.New("not a core dump")
	ErrUnsupported    = errors.New("unsupported architecture or format")
	ErrNoDWARF        = errors.New("binary has no debug information")
	ErrNotGo          = errors.New("not a Go binary")
	ErrBinaryMismatch = errors.New("core and binary do not belong together")
	ErrTruncated      = errors.New("file is truncated")
	ErrUnmapped       = errors.New("address is not mapped")
)

// Options change how a core is opened. The zero value is the strict default.
type Options struct {
	// AllowMismatch opens a core with a binary whose build ID differs; the
	// Identity records it.
	AllowMismatch bool
	// BinaryDirs are searched for a binary with the core's build ID when none
	// is named, before the path that the core itself records.
	BinaryDirs []string
}

// Core is an opened core with its binary. Its methods are safe for concurrent
// use. Slices that it returns must not be changed.
type Core struct{}

// Open opens a core and its binary. binaryPath may be empty: the binary is
// then looked for by build ID, and a core without one is still opened, with
// Binary() == nil and Identity().Match == report.MatchNoBinary.
// Nothing is fetched and no program is run.
func Open(ctx context.Context, corePath, binaryPath string, o Options) (*Core, error) {
	return nil, errors.New("not built yet")
}

// Close releases the files. Values that were read stay valid; views into
// memory do not.
func (c *Core) Close() error { return nil }

// Path is the core's path as given.
func (c *Core) Path() string { return "" }

// Binary is the binary, nil when there is none.
func (c *Core) Binary() *Binary { return nil }

// Memory is the process's memory.
func (c *Core) Memory() *Memory { return nil }

// Threads are the threads in the order of the core's notes.
func (c *Core) Threads() []Thread { return nil }

// Signal is what NT_SIGINFO says, nil when the core has none.
func (c *Core) Signal() *report.Signal { return nil }

// Auxv is the auxiliary vector by AT_ number.
func (c *Core) Auxv() map[uint64]uint64 { return nil }

// Mappings are the file mappings of NT_FILE.
func (c *Core) Mappings() []Mapping { return nil }

// Segments are the PT_LOAD segments in address order.
func (c *Core) Segments() []Segment { return nil }

// Process is what the notes and the initial stack say about the process:
// PID, name, command line and environment.
func (c *Core) Process() report.Process { return report.Process{} }

// Identity says how sure it is that core and binary belong together.
func (c *Core) Identity() report.Identity { return report.Identity{} }

// LoadBias is what must be added to the binary's addresses.
func (c *Core) LoadBias() uint64 { return 0 }

// Problems lists what was wrong with the files, truncation first.
func (c *Core) Problems() []report.Problem { return nil }

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
