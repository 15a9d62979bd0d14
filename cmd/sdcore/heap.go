package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// heapFlags are what all heap commands take.
type heapFlags struct {
	coreFlags
	format formatFlag
	query  sdcore.HeapQuery
}

func (f *heapFlags) register(cmd *cobra.Command, formats ...string) {
	f.registerStacks(cmd)
	if len(formats) == 0 {
		formats = []string{"text", "json"}
	}
	f.format.register(cmd, formats...)
}

func (f *heapFlags) registerTop(cmd *cobra.Command, what string, top int) {
	cmd.Flags().IntVar(&f.query.Top, "top", top, what+" shown, -1 for all")
}

func (f *heapFlags) check(cmd *cobra.Command) error {
	if err := f.format.check(cmd); err != nil {
		return err
	}
	if cmd.Flags().Changed("top") && (f.query.Top == 0 || f.query.Top < -1) {
		return usagef("--top %d: want 1 or more, or -1 for all", f.query.Top)
	}
	if err := f.settle(cmd, explicitTier); err != nil {
		return err
	}
	f.base.Unnumbered = true // the same number in two answers would mean nothing
	return nil
}

// part is what writes a part of the heap.
func (f *heapFlags) part(a *app, part export.HeapPart) exporter {
	return func(w io.Writer, res redact.Result, format string) error {
		if format == "json" {
			return export.HeapJSON(w, res)
		}
		return export.HeapText(w, res, export.HeapOptions{TextOptions: a.textOptions(f.full), Part: part, Of: f.query.Of})
	}
}

// askHeap asks one question about the heap of [CORE [BINARY]].
func (a *app) askHeap(cmd *cobra.Command, args []string, f *heapFlags, write exporter) error {
	core, binary, err := a.coreArgs(args)
	if err != nil {
		return err
	}
	res, err := a.redacted(cmd.Context(), core, binary, f.options, f.policy(f.options.Tier), func(s *sdcore.Session, x *redact.Redactor) (redact.Result, error) {
		return s.RedactedHeap(cmd.Context(), x, f.query)
	})
	if err != nil {
		return err
	}
	return a.answer(res, f.format.name, write)
}

// byFlag is --by with the words that a command takes.
type byFlag struct {
	word    string
	allowed []string
}

func (b *byFlag) register(cmd *cobra.Command, allowed ...string) {
	b.allowed = allowed
	cmd.Flags().StringVar(&b.word, "by", allowed[0], "what to add up: "+strings.Join(allowed, ", "))
	_ = cmd.RegisterFlagCompletionFunc("by", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

func (b *byFlag) check() error {
	if !slices.Contains(b.allowed, b.word) {
		return usagef("--by %s: want one of %s", b.word, strings.Join(b.allowed, ", "))
	}
	return nil
}

func newHeapCommand(a *app) *cobra.Command {
	var f heapFlags
	cmd := &cobra.Command{
		Use:   "heap [flags] [CORE [BINARY]]",
		Short: "Show what takes the memory, and what holds it",
		Long: `Heap shows how much memory is live and how much is garbage not yet collected, the
types that take most, the variables and goroutines that keep most alive, and what
looks like a leak. Its subcommands answer one question each. A file that is called
like one of them is named with its directory: ./paths.`,
		Example: `  sdcore heap core.1234 ./server
  sdcore heap retained core.1234 ./server --by goroutine
  sdcore heap paths core.1234 ./server store.Session
  sdcore heap diff core.morning core.noon ./server`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			f.query.Types, f.query.Roots, f.query.Suspects = true, true, true
			return a.askHeap(cmd, args, &f, f.part(a, export.HeapOverview))
		},
	}
	f.register(cmd)
	f.registerTop(cmd, "types and owners", 10)
	cmd.AddCommand(
		newHeapHistogramCommand(a), newHeapRetainedCommand(a), newHeapPathsCommand(a), newHeapSuspectsCommand(a),
		newHeapListCommand(a, heapStrings()), newHeapListCommand(a, heapWaste()),
		newHeapDiffCommand(a), newHeapPprofCommand(a),
	)
	return cmd
}

func newHeapHistogramCommand(a *app) *cobra.Command {
	var f heapFlags
	var by byFlag
	cmd := &cobra.Command{
		Use:   "histogram [flags] [CORE [BINARY]]",
		Short: "Count objects and bytes by type or package",
		Long: `Histogram counts the objects of each type: live ones, which something still reaches,
and garbage that was not collected yet. The last column says how the type is known:
exact (the allocator recorded it), strong, weak (a pointer has the type), unknown.`,
		Example: `  sdcore heap histogram core.1234 ./server --top 50
  sdcore heap histogram core.1234 ./server --by package
  sdcore heap histogram core.1234 ./server --garbage`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := by.check(); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			f.query.Types, f.query.Packages = by.word == "type", by.word == "package"
			return a.askHeap(cmd, args, &f, f.part(a, export.HeapHistogram))
		},
	}
	f.register(cmd)
	by.register(cmd, "type", "package")
	f.registerTop(cmd, "types or packages", sdcore.DefaultHeapTop)
	cmd.Flags().BoolVar(&f.query.Garbage, "garbage", false, "those first that have most garbage")
	return cmd
}

