package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/discover"
)

// ciFlags are the flags of ci.
type ciFlags struct {
	policyFlags
	tierFlag
	dir string // of the reports
}

func newCICommand(a *app) *cobra.Command {
	var f ciFlags
	cmd := &cobra.Command{
		Use:   "ci [flags] -- COMMAND [ARG...]",
		Short: "Run a command with cores on, and turn a crash into a report and an annotation",
		Long: `CI runs a command, such as go test, with cores switched on. When it fails because a Go
program crashed, a redacted report is saved and an annotation in GitHub's form is printed,
which shows the crash at its line. The report is of the core, if the kernel wrote one below the
current directory and its binary has debug information, with all values; else of the traceback in
the command's output, with stacks only. go test links without debug information unless it is told
to keep the binary (go test -o, -c). The exit status is the command's.`,
		Example: `  sdcore ci -- go test ./...
  sdcore ci --report-dir crashes -- ./integration.sh`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s: name a command behind --", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.tierFlag.check(); err != nil {
				return err
			}
			if err := f.load(); err != nil {
				return err
			}
			f.base.Tier = f.policyFlags.tier(cmd, f.tierFlag.tier)
			return a.ci(cmd.Context(), args, &f)
		},
	}
	f.policyFlags.register(cmd)
	f.tierFlag.register(cmd)
	cmd.Flags().StringVar(&f.dir, "report-dir", ".", "`directory` for reports")
	return cmd
}

// exitError ends sdcore with the exit status of a command that it ran.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// maxOutput is how much of a command's output is searched for a traceback: its
// end.
const maxOutput = 32 << 20

func (a *app) ci(ctx context.Context, args []string, f *ciFlags) error {
	scratch, err := os.MkdirTemp("", "sdcore-ci-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	begun := time.Now()
	failed := a.runWithCores(ctx, args, scratch)
	var exit *exec.ExitError
	if failed == nil || !errors.As(failed, &exit) {
		return failed
	}
	if err := a.ciReport(ctx, f, scratch, begun); err != nil {
		fmt.Fprintf(a.stderr, "sdcore: no report: %s\n", oneLine(err.Error()))
	}
	return exitError{max(exit.ExitCode(), exitFailed)} // killed by a signal: -1
}

// runWithCores runs a command with cores on. What it prints goes through, and
// to a file.
func (a *app) runWithCores(ctx context.Context, args []string, scratch string) error {
	out, err := os.OpenFile(filepath.Join(scratch, "output"), os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &l); err == nil {
		l.Cur = l.Max
		_ = unix.Setrlimit(unix.RLIMIT_CORE, &l) // without, there is the traceback
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin = a.stdin
	cmd.Stdout, cmd.Stderr = io.MultiWriter(a.stdout, out), io.MultiWriter(a.stderr, out)
	cmd.Env = append(os.Environ(), "GOTRACEBACK=crash")
	if filepath.Base(args[0]) == "go" { // go test removes its binaries otherwise
		cmd.Env = append(cmd.Env, "GOTMPDIR="+scratch, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -work"))
	}
	return cmd.Run()
}

// ciReport reports the crash behind a failure, if there was one.
func (a *app) ciReport(ctx context.Context, f *ciFlags, scratch string, begun time.Time) error {
	res, err := a.ciAnalyze(ctx, f, scratch, begun)
	if err != nil {
		return err
	}
	name, err := export.FileName(res)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return err
	}
	path, err := saveNew(f.dir, name, func(w io.Writer) error {
		return export.JSON(w, res, export.Options{MaxSize: sizeLimit(res)})
	})
	if err != nil {
		return err
	}
	if err := export.Annotation(a.stdout, res, export.AnnotationOptions{Report: path, Dir: workingDir()}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "Crash report saved: %s\n", path)
	return err
}

// workingDir is where annotations' paths begin, "" when it is not known.
func workingDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	return dir
}

// ciAnalyze reports the newest core of the run, or else the traceback.
func (a *app) ciAnalyze(ctx context.Context, f *ciFlags, scratch string, begun time.Time) (redact.Result, error) {
	x, err := redact.New(f.base)
	if err != nil {
		return redact.Result{}, err
	}
	o := sdcore.Options{Tier: f.base.Tier, Limits: report.Limits{MaxSize: sdcore.DefaultMaxSize}}
	found, err := discover.Find(ctx, discover.Options{Dirs: []string{"."}})
	if err != nil {
		return redact.Result{}, err
	}
	for _, it := range found.Items {
		if it.Kind != discover.Core || time.Unix(0, it.Modified).Before(begun) {
			continue
		}
		withBinary := o
		withBinary.BinaryDirs = []string{scratch, "."}
		res, err := a.redacted(ctx, it.Path, "", withBinary, f.base, func(s *sdcore.Session, x *redact.Redactor) (redact.Result, error) {
			return s.RedactedReport(ctx, x, sdcore.Whole)
		})
		if err == nil {
			return res, nil
		}
		fmt.Fprintf(a.stderr, "sdcore: %s: %s; the report is of the traceback\n", it.Path, oneLine(err.Error()))
	}
	text, err := lastOutput(filepath.Join(scratch, "output"))
	if err != nil {
		return redact.Result{}, err
	}
	rep, err := sdcore.AnalyzeText(text, o)
	if err != nil {
		return redact.Result{}, err
	}
	return x.Apply(rep)
}

// lastOutput cuts a long output to its end.
func lastOutput(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil || info.Size() <= maxOutput {
		return path, err
	}
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	cut := path + ".end"
	return cut, writeFile(cut, func(w io.Writer) error {
		_, err := io.Copy(w, io.NewSectionReader(in, info.Size()-maxOutput, maxOutput))
		return err
	})
}
