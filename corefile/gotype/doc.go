// Package gotype turns DWARF type entries and the runtime's own type
// descriptors into decode plans: what a Go type looks like in memory.
//
// In:  a corefile.Core (the binary's DWARF; memory for descriptors that only
// exist at run time).
// Out: [Type], shared by everything that decodes memory. A Type is compiled
// once and may refer to itself.
//
// It does not read values (vars) and does not know which variables a function
// has (goscope).
package gotype
