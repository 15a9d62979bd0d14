package serve

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// exported is what an exporter makes of a report. It is whole before any of it is
// sent: the last scan may still stop it.
func (s *Server) exported(q *request, sub *subject, write func(io.Writer, redact.Result) error) ([]byte, error) {
	var b bytes.Buffer
	err := s.read(q.ctx(), sub, func(res redact.Result) error {
		if err := write(&b, res); err != nil {
			return s.stopped(err)
		}
		return nil
	})
	return b.Bytes(), err
}

// stopped says why a report was read but is not shown.
func (s *Server) stopped(err error) error {
	if errors.Is(err, export.ErrSecret) {
		return &trouble{status: http.StatusUnprocessableEntity, what: "The report is not shown: the last scan found a secret in it.",
			why: "What was to be sent held a secret that had been removed elsewhere, and still did when what could hold it was dropped.", remedy: orElse(s.o.Remedy(err), "Please report it as a bug of sdcore.")}
	}
	return &trouble{status: http.StatusInternalServerError, what: "The report can't be laid out.", remedy: "sdcore view shows it on a terminal. Please report it as a bug of sdcore."}
}

// reportPage is the report as export lays it out.
func (s *Server) reportPage(q *request, sub *subject) error {
	page, err := s.exported(q, sub, export.HTML)
	if err != nil {
		return err
	}
	bar, err := s.views.render("bar", frame{Base: s.base, Page: sub})
	if err != nil {
		return s.stopped(err)
	}
	q.w.Header().Set("Content-Security-Policy", export.HTMLPolicy()+"; frame-ancestors 'none'")
	send(q.w, http.StatusOK, "text/html; charset=utf-8", withBar(page, bar))
	return nil
}

// pageTop is where a report's page begins to show something. Text of the process
// can't be it: that has its < escaped.
var pageTop = []byte("<body>\n<header>\n")

// withBar is a report's page with the way back to the other pages at its top.
func withBar(page, bar []byte) []byte {
	before, after, ok := bytes.Cut(page, pageTop)
	if !ok {
		return page
	}
	return slices.Concat(before, pageTop, bar, after)
}

