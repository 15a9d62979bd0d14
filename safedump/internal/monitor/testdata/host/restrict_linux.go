//go:build amd64 || arm64

package main

import (
	"os"
	"runtime"
	"syscall"
	"unsafe"
)

const (
	retAllow = 0x7fff0000
	retErrno = 0x00050000

	filterTSync = 1
	noNewPrivs  = 38 // PR_SET_NO_NEW_PRIVS
	cloneThread = 0x10000
)

// restrict forbids what HOST_SECCOMP names: "ptrace", or "fork", which is to
// start processes, not threads.
func restrict() {
	what := os.Getenv("HOST_SECCOMP")
	if what == "" {
		return
	}
	const load, jumpEqual, jumpSet, ret = 0x20, 0x15, 0x45, 0x06
	deny := uint32(retErrno | syscall.EPERM)
	var program []syscall.SockFilter
	switch what {
	case "ptrace":
		program = []syscall.SockFilter{
			{Code: load, K: 0}, // number of the system call
			{Code: jumpEqual, Jt: 0, Jf: 1, K: syscall.SYS_PTRACE},
			{Code: ret, K: deny},
			{Code: ret, K: retAllow},
		}
	case "fork":
		const clone3 = 435
		program = []syscall.SockFilter{
			{Code: load, K: 0},
			{Code: jumpEqual, Jt: 3, Jf: 0, K: clone3},
			{Code: jumpEqual, Jt: 0, Jf: 3, K: syscall.SYS_CLONE},
			{Code: load, K: 16}, // low half of the first argument
			{Code: jumpSet, Jt: 1, Jf: 0, K: cloneThread},
			{Code: ret, K: deny},
			{Code: ret, K: retAllow},
		}
	}
	prog := syscall.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	number := map[string]uintptr{"amd64": 317, "arm64": 277}[runtime.GOARCH]
	if _, _, errno := syscall.RawSyscall6(syscall.SYS_PRCTL, noNewPrivs, 1, 0, 0, 0, 0); errno != 0 {
		os.Exit(9)
	}
	if _, _, errno := syscall.RawSyscall(number, 1, filterTSync, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		os.Exit(8)
	}
}
