package report

import "time"

// Schema versions that this package writes. A reader refuses newer ones.
const (
	// SafedumpSchema is the schema_version of a [Document].
	SafedumpSchema = 1
	// SafedumpVersion is the safedump_version that sdcore's documents claim:
	// the release of Safedump whose loader reads them.
	SafedumpVersion = "2.0.0"
	// Schema is the version of the [Report] under metadata.sdcore.
	Schema = 1
)

// Report is everything that is known about one crash. It is what
// metadata.sdcore holds in a saved file.
type Report struct {
	// Schema is the version of this structure, [Schema] when written.
	Schema int `json:"schema"`
	// Generator names the tool that made the report.
	Generator Generator `json:"generator"`
	// Complete is false when something that belongs in the report is missing
	// (see Problems); commands exit with 3 then. What was left out on request
	// (see Omitted) does not make a report incomplete.
	Complete bool `json:"complete"`
	// Tier is the privacy tier, 0 to 4, that the report was made with.
	Tier int `json:"tier"`
	// Fingerprint groups equal crashes: 12 lower-case hex digits, computed by
	// redact over redacted text only.
	Fingerprint string `json:"fingerprint" redact:"safe"`
	// Fingerprints say which crashes are one bug, better than Fingerprint; nil
	// where too little is known to say it. Export computes them of what it writes.
	Fingerprints *Fingerprints `json:"fingerprints,omitempty"`
	// CrashTime is when the program died, as far as it is known.
	CrashTime time.Time `json:"crash_time"`
	// CrashTimeSource says where CrashTime comes from, such as "modification
	// time of the core".
	CrashTimeSource string `json:"crash_time_source" redact:"safe"`
	// Seen counts equal crashes where a store of reports does.
	Seen Seen `json:"seen,omitzero"`

	Crash      Crash       `json:"crash"`
	Identity   Identity    `json:"identity"`
	Process    Process     `json:"process"`
	Threads    []Thread    `json:"threads"`
	Goroutines []Goroutine `json:"goroutines"`
	Groups     []Group     `json:"groups"`
	Globals    []Global    `json:"globals"`
	// Heap is nil where nobody asked for it.
	Heap *Heap `json:"heap,omitempty"`
	// Waits is nil where nobody asked for it.
	Waits    *Waits     `json:"waits,omitempty"`
	Limits   Limits     `json:"limits"`
	Omitted  []Omission `json:"omitted"`
	Problems []Problem  `json:"problems"`
	// Redactions lists what was removed outside of Goroutines and Document;
	// each goroutine carries its own.
	Redactions []Redaction `json:"redactions"`
	// RedactionCounts is the number of removed values by rule name, over the
	// whole report.
	RedactionCounts map[string]int `json:"redaction_counts" redact:"safe"`
}

// Fingerprints are what triage/fingerprint makes of a report (docs/fingerprints.md).
type Fingerprints struct {
	// Version names the algorithm: those of two versions are never equal.
	Version string `json:"version" redact:"safe"`
	// Kind says how the program died: "panic:index out of range".
	Kind string `json:"kind" redact:"code"`
	// Narrow, Group and Wide are the levels: equal ones are the same way into a bug,
	// the same bug, and what may be the same bug.
	Narrow string `json:"narrow" redact:"safe"`
	Group  string `json:"group" redact:"safe"`
	Wide   string `json:"wide" redact:"safe"`
	// Title is for people, and no part of the levels.
	Title string `json:"title" redact:"text"`
}

// Generator names the program that made a report.
type Generator struct {
	Name    string `json:"name" redact:"safe"`
	Version string `json:"version" redact:"safe"`
	// Backend is the reader that found goroutines and frames: "native" or
	// "delve", and BackendText for a report that was made without a core.
	Backend string `json:"backend" redact:"safe"`
}

// BackendText is the Generator.Backend of a report of a crash text: it has
// stacks, and no values.
const BackendText = "crashtext"

// Seen says how often a crash was seen. Safedump's store keeps it in the
// standard part of a file; it goes through reading and writing unchanged.
type Seen struct {
	// Count is the number of occurrences, 0 when nobody counted.
	Count int       `json:"count"`
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
}

// CrashKind says how a program died.
type CrashKind string

// The kinds of death. KindUnknown is said when the evidence does not decide.
const (
	KindPanic    CrashKind = "panic"    // an unrecovered panic, run-time errors included
	KindFatal    CrashKind = "fatal"    // runtime.throw and runtime.fatal: concurrent map writes, stack overflow
	KindDeadlock CrashKind = "deadlock" // all goroutines are asleep
	KindSignal   CrashKind = "signal"   // a signal from outside, or a fault in C code
	KindSnapshot CrashKind = "snapshot" // the core of a process that did not die
	KindUnknown  CrashKind = "unknown"
)

// Crash is what died, and why.
type Crash struct {
	Kind CrashKind `json:"kind" redact:"code"`
	// Goroutine is the ID of the goroutine that crashed, 0 when none was
	// running (a deadlock, a fault on a system stack).
	Goroutine uint64 `json:"goroutine"`
	// Thread is the kernel's ID of the thread that crashed.
	Thread int `json:"thread"`
	// Exception is the panic value, the fatal error or the signal.
	Exception Exception `json:"exception"`
	// Signal is the signal behind the crash, nil when there was none: a fault
	// that became a panic keeps it here.
	Signal *Signal `json:"signal,omitempty"`
	// Evidence says from which structures of the core the above was read.
	Evidence []string `json:"evidence" redact:"text"`
}

// Relation says how an exception relates to the one that holds it.
type Relation string