func (s *Server) reportJSON(q *request, sub *subject) error {
	body, err := s.exported(q, sub, func(w io.Writer, res redact.Result) error {
		return export.JSON(w, res, export.Options{MaxSize: s.o.MaxReport})
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Disposition", `attachment; filename="`+sub.key+`.safedump.json"`)
	send(q.w, http.StatusOK, "application/json", body)
	return nil
}

func (s *Server) reportMarkdown(q *request, sub *subject) error {
	body, err := s.exported(q, sub, export.Markdown)
	if err != nil {
		return err
	}
	send(q.w, http.StatusOK, "text/plain; charset=utf-8", body)
	return nil
}

func (s *Server) apiRedactions(q *request, sub *subject) error {
	body, err := s.exported(q, sub, export.RedactionsJSON)
	if err != nil {
		return err
	}
	send(q.w, http.StatusOK, "application/json", body)
	return nil
}

// redactionsPage explains what was removed from a report.
type redactionsPage struct {
	Subject *subject
	Tier    int
	Total   int
	Rules   []ruleRow
	Secrets []secretRow
	Others  int // removed from what the report left out
}

type ruleRow struct {
	Rule, Explanation string
	N                 int
	Causes            []*causeRow
}

type causeRow struct {
	Reason, Allow string
	N             int
	Places        []placeRow
}

type placeRow struct{ Where, Location string }

type secretRow struct {
	Placeholder string
	N           int
}

// Bounds of the page.
const (
	maxCausePlaces = 20
	maxCauses      = 200
	maxSecretRows  = 20
)

func (s *Server) redactions(q *request, sub *subject) error {
	var page []byte
	err := s.read(q.ctx(), sub, func(res redact.Result) (err error) {
		page, err = s.explained(q, sub, res)
		return err
	})
	if err != nil {
		return err
	}
	q.w.Header().Set("Content-Security-Policy", s.views.policy)
	send(q.w, http.StatusOK, "text/html; charset=utf-8", page)
	return nil
}

// explained is the page of what was removed. It is made of what has passed the
// last scan, and scanned again as a whole.
func (s *Server) explained(q *request, sub *subject, res redact.Result) ([]byte, error) {
	var b bytes.Buffer
	if err := export.RedactionsJSON(&b, res); err != nil {
		return nil, s.stopped(err)
	}
	p := &redactionsPage{Subject: sub, Tier: res.Report().Tier}
	if err := p.read(b.Bytes(), res.Report()); err != nil {
		return nil, s.stopped(err)
	}
	f := q.frame("What was removed from " + sub.Name)
	f.Page = p
	page, err := s.views.render("redactions", f)
	if err != nil {
		return nil, s.stopped(err)
	}
	if scan := res.LastScan(); scan != nil {
		if found, _ := scan.Find([]byte(html.UnescapeString(string(page)))); found {
			return nil, s.stopped(export.ErrSecret)
		}
	}
	return page, nil
}

// read sorts the records by rule and cause.
func (p *redactionsPage) read(data []byte, r *report.Report) error {
	var list struct {
		Counts  map[string]int `json:"redaction_counts"`
		Secrets []struct {
			Secret int `json:"secret"`
			Count  int `json:"count"`
		} `json:"secrets"`
		Redactions []struct{ Location, Rule, Reason, Explanation, Allow string } `json:"redactions"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	for _, n := range list.Counts {
		p.Total += n
	}
	p.Others = max(0, p.Total-len(list.Redactions))
	type key struct{ rule, reason, allow string }
	causes := map[key]*causeRow{}
	for _, x := range list.Redactions {
		if n := len(p.Rules); n == 0 || p.Rules[n-1].Rule != x.Rule {
			p.Rules = append(p.Rules, ruleRow{Rule: x.Rule, Explanation: x.Explanation, N: list.Counts[x.Rule]})
		}
		rule := &p.Rules[len(p.Rules)-1]
		k := key{x.Rule, x.Reason, x.Allow}
		c := causes[k]
		if c == nil {
			c = &causeRow{Reason: x.Reason, Allow: x.Allow}
			causes[k] = c
			if len(rule.Causes) < maxCauses {
				rule.Causes = append(rule.Causes, c)
			}
		}
		c.N++
		if len(c.Places) < maxCausePlaces {
			c.Places = append(c.Places, placeRow{placeIn(r, x.Location), x.Location})
		}
	}
	// What removed most comes first.
	slices.SortStableFunc(p.Rules, func(a, b ruleRow) int { return b.N - a.N })
	for _, x := range list.Secrets[:min(len(list.Secrets), maxSecretRows)] {
		p.Secrets = append(p.Secrets, secretRow{redact.PlaceholderOf(x.Secret), x.Count})
	}
	return nil
}

// More is how many places are not listed.
func (c *causeRow) More() int { return c.N - len(c.Places) }

var (
	inFrame     = regexp.MustCompile(`^goroutines\[(\d{1,7})\]\.frames\[(\d{1,7})\]\.(.*)$`)
	inGoroutine = regexp.MustCompile(`^goroutines\[(\d{1,7})\]\.(.*)$`)
)

// placeIn says in words where in a report a location is.
func placeIn(r *report.Report, loc string) string {
	if m := inFrame.FindStringSubmatch(loc); m != nil {
		g, f := goroutineAt(r, m[1]), -1
		if n, err := strconv.Atoi(m[2]); err == nil && g != nil && n < len(g.Frames) {
			f = n
		}
		if f >= 0 {
			return fmt.Sprintf("%s in %s, frame %d of goroutine %d", part(m[3]), g.Frames[f].Function, f, g.ID)
		}
	}
	if m := inGoroutine.FindStringSubmatch(loc); m != nil {
		if g := goroutineAt(r, m[1]); g != nil {
			return fmt.Sprintf("%s of goroutine %d", m[2], g.ID)
		}
	}
	return loc
}

func goroutineAt(r *report.Report, index string) *report.Goroutine {
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(r.Goroutines) {
		return nil
	}
	return &r.Goroutines[i]
}

// part says which part of a frame a location is about.
func part(loc string) string {
	if name, ok := strings.CutPrefix(loc, "vars."); ok {
		return "variable " + strings.TrimSuffix(name, ".value")
	}
	if strings.HasPrefix(loc, "source.lines[") {
		return "a line of the source"
	}
	return loc
}
