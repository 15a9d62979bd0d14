package main

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/batch"
)

// workerCommand is what batch starts for each crash.
const workerCommand = "batch-worker"

// newBatchWorkerCommand is for batch alone.
func newBatchWorkerCommand(a *app) *cobra.Command {
	var f analyzeFlags
	cmd := &cobra.Command{
		Use:    workerCommand,
		Short:  "Report one crash for sdcore batch",
		Hidden: true,
		Args:   noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.format.name, f.format.allowed, f.literals.text = "json", []string{"json"}, "0"
			if err := f.check(cmd); err != nil {
				return err
			}
			return batch.Work(cmd.Context(), a.stdin, batch.WorkOptions{
				Analysis: f.options, Policy: f.redaction(),
				Fail: dieAt(strings.TrimPrefix(os.Getenv(failpointVariable), "worker:")),
			})
		},
	}
	f.coreFlags.register(cmd)
	f.tierFlag.register(cmd)
	return cmd
}
