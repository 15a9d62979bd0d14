package capture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Live writes a core of a running Go program to out (mode 0600, complete or
// absent) and lets the program go on. Nothing is written into the process: its
// threads are stopped with PTRACE_SEIZE and PTRACE_INTERRUPT, which no program
// notices but by the time that passes, and the kernel lets them go should this
// process die meanwhile. When ctx ends first there is no core.
//
// It does not use delve, whose Attach puts breakpoints into the program: they
// would stay there, and kill it, should this process be killed.
func Live(ctx context.Context, pid int, out string) (res LiveResult, err error) {
	res.PID = pid
	fail := func(err error) error { return fmt.Errorf("capture: process %d: %w", pid, err) }
	if res.Exe, err = examine(pid); err != nil {
		return res, fail(err)
	}
	if err := hasRoom(pid, filepath.Dir(out)); err != nil {
		return res, fail(err)
	}
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*") // mode 0600
	if err != nil {
		return res, fail(err)
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Rename(f.Name(), out)
		}
		if err != nil {
			err = fail(errors.Join(err, os.Remove(f.Name())))
		}
	}()
	// ptrace(2) answers to the thread that seized, and to no other.
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with what it may still hold
		done <- liveDump(ctx, f, &res)
	}()
	if err := <-done; err != nil {
		return res, err
	}
	info, err := f.Stat()
	if err != nil {
		return res, err
	}
	res.Size = info.Size()
	return res, nil
}

// liveDump stops the process, copies it, lets it go in any case, and writes
// what is then still to be written.
func liveDump(ctx context.Context, f *os.File, res *LiveResult) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pool := newSparsePool(f, cancel)
	end, err := standstill(ctx, pool, res)
	copied, writeErr := pool.close()
	res.Copied = copied
	if err != nil || writeErr != nil {
		if writeErr != nil {
			return writeErr // err is what came of it
		}
		return err
	}
	return f.Truncate(end)
}

// standstill is what happens while the process stands. It returns the size of
// the core.
func standstill(ctx context.Context, pool *sparsePool, res *LiveResult) (end int64, err error) {
	s := &stopper{pid: res.PID, threads: map[int]*stopped{}}
	begin := time.Now()
	defer func() {
		err = errors.Join(err, s.release())
		res.Pause = time.Since(begin)
	}()
	if res.Late, err = s.stopAll(ctx); err != nil {
		return 0, err
	}
	threads, err := s.registers()
	if err != nil {
		return 0, err
	}
	res.Threads = len(threads)
	return readLive(ctx, pool, res, threads)
}

// stopDeadline bounds the wait for threads to stop.
const stopDeadline = 5 * time.Second

// stopped is a thread that was seized.
type stopped struct {
	halted bool
	signal int // that was about to be delivered when it stopped
}

// stopper holds the threads of a process.
type stopper struct {
	pid     int
	threads map[int]*stopped
}

// stopAll stops every thread, those included that are being born, and returns
// the threads that did not stop in time.
func (s *stopper) stopAll(ctx context.Context) (late []int, err error) {
	deadline := time.Now().Add(stopDeadline)
	for {
		tids, err := threadsOf(s.pid)
		if err != nil {
			return nil, gone(err)
		}
		var fresh bool
		if late, fresh, err = s.pass(tids); err != nil {
			return nil, err
		}
		// A thread that stopped in this pass may have made another one after
		// the list was read.
		if len(late) == 0 && !fresh && len(s.threads) > 0 {
			return nil, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if time.Now().After(deadline) {
			if t := s.threads[s.pid]; t == nil || !t.halted {
				return nil, fmt.Errorf("%d threads do not stop: they sit in system calls that nothing interrupts", len(late))
			}
			return late, nil
		}
		if len(late) > 0 {
			time.Sleep(100 * time.Microsecond)
		}
	}
}

// pass goes over the threads once: those that still run, and whether one
// stopped just now.
func (s *stopper) pass(tids []int) (late []int, fresh bool, err error) {
	for _, tid := range tids {
		if s.threads[tid] == nil {
			if err := s.seize(tid); err != nil {
				return nil, false, err
			}
		}
		t := s.threads[tid]
		if t == nil || t.halted {
			continue
		}
		fresh = true
		halted, err := s.collect(tid)
		if err != nil {
			return nil, false, err
		}
		if !halted {
			late = append(late, tid)
		}
	}
	return late, fresh, nil
}

// seize begins to trace a thread and asks it to stop. A thread that has just
// ended is no error.
func (s *stopper) seize(tid int) error {
	err := unix.PtraceSeize(tid)
	switch {
	case errors.Is(err, unix.ESRCH):
		return nil
	case errors.Is(err, unix.EPERM) && zombie(tid):
		return nil
	case err != nil:
		return whyNot(s.pid, err)
	}
	s.threads[tid] = &stopped{}
	if err := unix.PtraceInterrupt(tid); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("interrupt thread %d: %w", tid, err)
	}
	return nil
}

// collect takes the stop of a thread if it has happened.
func (s *stopper) collect(tid int) (halted bool, err error) {
	var ws unix.WaitStatus
	got, err := unix.Wait4(tid, &ws, unix.WALL|unix.WNOHANG, nil)
	switch {
	case errors.Is(err, unix.EINTR):
		return false, nil
	case err != nil || got != 0 && !ws.Stopped():
		if tid == s.pid {
			return false, ErrNoProcess
		}
		delete(s.threads, tid)
		return true, nil // it has ended
	case got == 0:
		return false, nil
	}
	t := s.threads[tid]
	t.halted = true
	if event := int(ws) >> 16; event == 0 {
		t.signal = int(ws.StopSignal()) // of its own: it gets it when it is let go
	}
	return true, nil
}

// release lets every thread go, and gives it the signal that it was about to
// get.
func (s *stopper) release() error {
	var errs []error
	for tid, t := range s.threads {
		for n := 0; !t.halted && n < 50; n++ { // only a thread that stands can be let go
			if halted, err := s.collect(tid); halted || err != nil {
				break
			}
			time.Sleep(100 * time.Microsecond)
		}
		if s.threads[tid] == nil || !t.halted {
			continue // the end of our thread lets it go
		}
		if _, _, errno := unix.RawSyscall6(unix.SYS_PTRACE, unix.PTRACE_DETACH, uintptr(tid), 0, uintptr(t.signal), 0, 0); errno != 0 && errno != unix.ESRCH {
			errs = append(errs, fmt.Errorf("let go of thread %d: %w", tid, errno))
		}
	}
	return errors.Join(errs...)
}

func threadsOf(pid int) ([]int, error) {
	dir, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "task"))
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	tids := make([]int, 0, len(names))
	for _, name := range names {
		if tid, err := strconv.Atoi(name); err == nil {
			tids = append(tids, tid)
		}
	}
	return tids, nil
}

// gone says that a process is not there where /proc says it.
func gone(err error) error {
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return ErrNoProcess
	}
	return err
}
