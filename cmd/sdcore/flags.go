package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
	"github.com/safedump/sdcore/crashtext"
	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
)

// coreFlags are the flags of every command that opens a core.
type coreFlags struct {
	policyFlags
	options sdcore.Options
	full    bool // print long values whole
}

// register adds the flags of commands that decode values.
func (f *coreFlags) register(cmd *cobra.Command) {
	f.registerStacks(cmd)
	d := sdcore.DefaultLimits()
	fs := cmd.Flags()
	fs.StringArrayVar(&f.options.SourceDirs, "source-path", nil, "`directory` to look for source files in (repeatable)")
	fs.BoolVar(&f.options.RuntimeVars, "runtime-vars", false, "decode the variables of the Go runtime's own frames in every goroutine")
	fs.IntVar(&f.options.Limits.MaxItems, "max-items", d.MaxItems, "elements shown of an array, slice or map, -1 for all; more from tier 2 on")
	fs.IntVar(&f.options.Limits.MaxDepth, "max-depth", d.MaxDepth, "pointers and containers followed, -1 for all; more from tier 2 on")
}

// registerStacks adds the flags of commands that read stacks and show texts.
func (f *coreFlags) registerStacks(cmd *cobra.Command) {
	f.registerOpen(cmd)
	fs := cmd.Flags()
	fs.StringVar(&f.options.Backend, "backend", "", "reader of goroutines and stacks: "+strings.Join(sdcore.Backends(), ", ")+" (default native)")
	fs.IntVar(&f.options.Limits.MaxString, "max-string", sdcore.DefaultMaxString, "bytes shown of a string or byte slice, -1 for all; more from tier 2 on")
}

// registerOpen adds the flags that say how core and binary are opened.
func (f *coreFlags) registerOpen(cmd *cobra.Command) {
	f.options.TempDir = os.Getenv("TMPDIR") // a compressed core is unpacked there
	f.policyFlags.register(cmd)
	fs := cmd.Flags()
	fs.BoolVar(&f.options.AllowMismatch, "allow-mismatch", false, "go on when core and binary do not belong together; the report says so")
	fs.StringArrayVar(&f.options.BinaryDirs, "bin-path", nil, "`directory` to look for the binary in, by build ID (repeatable)")
	fs.StringArrayVar(&f.options.DebugDirs, "debug-path", nil, "`directory` to look for the debug information of a stripped binary in, by build ID (repeatable)")
	fs.BoolVar(&f.full, "full", false, "print long values and lists whole, as far as they were decoded")
}

// settle reads the policy and settles what the flags leave open: by it, or by
// the tier. tier is that of the flag.
func (f *coreFlags) settle(cmd *cobra.Command, tier int) error {
	if err := f.load(); err != nil {
		return err
	}
	f.options.Tier = tier
	depth := f.base.Tier // what is asked for by name is not cut later for it
	if cmd.Flags().Lookup("tier") != nil {
		f.options.Tier = f.policyFlags.tier(cmd, tier)
		depth = f.options.Tier
	}
	f.options.Limits = f.limits(cmd, depth, f.options.Limits)
	return nil
}

// policy is the redaction policy of an answer. What tier 1 would not show of a
// person is not shown either when it is asked for by name.
func (f *coreFlags) policy(tier int) redact.Policy {
	p := f.base
	p.Tier, p.Limits = tier, f.options.Limits
	p.Personal = p.Personal || tier == explicitTier
	return p
}

// tierFlag is the privacy tier.
type tierFlag struct{ tier int }

func (f *tierFlag) register(cmd *cobra.Command) {
	cmd.Flags().IntVar(&f.tier, "tier", redact.Default().Tier,
		"privacy tier: 0 stacks only, 1 values, 2 deeper values, 3 package variables and environment names, 4 arguments and environment")
}

func (f *tierFlag) check() error {
	if f.tier < 0 || f.tier > 4 {
		return usagef("--tier %d: want 0 to 4", f.tier)
	}
	return nil
}

// formatFlag is --format with the names that a command takes.
type formatFlag struct {
	name    string
	allowed []string
	set     bool
}

func (f *formatFlag) register(cmd *cobra.Command, allowed ...string) {
	f.allowed = allowed
	cmd.Flags().StringVar(&f.name, "format", allowed[0], "output format: "+strings.Join(allowed, ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(allowed, cobra.ShellCompDirectiveNoFileComp))
}

func (f *formatFlag) check(cmd *cobra.Command) error {
	f.set = cmd.Flags().Changed("format")
	if !slices.Contains(f.allowed, f.name) {
		return usagef("--format %s: want one of %s", f.name, strings.Join(f.allowed, ", "))
	}
	return nil
}

// goFrameFlag is --go-frame.
type goFrameFlag struct {
	text    string
	options export.GoOptions
}

func (f *goFrameFlag) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.text, "go-frame", "0", "with --format go: the `N`-th caller of the frame that crashed, or 'all' for each of the program's own frames")
}

func (f *goFrameFlag) check() error {
	n, err := strconv.Atoi(f.text)
	if f.options.All = f.text == "all"; f.options.All || f.text == "" {
		return nil
	}
	if f.options.Frame = n; err != nil || n < 0 {
		return usagef("--go-frame %s: want a number from 0, or all", f.text)
	}
	return nil
}

// coreArgs splits [CORE] [BINARY] and finds the newest core when none is
// named; its name is printed then.
func (a *app) coreArgs(args []string) (core, binary string, err error) {
	if len(args) > 0 && crashtext.Is(args[0]) {
		return "", "", fmt.Errorf("%s is a crash text, which has stacks but no memory: %w", args[0], errCrashText)
	}
	return a.namedOr(args, func() (string, error) { return a.newest("core", isCore) })
}

// crashArgs is coreArgs for a command that reads crash texts, too.
func (a *app) crashArgs(args []string) (core, binary string, err error) {
	return a.namedOr(args, a.newestCrash)
}

func (a *app) namedOr(args []string, newest func() (string, error)) (core, binary string, err error) {
	switch len(args) {
	case 0:
		core, err = newest()
		return core, "", err
	case 1:
		return args[0], "", nil
	}
	return args[0], args[1], nil
}
