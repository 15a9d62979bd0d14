package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/index"
)

func newMarkCommand(a *app) *cobra.Command {
	var store storeFlag
	var fixedIn, reason string
	var open bool
	cmd := &cobra.Command{
		Use:   "mark [flags] GROUP",
		Short: "Say that a group of crashes is fixed, or open again",
		Long: `Mark says in which version a group of crashes is fixed. A crash of that version, or a
later one, brings it back: 'sdcore batch' then tells of it as of a new one. Versions are those
of the main module (v1.2.3); what can't be compared brings nothing back.`,
		Example: "  sdcore mark g3f0c2a91d7e4 --fixed-in v1.4.0 --reason 'the cache is locked now'",
		Args:    argRange(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (fixedIn == "") == !open {
				return usagef("%s: say either --fixed-in VERSION or --open", cmd.CommandPath())
			}
			x, _, err := store.open(cmd.Context())
			if err != nil {
				return err
			}
			defer x.Close()
			g, _, err := x.Find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if g == nil {
				return usagef("%s is one crash, not a group", args[0])
			}
			status := index.Known
			if fixedIn != "" {
				status = index.Fixed
			}
			if err := x.Mark(cmd.Context(), g.ID, index.Change{At: time.Now(), Status: status, FixedIn: fixedIn, Reason: reason}); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.stdout, "%s is %s: %s\n", g.Name, status, g.Title)
			return err
		},
	}
	store.register(cmd)
	cmd.Flags().StringVar(&fixedIn, "fixed-in", "", "`VERSION` of the main module that fixes it")
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that is kept with the change")
	cmd.Flags().BoolVar(&open, "open", false, "it is open again")
	return cmd
}
