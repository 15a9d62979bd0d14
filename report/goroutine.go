package report

// Goroutine is one goroutine with its stack.
type Goroutine struct {
	ID uint64 `json:"id"`
	// Status is the scheduler's state in the words of a Go traceback:
	// "running", "runnable", "syscall", "waiting", "dead", "preempted".
	Status string `json:"status" redact:"code"`
	// WaitReason is the runtime's reason for waiting ("chan receive"), empty
	// unless Status is "waiting".
	WaitReason string `json:"wait_reason,omitempty" redact:"code"`
	// WaitSince is g.waitsince in nanoseconds of the runtime's clock, 0 when
	// not recorded. Only the garbage collector sets it: "since at least".
	WaitSince int64 `json:"wait_since,omitempty"`
	// Crashed marks the goroutine that the crash is about.
	Crashed bool `json:"crashed,omitempty"`
	// System marks the runtime's own goroutines.
	System bool `json:"system,omitempty"`
	// Thread is the kernel's ID of the thread that ran it, 0 when none did.
	Thread int `json:"thread,omitempty"`
	// Creator is the go statement that started it; nil for the first one.
	Creator *Creator `json:"creator,omitempty"`
	// Start is the function that it was started with.
	Start  string  `json:"start" redact:"code"`
	Labels []Label `json:"labels,omitempty"`
	// Group is the ID of the Group of goroutines with the same stack.
	Group int `json:"group"`
	// Frames is the stack, innermost call first; empty where it has nothing that
	// the frames of its Group do not have, or was cut to that reference.
	Frames []Frame `json:"frames"`
	// OmittedFrames counts the frames that MaxFrames left out, between the
	// innermost and the outermost ones kept.
	OmittedFrames int `json:"omitted_frames,omitempty"`
	// OmittedDefers counts the deferred calls still to run of frames that are
	// not in Frames.
	OmittedDefers int `json:"omitted_defers,omitempty"`
	// StackEnd says why the stack ends early; empty when it was walked whole.
	StackEnd string `json:"stack_end,omitempty" redact:"text"`
	// Redactions lists what was removed in this goroutine.
	Redactions []Redaction `json:"redactions,omitempty"`
}

// Creator is the go statement behind a goroutine.
type Creator struct {
	Goroutine uint64 `json:"goroutine"`
	Function  string `json:"function" redact:"code"`
	File      string `json:"file" redact:"path"`
	Line      int    `json:"line"`
}

// Label is a profiler label of a goroutine (runtime/pprof.Do).
type Label struct {
	Key   string `json:"key" redact:"name"`
	Value string `json:"value" redact:"value"`
}

// Frame is one function call. A call that was inlined has a frame of its own.
type Frame struct {
	// Index is the position in the goroutine, 0 for the innermost frame. For
	// a crash the runtime's own frames above the crash site are kept too, and
	// CrashSite marks the frame that people want to see first.
	Index int `json:"index"`
	// Function is the qualified name: "main.(*Server).handle".
	Function string `json:"function" redact:"code"`
	// Package is the import path of Function.
	Package string `json:"package" redact:"code"`
	File    string `json:"file" redact:"path"`
	Line    int    `json:"line"`
	// FuncLine is the line of the func keyword of the declared function: of
	// Function, or of Within. 0 when unknown.
	FuncLine int `json:"func_line,omitempty"`
	// Within is the declared function that a function literal is written in; empty
	// for a declared function, and for a literal where it is not known: FuncLine
	// is the literal's own then.
	Within string `json:"within,omitempty" redact:"code"`
	// PC is the return address, or the fault's address in the innermost frame.
	PC  Addr `json:"pc"`
	CFA Addr `json:"cfa,omitempty"`
	// Inlined is true for a call that has no frame of its own on the stack.
	Inlined bool `json:"inlined,omitempty"`
	// Runtime is true for frames of the Go runtime.
	Runtime bool `json:"runtime,omitempty"`
	// CrashSite marks the frame in which the crash happened.
	CrashSite bool `json:"crash_site,omitempty"`
	// Repeat is how many times in a row this frame occurs, 0 or 1 when once.
	Repeat int `json:"repeat,omitempty"`
	// Vars are results, arguments, captured variables and locals, in the order
	// of their declaration.
	Vars []Variable `json:"vars"`
	// Defers are the deferred calls of this frame that are still to run, in the
	// order in which they will. Those of inner frames run before. An inlined call
	// has none: the frame that it is inlined into owns them. A frame that stands
	// for several in a row has those of the first.
	Defers []Defer `json:"defers,omitempty"`
	// OmittedDefers counts those behind Defers that a bound left out.
	OmittedDefers int `json:"omitted_defers,omitempty"`
	// Source holds lines of the source file around Line, when it was found.
	Source *Source `json:"source,omitempty"`

	constant *Constant // the head of this frame
}

// Role says what a variable is to its function.
type Role string

// The roles of variables.
const (
	RoleArg      Role = "arg"
	RoleResult   Role = "result"
	RoleLocal    Role = "local"
	RoleCaptured Role = "captured" // of the enclosing function, held by a closure
)

// Variable is an argument, result or local of a frame.
type Variable struct {
	// Name is as in the source. A variable that is shadowed at this line gets
	// "#2", "#3" ... from the innermost outwards.
	Name string `json:"name" redact:"name"`
	Role Role   `json:"role" redact:"code"`
	// DeclLine is the line of the declaration, 0 when unknown.
	DeclLine int   `json:"decl_line,omitempty"`
	Value    Value `json:"value"`

	constant *Constant // all of this variable
}

// Source is a piece of a source file.
type Source struct {
	// First is the number of the first line in Lines, from 1.
	First int      `json:"first"`
	Lines []string `json:"lines" redact:"text"`
}

// Group is a set of goroutines with equal stacks and states.
type Group struct {
	ID         int    `json:"id"`
	Count      int    `json:"count"`
	Status     string `json:"status" redact:"code"`
	WaitReason string `json:"wait_reason,omitempty" redact:"code"`
	System     bool   `json:"system,omitempty"`
	// IDs are the first members, ascending; Count tells how many there are.
	IDs []uint64 `json:"ids"`
	// Frames is the common stack without variables.
	Frames []FrameRef `json:"frames"`
	// Creator is common to the group; nil where it differs or is unknown.
	Creator *Creator `json:"creator,omitempty"`
}

// FrameRef is a frame without variables.
type FrameRef struct {
	Function string `json:"function" redact:"code"`
	File     string `json:"file" redact:"path"`
	Line     int    `json:"line"`
	// FuncLine and Within are as in Frame.
	FuncLine int    `json:"func_line,omitempty"`
	Within   string `json:"within,omitempty" redact:"code"`
	Inlined  bool   `json:"inlined,omitempty"`
	// Repeat is as in Frame.
	Repeat int `json:"repeat,omitempty"`
}
