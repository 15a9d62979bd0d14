package monitor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// exitPartial is sdcore's status for a report that is not complete.
const exitPartial = 3

// ErrNoTool is wrapped by Sdcore when sdcore is not found.
var ErrNoTool = errors.New("sdcore is not in PATH")

// Sdcore runs a command of sdcore on a core of this very executable. out takes
// its standard output, nil drops it.
func Sdcore(ctx context.Context, command, core string, out io.Writer, flags ...string) error {
	tool, err := exec.LookPath("sdcore")
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoTool, err)
	}
	cmd := exec.CommandContext(ctx, tool, append([]string{command, core, executable()}, flags...)...)
	cmd.Env, cmd.Stdout = withoutVar(os.Environ()), out
	err = cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == exitPartial {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", tool, command, err)
	}
	return nil
}

// executable is the one that runs, under a name that holds even when another
// file has taken the place of the one that it was started from.
func executable() string {
	self := "/proc/" + strconv.Itoa(os.Getpid()) + "/exe"
	path, err := os.Executable()
	if err != nil {
		return self
	}
	a, errA := os.Stat(path)
	b, errB := os.Stat(self)
	if errB == nil && (errA != nil || !os.SameFile(a, b)) {
		return self
	}
	return path
}

// withoutVar is the environment without the monitor's mark.
func withoutVar(env []string) []string {
	var kept []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, childVar+"=") {
			kept = append(kept, kv)
		}
	}
	return kept
}
