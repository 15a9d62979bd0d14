// Package pclntab reads the table of functions that every Go program carries,
// stripped or not: names, frame sizes, files and lines, and which calls were
// inlined where.
//
// In:  the section .gopclntab of a binary, or the same bytes in the memory of a
// core.
// Out: a [Table] that finds the [Func] at a PC, which tells the distance from
// the stack pointer to the frame address ([Func.SPDelta]), the line
// ([Func.FileLine]) and the calls inlined there ([Func.Calls]).
//
// The table is not trusted: every offset is checked against the bytes that are
// there, every chain has a bound, and what does not fit is unknown. It does not
// read stacks (gounwind does).
//
// The layout is that of Go 1.20 to 1.27 (layout.go names the sources).
package pclntab
