package main

import (
	"context"
	"fmt"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// analyzeFlags are the flags of analyze, shared with demo.
type analyzeFlags struct {
	coreFlags
	tierFlag
	format   formatFlag
	literals goFrameFlag
	output   string
	noSave   bool
	gzip     bool
	exec     string
	maxSize  int64
}

func newAnalyzeCommand(a *app) *cobra.Command {
	var f analyzeFlags
	cmd := &cobra.Command{
		Use:   "analyze [flags] [CORE [BINARY] | TEXT]",
		Short: "Report a crash: what died, where, with which values",
		Long: `Analyze opens a core dump and the binary that crashed, prints what died, where and
with which values, and saves one redacted report in Safedump's JSON format under
~/.safedump (-o FILE: there instead; --no-save: nowhere). --format go prints the variables
of the frame that crashed as Go literals instead, for a regression test.

Without CORE the newest core here or in ~/.safedump is taken, or the newest crash text
(NAME.crash.txt, which the helper keeps) if no core is as new. Without BINARY it is
looked for by build ID: in the --bin-path directories and below, then where the core says it was.

CORE may also be a text that holds Go's own traceback, such as a log or what was on
stderr: the report then has every stack that Go printed, and no values.`,
		Example: `  sdcore analyze core.1234 ./server
  sdcore analyze core.1234 ./server --format json --no-save | jq .exception
  sdcore analyze core.1234 ./server -o crash.html
  sdcore analyze core.1234 ./server --format go >> charge_test.go
  sdcore analyze ~/.safedump/server-20261129T140316.000000000-4711.crash.txt
  sdcore analyze --bin-path /srv/releases core.1234 -o crash.safedump.json`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			core, binary, err := a.crashArgs(args)
			if err != nil {
				return err
			}
			return a.analyze(cmd.Context(), core, binary, &f)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *analyzeFlags) register(cmd *cobra.Command) {
	f.coreFlags.register(cmd)
	f.tierFlag.register(cmd)
	f.format.register(cmd, "text", "json", "jsonl", "markdown", "html", "go")
	f.literals.register(cmd)
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", "", "write the report to `FILE` instead of ~/.safedump; format by --format or by suffix")
	fs.BoolVar(&f.noSave, "no-save", false, "save no report")
	fs.BoolVar(&f.gzip, "compress", false, "compress the saved report with gzip")
	fs.BoolVar(&f.options.Heap, "heap", false, "add what takes the memory: types, owners, leak suspects")
	fs.StringVar(&f.exec, "exec", "", "run `COMMAND` by sh after a report is saved, its path in $1 and $SDCORE_REPORT")
	fs.Int64Var(&f.maxSize, "max-size", sdcore.DefaultMaxSize, "bytes that a saved report may have, 0 for no bound: json and jsonl are then written as the core is read")
}

func (f *analyzeFlags) check(cmd *cobra.Command) error {
	if f.noSave && (f.output != "" || f.exec != "") {
		return usagef("--no-save goes neither with --output nor with --exec")
	}
	if f.maxSize < 0 {
		return usagef("--max-size %d: want 0 or more", f.maxSize)
	}
	f.options.Limits.MaxSize = f.maxSize
	if f.maxSize == 0 {
		f.options.Limits.MaxSize = -1
	}
	if err := f.tierFlag.check(); err != nil {
		return err
	}
	if err := f.settle(cmd, f.tierFlag.tier); err != nil {
		return err
	}
	f.options.Globals = f.options.Tier >= 3
	f.maxSize = max(f.options.Limits.MaxSize, 0) // a policy may have one too
	if err := f.literals.check(); err != nil {
		return err
	}
	return f.format.check(cmd)
}

// redaction is the redaction policy that the flags ask for.
func (f *analyzeFlags) redaction() redact.Policy {
	p := f.base
	p.Tier, p.Limits = f.options.Tier, f.options.Limits
	return p
}

// extent is how much of the report will be seen.
func (f *analyzeFlags) extent() sdcore.Extent {
	if f.noSave && (f.format.name == "text" || f.format.name == "markdown") {
		return sdcore.CrashOnly
	}
	return sdcore.Whole
}

// analyze reports one crash: to stdout, and to a file unless told otherwise.
func (a *app) analyze(ctx context.Context, core, binary string, f *analyzeFlags) error {
	if crashtext.Is(core) {
		return a.analyzeText(ctx, core, binary, f)
	}
	if f.streamed() {
		return a.streamReport(ctx, core, binary, f)
	}
	res, err := a.redacted(ctx, core, binary, f.options, f.redaction(), func(s *sdcore.Session, x *redact.Redactor) (redact.Result, error) {
		return s.RedactedReport(ctx, x, f.extent())
	})
	if err != nil {
		return err
	}
	return a.deliver(ctx, res, f)
}

// deliver prints a report, keeps it where the flags say, and runs the hook.
func (a *app) deliver(ctx context.Context, res redact.Result, f *analyzeFlags) error {
	if f.format.name == "text" || f.output == "" {
		if err := a.print(res, rendering{f.format.name, f.full, f.literals.options}); err != nil {
			return err
		}
	}
	path, err := a.keep(res, f)
	if err != nil {
		return err
	}
	if path != "" && f.format.name == "text" {
		fmt.Fprintf(a.stdout, "Crash report saved: %s\n", path)
	}
	if path != "" && f.exec != "" {
		if err := a.runHook(ctx, f.exec, path); err != nil {
			return err
		}
	}
	return a.partial(res)
}

// partial turns an incomplete report into the exit status for it, and says
// what is missing.
func (a *app) partial(res redact.Result) error {
	if res.Report().Complete {
		return nil
	}
	text, err := export.MissingText(res)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "sdcore: incomplete: %s\n", oneLine(text))
	return errPartial
}

// runHook runs the user's command after a report was saved.
func (a *app) runHook(ctx context.Context, command, path string) error {
	cmd := exec.CommandContext(ctx, "sh", "-c", command, "sdcore", path)
	cmd.Env = append(cmd.Environ(), "SDCORE_REPORT="+path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("--exec: %w; the report is at %s", err, path)
	}
	return nil
}
