package goruntime

import (
	"fmt"
	"strings"
)

// statusName is the status in the words of a Go traceback
// (runtime/traceback.go, gStatusStrings).
func statusName(s uint64) string {
	switch s {
	case gIdle:
		return "idle"
	case gRunnable:
		return "runnable"
	case gRunning:
		return "running"
	case gSyscall:
		return "syscall"
	case gWaiting:
		return "waiting"
	case gDead:
		return "dead"
	case gCopyStack:
		return "copystack"
	case gPreempted:
		return "preempted"
	case gLeaked:
		return "leaked"
	case gDeadExtra:
		return "waiting for cgo callback"
	}
	return fmt.Sprintf("status %d", s)
}

// maxReasons bounds the wait reasons; Go 1.26 has 46.
const maxReasons = 255

// waitReasons reads runtime.waitReasonStrings, so that the texts are those of
// the release that crashed.
func (r *Runtime) waitReasons() []string {
	addr, size, ok := r.sym("runtime.waitReasonStrings")
	if !ok {
		return nil
	}
	n := min(size/16, maxReasons)
	out := make([]string, n)
	for i := range out {
		s, err := r.str(addr+uint64(i)*16, maxName)
		if err == nil {
			out[i] = s
		}
	}
	return out
}

// reason names a wait reason; number 0 stands for none.
func (r *Runtime) reason(n uint64) string {
	if n == 0 {
		return ""
	}
	if n < uint64(len(r.reasons)) && r.reasons[n] != "" {
		return r.reasons[n]
	}
	return fmt.Sprintf("reason %d", n)
}

// fingRunningFinalizer is a bit of runtime.fingStatus (runtime/mfinal.go, Go
// 1.26): the finalizer goroutine runs code of the program.
const fingRunningFinalizer = 1 << 1

func (r *Runtime) runsFinalizer() bool {
	v, ok := r.counter("runtime.fingStatus")
	return ok && v&fingRunningFinalizer != 0
}

// system decides like runtime.isSystemGoroutine of Go 1.26 (traceback.go),
// by the start function.
func (r *Runtime) system(start string, o object) bool {
	switch start {
	case "runtime.main", "runtime.corostart", "runtime.handleAsyncEvent":
		return false
	case "runtime.runFinalizers", "runtime.runfinq":
		return !r.finalizing()
	case "runtime.runCleanups":
		return o.get(r.lay.gCleanups) == 0
	}
	return strings.HasPrefix(start, "runtime.")
}
