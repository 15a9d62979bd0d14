//go:build amd64 || arm64

package ptrace

import (
	"errors"
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

// Threads are those of one process, as its tracer sees them. The zero value
// with PID set is ready for use.
type Threads struct {
	PID int
	// Attach makes Stop seize threads that are not traced yet. A ptrace parent
	// has them all already.
	Attach bool
	// Gone, if set, is called when the end of a thread is seen.
	Gone func(tid int, ws syscall.WaitStatus)

	stops map[int]stop
	asked map[int]bool
}

// stop is how a thread that is known stands.
type stop struct {
	stopped bool
	signal  int // to be delivered when it goes on
}

// Know notes a thread that is traced and runs; it answers whether it was
// known before.
func (t *Threads) Know(tid int) (before bool) {
	if _, before = t.stops[tid]; !before {
		t.set(tid, stop{})
	}
	return before
}

// Forget drops a thread that is gone.
func (t *Threads) Forget(tid int) { delete(t.stops, tid) }

// Stands notes that a thread stands at a stop of its own.
func (t *Threads) Stands(tid int) { t.set(tid, stop{stopped: true}) }

func (t *Threads) set(tid int, s stop) {
	if t.stops == nil {
		t.stops = map[int]stop{}
	}
	t.stops[tid] = s
}

// Stop stops every thread, those included that are being born, and returns
// the threads that did not stop in time.
func (t *Threads) Stop() (late []int, err error) {
	deadline := time.Now().Add(stopDeadline)
	t.asked = map[int]bool{}
	for tid, s := range t.stops {
		t.asked[tid] = s.stopped
	}
	for {
		late, fresh, err := t.pass()
		if err != nil {
			return nil, err
		}
		// A thread that stopped in this pass may have made another one after
		// the list was read.
		if len(late) == 0 && !fresh || time.Now().After(deadline) {
			return late, nil
		}
		if len(late) > 0 {
			runtime.Gosched()
			time.Sleep(200 * time.Microsecond)
		}
	}
}

// pass goes over the threads once: those that still run, and whether one
// stopped just now.
func (t *Threads) pass() (late []int, fresh bool, err error) {
	tasks, err := os.ReadDir(filepath.Join("/proc", strconv.Itoa(t.PID), "task"))
	if err != nil {
		return nil, false, err
	}
	for _, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		if err != nil || t.stops[tid].stopped {
			continue
		}
		if err := t.ask(tid); err != nil {
			return nil, false, err
		}
		if t.collect(tid) {
			late = append(late, tid)
		}
		fresh = fresh || t.stops[tid].stopped
	}
	return late, fresh, nil
}

// ask seizes and interrupts a thread once. The error is not nil when this
// process may not trace that one.
func (t *Threads) ask(tid int) error {
	if t.asked[tid] {
		return nil
	}
	if _, known := t.stops[tid]; t.Attach && !known {
		switch err := Seize(tid, TraceClone); {
		case err == nil:
			t.set(tid, stop{})
		case errors.Is(err, syscall.ESRCH):
			return nil // gone
		case len(t.stops) == 0 && !zombie(tid):
			return err
		}
		// EPERM beside threads that are ours: born under TraceClone, or dead.
	}
	if request(interrupt, tid, 0, 0) == nil {
		t.asked[tid] = true
	}
	return nil
}

// collect takes the stop of a thread, if it has happened, and answers whether
// the thread still runs.
func (t *Threads) collect(tid int) (running bool) {
	ws, got, err := Wait(tid, syscall.WNOHANG)
	switch {
	case err != nil:
		return !errors.Is(err, syscall.ECHILD) // not ours yet, or gone
	case got == 0:
		return !zombie(tid)
	case ws.Exited() || ws.Signaled():
		t.Forget(tid)
		if t.Gone != nil {
			t.Gone(tid, ws)
		}
		return false
	}
	s := stop{stopped: true}
	if Event(ws) == 0 {
		s.signal = int(ws.StopSignal())
	}
	t.set(tid, s)
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

// Registers reads those of all threads that stand, first the given one, then
// the others by number, as the kernel does. Threads whose registers can't be
// read are returned as late.
func (t *Threads) Registers(first int) (all []elfcore.Thread, late []int, err error) {
	for _, tid := range t.inOrder(first) {
		thread, err := registers(tid)
		switch {
		case err == nil:
			all = append(all, thread)
		case tid == first:
			return nil, nil, err
		default:
			late = append(late, tid)
		}
	}
	return all, late, nil
}

func (t *Threads) inOrder(first int) []int {
	var ids []int
	for tid, s := range t.stops {
		if s.stopped {
			ids = append(ids, tid)
		}
	}
	Order(ids, first)
	return ids
}

// Order sorts threads as the kernel lists them in a core: the one that the core
// is about, then the others by number.
func Order(ids []int, first int) {
	sort.Slice(ids, func(i, j int) bool {
		if (ids[i] == first) != (ids[j] == first) {
			return ids[i] == first
		}
		return ids[i] < ids[j]
	})
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

// Release lets every stopped thread go on, with the signal that it was about
// to get. Threads that did not stop in time are let go by the end of the
// tracing thread: see OwnThread.
func (t *Threads) Release() {
	for tid, s := range t.stops {
		if s.stopped {
			_ = Detach(tid, s.signal) // killed meanwhile is fine
		}
		t.Forget(tid)
	}
}

// OwnThread runs f on a thread of the operating system that ends with it. The
// kernel then lets go whatever that thread traced. The main thread never ends,
// so f never runs there.
func OwnThread(f func()) {
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread() // not unlocked: the thread ends with this goroutine
		if syscall.Gettid() == syscall.Getpid() {
			OwnThread(f) // on another one: this one is taken
			runtime.UnlockOSThread()
			close(done)
			return
		}
		defer close(done)
		f()
	}()
	<-done
}
