package crashtext

// Text is what Go printed when the program died.
type Text struct {
	// Crash are the lines about the crash itself, above the first stack:
	// "panic: ...", "fatal error: ...", "[signal SIGSEGV: ...]", without what
	// the program printed before.
	Crash []string
	// Goroutines are in the order of the text. One that is printed twice is
	// here once, with its first stack that has frames. Number 0 is a stack that
	// a thread schedules on.
	Goroutines []Goroutine
	// System is the stack below "runtime stack:", of the thread that died.
	System []Frame
	// Earlier counts crashes before this one: a log may hold several.
	Earlier int
	// Cut is true when the text ends within a line or a frame.
	Cut bool
	// Strange counts lines within stacks that are not Go's: another thread
	// wrote at the same time.
	Strange int
	// Dropped says what a bound left out, "" for nothing.
	Dropped string
}

// Goroutine is one goroutine of a Text.
type Goroutine struct {
	ID uint64
	// Status is the text in brackets up to the first comma: "running",
	// "chan receive", "select (no cases)".
	Status string
	// Labels are the profiler labels, which Go prints with
	// GODEBUG=tracebacklabels=1.
	Labels []Label
	// Thread is true for a stack that the thread printed itself, when it was
	// stopped by a signal while it ran the goroutine.
	Thread bool
	// Frames are shared between goroutines with equal stacks.
	Frames []Frame
	// CreatedBy is the function with the go statement, "" for the first
	// goroutine; Creator is the goroutine that executed it, 0 when not said;
	// CreatedFile and CreatedLine are the statement's place.
	CreatedBy   string
	CreatedFile string
	CreatedLine int
	Creator     uint64
	// Elided counts the frames that Go left out before Frames[ElidedAt]; -1
	// when it did not say how many.
	Elided   int
	ElidedAt int
	// Unavailable is Go's reason for printing no stack.
	Unavailable string

	stack int // equal for equal Frames
}

// Label is a profiler label.
type Label struct{ Key, Value string }

// Frame is a call of a traceback. Wrappers and functions of the panic machinery
// are missing there.
type Frame struct {
	// Func has "[...]" in place of type arguments.
	Func string
	File string
	Line int
	// Inlined is true for calls that the compiler inlined: they have no frame
	// pointer of their own, and no arguments are printed.
	Inlined bool
	// C is true for code that is not Go's.
	C bool
	// PC is printed at traceback level crash only; 0 when it was not.
	PC uint64
}

// CrashText returns the first line that Go printed about the crash, such as
// "panic: assignment to entry in nil map" or "SIGQUIT: quit".
func (t *Text) CrashText() string {
	if len(t.Crash) == 0 {
		return ""
	}
	return t.Crash[0]
}

// Goroutine finds a goroutine by its ID; nil when it is not in the text.
func (t *Text) Goroutine(id uint64) *Goroutine {
	for i := range t.Goroutines {
		if t.Goroutines[i].ID == id {
			return &t.Goroutines[i]
		}
	}
	return nil
}
