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
// What delve v1.27.2 gets wrong of stacks is put right here, each with a test
// against what Go itself printed:
//
//   - below a signal, a fault or a preemption it goes on unwinding by frame
//     pointer, which loses the caller of a function without a frame and gives
//     the function a wrong frame address (restart.go);
//   - it looks for inlined calls one byte before its PC also where the PC is
//     exact, and takes the first PC for exact also where it is a return address
//     (inline.go);
//   - it carries the registers of a system stack over to the goroutine's, and
//     does not restore those that the runtime saved (convert.go, recover.go);
//   - it goes in circles in C code without call frame information (unwind.go),
//     and believes any number of goroutines (backend.go);
//   - it takes signal stacks for the goroutine's, and reads the neighbour of
//     memory that the core does not hold (convert.go).
//
// It does not list goroutines itself unless goruntime can't, and it never uses
// delve's variable loader: no value of the program is read here.
package delvecore
