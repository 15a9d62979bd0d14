// Package hostcheck says whether this host, or a process on it, can produce a
// core dump, where that would land, and if not, why and what to do: the
// library behind "sdcore doctor".
//
// In:  the proc file system and a few configuration files below
// [Options].Root, so that a test can hand in a tree of its own.
// Out: a [Report] of findings, each with a code. The codes are those of the
// safedump package, which asks the same from inside a process: docs/helper.md
// lists them, the tests of both sides read that list.
//
// What it does not do: change anything, start a program, ask for privileges.
// It needs no Go toolchain and no debugger on the host.
package hostcheck
