package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

func newWaitsCommand(a *app) *cobra.Command {
	var f coreFlags
	var format formatFlag
	var tier tierFlag
	var query sdcore.WaitQuery
	cmd := &cobra.Command{
		Use:   "waits [flags] [CORE [BINARY]]",
		Short: "Show who waits for whom: locks, channels, deadlocks, leaks",
		Long: `Waits shows what each blocked goroutine waits for, under the name that the program has
for it, and who may hold it: deadlocks first, then lines behind a lock, places where
many wait, and everything that is waited for.

Who waits is read from the runtime's own records. Who holds a lock is recorded nowhere:
holders are candidates with their evidence, strong (a deferred Unlock of this very lock,
or code that has locked it on every way to where the goroutine stands) or weak (a method of
the value that the lock lies in). --format dot is for Graphviz.

Goroutines that nobody can wake any more are leaks: proven, where no goroutine that can
go on and no package variable leads to what they wait for. That, and what memory they keep
alive, needs a walk over the heap; --no-leaks saves its time.`,
		Example: `  sdcore waits core.1234 ./server
  sdcore waits core.1234 ./server --format dot | dot -Tsvg >waits.svg
  sdcore waits core.1234 ./server --format json | jq '.findings[] | select(.kind == "deadlock")'`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := tier.check(); err != nil {
				return err
			}
			if err := format.check(cmd); err != nil {
				return err
			}
			if err := f.settle(cmd, tier.tier); err != nil {
				return err
			}
			core, binary, err := a.coreArgs(args)
			if err != nil {
				return err
			}
			return a.ask(cmd, core, binary, f, format.name, func(w io.Writer, res redact.Result, format string) error {
				switch format {
				case "json":
					return export.WaitsJSON(w, res)
				case "dot":
					return export.WaitsDot(w, res)
				}
				return export.WaitsText(w, res, a.textOptions(f.full))
			}, func(s *sdcore.Session) (*report.Report, error) {
				return s.Waits(cmd.Context(), query)
			})
		},
	}
	f.register(cmd)
	tier.register(cmd)
	format.register(cmd, "text", "json", "dot")
	cmd.Flags().BoolVar(&query.WithoutLeaks, "no-leaks", false, "don't walk the heap for goroutines that nobody can wake")
	return cmd
}
