// Package vars decodes memory into report values: arguments, results and
// locals of frames, captured variables, package globals.
//
// In:  frames of a corefile.Backend, plans of goscope and gotype, memory.
// Out: [report.Variable] and [report.Value] trees with a state each; with
// [Reader.Eval] one value by path, however deep it lies.
//
// Every decoder is bounded in bytes, nodes and depth, and works breadth first
// without recursion: the memory is hostile. What contains itself ends with
// state cycle. It does not decide what is secret and does not shorten below the
// scan bound of redact.
//
// What depends on the PC only is found once, in a plan: which variables there
// are, and for the frames of parked goroutines where each of them lies from the
// frame address, or that it is nowhere. For work that looks at each goroutine
// once, on several processors, there are clones of a Reader: see [Reader.Clone].
//
// # What is not known
//
// A part without a location is optimized out, one whose memory the core lacks
// is absent, one whose bytes can't be what the type says is unreadable; each
// has a note with the address. None of them is ever a zero, an empty string or
// a nil. A pointer is known even where its target is not: the target is a child
// with a state of its own. A slice whose capacity alone has no location keeps
// its elements, with Cap 0 and a note.
//
// Two variables whose locations give the same word to a pointer and to a number
// show that the compiler's tables are wrong: the one in the place of a parameter
// is optimized out, two locals are stale.
package vars
