package crashrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore/hostcheck"
)

// Command is what to run.
type Command struct {
	Argv []string // program and arguments
	Dir  string   // working directory, "" for the current one
	Env  []string // environment, to which some is added
	// Scratch is an existing directory of the caller's, who removes it: the
	// programs that go builds stay there until then.
	Scratch string
	// Tracer is a command that runs the command line behind it, and puts a core
	// of it into the directory [Cores] of Scratch. Programs that go starts are
	// started by it where the host keeps no cores. Nil means that there is none.
	Tracer []string
	// Unoptimized has go build without optimization: then every variable has a
	// value, and programs are slower.
	Unoptimized    bool
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Result is what became of it.
type Result struct {
	// ExitCode is that of the command; 128 and its number after a signal, as
	// shells have it.
	ExitCode int
	Cores    []string // paths, oldest first
	// Place is where the host puts cores.
	Place hostcheck.Core
	// Traced is true when the programs that go started were run by the tracer.
	Traced bool
	// Missed says why there may be crashes whose cores were not found, "" when
	// there can be none.
	Missed string
}

// stopGrace is how long a command has to end after it was asked to.
const stopGrace = 10 * time.Second

// Cores is the directory in Scratch for the cores that the tracer takes.
func Cores(scratch string) string { return filepath.Join(scratch, "cores") }

// Run runs a command to its end and looks for cores. An error means that it
// could not be started, or that no core could be looked for; how the command
// ended is no error. When ctx ends the command gets SIGTERM.
func Run(ctx context.Context, c Command) (Result, error) {
	if len(c.Argv) == 0 {
		return Result{}, errors.New("no command")
	}
	if err := raiseLimit(); err != nil {
		return Result{}, err
	}
	host := hostcheck.Check(hostcheck.Options{})
	res := Result{Place: host.Core}
	s, reachable := newSearch(host.Core, c.Dir)
	res.Traced = !reachable && len(c.Tracer) > 0 && traceable(host)
	if !reachable {
		res.Missed = missed(host, res.Traced)
	}
	env, err := environment(ctx, c, res.Traced)
	if err != nil {
		return res, err
	}
	if err := s.begin(c.Scratch); err != nil {
		return res, err
	}
	if res.ExitCode, err = c.run(ctx, env); err != nil {
		return res, err
	}
	if res.Traced {
		s.dirs = append(s.dirs, Cores(c.Scratch))
	}
	var whole bool
	if res.Cores, whole, err = s.cores(); !whole && err == nil {
		res.Missed = fmt.Sprintf("there are more than %d files here, cores may lie among those that were not looked at", maxEntries)
	}
	return res, err
}

// run runs the command and returns its exit code.
func (c *Command) run(ctx context.Context, env []string) (int, error) {
	cmd := exec.CommandContext(ctx, c.Argv[0], c.Argv[1:]...)
	cmd.Dir, cmd.Env = c.Dir, env
	cmd.Stdin, cmd.Stdout, cmd.Stderr = c.Stdin, c.Stdout, c.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = stopGrace
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			return 128 + int(ws.Signal()), nil
		}
		return exit.ExitCode(), nil
	}
	return 0, fmt.Errorf("run %s: %w", c.Argv[0], err)
}

// raiseLimit lets the processes below this one write cores as large as they
// may be.
func raiseLimit() error {
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err != nil {
		return fmt.Errorf("core limit: %w", err)
	}
	if l.Cur = l.Max; l.Cur == 0 {
		return nil // hostcheck says so
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &l); err != nil {
		return fmt.Errorf("raise the core limit: %w", err)
	}
	return nil
}

// traceable reports whether this host lets a process trace its children.
func traceable(host hostcheck.Report) bool {
	for _, f := range host.Findings {
		if f.ID == hostcheck.CheckPtrace {
			return f.Status == hostcheck.OK || f.Code == hostcheck.CodePtraceChildren
		}
	}
	return false
}

// missed says what can't be found on a host that keeps no cores, with the first
// reason.
func missed(host hostcheck.Report, traced bool) string {
	what := "no crash leaves a core that can be found"
	if traced {
		what = "only the programs of go test and go run leave a core"
	}
	for _, f := range host.Findings {
		if f.Status == hostcheck.Fail {
			return what + ": " + f.Detail
		}
	}
	return what + ": " + host.Core.String()
}

// marker notes when the command began, by the clock that files get their times
// from.
func marker(dir string) (time.Time, error) {
	f, err := os.CreateTemp(dir, ".begin-*")
	if err != nil {
		return time.Time{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return time.Time{}, err
	}
	return info.ModTime(), nil
}
