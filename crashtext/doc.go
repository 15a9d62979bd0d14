// Package crashtext reads what Go prints when a program dies: its own
// traceback, as it stands in a log, on stderr, or in the file that the helper
// keeps (debug.SetCrashOutput).
//
// In:  text, with whatever else was printed around it.
// Out: a [Text], the stacks as they stand there; and from it a report.Report
// for when there is no core.
//
// A traceback has functions, files and lines, no values. The words in the
// parentheses of a call are raw memory without types: they are dropped here
// and are in no report. What Go left out (frames, goroutines, at a traceback
// level below all) is said to be missing, as is what can't be read.
//
// The text is hostile input like a core: lines, stacks, goroutines and what is
// kept of all of them are bounded, and a bound that is reached is a problem in
// the report.
package crashtext
