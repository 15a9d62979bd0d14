package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/index"
)

func newStatsCommand(a *app) *cobra.Command {
	var store storeFlag
	var format formatFlag
	cmd := &cobra.Command{
		Use:     "stats [flags]",
		Short:   "Count the crashes that batch has reported",
		Long:    "Stats counts crashes by type, crash site, host, version and day, and the files that failed or wait.",
		Example: "  sdcore stats --format json | jq .days",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			x, _, err := store.open(cmd.Context())
			if err != nil {
				return err
			}
			defer x.Close()
			s, err := x.Stats(cmd.Context())
			if err != nil {
				return err
			}
			if format.name == "json" {
				return writeJSON(a.stdout, s)
			}
			return (*stats)(s).write(a.stdout)
		},
	}
	store.register(cmd)
	format.register(cmd, "text", "json")
	return cmd
}

type stats index.Stats

// statsBar is the longest bar, as Safedump has it.
const statsBar = 40

func (s *stats) write(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Total crashes: %d in %d groups, %d of them open\n", s.Crashes, s.Groups, s.Open)
	for _, part := range []struct {
		title string
		list  []index.Count
		max   int
		last  bool // the last ones are shown, not the first
	}{
		{"By type", s.Types, 10, false}, {"By crash site", s.Sites, 5, false}, {"By host", s.Hosts, 10, false},
		{"By version", s.Versions, 10, false}, {"By day", s.Days, 14, true}, {"Files without a report", s.Files, 10, false},
	} {
		list := part.list
		if part.last {
			list = list[max(0, len(list)-part.max):]
		}
		list = list[:min(len(list), part.max)]
		if len(list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n%s:\n", part.title)
		most := int64(1)
		for _, c := range list {
			most = max(most, c.N)
		}
		for _, c := range list {
			name := c.Value
			if name == "" {
				name = "unknown"
			}
			fmt.Fprintf(&b, "  %7d  %-*s  %s\n", c.N, statsBar, strings.Repeat("#", max(1, int(c.N*statsBar/most))), index.Printable(name))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}
