package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/hostcheck"
)

func newDoctorCommand(a *app) *cobra.Command {
	var pid int
	var format formatFlag
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Check whether this host or process can produce cores, and why not",
		Long: `Doctor follows the way that a core takes: core_pattern, the handler behind it, the
limit, dumpable, coredump_filter, the directory and its free space. Each finding
has a code (docs/helper.md) and, where something is to be done, the remedy. It
changes nothing. Exit status 1 means that there would be no core.`,
		Example: "  sdcore doctor\n  sdcore doctor --pid 4711 --format json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			if pid < 0 {
				return usagef("--pid %d: want the number of a process", pid)
			}
			rep := hostcheck.Check(hostcheck.Options{PID: pid})
			if err := printFindings(a.stdout, rep, format.name); err != nil {
				return err
			}
			if rep.Worst() == hostcheck.Fail {
				return errCheckFailed
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&pid, "pid", 0, "ask about this process instead of one started from here")
	format.register(cmd, "text", "json")
	return cmd
}

func printFindings(w io.Writer, rep hostcheck.Report, format string) error {
	if format == "json" {
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(rep)
	}
	for _, f := range rep.Findings {
		if _, err := fmt.Fprintf(w, "%-6s %-16s %s\n", "["+string(f.Status)+"]", f.ID, oneLine(f.Detail)); err != nil {
			return err
		}
		if f.Remedy != "" {
			fmt.Fprintf(w, "%23s -> %s\n", "", oneLine(f.Remedy))
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", oneLine(rep.Core.String()))
	return err
}
