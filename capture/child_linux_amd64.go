package capture

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/go-delve/delve/pkg/proc"
	"github.com/go-delve/delve/pkg/proc/native"
	"golang.org/x/sys/unix"
)

// Child runs a Go program until it dies of a panic that nobody recovers or of
// a throw, writes its core to out (mode 0600, complete or absent) and lets it
// die. When ctx ends first the child is killed. An error that wraps ErrNoCrash
// comes with the Result of a child that ended otherwise.
func Child(ctx context.Context, cmd Command, out string) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if err := hasDebugInfo(cmd.Path); err != nil {
		return Result{}, fmt.Errorf("capture: %w", err)
	}
	argv := append([]string{cmd.Path}, cmd.Args...)
	group, err := native.Launch(argv, "", 0, nil, "", os.DevNull,
		proc.OutputRedirect{Path: cmd.Stdout}, proc.OutputRedirect{Path: cmd.Stderr})
	if err != nil {
		return Result{}, fmt.Errorf("capture: start %s: %w", cmd.Path, err)
	}
	target := group.Selected
	res := Result{PID: target.Pid()}
	stop := context.AfterFunc(ctx, func() { _ = unix.Kill(res.PID, unix.SIGKILL) })
	defer stop()
	if err := untilCrash(group, &res); err != nil {
		return res, errors.Join(ctx.Err(), fmt.Errorf("capture: process %d: %w", res.PID, err), group.Detach(true))
	}
	if err := dump(target, out, &res); err != nil {
		return res, errors.Join(ctx.Err(), fmt.Errorf("capture: %s: %w", out, err), group.Detach(true))
	}
	// The kernel's own core of the same death would be a second one, where
	// nobody expects it.
	if err := dropCoreLimit(res.PID); err != nil {
		return res, errors.Join(fmt.Errorf("capture: process %d: RLIMIT_CORE: %w", res.PID, err), group.Detach(true))
	}
	if err := group.Detach(false); err != nil {
		return res, errors.Join(fmt.Errorf("capture: process %d: %w", res.PID, err), group.Detach(true))
	}
	return res, reap(&res)
}

// hasDebugInfo looks for DWARF. Without it delve would look elsewhere, by
// running a program that asks the network.
func hasDebugInfo(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if f.Section(".debug_info") == nil && f.Section(".zdebug_info") == nil {
		return fmt.Errorf("%s: %w", path, ErrNoDebugInfo)
	}
	return nil
}

// untilCrash lets the child run to where it dies.
func untilCrash(group *proc.TargetGroup, res *Result) error {
	for {
		err := group.Continue()
		var exited proc.ErrProcessExited
		if errors.As(err, &exited) {
			res.ExitCode = exited.Status
			if exited.Status < 0 {
				res.ExitCode, res.Signal = -1, -exited.Status
			}
			return fmt.Errorf("%w, status %d", ErrNoCrash, exited.Status)
		}
		if err != nil {
			return err
		}
		thread := group.Selected.CurrentThread()
		bp := thread.Breakpoint()
		if bp.Breakpoint == nil || bp.Logical == nil {
			continue // stopped for something else: a debugger's own business
		}
		if name := bp.Logical.Name; name == proc.UnrecoveredPanic || name == proc.FatalThrow {
			res.Reason, res.TID = name, thread.ThreadID()
			return nil
		}
	}
}

// dump writes the core beside its name and renames it when it is whole.
func dump(target *proc.Target, out string, res *Result) (err error) {
	f, err := os.CreateTemp(filepath.Dir(out), "."+filepath.Base(out)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, f.Close())
		if err == nil {
			err = os.Rename(f.Name(), out)
		}
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	// A breakpoint is a changed byte of the program's text: the core must not
	// hold it.
	for addr := range target.Breakpoints().M {
		if err := target.ClearBreakpoint(addr); err != nil {
			return err
		}
	}
	maps, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(res.PID), "maps"))
	if err != nil {
		return err
	}
	files := filesOf(parseMaps(string(maps)))
	state := proc.DumpState{}
	target.Dump(&sparseWriter{file: f}, 0, &state)
	if state.Err != nil {
		return state.Err
	}
	if res.Threads, err = rewriteNotes(f, res.TID, files); err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	res.Size = info.Size()
	return nil
}

// dropCoreLimit sets the soft RLIMIT_CORE of a process to 0.
func dropCoreLimit(pid int) error {
	var r unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_CORE, nil, &r); err != nil {
		return err
	}
	r.Cur = 0
	return unix.Prlimit(pid, unix.RLIMIT_CORE, &r, nil)
}

// reap waits for the child that was let go.
func reap(res *Result) error {
	var ws unix.WaitStatus
	for {
		_, err := unix.Wait4(res.PID, &ws, 0, nil)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("capture: wait for process %d: %w", res.PID, err)
		}
		break
	}
	res.ExitCode = ws.ExitStatus()
	if ws.Signaled() {
		res.Signal = int(ws.Signal())
	}
	return nil
}
