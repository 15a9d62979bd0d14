package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/batch"
	"github.com/safedump/sdcore/triage/index"
	"github.com/safedump/sdcore/triage/night"
)

// errNewGroups ends a batch that has something new to tell, errFailures one that
// could not report everything.
var (
	errNewGroups = errors.New("there are new crashes")
	errFailures  = errors.New("some crashes could not be reported")
)

// batchFlags are the flags of batch.
type batchFlags struct {
	policyFlags
	tierFlag
	storeFlag
	format  formatFlag
	options batch.Options
	chosen  int // the tier
	output  string
	exec    string
	memory  int64
	timeout time.Duration
	webhook string
	verbose bool
}

func newBatchCommand(a *app) *cobra.Command {
	var f batchFlags
	cmd := &cobra.Command{
		Use:   "batch [flags] DIR...",
		Short: "Report everything in crash directories, and what is new",
		Long: `Batch looks through directories for cores (by their contents, compressed or not),
files of systemd-coredump and apport, and the helper's crash texts, reports each one that
it has not reported before, a process for each, and tells which crashes are new. Binaries
are found by build ID below --bin-path, or where a core says its own was; a core whose
binary is missing waits until it appears. Reports and index are kept in --store.

It can be killed at any time and goes on where it was. SIGTERM lets it finish what it is at.

Exit status: 0 nothing new, 1 the batch failed, 2 wrong usage, 3 some crashes could not be
reported or the batch was told to stop, 4 new crashes, or some that came back (whatever else).`,
		Example: `  sdcore batch /var/crash --bin-path /srv/releases
  sdcore batch /var/lib/systemd/coredump --format markdown -o night.md
  sdcore batch --host-dirs /srv/crashes    # one directory below for each host
  sdcore batch /var/crash --db postgres://sdcore@db.example/crashes    # many hosts, one index`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s: name at least one directory", cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			f.options.Dirs = args
			return a.batch(cmd.Context(), &f)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *batchFlags) register(cmd *cobra.Command) {
	f.policyFlags.register(cmd)
	f.tierFlag.register(cmd)
	f.storeFlag.register(cmd)
	f.format.register(cmd, night.Formats()...)
	o, fs := &f.options, cmd.Flags()
	fs.StringArrayVar(&o.BinaryDirs, "bin-path", nil, "`directory` to look for binaries in, by build ID (repeatable)")
	fs.StringArrayVar(&o.DebugDirs, "debug-path", nil, "`directory` to look for debug information in, by build ID (repeatable)")
	fs.StringArrayVar(&o.SourceDirs, "source-path", nil, "`directory` to look for source files in (repeatable)")
	fs.StringVar(&o.Host, "host", "", "`NAME` of the host that the crashes are from (default this one's)")
	fs.BoolVar(&o.HostDirs, "host-dirs", false, "the directory below DIR is the name of the host")
	fs.IntVarP(&o.Jobs, "jobs", "j", 0, "crashes reported at a time (default the number of processors)")
	fs.BoolVar(&o.Retry, "retry", false, "try again what failed before")
	fs.DurationVar(&o.Settle, "settle", 10*time.Second, "leave files alone that have changed within this time")
	fs.Int64Var(&f.memory, "worker-memory", batch.DefaultMemory, "bytes of memory that one crash may take")
	fs.DurationVar(&f.timeout, "worker-timeout", batch.DefaultTime, "time that one crash may take")
	fs.StringVarP(&f.output, "output", "o", "", "write the report of the night to `FILE` instead of stdout")
	fs.StringVar(&f.exec, "exec", "", "run `COMMAND` by sh when there are new crashes, a file with the report of the night as JSON in $1")
	fs.StringVar(&f.webhook, "webhook", "", "send the report of the night as JSON to `URL` when there are new crashes")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "say on stderr how workers are isolated")
}

func (f *batchFlags) check(cmd *cobra.Command) error {
	if err := errors.Join(f.tierFlag.check(), f.format.check(cmd)); err != nil {
		return err
	}
	if f.options.Jobs < 0 || f.memory <= 0 || f.timeout <= 0 {
		return usagef("--jobs, --worker-memory and --worker-timeout take positive numbers")
	}
	return f.settle(cmd) // a policy that can't be read is said once, not by every worker
}

