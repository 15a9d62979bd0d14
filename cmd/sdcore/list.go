package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/safedump/sdcore/triage/index"
)

// filterFlags are Safedump's filters.
type filterFlags struct {
	kind, since, until, search, status string
	count                              int
}

func (f *filterFlags) register(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.kind, "type", "", "only crashes whose exception type has `TEXT` in it, whatever its case")
	fs.StringVar(&f.since, "since", "", "only crashes since `TIME`: 2026-11-29, 2026-11-29T12:00:00Z, or 7d, 24h, 30m ago")
	fs.StringVar(&f.until, "until", "", "only crashes until `TIME`")
	fs.StringVar(&f.search, "search", "", "only crashes with these `WORDS` in message, functions, values; WORD* is a beginning")
	fs.StringVar(&f.status, "status", "", "only groups that are new, known, fixed or regressed")
	fs.IntVarP(&f.count, "count", "n", 20, "how many, newest first")
}

func (f *filterFlags) filter(now time.Time) (index.Filter, error) {
	o := index.Filter{Type: f.kind, Search: f.search, Status: index.Status(f.status), Limit: f.count}
	if f.count <= 0 {
		return o, usagef("--count %d: want 1 or more", f.count)
	}
	switch o.Status {
	case "", index.New, index.Known, index.Fixed, index.Regressed:
	default:
		return o, usagef("--status %s: want new, known, fixed or regressed", f.status)
	}
	var err error
	if o.Since, err = parseWhen(f.since, now); err != nil {
		return o, usagef("--since %s: %w", f.since, err)
	}
	if o.Until, err = parseWhen(f.until, now); err != nil {
		return o, usagef("--until %s: %w", f.until, err)
	}
	return o, nil
}

// parseWhen reads a time as Safedump's list does: an ISO date, or how long ago.
func parseWhen(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04", "2006-01-02T15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	if n, err := strconv.ParseFloat(s[:len(s)-1], 64); err == nil && n >= 0 && n < 1e6 {
		switch s[len(s)-1] {
		case 'd':
			return now.Add(-time.Duration(n * float64(24*time.Hour))), nil
		case 'h':
			return now.Add(-time.Duration(n * float64(time.Hour))), nil
		case 'm':
			return now.Add(-time.Duration(n * float64(time.Minute))), nil
		}
	}
	return time.Time{}, fmt.Errorf("want a date such as 2026-11-29, or 7d, 24h or 30m ago")
}

func newListCommand(a *app) *cobra.Command {
	var f filterFlags
	var store storeFlag
	var format formatFlag
	var all bool
	cmd := &cobra.Command{
		Use:   "list [flags]",
		Short: "List the crashes that batch has reported",
		Long: `List shows the groups of equal crashes in the index of 'sdcore batch', the ones that
crashed last first: status, number of crashes, last one, title. --all lists every crash.
'sdcore view NAME' shows one.`,
		Example: `  sdcore list
  sdcore list --status new --since 7d
  sdcore list --all --type boundsError --search premium_plus --format json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := format.check(cmd); err != nil {
				return err
			}
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			x, _, err := store.open(cmd.Context())
			if err != nil {
				return err
			}
			defer x.Close()
			if all {
				list, err := x.Occurrences(cmd.Context(), filter)
				if err != nil {
					return err
				}
				return a.writeOccurrences(list, format.name)
			}
			list, err := x.Groups(cmd.Context(), filter)
			if err != nil {
				return err
			}
			return a.writeGroups(list, format.name)
		},
	}
	f.register(cmd)
	store.register(cmd)
	format.register(cmd, "text", "json")
	cmd.Flags().BoolVar(&all, "all", false, "list every crash, not only groups")
	return cmd
}

const listTime = "2006-01-02 15:04"

func (a *app) writeGroups(list []index.Group, format string) error {
	if format == "json" {
		return writeJSON(a.stdout, append([]index.Group{}, list...))
	}
	lines := []string{"name           status      count  last              what died"}
	for i := range list {
		g := &list[i]
		lines = append(lines, fmt.Sprintf("%-14s %-9s %7d  %s  %s", g.Name, g.Status, g.Count, g.Last.Format(listTime), g.Title))
	}
	return a.writeList(lines)
}

func (a *app) writeOccurrences(list []index.Occurrence, format string) error {
	if format == "json" {
		return writeJSON(a.stdout, index.List(list))
	}
	hosts := 4
	for i := range list {
		hosts = max(hosts, utf8.RuneCountInString(list[i].Host))
	}
	lines := []string{fmt.Sprintf("%-12s  %-16s  %-*s  %-13s  %s", "crash", "died", hosts, "host", "group", "what died")}
	for i := range list {
		o := &list[i]
		lines = append(lines, fmt.Sprintf("%-12s  %s  %-*s  %-13s  %s: %s", o.Name(), o.Seen.Format(listTime), hosts, o.Host, o.GroupName, o.Type, o.Message))
	}
	return a.writeList(lines)
}

// writeList writes a heading and the lines below it, cut to the terminal. Hosts that
// share an index write its text: none of it acts on a terminal.
func (a *app) writeList(lines []string) error {
	var b strings.Builder
	if len(lines) == 1 {
		b.WriteString("No crashes found.\n")
		lines = nil
	}
	for _, l := range lines {
		l = index.Printable(l)
		if r := []rune(l); a.width > 0 && len(r) > a.width {
			l = string(r[:a.width-1]) + "…"
		}
		b.WriteString(l + "\n")
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
