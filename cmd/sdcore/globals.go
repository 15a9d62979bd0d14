package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// explicitTier is the tier of commands that ask for one thing by name: what
// they print is what was asked for, redacted like all else.
const explicitTier = 3

func newGlobalsCommand(a *app) *cobra.Command {
	var f coreFlags
	var format formatFlag
	cmd := &cobra.Command{
		Use:   "globals [flags] CORE BINARY [PATTERN]",
		Short: "Show package variables",
		Long: `Globals shows package variables whose qualified name matches PATTERN, a shell
pattern ('main.*') or a part of the name. Without PATTERN: those of the main module.`,
		Example: `  sdcore globals core.1234 ./server
  sdcore globals core.1234 ./server 'net/http.Default*'`,
		Args: argRange(0, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			if err := f.settle(cmd, explicitTier); err != nil {
				return err
			}
			f.base.Unnumbered = true // the same number in two answers would mean nothing
			pattern := ""
			if len(args) == 3 {
				pattern = args[2]
			}
			core, binary, err := a.coreArgs(args[:min(len(args), 2)])
			if err != nil {
				return err
			}
			return a.ask(cmd, core, binary, f, format.name, func(w io.Writer, res redact.Result, format string) error {
				o := export.GlobalOptions{TextOptions: a.textOptions(f.full)}
				switch format {
				case "json":
					return export.GlobalsJSON(w, res, o)
				case "jsonl":
					return export.JSONL(w, res)
				}
				return export.GlobalsText(w, res, o)
			}, func(s *sdcore.Session) (*report.Report, error) {
				return s.Globals(cmd.Context(), pattern)
			})
		},
	}
	f.register(cmd)
	format.register(cmd, "text", "json", "jsonl")
	return cmd
}
