//go:build unix

package safedump

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// refused says why a signal can't have an action.
func refused(sig os.Signal) error {
	n, ok := sig.(syscall.Signal)
	if !ok || n <= 0 {
		return errors.New("not a signal of this system")
	}
	switch n {
	case syscall.SIGKILL, syscall.SIGSTOP:
		return errors.New("it can't be caught")
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGTRAP, syscall.SIGSYS, syscall.SIGABRT:
		return errors.New("it is a crash, which is what Install is for")
	case syscall.SIGURG, syscall.SIGPROF:
		return errors.New("the Go runtime needs it")
	}
	return nil
}

// raise sends a signal to this process and gives it time to arrive.
func raise(sig os.Signal) {
	n, ok := sig.(syscall.Signal)
	if !ok {
		return
	}
	_ = syscall.Kill(syscall.Getpid(), n) // to oneself
	time.Sleep(10 * time.Millisecond)
}

// endProcess ends this process as a crash does. SIGABRT may have a receiver,
// SIGKILL has none.
func endProcess() {
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGABRT) // to oneself
	time.Sleep(endGrace)
	_ = syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
}
