// Package crash answers why the program died: the panic, the fatal error or
// the signal, the goroutine it is about, and the frame to look at first.
//
// In:  a [corefile.Core], its runtime (goruntime), a backend to unwind with,
// types, variables and the list of goroutines.
// Out: a [report.Crash] whose message is what Go printed when it died, with
// the typed panic value, the errors it wraps and earlier panics below it; and
// a [Site], the stack and the frame it happened in.
//
// Every answer comes from structures that are in the core, named in
// Crash.Evidence; what they don't decide is unknown. No code of the program
// runs here: the text of an error is the one that its own Error method gave to
// the runtime before it died, or is put together for types of the standard
// library whose Error methods are known; of other types it stays empty and the
// value tells.
package crash
