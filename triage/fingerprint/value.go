package fingerprint

import (
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Version names the algorithm and its rules. Values of different versions are
// never equal: a change of the rules gets a new one, and old groups stay.
const Version = "sd1"

// The levels of a [Value].
const (
	Narrow = iota // the same way into the same bug
	Group         // the same bug: what groups are made of
	Wide          // may be the same bug: for suggestions only
)

// Value is the fingerprint of a crash.
type Value struct {
	Version string
	// Kind says how the program died: "panic:runtime.boundsError:index",
	// "fatal:concurrent map writes", "signal:SIGSEGV", "deadlock", "hang".
	Kind string
	// Levels are "sd1:narrow:", "sd1:group:" and "sd1:wide:", each with 16 hex
	// digits. They are empty when too little is known: such a crash is equal to
	// no other one, not even to one of which as little is known.
	Levels [3]string
	// Title is for people: "index out of range in main.(*Server).charge". It is at most 200
	// bytes long, on one line, and no part of any level.
	Title string
	// Frames are what the levels were made of, and what was left out of them, for
	// explaining.
	Frames []Frame
}

// Known reports whether there is anything to compare.
func (v Value) Known() bool { return v.Levels[Group] != "" }

// Frame is a call on the stack that died, or where goroutines of a hang wait.
type Frame struct {
	// Function is normalised: without type arguments, numbers of closures and major
	// versions.
	Function string
	// Line counts from the first line of the declared function, which is 0; -1
	// when that line is not known.
	Line int
	// Place is the file's name and the line in it, which is what counts where Line is -1.
	Place string
	// Wait is what is waited for, in a hang or deadlock.
	Wait string
	// InApp means that it is of the program's own modules.
	InApp bool
	// Use says what became of it: "key", "caller", "narrow", or why it does not
	// count.
	Use string
}

// Of computes the fingerprint of a redacted report.
func Of(res redact.Result) Value { return OfReport(res.Report()) }

// OfReport computes the fingerprint of a report that was redacted and stored.
// It is not known for one that redact has not been through, or that another
// tool made.
func OfReport(r *report.Report) Value {
	if r == nil || r.Fingerprint == "" {
		return Value{Version: Version, Kind: "unknown", Title: "not known"}
	}
	return compute(r)
}
