//go:build amd64 || arm64

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Requests, options and events of ptrace(2) that the syscall package does not
// name (include/uapi/linux/ptrace.h).
const (
	ptraceGetSigInfo = 0x4202
	ptraceGetRegSet  = 0x4204
	ptraceSeize      = 0x4206
	ptraceInterrupt  = 0x4207
	ptraceListen     = 0x4208

	optTraceClone = 1 << 3
	optTraceExec  = 1 << 4
	optExitKill   = 1 << 20

	eventClone = 3
	eventStop  = 128

	wAll = 0x40000000 // __WALL: threads, too

	regSetStatus = 1     // NT_PRSTATUS
	regSetFP     = 2     // NT_FPREGSET
	regSetXState = 0x202 // NT_X86_XSTATE

	sigInfoSize = 128
)

func ptrace(request, pid int, addr, data uintptr) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, uintptr(request), uintptr(pid), addr, data, 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

func seize(pid int) error {
	return ptrace(ptraceSeize, pid, 0, optTraceClone|optTraceExec|optExitKill)
}

// cont lets a stopped thread run on, with signal delivered to it.
func cont(tid, signal int) error {
	return ptrace(syscall.PTRACE_CONT, tid, 0, uintptr(signal))
}

func detach(tid, signal int) error {
	return ptrace(syscall.PTRACE_DETACH, tid, 0, uintptr(signal))
}

// sigInfo is the siginfo_t of the signal at which tid stands.
func sigInfo(tid int) ([]byte, error) {
	b := make([]byte, sigInfoSize)
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, ptraceGetSigInfo, uintptr(tid), 0, uintptr(unsafe.Pointer(&b[0])), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("siginfo of %d: %w", tid, errno)
	}
	return b, nil
}

// regSet reads a register set of a stopped thread.
func regSet(tid, set int) ([]byte, error) {
	b := make([]byte, 64<<10) // AMX needs 11 KiB of extended state
	iov := syscall.Iovec{Base: &b[0], Len: uint64(len(b))}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PTRACE, ptraceGetRegSet, uintptr(tid), uintptr(set), uintptr(unsafe.Pointer(&iov)), 0, 0)
	if errno != 0 {
		return nil, fmt.Errorf("registers %#x of %d: %w", set, tid, errno)
	}
	return append([]byte(nil), b[:iov.Len]...), nil
}

// dropCoreLimit sets the soft RLIMIT_CORE of pid to 0, so that the kernel does
// not write a second core, perhaps over ours.
func dropCoreLimit(pid int) error {
	const rlimitCore = 4
	var r syscall.Rlimit
	prlimit := func(set, get *syscall.Rlimit) error {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), rlimitCore,
			uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), 0, 0)
		if errno != 0 {
			return errno
		}
		return nil
	}
	if err := prlimit(nil, &r); err != nil {
		return err
	}
	r.Cur = 0
	return prlimit(&r, nil)
}

// dieOf ends this process by the given signal, without a core of its own.
func dieOf(signal int) {
	runtime.LockOSThread()
	_ = dropCoreLimit(0) // at worst the kernel writes a core of withcore
	resetHandler(signal)
	_ = syscall.Kill(syscall.Getpid(), syscall.Signal(signal))
	for i := 0; i < 100; i++ {
		runtime.Gosched() // an asynchronous signal may take a moment
	}
}

// resetHandler gives signal its default action. os/signal can't do that for
// the signals that the runtime itself handles.
func resetHandler(signal int) {
	var act [32]byte // struct kernel_sigaction: handler SIG_DFL, flags, restorer, mask all zero
	_, _, _ = syscall.RawSyscall6(syscall.SYS_RT_SIGACTION, uintptr(signal), uintptr(unsafe.Pointer(&act[0])), 0, 8, 0, 0)
}
