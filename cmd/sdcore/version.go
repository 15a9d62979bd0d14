package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version",
		Example: "  sdcore version",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(a.stdout, "sdcore %s %s %s/%s\n", sdcore.Version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
