package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// explained is an audit record with what it means.
type explained struct {
	Location    string `json:"location"`
	Rule        string `json:"rule"`
	Reason      string `json:"reason"`
	Explanation string `json:"explanation"`
	Allow       string `json:"allow"`
	Timestamp   string `json:"timestamp,omitempty"`
}

// redactions returns all records of a report, by rule and then in their order.
func redactions(r *report.Report) []explained {
	list := []explained{}
	add := func(records []report.Redaction) {
		for _, x := range records {
			e := redact.Explain(x)
			list = append(list, explained{x.Location, x.Rule, x.Reason, e.Rule, e.Allow, x.Timestamp})
		}
	}
	add(r.Redactions)
	for i := range r.Goroutines {
		add(r.Goroutines[i].Redactions)
	}
	slices.SortStableFunc(list, func(a, b explained) int { return strings.Compare(a.Rule, b.Rule) })
	return list
}

// RedactionsText lists what was removed from a report: why, where, what the rule
// looks at, and what a policy has to say to keep it. Of many places for one reason
// the first are named, with TextOptions.Full all.
func RedactionsText(w io.Writer, res redact.Result, o TextOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeRedactions(p, r, o) })
}

func writeRedactions(w io.Writer, r *report.Report, o TextOptions) error {
	s := newScreen(r, o)
	list := redactions(r)
	total, rules := redactionSummary(r)
	if total == 0 {
		s.line("redacted: nothing", s.grey(fmt.Sprintf(" (tier %d)", r.Tier)))
	} else {
		s.line(fmt.Sprintf("redacted: %d", total), s.grey(fmt.Sprintf(" (%s; tier %d)", strings.Join(rules, ", "), r.Tier)))
	}
	if err := s.secrets(r); err != nil {
		return err
	}
	rule := ""
	for i, group := range alike(list) {
		x := group[0]
		if i == 0 || x.Rule != rule {
			rule = x.Rule
			s.line()
			s.line(s.bold(name(x.Rule)), ": ", name(x.Explanation))
		}
		s.line("  ", name(x.Reason), s.grey(" in "+counted(len(group), "places")))
		shown := group
		if !o.Full {
			shown = group[:min(len(group), maxPlaces)]
		}
		for _, x := range shown {
			s.line("      ", name(x.Location))
		}
		if more := len(group) - len(shown); more > 0 {
			s.line("      ", s.grey(fmt.Sprintf("… +%d more", more)))
		}
		s.line("      ", s.grey("to keep it: "), name(x.Allow))
	}
	if missing := total - len(list); missing > 0 {
		s.line()
		s.line(s.grey(fmt.Sprintf("%d more were in what the report left out", missing)))
	}
	return s.flush(w)
}

// maxPlaces is how many places are listed of what was removed for one reason.
const maxPlaces = 3

// alike groups records that differ in the place only, in the order of the first
// of each.
func alike(list []explained) [][]explained {
	type cause struct{ rule, reason, allow string }
	at := map[cause]int{}
	var groups [][]explained
	for _, x := range list {
		c := cause{x.Rule, x.Reason, x.Allow}
		i, known := at[c]
		if !known {
			i, at[c] = len(groups), len(groups)
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], x)
	}
	return groups
}

// maxTallies is how many secrets are listed by number; JSON has all.
const maxTallies = 20

// secrets tells how often the numbered secrets stood in what is shown, most
// frequent first.
func (s *screen) secrets(r *report.Report) error {
	list, err := tallies(r)
	if err != nil || len(list) == 0 {
		return err
	}
	slices.SortStableFunc(list, func(a, b tally) int { return b.Count - a.Count })
	s.line()
	s.line(s.bold("equal secrets"), ": places that show the same number held the same secret")
	for _, t := range list[:min(len(list), maxTallies)] {
		s.line(fmt.Sprintf("  %-16s in %s", redact.PlaceholderOf(t.Secret), counted(t.Count, "places")))
	}
	if more := len(list) - maxTallies; more > 0 {
		s.line(s.grey(fmt.Sprintf("  … +%d more", more)))
	}
	return nil
}

// RedactionsJSON writes the same as one JSON object.
func RedactionsJSON(w io.Writer, res redact.Result) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeRedactionsJSON(p, r) })
}

func writeRedactionsJSON(w io.Writer, r *report.Report) error {
	secrets, err := tallies(r)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err = enc.Encode(struct {
		Counts     map[string]int `json:"redaction_counts"`
		Secrets    []tally        `json:"secrets"`
		Redactions []explained    `json:"redactions"`
	}{ruleCounts(r.RedactionCounts), secrets, redactions(r)})
	if err != nil {
		return fmt.Errorf("export redactions: %w", err)
	}
	if _, err := w.Write(report.RawSeparators(b.Bytes())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
