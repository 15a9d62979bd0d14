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
)

// tracer is the ptrace parent of one program. All its methods run on the one
// thread that started it.
type tracer struct {
	pid     int
	output  string
	stderr  io.Writer
	threads map[int]bool // every thread that is known: true while it is stopped
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
	t := &tracer{output: o.output, stderr: stderr, threads: map[int]bool{}}
	if err := t.start(o); err != nil {
		return ending{}, err
	}
	done := make(chan struct{})
	defer close(done)
	go forward(t.pid, forwarded, done)
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
	t.pid = p.Pid
	if err := t.takeOver(); err != nil {
		_ = syscall.Kill(t.pid, syscall.SIGKILL) // it never ran an instruction
		return fmt.Errorf("%w: ptrace: %w", errStart, err)
	}
	return nil
}

func (t *tracer) takeOver() error {
	if _, err := wait(t.pid, 0); err != nil {
		return err
	}
	if err := detach(t.pid, int(syscall.SIGSTOP)); err != nil {
		return err
	}
	ws, err := wait(t.pid, syscall.WUNTRACED)
	if err != nil {
		return err
	}
	if !ws.Stopped() {
		return errors.New("the program ended before it could be seized")
	}
	if err := seize(t.pid); err != nil {
		return err
	}
	t.threads[t.pid] = false
	return syscall.Kill(t.pid, syscall.SIGCONT)
}

// wait is wait4 for one thread or, with tid -1, any.
func wait(tid, options int) (syscall.WaitStatus, error) {
	ws, _, err := waitAny(tid, options)
	return ws, err
}

func waitAny(tid, options int) (syscall.WaitStatus, int, error) {
	var ws syscall.WaitStatus
	for {
		got, err := syscall.Wait4(tid, &ws, options|wAll, nil)
		if !errors.Is(err, syscall.EINTR) {
			return ws, got, err
		}
	}
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
		ws, tid, err := waitAny(-1, 0)
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
	delete(t.threads, tid)
	if tid != t.pid {
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
	event, sig := int(ws)>>16, int(ws.StopSignal())
	if _, known := t.threads[tid]; !known {
		if !t.ours(tid) {
			// A process that was cloned without an exit signal: not a thread.
			return ignoreGone(detach(tid, 0))
		}
		t.threads[tid] = false
	}
	switch {
	case event == eventStop && sig != int(syscall.SIGTRAP):
		return ignoreGone(ptrace(ptraceListen, tid, 0, 0)) // job control: stay stopped
	case event != 0:
		return ignoreGone(cont(tid, 0))
	}
	var failed error
	if !t.wrote && fatal(t.pid, sig) {
		t.wrote = true
		if err := t.dump(tid, sig); err != nil {
			failed = fmt.Errorf("no core: %w", err)
		}
		// The others stay stopped: the signal ends them all.
	}
	return errors.Join(failed, ignoreGone(cont(tid, sig)))
}

// ours reports whether tid is a thread of the program.
func (t *tracer) ours(tid int) bool {
	_, err := os.Stat(fmt.Sprintf("/proc/%d/task/%d", t.pid, tid))
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
