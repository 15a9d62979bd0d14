//go:build amd64 || arm64

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"

	"github.com/safedump/sdcore/safedump/internal/ptrace"
)

// tracer is the ptrace parent of one program. All its methods run on the one
// thread that started it.
type tracer struct {
	output  string
	stderr  io.Writer
	threads ptrace.Threads
	end     ending
	wrote   bool
}

// trace runs the program to its end. The error may come with a known ending:
// the program ran, its core could not be written.
func trace(o options, stderr io.Writer) (ending, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	// The terminal sends its signals to the program, too; withcore has to
	// outlive it. Notify, not Ignore: an ignored signal would be inherited.
	terminal := make(chan os.Signal, 16)
	signal.Notify(terminal, syscall.SIGINT, syscall.SIGQUIT)
	defer signal.Stop(terminal)
	forwarded := make(chan os.Signal, 16)
	signal.Notify(forwarded, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2)
	defer signal.Stop(forwarded)
	t := &tracer{output: o.output, stderr: stderr}
	t.threads.Gone = t.gone
	if err := t.start(o); err != nil {
		return ending{}, err
	}
	done := make(chan struct{})
	defer close(done)
	go forward(t.threads.PID, forwarded, done)
	err := t.loop()
	return t.end, err
}

// forward passes signals on until done; whoever runs withcore means the program.
func forward(pid int, from <-chan os.Signal, done <-chan struct{}) {
	for {
		select {
		case s := <-from:
			if n, ok := s.(syscall.Signal); ok {
				_ = syscall.Kill(pid, n) // gone is fine
			}
		case <-done:
			return
		}
	}
}

// start starts the program and seizes it. PTRACE_TRACEME stops it at its
// first instruction; from there it goes over a job-control stop into
// PTRACE_SEIZE, the only mode that tells stops apart and knows INTERRUPT.
func (t *tracer) start(o options) error {
	path, err := exec.LookPath(o.argv[0])
	if err != nil {
		return fmt.Errorf("%w: %w", errStart, err)
	}
	p, err := os.StartProcess(path, o.argv, &os.ProcAttr{
		Env:   environment(o.noEnv),
		Files: []*os.File{os.Stdin, os.Stdout, os.Stderr},
		Sys:   &syscall.SysProcAttr{Ptrace: true},
	})
	if err != nil {
		return fmt.Errorf("%w: %w", errStart, err)
	}
	t.threads.PID = p.Pid
	if err := t.takeOver(); err != nil {
		_ = syscall.Kill(t.threads.PID, syscall.SIGKILL) // it never ran an instruction
		return fmt.Errorf("%w: ptrace: %w", errStart, err)
	}
	return nil
}

func (t *tracer) takeOver() error {
	if _, _, err := ptrace.Wait(t.threads.PID, 0); err != nil {
		return err
	}
	if err := ptrace.Detach(t.threads.PID, int(syscall.SIGSTOP)); err != nil {
		return err
	}
	ws, _, err := ptrace.Wait(t.threads.PID, syscall.WUNTRACED)
	if err != nil {
		return err
	}
	if !ws.Stopped() {
		return errors.New("the program ended before it could be seized")
	}
	if err := ptrace.Seize(t.threads.PID, ptrace.TraceClone|ptrace.TraceExec|ptrace.ExitKill); err != nil {
		return err
	}
	t.threads.Know(t.threads.PID)
	return syscall.Kill(t.threads.PID, syscall.SIGCONT)
}

// environment is that of the program.
func environment(asIs bool) []string {
	env := os.Environ()
	if asIs {
		return env
	}
	for _, kv := range env {
		if strings.HasPrefix(kv, "GOTRACEBACK=") {
			return env
		}
	}
	return append(env, "GOTRACEBACK=crash")
}

// loop serves stops until the program is gone.
func (t *tracer) loop() error {
	var failed error
	for !t.end.known {
		ws, tid, err := ptrace.Wait(-1, 0)
		if err != nil {
			return errors.Join(failed, fmt.Errorf("wait: %w", err))
		}
		switch {
		case ws.Exited() || ws.Signaled():
			t.gone(tid, ws)
		case ws.Stopped():
			if err := t.stopped(tid, ws); err != nil {
				failed = errors.Join(failed, err)
			}
		}
	}
	return failed
}

// gone notes the end of a thread, or of the program.
func (t *tracer) gone(tid int, ws syscall.WaitStatus) {
	t.threads.Forget(tid)
	if tid != t.threads.PID {
		return
	}
	t.end.known = true
	if ws.Signaled() {
		t.end.signal = int(ws.Signal())
		return
	}
	t.end.code = ws.ExitStatus()
}

// stopped decides what a stop means and lets the thread go on.
func (t *tracer) stopped(tid int, ws syscall.WaitStatus) error {
	event, sig := ptrace.Event(ws), int(ws.StopSignal())
	if !t.threads.Know(tid) && !t.ours(tid) {
		// A process that was cloned without an exit signal: not a thread.
		t.threads.Forget(tid)
		return ignoreGone(ptrace.Detach(tid, 0))
	}
	switch {
	case event == ptrace.EventStop && sig != int(syscall.SIGTRAP):
		return ignoreGone(ptrace.Listen(tid)) // job control: stay stopped
	case event != 0:
		return ignoreGone(ptrace.Cont(tid, 0))
	}
	var failed error
	if !t.wrote && fatal(t.threads.PID, sig) {
		t.wrote = true
		if err := t.dump(tid, sig); err != nil {
			failed = fmt.Errorf("no core: %w", err)
		}
		// The others stay stopped: the signal ends them all.
	}
	return errors.Join(failed, ignoreGone(ptrace.Cont(tid, sig)))
}

// ours reports whether tid is a thread of the program.
func (t *tracer) ours(tid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", t.threads.PID, tid))
	return err == nil
}

// ignoreGone drops the error of a request to a thread that was killed
// meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, syscall.ESRCH) {
		return nil
	}
	return err
}
