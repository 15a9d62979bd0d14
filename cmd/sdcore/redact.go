package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/export"
)

func newRedactCommand(a *app) *cobra.Command {
	var policy policyFlags
	var tier tierFlag
	var output string
	var gzip bool
	cmd := &cobra.Command{
		Use:   "redact [flags] REPORT",
		Short: "Redact a saved report again, by a policy",
		Long: `Redact reads a saved report, also one written by Safedump itself and also one that is
compressed, removes from it what the rules of today and the policy say, and writes it
as JSON to stdout or to -o FILE, which may be REPORT itself. What was removed before
does not come back, and a tier can only sink. Without a policy: the rules of today.`,
		Example: `  sdcore redact crash.safedump.json --policy public.yaml -o public.safedump.json.gz
  sdcore redact crash.safedump.json --preset shape | jq .metadata.sdcore.redactions
  sdcore redact old.safedump.json -o old.safedump.json`,
		Args: argRange(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := tier.check(); err != nil {
				return err
			}
			if cmd.Flags().Changed("tier") {
				policy.asked = &tier.tier
			}
			res, err := a.openReport(args, &policy)
			if err != nil {
				return err
			}
			write := func(w io.Writer) error {
				zip := gzip || strings.HasSuffix(output, ".gz")
				return export.JSON(w, res, export.Options{MaxSize: sizeLimit(res), Gzip: zip})
			}
			if output == "" {
				err = write(a.stdout)
			} else if err = writeFile(output, write); err == nil {
				_, err = fmt.Fprintf(a.stdout, "Redacted report saved: %s\n", output)
			}
			if err != nil {
				return err
			}
			return a.partial(res)
		},
	}
	policy.register(cmd)
	tier.register(cmd)
	cmd.Flags().Lookup("tier").DefValue = "that of the report"
	cmd.Flags().StringVarP(&output, "output", "o", "", "write to `FILE`, compressed if its name ends in .gz")
	cmd.Flags().BoolVar(&gzip, "compress", false, "compress with gzip")
	return cmd
}