func newHeapRetainedCommand(a *app) *cobra.Command {
	var f heapFlags
	var by byFlag
	cmd := &cobra.Command{
		Use:   "retained [flags] [CORE [BINARY]]",
		Short: "Show what keeps how much alive: by root, goroutine, type or object",
		Long: `Retained shows how much would be freed if one thing were gone: a variable (--by root),
all that a goroutine holds (goroutine), all objects of a type (type), one object
(object). What two of them hold together is freed by neither, and counted for what
holds both.`,
		Example: `  sdcore heap retained core.1234 ./server
  sdcore heap retained core.1234 ./server --by object --top 5
  sdcore heap retained core.1234 ./server --by goroutine --format json | jq '.owners[0]'`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := by.check(); err != nil {
				return err
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			q := &f.query
			q.Roots, q.Goroutines, q.Objects, q.Types = by.word == "root", by.word == "goroutine", by.word == "object", by.word == "type"
			q.Retained = q.Types
			return a.askHeap(cmd, args, &f, f.part(a, export.HeapRetained))
		},
	}
	f.register(cmd)
	by.register(cmd, "root", "goroutine", "type", "object")
	f.registerTop(cmd, "owners", sdcore.DefaultHeapTop)
	return cmd
}

func newHeapPathsCommand(a *app) *cobra.Command {
	var f heapFlags
	cmd := &cobra.Command{
		Use:   "paths [flags] CORE BINARY ADDR|TYPE",
		Short: "Show why an object is alive: the shortest ways to it",
		Long: `Paths shows the shortest ways on which roots (package variables, variables of
goroutines, timers ...) keep an object alive, with the names of fields and the keys
of maps on the way. The object is named by an address in it (0xc000012340), or by
its type, as 'sdcore heap histogram' spells it or without the directories of its
package. Keys are contents, and redacted like all else.`,
		Example: `  sdcore heap paths core.1234 ./server 0xc000012340
  sdcore heap paths core.1234 ./server '*store.Session' --top 3`,
		Args: argRange(3, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.query.Of = strings.TrimSpace(args[2]); f.query.Of == "" {
				return usagef("the address or type of an object is empty")
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			return a.askHeap(cmd, args[:2], &f, f.part(a, export.HeapPaths))
		},
	}
	f.register(cmd)
	f.registerTop(cmd, "paths", 5)
	return cmd
}

func newHeapSuspectsCommand(a *app) *cobra.Command {
	var f heapFlags
	cmd := &cobra.Command{
		Use:   "suspects [flags] [CORE [BINARY]]",
		Short: "Show what looks like a leak",
		Long: `Suspects shows what keeps a large part of the memory alive in one place: an object, a
map or slice with very many elements, goroutines that wait in the same function.`,
		Example: `  sdcore heap suspects core.1234 ./server
  sdcore heap suspects core.1234 ./server --share 0.01`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(f.query.MinShare > 0 && f.query.MinShare <= 1) {
				return usagef("--share %v: want a part of the live memory, above 0 and up to 1", f.query.MinShare)
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			f.query.Suspects = true
			return a.askHeap(cmd, args, &f, f.part(a, export.HeapSuspects))
		},
	}
	f.register(cmd)
	f.registerTop(cmd, "suspects", sdcore.DefaultHeapTop)
	cmd.Flags().Float64Var(&f.query.MinShare, "share", 0.05, "`part` of the live memory from which on something is suspect")
	return cmd
}

// heapList is a command that shows one list.
type heapList struct {
	use, short, long, example, what string
	part                            export.HeapPart
	want                            func(q *sdcore.HeapQuery)
}

func heapStrings() heapList {
	return heapList{
		use: "strings", short: "Show texts that are in memory many times",
		long: `Strings shows contents of which many strings have a copy of their own, by what all
copies but one take, each with an example of what holds one. Texts are redacted like
all else.`,
		example: "  sdcore heap strings core.1234 ./server --top 10", what: "texts",
		part: export.HeapStrings, want: func(q *sdcore.HeapQuery) { q.Strings = true },
	}
}

func heapWaste() heapList {
	return heapList{
		use: "waste", short: "Show slices and maps that are much larger than what they hold",
		long: `Waste shows, by type, slices and maps with more room than entries: what the unused
part takes, and how the worst one is held.`,
		example: "  sdcore heap waste core.1234 ./server --top 10", what: "types",
		part: export.HeapWaste, want: func(q *sdcore.HeapQuery) { q.Waste = true },
	}
}

func newHeapListCommand(a *app, l heapList) *cobra.Command {
	var f heapFlags
	cmd := &cobra.Command{
		Use: l.use + " [flags] [CORE [BINARY]]", Short: l.short, Long: l.long, Example: l.example,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			l.want(&f.query)
			return a.askHeap(cmd, args, &f, f.part(a, l.part))
		},
	}
	f.register(cmd)
	f.registerTop(cmd, l.what, sdcore.DefaultHeapTop)
	return cmd
}

