// Package coretest is for tests only: it finds the real cores of fixtures/ and
// what their programs said about themselves, and makes synthetic cores.
//
// In:  fixtures/cores, as scripts/gen-cores.sh leaves it.
// Out: [Files], [Truth] statements, Go's own [Traceback] of the crash.
package coretest
