// Package sdcore turns the core of a crashed Go program and its binary into a
// report: every goroutine with its frames, arguments and locals, the package
// variables, and why the program died.
//
// For most uses [Analyze] is all there is to call; redact.Apply then removes
// the secrets and export writes the result:
//
//	rep, err := sdcore.Analyze(ctx, "core.1234", "./server", sdcore.Options{})
//	...
//	res, err := redact.Apply(rep, redact.Default())
//	...
//	err = export.Text(os.Stdout, res, export.TextOptions{})
//
// A [Session] answers several questions about one core without opening it
// again. Every answer is a *report.Report with the parts that were asked for,
// so that there is one way to the outside: through redact.
//
// It is the only package that knows the order of the stages. It does not
// redact and does not render.
package sdcore

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/safedump/sdcore/report"
)

// Options change how a core is analyzed. The zero value is the default of the
// commands.
type Options struct {
	// Backend finds goroutines and unwinds stacks: "native", sdcore's own, or
	// "delve". "" means native where the program is one that it can read.
	Backend string
	// AllowMismatch goes on when core and binary do not belong together; the
	// report says so.
	AllowMismatch bool
	// BinaryDirs are searched, with what is below them, for the binary by build
	// ID when none is named.
	BinaryDirs []string
	// Candidates, when set, is asked before them for files that may be the
	// binary with these build IDs, of which either may be "".
	Candidates func(gnu, goID string) []string
	// DebugDirs are searched for the debug information of a stripped binary.
	DebugDirs []string
	// MaxUnpacked bounds the bytes that a compressed core may hold; 0 means
	// nine tenths of the free space where it is unpacked.
	MaxUnpacked int64
	// TempDir is where a compressed core is unpacked, to a private file that
	// never outlives the process; "" means /var/tmp, or else /tmp.
	TempDir string
	// SourceDirs are where source files are looked for, by the longest suffix
	// of the recorded path, when the recorded path itself does not exist.
	SourceDirs []string
	// Limits bound what is decoded; zero fields mean the defaults, -1 none.
	Limits report.Limits
	// RuntimeVars decodes the variables of the Go runtime's own frames in every
	// goroutine. Without it that is done for the one that crashed only: the
	// frames of a parked goroutine have dozens that say nothing about the
	// program. What was left out is counted in the report.
	RuntimeVars bool
	// Globals includes the package variables in Analyze's report.
	Globals bool
	// Heap adds a summary of the heap to Analyze's report, and to big values what
	// they retain.
	Heap bool
	// Tier is recorded in the report; redact makes it true.
	Tier int
	// CrashTime is when the program died, where that is known better than by
	// the modification time of the core; CrashTimeSource says from where.
	CrashTime       time.Time
	CrashTimeSource string
	// Progress, when set, is called at times with the stage that runs and how
	// far it is; total is 0 when unknown. It must not block.
	Progress func(stage string, done, total int)
}

// Backends are the names that Options.Backend takes.
func Backends() []string { return []string{backendNative, backendDelve} }

const (
	backendNative = "native"
	backendDelve  = "delve"
)

// Default limits, in effect where a field of report.Limits is zero.
const (
	DefaultMaxString = 1024
	DefaultMaxItems  = 64
	DefaultMaxDepth  = 6
	DefaultMaxNodes  = 2000
	DefaultMaxFrames = 256
	DefaultMaxSize   = 10 << 20 // Safedump's declared bound
)

// DefaultLimits are the limits of the commands.
func DefaultLimits() report.Limits { return withDefaults(report.Limits{}) }

func withDefaults(l report.Limits) report.Limits {
	set := func(v *int, d int) {
		if *v == 0 {
			*v = d
		}
	}
	set(&l.MaxString, DefaultMaxString)
	set(&l.MaxItems, DefaultMaxItems)
	set(&l.MaxDepth, DefaultMaxDepth)
	set(&l.MaxNodes, DefaultMaxNodes)
	set(&l.MaxFrames, DefaultMaxFrames)
	if l.MaxSize == 0 {
		l.MaxSize = DefaultMaxSize
	}
	return l
}

// Analyze opens a core and its binary and reports everything about the crash.
// The binary may be empty, it is then looked for. An error means that nothing
// can be said; what merely is missing is in the report's Problems.
func Analyze(ctx context.Context, core, binary string, o Options) (*report.Report, error) {
	s, err := Open(ctx, core, binary, o)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	return s.Report(ctx)
}

// Version is the version of this module as the go command recorded it, or
// "devel".
func Version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "devel"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == modulePath && m.Version != "" && m.Version != "(devel)" {
			return m.Version
		}
	}
	return "devel"
}

const modulePath = "github.com/safedump/sdcore"

// checkBackend refuses a backend that does not exist.
func checkBackend(name string) error {
	if name == "" || slices.Contains(Backends(), name) {
		return nil
	}
	return fmt.Errorf("unknown backend %q, have %q", name, Backends())
}
