//go:build amd64 || arm64

package main

import (
	"runtime"
	"syscall"
	"unsafe"
)

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
