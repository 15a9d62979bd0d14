// Package goscope finds the variables of a function at a PC and where they
// live: the plan behind "arguments and locals of this frame".
//
// In:  DWARF function entries, location lists and expressions of the binary;
// the runtime's line and inlining tables.
// Out: [Scope] per PC, one for the function and one for each call inlined
// there, computed once per PC; [Var.Locate] runs a plan for one frame,
// [Var.TypeIn] finds the real type of a generic variable. Package variables
// come from [Finder.Globals], what closures hold from [Finder.Captured].
//
// A piece of a variable that nothing describes is missing, and so is one in a
// register that the frame does not know: no contents are ever made up.
//
// It does not read the variables' memory: vars does.
package goscope
