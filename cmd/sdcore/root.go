package main

import (
	"github.com/spf13/cobra"
)

// newRootCommand builds the command tree.
func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "sdcore",
		Short: "Turn the core dump of a crashed Go program into a report that is safe to show",
		Long: `sdcore opens the core dump of a crashed Go program together with its binary and
says what the values were: every goroutine with its frames, arguments and
locals, the package variables, and why the program died. Secrets are removed
before anything is shown. It works offline, runs no program but on request, and
writes one file: the report.

Exit status: 0 complete, 1 failed, 2 wrong usage, 3 written but incomplete.`,
		Example: `  sdcore analyze core.1234 ./server     # what died, where, with which values
  sdcore goroutines core.1234 ./server  # who else was there, doing what
  sdcore heap core.1234 ./server        # what holds the memory
  sdcore batch /var/crash               # what is new among last night's crashes
  sdcore demo                           # crash something and look at it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var page bool
	root.PersistentFlags().BoolVar(&page, "pager", false, "show output on a terminal a screen at a time, by $SDCORE_PAGER or $PAGER (less)")
	root.PersistentPreRun = func(*cobra.Command, []string) {
		if page {
			a.page()
		}
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.AddCommand(
		newAnalyzeCommand(a),
		newGoroutinesCommand(a),
		newInfoCommand(a),
		newWaitsCommand(a),
		newHeapCommand(a),
		newGlobalsCommand(a),
		newPrintCommand(a),
		newViewCommand(a),
		newConvertCommand(a),
		newRedactCommand(a),
		newAttachCommand(a),
		newBatchCommand(a),
		newBatchWorkerCommand(a),
		newListCommand(a),
		newStatsCommand(a),
		newMarkCommand(a),
		newCleanCommand(a),
		newServeCommand(a),
		newCaptureCommand(a),
		newCICommand(a),
		newCITraceCommand(a),
		newDemoCommand(a),
		newDoctorCommand(a),
		newVersionCommand(a),
	)
	return root
}

// noArgs refuses arguments; for the root that means an unknown command.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if !cmd.HasParent() {
		return usagef("unknown command %q (see sdcore --help)", args[0])
	}
	return usagef("%s takes no arguments", cmd.CommandPath())
}

// argRange is cobra.RangeArgs with our exit status and words.
func argRange(lo, hi int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) < lo || len(args) > hi {
			return usagef("%s: got %d arguments, want %s", cmd.CommandPath(), len(args), cmd.UseLine())
		}
		return nil
	}
}
