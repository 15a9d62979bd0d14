// Package monitor is the child process that takes a core of its parent, the
// host, from outside: when the host dies, when a timer of the host runs out,
// when the host asks.
//
// In:  the host's own executable, started again by Start, which then runs Main
// instead of what it is for; a Config over a socket.
// Out: cores, the crash text, a record (file suffix .monitor.json) with what
// was done and, written ahead, how much memory the host had.
//
// The brake. The host's runtime copies what it prints of a crash into a pipe of
// one page in packet mode (O_DIRECT of pipe(2)): the second of its writes blocks
// until the first is read. The monitor sees the first, reads nothing, and has a
// host that stands still and lives. A monitor that dies closes the pipe, and the
// host goes on as if there had been none; so does the kernel with the threads
// that it had stopped.
//
// No goroutine of the host waits for the monitor: one that sits in a system call
// would switch off the runtime's detection of deadlocks.
//
// What it does not do: raise limits, set traceback levels, read cores. Linux on
// amd64 and arm64; elsewhere Start says ErrUnsupported.
package monitor
