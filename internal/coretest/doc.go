// Package coretest is for tests only: it finds the real cores of fixtures/ and
// what their programs said about themselves, and makes synthetic cores.
//
// In:  fixtures/cores, as scripts/gen-cores.sh leaves it.
// Out: [Files], [Truth] and [HeapStructure] statements, Go's own [Traceback] of the crash; and, from
// nothing, [SynthELF] files and a [SynthCrash], a core and its binary that
// belong together until a test changes them.
package coretest
