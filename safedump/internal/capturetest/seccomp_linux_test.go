//go:build amd64 || arm64

package capturetest

import (
	"fmt"
	"runtime"
	"syscall"
	"unsafe"
)

// Of seccomp(2) and BPF (include/uapi/linux/{seccomp,filter,prctl}.h).
const (
	prSetNoNewPrivs = 38
	sysCloseRange   = 436

	bpfLoad = 0x20 // BPF_LD | BPF_W | BPF_ABS
	bpfJEq  = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
	bpfJSet = 0x45 // BPF_JMP | BPF_JSET | BPF_K
	bpfRet  = 0x06 // BPF_RET | BPF_K

	retKill  = 0x80000000 // the process
	retErrno = 0x00050000
	retAllow = 0x7fff0000

	seccompSetFilter = 1
	seccompSync      = 1 // all threads

	offsetNR, offsetArg0 = 0, 16 // in struct seccomp_data
)

type sockFilter struct {
	code   uint16
	jt, jf uint8
	k      uint32
}

type sockProg struct {
	n      uint16
	filter *sockFilter
}

// refuse makes a system call fail with errno from now on, in every thread.
// Only calls without the bits of except in their first argument count.
func refuse(nr uintptr, errno syscall.Errno, except uint32) {
	answer(nr, retErrno|uint32(errno), except)
}

// answer has the kernel do what the action says.
func answer(nr uintptr, action, except uint32) {
	sysSeccomp := map[string]uintptr{"amd64": 317, "arm64": 277}[runtime.GOARCH]
	filter := []sockFilter{
		{bpfLoad, 0, 0, offsetNR},
		{bpfJEq, 0, 3, uint32(nr)},
		{bpfLoad, 0, 0, offsetArg0},
		{bpfJSet, 1, 0, except},
		{bpfRet, 0, 0, action},
		{bpfRet, 0, 0, retAllow},
	}
	// TSYNC gives the filter, and this bit with it, to all threads.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRCTL, prSetNoNewPrivs, 1, 0, 0, 0, 0); e != 0 {
		panic(e)
	}
	prog := sockProg{uint16(len(filter)), &filter[0]}
	r, _, e := syscall.RawSyscall(sysSeccomp, seccompSetFilter, seccompSync, uintptr(unsafe.Pointer(&prog)))
	if e != 0 || r != 0 {
		panic(fmt.Sprintf("seccomp: %d %v", r, e))
	}
	runtime.KeepAlive(filter)
}
