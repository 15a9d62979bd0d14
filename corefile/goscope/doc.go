// Package goscope finds the variables of a function at a PC and where they
// live: the plan behind "arguments and locals of this frame".
//
// In:  DWARF function entries, location lists and expressions of the binary.
// Out: [Scope] per PC, one for the function and one for each call inlined
// there, computed once per PC; [Var.Locate] runs a plan for one frame.
// Package variables come from [Finder.Globals].
//
// It does not read the variables' memory: vars does.
package goscope
