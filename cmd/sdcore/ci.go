package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/capture"
	"github.com/safedump/sdcore/crashrun"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// ciFlags are the flags of ci.
type ciFlags struct {
	coreFlags
	tierFlag
	output   string
	annotate string
	keep     bool
	slow     bool
}

// commandStatus ends sdcore with the exit status of the command that it ran.
type commandStatus int

func (s commandStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

func newCICommand(a *app) *cobra.Command {
	var f ciFlags
	cmd := &cobra.Command{
		Use:   "ci [flags] -- COMMAND [ARG...]",
		Short: "Run a command with core dumps on, and report what crashed",
		Long: `Ci runs a command, such as a test suite. When a Go program below it dies, its core is
analyzed: the report is printed to stderr and saved in --output, for the job's artifacts;
on GitHub the crash is shown beside its source line and in the job's summary.

The core limit is raised, GOTRACEBACK=crash set, and go is told by GOFLAGS to keep test
binaries and their debug information. Where the host keeps no cores (a container, a pipe)
the programs of "go test" and "go run" are started under ptrace instead. Cores of programs
that go built for the command are removed once they are reported: they hold secrets.

The exit status is that of COMMAND, 128 and its number after a signal; 1 when it could not
be started, 2 for wrong usage. What could not be reported is said on stderr.`,
		Example: `  sdcore ci -- go test ./...
  sdcore ci -o $CI_PROJECT_DIR/crashes -- make integration`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("sdcore ci: no command: sdcore ci -- go test ./...")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.ci(cmd.Context(), args, &f)
		},
	}
	cmd.Flags().SetInterspersed(false)
	f.coreFlags.register(cmd)
	f.tierFlag.register(cmd)
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", "crash-reports", "save reports in `DIR`")
	fs.StringVar(&f.annotate, "annotate", "auto", "mark the source line of a crash: auto, github, none")
	fs.BoolVar(&f.keep, "keep-cores", false, "keep the cores and the binaries that go built, and say where they are")
	fs.BoolVar(&f.slow, "unoptimized", false, "build what go builds with -N -l: every variable has its value, tests are slower")
	return cmd
}

func (f *ciFlags) check(cmd *cobra.Command) error {
	switch f.annotate {
	case "auto":
		if f.annotate = "none"; os.Getenv("GITHUB_ACTIONS") == "true" {
			f.annotate = "github"
		}
	case "github", "none":
	default:
		return usagef("--annotate %s: want one of auto, github, none", f.annotate)
	}
	if err := f.tierFlag.check(); err != nil {
		return err
	}
	return f.settle(cmd, f.tierFlag.tier)
}

// ci runs the command and reports its crashes.
func (a *app) ci(ctx context.Context, argv []string, f *ciFlags) (err error) {
	scratch, err := os.MkdirTemp("", "sdcore-ci-")
	if err != nil {
		return err
	}
	// A core names its binary by the real path.
	if scratch, err = filepath.EvalSymlinks(scratch); err != nil {
		return err
	}
	if !f.keep {
		defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	}
	c := crashrun.Command{Argv: argv, Env: os.Environ(), Scratch: scratch, Unoptimized: f.slow, Stdin: a.stdin, Stdout: a.stdout, Stderr: a.stderr}
	if self, err := os.Executable(); err == nil {
		c.Tracer = []string{self, "ci-trace", crashrun.Cores(scratch)}
	}
	res, err := crashrun.Run(ctx, c)
	if err != nil {
		return err
	}
	if res.Missed != "" {
		fmt.Fprintf(a.stderr, "sdcore: %s\n", oneLine(res.Missed))
	}
	for _, core := range res.Cores {
		if err := a.ciCrash(ctx, core, scratch, f); err != nil {
			fmt.Fprintf(a.stderr, "sdcore: %s: %s\n", oneLine(core), oneLine(err.Error()))
		}
	}
	if f.keep && len(res.Cores) > 0 {
		fmt.Fprintf(a.stderr, "sdcore: kept: %s and %s\n", strings.Join(res.Cores, ", "), scratch)
	}
	if res.ExitCode != 0 {
		return commandStatus(res.ExitCode)
	}
	return nil
}