// settle reads the policy, and the tier that flag or policy say.
func (f *batchFlags) settle(cmd *cobra.Command) error {
	if err := f.load(); err != nil {
		return err
	}
	f.chosen = f.policyFlags.tier(cmd, f.tierFlag.tier)
	return nil
}

// batch runs a batch and tells the night.
func (a *app) batch(ctx context.Context, f *batchFlags) error {
	store, err := f.storeFlag.store()
	if err != nil {
		return err
	}
	unlock, err := store.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	fail := failpoint()
	x, err := f.storeFlag.index(ctx, store, index.Options{Fail: fail})
	if err != nil {
		return err
	}
	defer x.Close()
	o := f.options
	if err := f.complete(&o, store, a, fail); err != nil {
		return err
	}
	a.patient.Store(true)
	out, err := batch.Run(ctx, x, o)
	a.progress.clear()
	if err != nil {
		return err
	}
	if f.verbose {
		for _, s := range out.Isolation {
			fmt.Fprintf(a.stderr, "isolation: %s\n", s)
		}
	}
	return a.tellNight(context.WithoutCancel(ctx), x, f, out, o, fail)
}

// complete fills in what the flags do not say.
func (f *batchFlags) complete(o *batch.Options, store batch.Store, a *app, fail func(string)) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if o.Host == "" {
		if o.Host, err = os.Hostname(); err != nil {
			return err
		}
	}
	o.Store, o.Now, o.Fail, o.Progress = store, time.Now(), fail, a.progress.update
	o.Bounds = batch.Bounds{Memory: f.memory, Time: f.timeout}
	o.Worker = []string{exe, workerCommand, "--tier", strconv.Itoa(f.chosen)}
	if f.preset != "" {
		o.Worker = append(o.Worker, "--preset", f.preset)
	}
	if f.file != "" {
		path, err := filepath.Abs(f.file)
		if err != nil {
			return err
		}
		o.Worker, o.Readable = append(o.Worker, "--policy", path), append(o.Readable, path)
	}
	for _, name := range []string{"SOURCE_DATE_EPOCH", failpointVariable, "TESTSCRIPT_COMMAND"} {
		if v, ok := os.LookupEnv(name); ok {
			o.Env = append(o.Env, name+"="+v)
		}
	}
	return nil
}

// tellNight writes the report of the night. Groups count as told when it, the
// command and the web hook have had it.
func (a *app) tellNight(ctx context.Context, x *index.Index, f *batchFlags, out batch.Outcome, o batch.Options, fail func(string)) error {
	done, err := x.Turn(ctx) // of the hosts that share the index one tells of a group
	if err != nil {
		return err
	}
	defer done()
	groups, err := x.Unannounced(ctx)
	if err != nil {
		return err
	}
	n := &night.Night{Time: o.Now, Host: o.Host, Outcome: out}
	if n.Groups, err = night.Tell(ctx, x, groups); err != nil {
		return err
	}
	write := func(w io.Writer) error { return night.Write(w, n, f.format.name) }
	if f.output != "" {
		err = writeFile(f.output, write)
	} else {
		err = write(a.stdout)
	}
	if err == nil && len(groups) > 0 {
		err = a.notify(ctx, n, f)
	}
	if err != nil {
		return err
	}
	fail("night.told")
	if err := x.Announce(ctx, groups, time.Now()); err != nil {
		return err
	}
	switch {
	case len(groups) > 0:
		return errNewGroups
	case len(out.Failed) > 0 || out.Interrupted:
		return errFailures
	}
	return nil
}

// failpointVariable ends a batch or its worker at a named place, for the tests:
// the name, or "worker:" and the name for a worker, which takes the batch along.
const failpointVariable = "SDCORE_FAILPOINT"

// failpoint is the hook that failpointVariable asks for.
func failpoint() func(at string) {
	wanted := os.Getenv(failpointVariable)
	if len(wanted) > 7 && wanted[:7] == "worker:" {
		wanted = "worker.died"
	}
	return dieAt(wanted)
}

// dieAt kills the process at a named place.
func dieAt(wanted string) func(at string) {
	return func(at string) {
		if wanted == at {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // nothing comes behind it
			select {}
		}
	}
}
