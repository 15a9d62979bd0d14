// Package corefile opens the ELF core of a crashed Go program together with its
// binary, proves that they belong together, and serves what every later stage
// reads: memory with the provenance of each byte, threads with their
// registers, the signal, the mappings.
//
// In:  two files, both hostile until proven otherwise: every header, count and
// size is checked against the file before it is used.
// Out: a [Core]; and, as plain types, the vocabulary that readers of goroutines
// share: [Goroutine], [Frame], [Registers], [Location] and the interface
// [Backend], so that the package that finds them can be exchanged.
//
// It knows ELF and Linux. It knows nothing of Go's runtime structures
// (goruntime), of types (gotype) or of variables (goscope, vars).
package corefile
