package batch

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// isolation is what the kernel lets a batch have, found out before the first worker.
type isolation struct {
	landlock   int     // the version of its interface, 0: none
	namespaces uintptr // of its own: network, and for that user; 0: none
}

// names says what is on, for people.
func (i *isolation) names() []string {
	out := []string{"no new privileges", "bounded memory, time and output", "no core of its own"}
	if i.landlock > 0 {
		out = append(out, fmt.Sprintf("Landlock %d: reads its inputs, writes its directory", i.landlock))
	} else {
		out = append(out, "no Landlock: the kernel has none, or not switched on")
	}
	if i.namespaces != 0 {
		return append(out, "an empty network namespace")
	}
	return append(out, "no network namespace: the host allows none")
}

// newIsolation finds out what can be had, by starting a worker without a job.
func newIsolation(worker []string) isolation {
	var i isolation
	i.landlock = landlockVersion()
	i.namespaces = syscall.CLONE_NEWNET
	if os.Geteuid() != 0 {
		i.namespaces |= syscall.CLONE_NEWUSER
	}
	probe := exec.Command(worker[0], worker[1:]...)
	probe.SysProcAttr = &syscall.SysProcAttr{Cloneflags: i.namespaces}
	if err := probe.Start(); err != nil {
		i.namespaces = 0
		return i
	}
	_ = probe.Process.Kill() // it may have ended
	_ = probe.Wait()         // killed
	return i
}

// isolated starts a worker and waits for it. What is taken from the worker is
// taken from the thread that starts it, before the worker exists: it has no
// moment in which it could do more. The thread ends with this goroutine.
func (b *batch) isolated(cmd *exec.Cmd, j *job, readable []string) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread must not be used again
		if unix.Gettid() == unix.Getpid() {
			// The first thread does not end, and stands for the process where
			// Landlock asks whom a signal is for. Held here, it is not taken again.
			done <- b.isolated(cmd, j, readable)
			runtime.UnlockOSThread()
			return
		}
		done <- b.start(cmd, j, readable)
	}()
	return <-done
}

func (b *batch) start(cmd *exec.Cmd, j *job, readable []string) error {
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	if err := confine(b.isolation.landlock, cmd.Path, j.Dir, readable); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	// Of its own group: an interrupt from the keyboard is for the batch. It
	// dies with this thread, which waits for it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: b.isolation.namespaces}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Wait()
}

// systemDirs hold what a dynamically linked worker needs to start, and the
// libraries and installed programs that cores name.
func systemDirs() []string {
	return []string{"/usr", "/lib", "/lib64", "/bin", "/sbin"}
}

// restrict bounds the worker itself, before it reads anything.
func restrict(j *job) error {
	memory := uint64(j.Bounds.Memory)
	for _, l := range []struct {
		resource int
		bound    uint64
	}{
		{unix.RLIMIT_DATA, memory},
		{unix.RLIMIT_CORE, 0}, // it would hold what the input holds
		{unix.RLIMIT_CPU, 4 * uint64(j.Bounds.Time.Seconds()+1)},
	} {
		var have unix.Rlimit
		if err := unix.Getrlimit(l.resource, &have); err != nil {
			return err
		}
		bound := min(l.bound, have.Max)
		if err := unix.Setrlimit(l.resource, &unix.Rlimit{Cur: bound, Max: bound}); err != nil {
			return err
		}
	}
	return nil
}
