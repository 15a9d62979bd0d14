// Package ptrace stops the threads of another process, reads their registers
// and lets them go on.
//
// In:  the PID of a process that the caller may trace: a child, or a process
// of the same user where the host allows it (ptrace(2), Yama).
// Out: registers as elfcore wants them, and threads that go on as if nothing
// had happened: a signal that arrived meanwhile is passed on.
//
// It uses PTRACE_SEIZE and PTRACE_INTERRUPT, never SIGSTOP: PID 1 ignores that,
// and a tracer that dies would leave the process stopped. The kernel lets the
// threads of a dead tracer go on.
//
// What it does not do: write cores (package elfcore), start programs. Linux on
// amd64 and arm64 only; elsewhere it is empty. All calls for one process must
// come from one thread of the operating system: see OwnThread.
package ptrace
