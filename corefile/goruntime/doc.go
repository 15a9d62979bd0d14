// Package goruntime reads the Go runtime's own structures out of a core: the
// goroutines with what the scheduler records of them, the threads it made, the
// panics under way, the text it printed last, and its table of functions and
// lines.
//
// In:  memory of a [corefile.Core]; the layouts of runtime.g, runtime.m and
// others from the binary's debug information (gotype), so that no offset of a
// Go release is written down here.
// Out: [corefile.Goroutine]s, [Thread]s, [Panic]s, and for a stack that was
// walked the deferred calls that are still to run ([Runtime.Defers]) with what
// they will call ([Runtime.Wrapped]), and the words that the garbage collector
// would take for pointers ([StackScanner]); spans and specials of the heap
// ([Allocator]); the memory profile ([Runtime.MemProfile]).
//
// It does not unwind stacks (that is a corefile.Backend) and does not decide
// why the program died (crash). The structures may be damaged: every count is
// checked against the memory that is there, every list has a bound, and what
// doesn't fit becomes a problem, not a failure.
package goruntime
