package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/capture"
)

func newCaptureCommand(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "capture [flags] PID",
		Short: "Take a core of a running Go program, which goes on",
		Long: `Capture stops a process for as long as its memory is read, writes a core, and lets the
process go on. Nothing is written into the process; it needs no helper and no debug
information. The pause is printed: some 40 ms for a small program, a second or more
for each gigabyte in use.

The core is complete or absent, mode 0600. It holds all of the program's memory, secrets
included: it is for analyze, not for a bug report.`,
		Example: "  sdcore capture 4711\n  sdcore capture $(pidof server) -o /var/crash/server.core\n  sdcore analyze core.4711",
		Args:    argRange(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			pid, err := strconv.Atoi(args[0])
			if err != nil || pid <= 0 {
				return usagef("%s is no process ID", args[0])
			}
			return a.capture(cmd.Context(), pid, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "write the core to `FILE`, replacing it, instead of core.PID")
	return cmd
}

func (a *app) capture(ctx context.Context, pid int, output string) error {
	if output == "" {
		output = "core." + strconv.Itoa(pid)
		if _, err := os.Lstat(output); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%s exists: %w", output, errExists)
		}
	}
	a.progress.update("reading the process", 0, 0)
	res, err := capture.Live(ctx, pid, output)
	a.progress.clear()
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Core saved: %s (%d MB of memory, %d threads)\n", oneLine(output), (res.Copied+1<<20-1)>>20, res.Threads)
	fmt.Fprintf(a.stdout, "Process %d stood still for %s and goes on.\n", pid, res.Pause.Round(100*time.Microsecond))
	fmt.Fprintf(a.stdout, "See it with: sdcore analyze %s %s\n", oneLine(output), oneLine(res.Exe))
	if len(res.Late) > 0 {
		fmt.Fprintf(a.stderr, "sdcore: incomplete: threads that sit in a system call and did not stop are not in the core: %v\n", res.Late)
	}
	if res.Unreadable > 0 {
		fmt.Fprintf(a.stderr, "sdcore: incomplete: %d bytes of memory could not be read and are zero in the core\n", res.Unreadable)
	}
	if len(res.Late) > 0 || res.Unreadable > 0 {
		return errPartial
	}
	return nil
}