// ciCrash reports one core, and removes it when it is of a program that was
// built for this command.
func (a *app) ciCrash(ctx context.Context, core, scratch string, f *ciFlags) error {
	o := f.options
	o.BinaryDirs = append([]string{scratch}, o.BinaryDirs...)
	res, err := a.redacted(ctx, core, "", o, f.policy(f.options.Tier), func(s *sdcore.Session, x *redact.Redactor) (redact.Result, error) {
		return s.RedactedReport(ctx, x, sdcore.Whole)
	})
	if err != nil {
		return err
	}
	if err := a.ciShow(res, f); err != nil {
		return err
	}
	path, err := a.ciSave(res, f.output)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "Crash report saved: %s\n", path)
	built, err := filepath.Rel(scratch, res.Report().Identity.Binary)
	if f.keep || err != nil || !filepath.IsLocal(built) {
		return nil
	}
	return os.Remove(core)
}

// ciSave writes the report into the directory for artifacts.
func (a *app) ciSave(res redact.Result, dir string) (string, error) {
	name, err := export.FileName(res)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	return saveNew(dir, name, func(w io.Writer) error {
		return export.JSON(w, res, export.Options{MaxSize: sizeLimit(res)})
	})
}

// ciShow prints a report, and marks the source line of the crash.
func (a *app) ciShow(res redact.Result, f *ciFlags) error {
	text := export.TextOptions{Width: a.textWidth(), Full: f.full}
	if f.annotate != "github" {
		return export.Text(a.stderr, res, text)
	}
	root := os.Getenv("GITHUB_WORKSPACE")
	if root == "" {
		root, _ = os.Getwd() // without it the crash belongs to no line
	}
	if err := export.GitHubAnnotation(a.stderr, res, root); err != nil {
		return err
	}
	// A line of the report that looks like a command must not act as one.
	token := rand.Text()
	fmt.Fprintf(a.stderr, "::group::The crash, by sdcore\n::stop-commands::%s\n", token)
	err := export.Text(a.stderr, res, text)
	fmt.Fprintf(a.stderr, "::%s::\n::endgroup::\n", token)
	if summary := os.Getenv("GITHUB_STEP_SUMMARY"); summary != "" && err == nil {
		err = appendTo(summary, func(w io.Writer) error { return export.Markdown(w, res) })
	}
	return err
}

// appendTo adds to a file.
func appendTo(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

// newCITraceCommand is what ci has go start programs by where no core is kept.
func newCITraceCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:    "ci-trace DIR PROGRAM [ARG...]",
		Short:  "Run a program and put a core of its death into a directory",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("%s: want DIR PROGRAM", cmd.CommandPath())
			}
			return a.ciTrace(cmd.Context(), args[0], args[1:])
		},
	}
	cmd.Flags().SetInterspersed(false)
	return cmd
}

// ciTrace runs the program as if this one were it, and takes its core. A
// program without debug information takes the place of this one: delve could
// not see it die.
func (a *app) ciTrace(ctx context.Context, dir string, argv []string) error {
	// Delve runs debuginfod-find for libraries, which asks nobody without this.
	os.Unsetenv("DEBUGINFOD_URLS")
	core := filepath.Join(dir, fmt.Sprintf("core.%d", os.Getpid()))
	res, err := capture.Child(ctx, capture.Command{Path: argv[0], Args: argv[1:]}, core)
	switch {
	case errors.Is(err, capture.ErrNoDebugInfo):
		return fmt.Errorf("run %s: %w", argv[0], unix.Exec(argv[0], argv, os.Environ()))
	case err != nil && !errors.Is(err, capture.ErrNoCrash):
		return err
	case res.Signal != 0:
		return commandStatus(128 + res.Signal)
	case res.ExitCode != 0:
		return commandStatus(res.ExitCode)
	}
	return nil
}
