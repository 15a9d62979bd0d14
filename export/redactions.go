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
}

// redactions returns all records of a report, by rule and then in their order.
func redactions(r *report.Report) []explained {
	list := []explained{}
	add := func(records []report.Redaction) {
		for _, x := range records {
			e := redact.Explain(x)
			list = append(list, explained{x.Location, x.Rule, x.Reason, e.Rule, e.Allow})
		}
	}
	add(r.Redactions)
	for i := range r.Goroutines {
		add(r.Goroutines[i].Redactions)
	}
	slices.SortStableFunc(list, func(a, b explained) int { return strings.Compare(a.Rule, b.Rule) })
	return list
}

// RedactionsText lists what was removed from a report: where, why, what the rule
// looks at, and what a policy has to say to keep it.
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
	rule := ""
	for i, x := range list {
		if i == 0 || x.Rule != rule {
			rule = x.Rule
			s.line()
			s.line(s.bold(name(x.Rule)), ": ", name(x.Explanation))
		}
		s.line("  ", name(x.Location))
		s.line("      ", name(x.Reason))
		s.line("      ", s.grey("to keep it: "), name(x.Allow))
	}
	if missing := total - len(list); missing > 0 {
		s.line()
		s.line(s.grey(fmt.Sprintf("%d more were in what the report left out", missing)))
	}
	return s.flush(w)
}

// RedactionsJSON writes the same as one JSON object.
func RedactionsJSON(w io.Writer, res redact.Result) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeRedactionsJSON(p, r) })
}

func writeRedactionsJSON(w io.Writer, r *report.Report) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(struct {
		Counts     map[string]int `json:"redaction_counts"`
		Redactions []explained    `json:"redactions"`
	}{ruleCounts(r.RedactionCounts), redactions(r)})
	if err != nil {
		return fmt.Errorf("export redactions: %w", err)
	}
	if _, err := w.Write(report.RawSeparators(b.Bytes())); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
