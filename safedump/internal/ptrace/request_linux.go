//go:build amd64 || arm64

package ptrace

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"
)

// Requests, options and events of ptrace(2) that the syscall package does not
// name (include/uapi/linux/ptrace.h).
const (
	getSigInfo = 0x4202
	getRegSet  = 0x4204
	seizeReq   = 0x4206
	interrupt  = 0x4207
	listen     = 0x4208

	// TraceClone, TraceExec, TraceExit and ExitKill are options of Seize: new
	// threads are traced from their first instruction, exec is told apart from
	// SIGTRAP, a thread stops once more before its end, the death of the tracer
	// kills the process.
	TraceClone = 1 << 3
	TraceExec  = 1 << 4
	TraceExit  = 1 << 6
	ExitKill   = 1 << 20

	// EventExit is the stop by TraceExit, EventStop a stop by interrupt or by job
	// control.
	EventExit = 6
	EventStop = 128

	waitAll = 0x40000000 // __WALL: threads, too

	regSetStatus = 1     // NT_PRSTATUS
	regSetFP     = 2     // NT_FPREGSET
	regSetXState = 0x202 // NT_X86_XSTATE

	sigInfoSize = 128
)

func request(req, tid int, addr, data uintptr) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, uintptr(req), uintptr(tid), addr, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// Seize makes the calling thread the tracer of thread tid, which runs on.
func Seize(tid, options int) error { return request(seizeReq, tid, 0, uintptr(options)) }

// Cont lets a stopped thread run on, with signal delivered to it.
func Cont(tid, signal int) error { return request(syscall.PTRACE_CONT, tid, 0, uintptr(signal)) }

// Detach lets a stopped thread run on, with signal delivered to it, and gives
// up tracing it.
func Detach(tid, signal int) error { return request(syscall.PTRACE_DETACH, tid, 0, uintptr(signal)) }

// Listen leaves a thread in its job-control stop until it is continued.
func Listen(tid int) error { return request(listen, tid, 0, 0) }

// Allowed reports whether the system call itself is open to this process: a
// seccomp filter forbids it as a whole, without a look at the process.
func Allowed() error {
	const nobody = 1 << 30 // above every pid_max
	if err := Seize(nobody, 0); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

// Wait is wait4 for one thread or, with tid -1, any that is traced.
func Wait(tid, options int) (syscall.WaitStatus, int, error) {
	var ws syscall.WaitStatus
	for {
		got, err := syscall.Wait4(tid, &ws, options|waitAll, nil)
		if !errors.Is(err, syscall.EINTR) {
			return ws, got, err
		}
	}
}

// Event is the event of a stop, 0 for a signal that is about to be delivered.
func Event(ws syscall.WaitStatus) int { return int(ws) >> 16 }

// SigInfo is the siginfo_t of the signal at which tid stands.
func SigInfo(tid int) ([]byte, error) {
	b := make([]byte, sigInfoSize)
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, getSigInfo, uintptr(tid), 0, uintptr(unsafe.Pointer(&b[0])), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("siginfo of %d: %w", tid, errno)
	}
	return b, nil
}

// regSet reads a register set of a stopped thread.
func regSet(tid, set int) ([]byte, error) {
	b := make([]byte, 64<<10) // AMX needs 11 KiB of extended state
	iov := syscall.Iovec{Base: &b[0], Len: uint64(len(b))}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, getRegSet, uintptr(tid), uintptr(set), uintptr(unsafe.Pointer(&iov)), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("registers %#x of %d: %w", set, tid, errno)
	}
	return append([]byte(nil), b[:iov.Len]...), nil
}