func newHeapDiffCommand(a *app) *cobra.Command {
	var f heapFlags
	cmd := &cobra.Command{
		Use:   "diff [flags] CORE1 CORE2 [BINARY]",
		Short: "Show what grew between two cores of one program",
		Long: `Diff compares the live heap of an older core with that of a newer one: what grew or
shrank by type, and by what keeps it alive. 'sdcore capture PID' takes a core of a
program that goes on running.`,
		Example: "  sdcore heap diff core.morning core.noon ./server",
		Args:    argRange(2, 3),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			f.query.Types, f.query.Roots = true, true
			binary := ""
			if len(args) == 3 {
				binary = args[2]
			}
			return a.diffHeaps(cmd, args[0], args[1], binary, &f)
		},
	}
	f.register(cmd)
	f.registerTop(cmd, "types and owners", sdcore.DefaultHeapTop)
	return cmd
}

// diffHeaps opens the older core beside the newer one, about which it asks.
func (a *app) diffHeaps(cmd *cobra.Command, older, newer, binary string, f *heapFlags) error {
	ctx, o := cmd.Context(), f.options
	o.Progress = a.progress.update
	before, err := sdcore.Open(ctx, older, binary, o)
	if err != nil {
		return err
	}
	defer before.Close()
	return a.ask(cmd, newer, binary, f.coreFlags, f.format.name, f.part(a, export.HeapDifference), func(s *sdcore.Session) (*report.Report, error) {
		return sdcore.HeapDiff(ctx, before, s, f.query)
	})
}

func newHeapPprofCommand(a *app) *cobra.Command {
	var f heapFlags
	var sites bool
	cmd := &cobra.Command{
		Use:   "pprof [flags] [CORE [BINARY]]",
		Short: "Write the heap as a profile for 'go tool pprof'",
		Long: `Pprof writes a profile to stdout whose stacks are the ways on which objects are held,
from the root to the type: its flame graph shows what holds the memory. With --sites
it is the runtime's own memory profile, read out of the core: where memory was
allocated, if the program had that on (runtime.MemProfileRate).`,
		Example: `  sdcore heap pprof core.1234 ./server > held.pb.gz && go tool pprof -http : held.pb.gz
  sdcore heap pprof core.1234 ./server --sites > sites.pb.gz
  sdcore heap pprof core.1234 ./server --sites --format text`,
		Args: argRange(0, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f.query.Top = -1; sites {
				f.query.Sites = true
			} else {
				f.query.Samples = true
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			if f.format.name == "text" && !sites {
				return usagef("--format text goes with --sites; 'sdcore heap retained' is the heap as text")
			}
			return a.askHeap(cmd, args, &f, func(w io.Writer, res redact.Result, format string) error {
				switch {
				case format != "pprof":
					return f.part(a, export.HeapSites)(w, res, format)
				case sites:
					return export.HeapSiteProfile(w, res)
				}
				return export.HeapProfile(w, res)
			})
		},
	}
	f.register(cmd, "pprof", "text", "json")
	cmd.Flags().BoolVar(&sites, "sites", false, "where memory was allocated, by the runtime's own profile")
	return cmd
}
