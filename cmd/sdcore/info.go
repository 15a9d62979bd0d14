package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

func newInfoCommand(a *app) *cobra.Command {
	var f coreFlags
	var format formatFlag
	cmd := &cobra.Command{
		Use:   "info [flags] [CORE [BINARY]]",
		Short: "Show what a core is: build, threads, signal, what can be had from it",
		Long: `Info shows which build crashed and how sure that is, the threads, the signal, the
memory segments, and what is missing. It needs no debug information and works
where analyze can't.`,
		Example: "  sdcore info core.1234\n  sdcore info core.1234 ./server --format json",
		Args:    argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			if err := f.settle(cmd, redact.Default().Tier); err != nil {
				return err
			}
			core, binary, err := a.coreArgs(args)
			if err != nil {
				return err
			}
			return a.ask(cmd, core, binary, f, format.name, func(w io.Writer, res redact.Result, format string) error {
				if format == "json" {
					return export.InfoJSON(w, res)
				}
				return export.InfoText(w, res, a.textOptions(f.full))
			}, func(s *sdcore.Session) (*report.Report, error) {
				return s.Info(cmd.Context())
			})
		},
	}
	f.registerOpen(cmd)
	format.register(cmd, "text", "json")
	return cmd
}

// ask opens a session, asks one question, redacts the answer and prints it.
func (a *app) ask(cmd *cobra.Command, core, binary string, f coreFlags, format string, write exporter,
	question func(*sdcore.Session) (*report.Report, error),
) error {
	f.options.Progress = a.progress.update
	s, err := sdcore.Open(cmd.Context(), core, binary, f.options)
	if err != nil {
		return err
	}
	defer s.Close()
	rep, err := question(s)
	if err != nil {
		return err
	}
	res, err := redact.Apply(rep, f.policy(rep.Tier))
	if err != nil {
		return err
	}
	return a.answer(res, format, write)
}
