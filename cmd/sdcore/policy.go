package main

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/redact/policyfile"
	"github.com/safedump/sdcore/report"
)

// policyFlags say how to redact. What a flag says counts more than the policy
// file, and that more than the preset.
type policyFlags struct {
	file, preset string
	base         redact.Policy // of preset and file, after load
	now          time.Time     // of the audit records, one for all that a run removes
	asked        *int          // the tier of a flag, for reapply
}

func (f *policyFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.file, "policy", "", "redaction policy, a YAML `FILE` (docs/redaction.md)")
	fs.StringVar(&f.preset, "preset", "", "redaction preset: "+strings.Join(redact.Presets(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("preset", cobra.FixedCompletions(redact.Presets(), cobra.ShellCompDirectiveNoFileComp))
}

// load makes the policy that preset and file say. Nothing is opened or analyzed
// before it has succeeded.
func (f *policyFlags) load() error { return f.loadOver(redact.Default()) }

func (f *policyFlags) loadOver(start redact.Policy) error {
	if f.now.IsZero() {
		now, err := recordTime()
		if err != nil {
			return err
		}
		f.now = now
	}
	defer func() { f.base.Time = f.now }()
	f.base = start
	if f.preset != "" {
		p, ok := redact.Preset(f.preset)
		if !ok {
			return usagef("--preset %s: want one of %s", f.preset, strings.Join(redact.Presets(), ", "))
		}
		f.base = p
	}
	if f.file == "" {
		return nil
	}
	file, err := policyfile.Read(f.file)
	if err != nil {
		return usageError{err}
	}
	f.base = file.Apply(f.base)
	return nil
}

// recordTime is when what is removed now was removed: the time of the run, or
// what reproducible builds set (https://reproducible-builds.org/specs/source-date-epoch).
func recordTime() (time.Time, error) {
	epoch := os.Getenv("SOURCE_DATE_EPOCH")
	if epoch == "" {
		return time.Now(), nil
	}
	seconds, err := strconv.ParseInt(epoch, 10, 64)
	if err != nil || seconds < 0 || seconds >= 1<<37 {
		return time.Time{}, usagef("SOURCE_DATE_EPOCH is %q: want seconds since 1970", epoch)
	}
	return time.Unix(seconds, 0), nil
}

// tier is that of the flag where it was given, else that of the policy.
func (f *policyFlags) tier(cmd *cobra.Command, flag int) int {
	if cmd.Flags().Changed("tier") {
		return flag
	}
	return f.base.Tier
}

// limits are those of the flags that were given, of the policy, and of the
// tier, in this order. flags are the limits as the flags have them.
func (f *policyFlags) limits(cmd *cobra.Command, tier int, flags report.Limits) report.Limits {
	l, ofTier := f.base.Limits, redact.TierLimits(tier)
	for _, x := range []struct {
		flag          string
		to            *int
		flagged, tier int
	}{
		{"max-string", &l.MaxString, flags.MaxString, ofTier.MaxString},
		{"max-items", &l.MaxItems, flags.MaxItems, ofTier.MaxItems},
		{"max-depth", &l.MaxDepth, flags.MaxDepth, ofTier.MaxDepth},
		{"max-nodes", &l.MaxNodes, flags.MaxNodes, ofTier.MaxNodes},
		{"max-frames", &l.MaxFrames, flags.MaxFrames, ofTier.MaxFrames},
	} {
		switch {
		case cmd.Flags().Changed(x.flag):
			*x.to = x.flagged
		case *x.to == 0:
			*x.to = x.tier
		}
	}
	if cmd.Flags().Changed("max-size") || l.MaxSize == 0 {
		l.MaxSize = flags.MaxSize
	}
	return l
}

// reapply redacts a stored report by the policy. What that does not say stays
// as it was saved, and the tier can only sink: what a report does not hold does
// not come back.
func (f *policyFlags) reapply(rep *report.Report) (redact.Result, error) {
	start := redact.Default()
	start.Tier, start.Limits = rep.Tier, rep.Limits
	if err := f.loadOver(start); err != nil {
		return redact.Result{}, err
	}
	p := f.base
	if f.asked != nil {
		p.Tier = *f.asked
	}
	p.Tier = min(p.Tier, rep.Tier)
	p.Limits.MaxString = tighter(p.Limits.MaxString, rep.Limits.MaxString)
	rep.Limits.MaxString = p.Limits.MaxString
	if p.Limits.MaxSize != 0 {
		rep.Limits.MaxSize = p.Limits.MaxSize
	}
	return redact.Apply(rep, p)
}

// tighter returns the smaller of two limits, of which 0 says nothing and -1
// that there is none.
func tighter(a, b int) int {
	switch {
	case a == 0 || a < 0 && b != 0:
		return b
	case b <= 0:
		return a
	}
	return min(a, b)
}
