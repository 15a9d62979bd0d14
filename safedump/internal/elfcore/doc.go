// Package elfcore writes the ELF core file of a stopped process: what the
// kernel would have written, from user space, without root, core_pattern or
// RLIMIT_CORE.
//
// In:  the PID of a process that the caller has stopped and may ptrace, and
// the registers of its threads, which only the tracer can read.
// Out: a file that gdb, delve, viewcore and sdcore open: PT_NOTE with
// NT_PRSTATUS for each thread in the order given, NT_PRPSINFO, NT_SIGINFO,
// NT_AUXV, NT_FILE, floating point state; one PT_LOAD for each mapping.
//
// Which mappings hold bytes follows the kernel (fs/coredump.c, vma_dump_size,
// Linux 6.18) under the process's coredump_filter. Pages that the process never
// touched are holes in the file: they read as zero, which is what they are.
//
// Who writes memory by other means than reading it asks Plan for the head of the
// file and for the runs of memory that belong into it.
//
// What it does not do: stop threads, read registers, choose a file name. It
// works for little-endian 64-bit processes (amd64, arm64) on Linux.
package elfcore
