package capture

import "errors"

// Errors that callers tell apart.
var (
	// ErrUnsupported means that there is no backend for this system.
	ErrUnsupported = errors.New("capture works on Linux on amd64 only")
	// ErrNoDebugInfo means that delve could not find where the child dies.
	ErrNoDebugInfo = errors.New("program has no debug information")
	// ErrNoCrash means that the child ended without a panic or a throw.
	ErrNoCrash = errors.New("program ended without a crash")
)

// Command is the child to run. The child inherits environment and working
// directory, its standard input is empty: delve's backend offers no more.
type Command struct {
	Path string   // executable
	Args []string // without the program's name
	// Stdout and Stderr are paths of files for the child's output, which are
	// created or truncated. Empty means this process's own.
	Stdout, Stderr string
}

// Result is what became of the child.
type Result struct {
	PID    int
	Reason string // where it stopped: "unrecovered-panic" or "runtime-fatal-throw"
	TID    int    // the thread that was dying: the first one in the core
	// ExitCode and Signal tell how the child ended once its core was written
	// and it was let go; Signal is 0 for an exit, ExitCode -1 for a signal.
	ExitCode, Signal int
	Threads          int
	Size             int64 // of the core in bytes, holes included
}
