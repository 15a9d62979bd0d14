// Package delvecore is the reference backend: goroutine stacks as delve's
// pkg/proc/core unwinds them, behind [corefile.Backend].
//
// In:  an opened [corefile.Core] with its binary, and the goroutines of
// goruntime.
// Out: [corefile.Stack]s with the registers that are really known.
//
// Delve was built for trusted files, so what it is given is checked first: it
// never sees a binary without debug information (it would run
// debuginfod-find), and the sections that it parses in goroutines of its own,
// where a panic ends the process, are parsed here first (vet*.go). Whatever
// panics later does so behind one gate (guard.go) and becomes an error.
//
// It does not list goroutines itself unless goruntime can't, and it never uses
// delve's variable loader: no value of the program is read here.
package delvecore
