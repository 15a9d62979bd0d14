// Package gounwind is sdcore's own reader of stacks, behind [corefile.Backend]:
// the one that commands use unless told otherwise.
//
// In:  an opened [corefile.Core], the goroutines of goruntime and its table of
// functions (pclntab).
// Out: [corefile.Stack]s, or for bulk work raw frames in the caller's buffer
// ([Backend.Walk]) whose functions and lines are looked up once per PC
// ([Backend.Symbolize]).
//
// How a frame is left is decided once per PC (rule.go): the table of functions
// tells the distance from the stack pointer to the frame address, and the name
// of the function whether it is one that changes stacks. Those, the frames of
// signals, and where the runtime saves the registers of what it interrupted are
// the architecture's and the release's matter (amd64.go). Frames of C code are
// left by the call frame information of the binary (cfi.go); what was linked
// from elsewhere has none, and the stack then goes on where the goroutine left
// Go code, with a word in Stack.End.
//
// Memory is not trusted: a stack pointer only grows, stays within the bounds
// that the runtime recorded, and the steps are counted. Endless recursion is
// folded while it is walked (record.go).
package gounwind
