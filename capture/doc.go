// Package capture makes a core of a program that has no need of the kernel's
// help: no core_pattern, no RLIMIT_CORE.
//
// In:  a command line ([Child]), or the number of a process ([Live]).
// Out: an ELF core file, of the child at the moment it dies, or of the process
// as it runs, with the notes that a kernel's core has, so that every reader
// opens it.
//
// Child stands on delve's native backend (pkg/proc/native), which starts the
// child under ptrace, knows where a Go program dies (the unrecovered panic,
// the fatal throw), and copies memory. Delve's own dump has no order of threads
// and no NT_FILE; this package writes the notes anew: the dying thread first.
// Live uses ptrace(2) itself: delve would put breakpoints into a program that
// has to go on, and read its debug information while it stands still.
//
// What it does not do: wait for a signal that kills a child which is no Go
// program (safedump/cmd/withcore does), analyze the core. It works on Linux on
// amd64 only: delve writes standard notes nowhere else, and sdcore reads no
// other cores.
package capture
