package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// maxStoredReport bounds the bytes read of a stored report, unpacked.
const maxStoredReport = 1 << 30

func newViewCommand(a *app) *cobra.Command {
	var full, redactions bool
	var format formatFlag
	var policy policyFlags
	var store storeFlag
	cmd := &cobra.Command{
		Use:   "view [flags] [REPORT|NAME [PATH]]",
		Short: "Show a saved report, or one value of it",
		Long: `View shows a saved report, also one written by Safedump itself. Without REPORT: the
newest one here or in ~/.safedump. NAME is that of a group or crash in 'sdcore list': of a
group what its crashes have in common and the report of one. With PATH, in the syntax of 'sdcore print': one
value of it. It is redacted again before it is shown. --redactions lists what was
removed: by which rule, why, where, and what a policy has to say to keep it; with
--full each place of it.`,
		Example: `  sdcore view
  sdcore view crash.safedump.json.gz --full
  sdcore view g3f0c2a91d7e4
  sdcore view crash.safedump.json --redactions
  sdcore view crash.safedump.json main.handle.req.User`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			var err error
			if redactions && len(args) > 1 {
				return usagef("--redactions goes without a PATH")
			}
			if len(args) > 0 && isIndexName(args[0]) {
				if args[0], err = a.fromIndex(cmd.Context(), &store, args[0], len(args) == 1 && !redactions && format.name == "text"); err != nil {
					return err
				}
			}
			res, err := a.openReport(args[:min(len(args), 1)], &policy)
			if err != nil {
				return err
			}
			if redactions {
				return a.explain(res, format.name, full)
			}
			if len(args) < 2 {
				return a.print(res, rendering{format: format.name, full: full})
			}
			o := export.ValueOptions{TextOptions: a.textOptions(true), Path: args[1]}
			if format.name == "json" {
				return export.ValueJSON(a.stdout, res, o)
			}
			return export.ValueText(a.stdout, res, o)
		},
	}
	format.register(cmd, "text", "json")
	policy.register(cmd)
	store.register(cmd)
	cmd.Flags().BoolVar(&full, "full", false, "print long values and lists whole, as far as they were saved")
	cmd.Flags().BoolVar(&redactions, "redactions", false, "list and explain what was removed")
	return cmd
}

func newConvertCommand(a *app) *cobra.Command {
	var format formatFlag
	var literals goFrameFlag
	var policy policyFlags
	var output string
	cmd := &cobra.Command{
		Use:   "convert [flags] [REPORT]",
		Short: "Render a saved report in another format",
		Long: `Convert reads a saved report, redacts it again and writes it in another format, to
stdout or to -o FILE.`,
		Example: "  sdcore convert crash.safedump.json --format markdown -o issue.md",
		Args:    argRange(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := errors.Join(format.check(cmd), literals.check()); err != nil {
				return err
			}
			res, err := a.openReport(args, &policy)
			if err != nil {
				return err
			}
			if output == "" {
				return a.print(res, rendering{format.name, true, literals.options})
			}
			_, err = a.keep(res, &analyzeFlags{format: format, literals: literals, output: output})
			return err
		},
	}
	format.register(cmd, "json", "text", "markdown", "jsonl", "html", "go")
	literals.register(cmd)
	policy.register(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`; format by --format or by suffix")
	return cmd
}

// openReport reads the named report or the newest one and redacts it again: a
// file can come from anywhere.
func (a *app) openReport(args []string, policy *policyFlags) (redact.Result, error) {
	if err := policy.load(); err != nil { // before anything is opened
		return redact.Result{}, err
	}
	file, err := a.stored(args)
	if err != nil {
		return redact.Result{}, err
	}
	return policy.reapply(file.Report)
}

// stored reads the named report or the newest one.
func (a *app) stored(args []string) (*report.File, error) {
	var path string
	var err error
	if len(args) == 1 {
		path = args[0]
	} else if path, err = a.newest("report", isReport); err != nil {
		return nil, err
	}
	f, err := openStored(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	file, err := report.Decode(f, report.DecodeOptions{MaxBytes: maxStoredReport})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, nil
}

// explain lists what was removed from a report.
func (a *app) explain(res redact.Result, format string, full bool) error {
	if format == "json" {
		return export.RedactionsJSON(a.stdout, res)
	}
	return export.RedactionsText(a.stdout, res, a.textOptions(full))
}

// openStored opens a stored report: a file, or a pipe as the shell makes for
// <(zcat x). A pipe that nobody writes to is empty, not waited for; devices
// and directories are refused.
func openStored(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeNamedPipe == 0 {
		err = fmt.Errorf("%s: %w", path, corefile.ErrNotFile)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}
