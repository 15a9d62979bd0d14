//go:build amd64 || arm64

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/safedump/internal/elfcore"
	"github.com/safedump/sdcore/safedump/internal/ptrace"
)

// coreSignals are those whose default action is a core dump (signal(7)).
const coreSignals = 1<<(syscall.SIGQUIT-1) | 1<<(syscall.SIGILL-1) | 1<<(syscall.SIGTRAP-1) | 1<<(syscall.SIGABRT-1) |
	1<<(syscall.SIGBUS-1) | 1<<(syscall.SIGFPE-1) | 1<<(syscall.SIGSEGV-1) | 1<<(syscall.SIGXCPU-1) |
	1<<(syscall.SIGXFSZ-1) | 1<<(syscall.SIGSYS-1)

// fatal reports whether sig, about to be delivered, kills the process with a
// core: its default action does and is in effect. The Go runtime catches most
// signals itself and goes back to the default only to die.
func fatal(pid, sig int) bool {
	if sig < 1 || sig > 64 || uint64(coreSignals)&(1<<uint(sig-1)) == 0 {
		return false
	}
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return false
	}
	return fatalBy(string(status), sig)
}

// fatalBy looks sig up in the masks of /proc/PID/status. Both masks must be
// there: without them nothing is known.
func fatalBy(status string, sig int) bool {
	found := 0
	for _, line := range strings.Split(status, "\n") {
		key, value, _ := strings.Cut(line, ":")
		if key != "SigIgn" && key != "SigCgt" {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil || mask&(1<<uint(sig-1)) != 0 {
			return false
		}
		found++
	}
	return found == 2
}

// dump writes the core: thread tid stands at the fatal signal sig.
func (t *tracer) dump(tid, sig int) error {
	t.threads.Stands(tid)
	late, err := t.threads.Stop()
	if err != nil {
		return err
	}
	crash := elfcore.Crash{Signal: sig}
	if crash.SigInfo, err = ptrace.SigInfo(tid); err != nil {
		return err
	}
	all, unread, err := t.threads.Registers(tid)
	if err != nil {
		return err
	}
	crash.Threads, late = all, append(late, unread...)
	stats, err := elfcore.Save(t.output, t.threads.PID, crash, elfcore.Options{
		Before: func() error { return dropCoreLimit(t.threads.PID) },
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stderr, "withcore: %s: %v killed process %d; %d threads, %d segments, %d bytes copied\n",
		t.output, syscall.Signal(sig), t.threads.PID, stats.Threads, stats.Segments, stats.Copied)
	if stats.Unreadable > 0 {
		fmt.Fprintf(t.stderr, "withcore: %d bytes of memory could not be read and are zero in the core\n", stats.Unreadable)
	}
	if len(late) > 0 {
		fmt.Fprintf(t.stderr, "withcore: the core lacks threads that did not stop: %v\n", late)
	}
	return nil
}