// The relations of a nested exception to the exception around it.
const (
	RelationWrapped Relation = "wrapped"       // found by unwrapping an error
	RelationJoined  Relation = "joined"        // one of several errors joined
	RelationEarlier Relation = "earlier panic" // a panic that was being handled when this one came
)

// Exception is a panic value, an error, a fatal error text or a signal.
type Exception struct {
	// Type is the dynamic Go type ("*errors.errorString", "runtime.boundsError",
	// "string"), or "fatal error", or a signal's name ("SIGSEGV").
	Type string `json:"type" redact:"code"`
	// Module is the import path of the package that declares Type; "runtime"
	// for fatal errors and signals; "" for predeclared types.
	Module string `json:"module" redact:"code"`
	// Message is the text that Go prints for it, without "panic: ".
	Message string `json:"message" redact:"text"`
	// Relation is empty for the outermost exception.
	Relation Relation `json:"relation,omitempty" redact:"code"`
	// Value is the typed panic or error value; nil where there is none.
	Value *Value `json:"value,omitempty"`
	// Recovered, Repanicked and Goexit are the flags of an earlier panic.
	Recovered  bool        `json:"recovered,omitempty"`
	Repanicked bool        `json:"repanicked,omitempty"`
	Goexit     bool        `json:"goexit,omitempty"`
	Sub        []Exception `json:"sub"`
}

// Signal is a Unix signal with what is known of its cause.
type Signal struct {
	Number int    `json:"number"`
	Name   string `json:"name" redact:"code"`
	// Code is si_code: negative or zero when sent by a process.
	Code int `json:"code"`
	// Addr is the faulting address; HasAddr tells 0 from unknown.
	Addr    Addr `json:"addr"`
	HasAddr bool `json:"has_addr"`
	// PC is where the fault was raised, 0 when unknown.
	PC Addr `json:"pc"`
	// Source says which record held it: "g.sig" or "NT_SIGINFO".
	Source string `json:"source" redact:"safe"`
}

// Process is what is known of the process as a whole. What a tier forbids is
// left empty by redact.
type Process struct {
	PID  int    `json:"pid"`
	Name string `json:"name" redact:"text"`
	// Args are the command line words; nil when unknown.
	Args []string `json:"args,omitzero" redact:"args"`
	// EnvNames are the names of the environment variables, sorted.
	EnvNames []string `json:"env_names" redact:"name"`
	// Env holds names and values; only at tier 4.
	Env []EnvVar `json:"env,omitempty"`
	// Dir is the working directory as $PWD had it: a core has no other record.
	Dir string `json:"dir" redact:"path"`
}

// EnvVar is an environment variable with its value.
type EnvVar struct {
	Name  string `json:"name" redact:"name"`
	Value string `json:"value" redact:"value"`
}

// Thread is an operating system thread, in the order of the core's notes: the
// first one is the one that the kernel stopped first.
type Thread struct {
	TID       int    `json:"tid"`
	Goroutine uint64 `json:"goroutine,omitempty"` // 0: none
	PC        Addr   `json:"pc"`
	Function  string `json:"function" redact:"code"`
	Crashed   bool   `json:"crashed"`
	// Frames is filled where the thread crashed outside of a goroutine.
	Frames []Frame `json:"frames,omitempty"`
}

// Global is a package variable.
type Global struct {
	Package string `json:"package" redact:"code"`
	Name    string `json:"name" redact:"name"`
	Value   Value  `json:"value"`
}

// Limits are the bounds that a report was made with; 0 means the default of
// the command, -1 no bound.
type Limits struct {
	// MaxString is the number of bytes shown of a string or byte slice.
	MaxString int `json:"max_string"`
	// MaxItems is the number of elements shown of an array, slice or map.
	MaxItems int `json:"max_items"`
	// MaxDepth is how many pointers, interfaces and containers are followed.
	MaxDepth int `json:"max_depth"`
	// MaxNodes is the number of values decoded below one variable.
	MaxNodes int `json:"max_nodes"`
	// MaxFrames is the number of frames kept of one goroutine.
	MaxFrames int `json:"max_frames"`
	// MaxSize is the size in bytes of a saved report.
	MaxSize int64 `json:"max_size"`
}

// Omission counts what was left out because of a limit or on request.
type Omission struct {
	// What names the things: "goroutines", "frames", "globals", "values".
	What  string `json:"what" redact:"safe"`
	Count int64  `json:"count"`
	// Why names the flag that would keep them: "--max-size", "--tier 4".
	Why string `json:"why" redact:"safe"`
}

// Problem is something that went wrong while a report was made. Its text holds
// addresses, names and types, never memory contents.
type Problem struct {
	// Stage is the package that met it: "corefile", "goruntime", "vars".
	Stage string `json:"stage" redact:"safe"`
	// Subject is what it is about: "goroutine 12", "variable main.srv".
	Subject string `json:"subject" redact:"text"`
	// Addr is the address concerned, 0 when there is none.
	Addr Addr `json:"addr,omitempty"`
	// Message says what is wrong, lower case, without a full stop.
	Message string `json:"message" redact:"text"`
	// Missing is true when something that belongs in the report is not there
	// because of this problem: the report is then not complete.
	Missing bool `json:"missing"`
}

// Redaction is Safedump's audit record: what was removed and by which rule,
// never the value.
type Redaction struct {
	Location string `json:"location" redact:"code"`
	Reason   string `json:"reason" redact:"safe"`
	Rule     string `json:"rule" redact:"safe"`
	// Timestamp is when it was removed, in [TimeLayout]; empty when not known.
	Timestamp string `json:"timestamp,omitempty" redact:"safe"`
}
