package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

func newPrintCommand(a *app) *cobra.Command {
	var f coreFlags
	var format formatFlag
	var at sdcore.Place
	var depth int // of the value in the answer
	cmd := &cobra.Command{
		Use:   "print [flags] CORE BINARY PATH",
		Short: "Print one value by its path, redacted like all else",
		Long: `Print shows one value. PATH starts with a variable: of a function on the stack of
the goroutine that crashed ('main.handle.req'), a bare name of the crashing frame
('req'), or a package variable ('main.gateways'). Then: '.field', '[3]', '["key"]',
'.(type)'; '*' in front dereferences, 'len(...)' and 'cap(...)' count. Pointers and
interfaces are looked through.`,
		Example: `  sdcore print core.1234 ./server main.handle.req.User.Tier
  sdcore print core.1234 ./server 'main.gateways["basic"].Limit'
  sdcore print core.1234 ./server --goroutine 42 'len(main.worker.queue)'`,
		Args: argRange(3, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			if err := f.settle(cmd, explicitTier); err != nil {
				return err
			}
			core, binary, err := a.coreArgs(args[:2])
			if err != nil {
				return err
			}
			f.base.Unnumbered = true // the same number in two answers would mean nothing
			return a.ask(cmd, core, binary, f, format.name, func(w io.Writer, res redact.Result, format string) error {
				o := export.PrintedOptions{TextOptions: a.textOptions(true), Path: args[2], Depth: depth}
				switch format {
				case "json":
					return export.PrintedJSON(w, res, o)
				case "go":
					return export.PrintedGo(w, res, o)
				}
				return export.PrintedText(w, res, o)
			}, func(s *sdcore.Session) (rep *report.Report, err error) {
				rep, depth, err = s.Print(cmd.Context(), args[2], at)
				return rep, err
			})
		},
	}
	f.register(cmd)
	format.register(cmd, "text", "json", "go")
	cmd.Flags().Uint64Var(&at.Goroutine, "goroutine", 0, "goroutine `ID` to look in; the one that crashed if left out")
	cmd.Flags().IntVar(&at.Frame, "frame", 0, "`N`-th call of that function on the stack, from the innermost")
	return cmd
}
