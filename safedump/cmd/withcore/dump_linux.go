//go:build amd64 || arm64

package main

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/safedump/sdcore/safedump/internal/elfcore"
)

// stopDeadline bounds the wait for threads to stop: one that sits in an
// uninterruptible system call does not.
const stopDeadline = 5 * time.Second

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
	t.threads[tid] = true
	late, err := t.stopAll(tid)
	if err != nil {
		return err
	}
	crash := elfcore.Crash{Signal: sig}
	if crash.SigInfo, err = sigInfo(tid); err != nil {
		return err
	}
	for _, id := range t.inOrder(tid) {
		thread, err := registers(id)
		if err != nil {
			if id == tid {
				return err
			}
			late = append(late, id)
			continue
		}
		crash.Threads = append(crash.Threads, thread)
	}
	stats, err := writeCore(t.output, t.pid, crash)
	if err != nil {
		return err
	}
	fmt.Fprintf(t.stderr, "withcore: %s: %v killed process %d; %d threads, %d segments, %d bytes copied\n",
		t.output, syscall.Signal(sig), t.pid, stats.Threads, stats.Segments, stats.Copied)
	if stats.Unreadable > 0 {
		fmt.Fprintf(t.stderr, "withcore: %d bytes of memory could not be read and are zero in the core\n", stats.Unreadable)
	}
	if len(late) > 0 {
		fmt.Fprintf(t.stderr, "withcore: the core lacks threads that did not stop: %v\n", late)
	}
	return nil
}

// stopAll stops every thread, those included that are being born, and returns
// the threads that did not stop in time.
func (t *tracer) stopAll(crashed int) (late []int, err error) {
	deadline := time.Now().Add(stopDeadline)
	asked := map[int]bool{crashed: true}
	for {
		tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(t.pid), "task"))
		if err != nil {
			return nil, err
		}
		late = late[:0]
		for _, task := range tasks {
			tid, err := strconv.Atoi(task.Name())
			if err != nil {
				continue
			}
			if !asked[tid] && ptrace(ptraceInterrupt, tid, 0, 0) == nil {
				asked[tid] = true
			}
			if !t.threads[tid] && t.collect(tid) {
				late = append(late, tid)
			}
		}
		if len(late) == 0 || time.Now().After(deadline) {
			return late, nil
		}
		runtime.Gosched()
		time.Sleep(200 * time.Microsecond)
	}
}

// collect takes the stop of a thread, if it has happened, and answers whether
// the thread still runs.
func (t *tracer) collect(tid int) (running bool) {
	ws, got, err := waitAny(tid, syscall.WNOHANG)
	switch {
	case err != nil:
		return !errors.Is(err, syscall.ECHILD) // not ours yet, or gone
	case got == 0:
		return !zombie(tid)
	case ws.Exited() || ws.Signaled():
		t.gone(tid, ws)
		return false
	}
	t.threads[tid] = true
	return false
}

// zombie reports whether a thread is dead: a leader that has ended stays so
// until the last of its threads, and never stops.
func zombie(tid int) bool {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(tid), "stat"))
	if err != nil {
		return true
	}
	i := strings.LastIndexByte(string(b), ')')
	return i >= 0 && strings.HasPrefix(string(b[i+1:]), " Z")
}

// inOrder lists the stopped threads as the kernel does: the crashed one, then
// the others by number.
func (t *tracer) inOrder(crashed int) []int {
	ids := []int{crashed}
	for tid, stopped := range t.threads {
		if stopped && tid != crashed {
			ids = append(ids, tid)
		}
	}
	sort.Ints(ids[1:])
	return ids
}

// registers reads the register sets of a stopped thread. Floating point and
// extended state are optional.
func registers(tid int) (elfcore.Thread, error) {
	thread := elfcore.Thread{TID: tid}
	var err error
	if thread.Regs, err = regSet(tid, regSetStatus); err != nil {
		return thread, err
	}
	if b, err := regSet(tid, regSetFP); err == nil {
		thread.FPRegs = b
	}
	if runtime.GOARCH == "amd64" {
		if b, err := regSet(tid, regSetXState); err == nil {
			thread.XState = b
		}
	}
	return thread, nil
}

// writeCore writes the core beside its name and renames it when it is whole.
func writeCore(path string, pid int, crash elfcore.Crash) (stats elfcore.Stats, err error) {
	// Heap, stacks and the first page of each file are what a core is for,
	// whatever the program's filter says.
	const always = 1<<0 | 1<<4
	p, err := elfcore.Snapshot(pid, always)
	if err != nil {
		return stats, err
	}
	mem, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "mem"))
	if err != nil {
		return stats, err
	}
	defer mem.Close()
	memory := elfcore.Memory{Mem: mem}
	if pagemap, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "pagemap")); err == nil {
		defer pagemap.Close()
		memory.Pagemap = pagemap
	}
	out, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return stats, err
	}
	machine := elf.EM_X86_64
	if runtime.GOARCH == "arm64" {
		machine = elf.EM_AARCH64
	}
	stats, err = elfcore.Write(out, machine, p, crash, memory)
	err = errors.Join(err, out.Close())
	if err == nil {
		if err = dropCoreLimit(pid); err == nil {
			err = os.Rename(out.Name(), path)
		}
	}
	if err != nil {
		return stats, errors.Join(err, os.Remove(out.Name()))
	}
	return stats, nil
}
