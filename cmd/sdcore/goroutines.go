package main

import (
	"io"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// maxGoroutinesSize is the default bound on what --locals decodes.
const maxGoroutinesSize = 256 << 20

func newGoroutinesCommand(a *app) *cobra.Command {
	var f coreFlags
	var tier tierFlag
	var format formatFlag
	var filter sdcore.Filter
	var all bool
	var ids []uint
	cmd := &cobra.Command{
		Use:   "goroutines [flags] [CORE [BINARY]]",
		Short: "Show every goroutine: groups of equal stacks first",
		Long: `Goroutines groups goroutines with equal stacks and states, largest groups first, says what
each group waits for and who seems to hold it, and hides the runtime's own goroutines and
frames (--system, --full). --all shows every goroutine with its stack, --locals adds
arguments and locals; --id, --state, --wait and --func select.`,
		Example: `  sdcore goroutines core.1234 ./server
  sdcore goroutines core.1234 ./server --wait 'chan receive' --locals
  sdcore goroutines core.1234 ./server --id 42 --locals
  sdcore goroutines core.1234 ./server --all --pager
  sdcore goroutines core.1234 ./server --format traceback | pp
  sdcore goroutines core.1234 ./server --format pprof > g.pb.gz && go tool pprof -top g.pb.gz`,
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
			for _, id := range ids {
				filter.IDs = append(filter.IDs, uint64(id))
			}
			filter.System = filter.System || all
			filter.List = all || len(ids) > 0 || filter.Locals || format.name != "text"
			filter.Waits = format.name == "text" && !filter.List
			filter.Frames = len(ids) > 0 || filter.List && (format.name == "json" || format.name == "jsonl")
			if f.options.Limits.MaxSize == 0 {
				f.options.Limits.MaxSize = -1
			}
			if f.options.Limits.MaxSize < 0 && filter.Frames {
				sink := newGoroutinesSink(quiet{a.stdout, a.progress}, format.name, filter.Locals)
				res, err := a.redacted(cmd.Context(), core, binary, f.options, f.policy(f.options.Tier),
					func(s *sdcore.Session, x *redact.Redactor) (redact.Result, error) {
						return s.StreamGoroutines(cmd.Context(), filter, x, sink)
					})
				if err != nil {
					return err
				}
				return a.partial(res)
			}
			return a.ask(cmd, core, binary, f, format.name, func(w io.Writer, res redact.Result, format string) error {
				o := export.GoroutineOptions{TextOptions: a.textOptions(f.full), All: filter.List, Locals: filter.Locals, Runtime: f.options.RuntimeVars}
				return writeGoroutines(w, res, format, o)
			}, func(s *sdcore.Session) (*report.Report, error) {
				return s.Goroutines(cmd.Context(), filter)
			})
		},
	}
	f.register(cmd)
	tier.register(cmd)
	format.register(cmd, "text", "json", "jsonl", "traceback", "pprof")
	fs := cmd.Flags()
	fs.BoolVar(&all, "all", false, "every goroutine with its stack, the runtime's own too")
	fs.BoolVar(&filter.System, "system", false, "include the runtime's own goroutines")
	fs.UintSliceVar(&ids, "id", nil, "only these goroutines, with their stacks")
	fs.StringVar(&filter.State, "state", "", "only goroutines in this state (waiting, running, syscall ...)")
	fs.StringVar(&filter.Wait, "wait", "", "only goroutines whose wait reason contains `TEXT`; where none does, those that wait for what has it in its name or as its address")
	fs.StringVar(&filter.Func, "func", "", "only goroutines with a function on the stack whose name contains `TEXT`")
	fs.Int64Var(&f.options.Limits.MaxSize, "max-size", maxGoroutinesSize, "bytes that a report of the values may have; past it goroutines keep their group only, 0 for no bound: json and jsonl are then written as the core is read")
	fs.BoolVar(&filter.Locals, "locals", false, "show arguments and locals")
	return cmd
}

// newGoroutinesSink returns the sink that writes goroutines as json or jsonl.
func newGoroutinesSink(w io.Writer, format string, locals bool) sdcore.Sink {
	if format == "json" {
		return export.NewGoroutinesJSONStream(w, export.GoroutineOptions{Locals: locals})
	}
	return newSink(w, format, false)
}

func writeGoroutines(w io.Writer, res redact.Result, format string, o export.GoroutineOptions) error {
	switch format {
	case "json":
		return export.GoroutinesJSON(w, res, o)
	case "jsonl":
		return export.JSONL(w, res)
	case "traceback":
		return export.Traceback(w, res)
	case "pprof":
		return export.Profile(w, res)
	}
	return export.GoroutinesText(w, res, o)
}
