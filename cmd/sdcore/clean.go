package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/index"
)

func newCleanCommand(a *app) *cobra.Command {
	var store storeFlag
	var days float64
	var count, bytes int64
	var dry bool
	cmd := &cobra.Command{
		Use:   "clean [flags]",
		Short: "Remove old reports from the store of batch",
		Long: `Clean removes the oldest reports from the store of 'sdcore batch': those older than
--older-than days, and as many as are past --max-count and --max-bytes. The only report of
a group that is open stays, whatever its age. With --db only what this host keeps is
removed. Groups and their counts stay, too, and cores are never touched: they have their
owners.`,
		Example: `  sdcore clean --older-than 90 --dry-run
  sdcore clean --max-bytes 10000000000`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if days < 0 || count < 0 || bytes < 0 {
				return usagef("--older-than, --max-count and --max-bytes take no negative numbers")
			}
			keep := index.Keep{Count: count, Bytes: bytes}
			if days > 0 {
				keep.Since = time.Now().Add(-time.Duration(days * float64(24*time.Hour)))
			}
			return a.clean(cmd, &store, keep, dry)
		},
	}
	store.register(cmd)
	fs := cmd.Flags()
	fs.Float64Var(&days, "older-than", 30, "remove reports of crashes older than so many `DAYS`, 0: of any age")
	fs.Int64Var(&count, "max-count", 0, "keep so many reports at most, 0: any number")
	fs.Int64Var(&bytes, "max-bytes", 0, "keep so many bytes of reports at most, 0: any number")
	fs.BoolVar(&dry, "dry-run", false, "say what would be removed, and remove nothing")
	return cmd
}

func (a *app) clean(cmd *cobra.Command, f *storeFlag, keep index.Keep, dry bool) error {
	ctx := cmd.Context()
	x, store, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer x.Close()
	unlock, err := store.Lock() // a batch may be adding reports
	if err != nil {
		return err
	}
	defer unlock()
	plan, err := x.Plan(ctx, keep)
	if err != nil {
		return err
	}
	verb, removed := "Removed", plan.Occurrences
	if dry {
		verb = "Would remove"
		for i := range plan.Occurrences {
			o := &plan.Occurrences[i]
			fmt.Fprintf(a.stdout, "%s  %s  %s  %s\n", o.Name(), o.Seen.Format(listTime), o.GroupName, o.Report)
		}
	} else if removed, err = x.Remove(ctx, plan.Occurrences); err != nil {
		return err
	} else if _, err := store.Sweep(ctx, x); err != nil && !os.IsNotExist(err) {
		return err // the rows went first: a file without a row is swept the next time
	}
	bytes := int64(0)
	for i := range removed {
		bytes += removed[i].Bytes
	}
	fmt.Fprintf(a.stdout, "%s %d reports, %d bytes. %d older ones stay: the only ones of open groups.\n", verb, len(removed), bytes, plan.Kept+len(plan.Occurrences)-len(removed))
	return nil
}
