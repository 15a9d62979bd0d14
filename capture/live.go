package capture

import (
	"errors"
	"time"
)

// Reasons for which Live takes no core. The texts around them say more.
var (
	// ErrNoProcess means that there is no such process, or none any more.
	ErrNoProcess = errors.New("no such process")
	// ErrSelf means that a process was asked to stop itself.
	ErrSelf = errors.New("a process can't capture itself")
	// ErrNotGo means that the program was not made by the go command.
	ErrNotGo = errors.New("not a Go program")
	// ErrTraced means that a debugger or tracer holds the process already.
	ErrTraced = errors.New("another tracer holds the process")
	// ErrOtherUser means that the process is somebody else's.
	ErrOtherUser = errors.New("the process belongs to another user")
	// ErrPtraceScope means that Yama's kernel.yama.ptrace_scope forbids it.
	ErrPtraceScope = errors.New("kernel.yama.ptrace_scope forbids it")
	// ErrForbidden means that the kernel forbids it for another reason: the
	// process is not dumpable, or a container lacks CAP_SYS_PTRACE.
	ErrForbidden = errors.New("the kernel forbids it")
	// ErrDiskSpace means that there is too little room for the core.
	ErrDiskSpace = errors.New("too little disk space is free")
)

// LiveResult is a core that was taken of a process, and what that cost it.
type LiveResult struct {
	PID     int
	Exe     string // path of the program, as the kernel has it
	Threads int
	// Late are threads that did not stop in time, and are not in the core: they
	// sit in a system call that nothing interrupts.
	Late []int
	// Pause is how long the process stood still.
	Pause time.Duration
	// Size is that of the file in bytes, Copied what of it is memory: the rest
	// are holes for pages that were never touched. Unreadable could not be read.
	Size, Copied, Unreadable int64
}
