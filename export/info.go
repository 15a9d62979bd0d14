package export

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// InfoText writes what is known of the core itself: identity, process, signal,
// threads, and what can't be had from it.
func InfoText(w io.Writer, res redact.Result, o TextOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeInfo(p, r, o) })
}

func writeInfo(w io.Writer, r *report.Report, o TextOptions) error {
	s := newScreen(r, o)
	s.facts(identityFacts(r))
	s.facts(processFacts(r))
	if o.Full {
		s.modules()
	}
	s.threads()
	s.problems()
	s.trust()
	return s.flush(w)
}

// fact is a line of two columns.
type fact struct{ label, text string }

// facts shows those that are known.
func (s *screen) facts(facts []fact) {
	for _, f := range facts {
		if f.text != "" {
			s.line(s.grey(pad(f.label, 12)), " ", f.text)
		}
	}
}

func identityFacts(r *report.Report) []fact {
	id := &r.Identity
	facts := []fact{
		{"core", name(id.Core)},
		{"binary", name(id.Binary)},
		{"match", name(string(id.Match))},
		{"build ID", pair(id.CoreBuildID, id.BinaryBuildID)},
		{"Go build ID", pair(id.CoreGoID, id.BinaryGoID)},
		{"Go", name(id.GoVersion + " " + id.GOOS + "/" + id.GOARCH)},
		{"main", name(id.MainPackage)},
		{"module", name(id.Main.Path + " " + id.Main.Version)},
		{"revision", trimLead(revision(id))},
	}
	for _, e := range id.Evidence {
		facts = append(facts, fact{"evidence", name(e)})
	}
	if id.LoadBias != 0 {
		facts = append(facts, fact{"load bias", id.LoadBias.String()})
	}
	segments := strconv.Itoa(id.Segments)
	if id.TruncatedSegments > 0 {
		segments += fmt.Sprintf(", %d cut off, %d bytes missing", id.TruncatedSegments, id.MissingBytes)
	}
	return append(facts, fact{"segments", segments})
}

// pair shows the IDs of core and binary, once where they are equal.
func pair(core, binary string) string {
	core, binary = clip(plain(core), 90), clip(plain(binary), 90)
	switch {
	case core == binary || binary == "":
		return core
	case core == "":
		return binary + " (binary)"
	}
	return core + " (core), " + binary + " (binary)"
}

func trimLead(s string) string {
	for len(s) > 0 && (s[0] == ',' || s[0] == ' ') {
		s = s[1:]
	}
	return s
}

func processFacts(r *report.Report) []fact {
	p := &r.Process
	facts := []fact{{"process", name(p.Name)}}
	if p.PID != 0 {
		facts[0].text += fmt.Sprintf(" pid %d", p.PID)
	}
	args := ""
	for i, a := range p.Args {
		if i > 0 {
			args += " "
		}
		args += clip(strconv.Quote(a), maxName)
	}
	facts = append(facts, fact{"arguments", args}, fact{"directory", name(p.Dir)})
	if n := len(p.EnvNames); n > 0 {
		facts = append(facts, fact{"environment", fmt.Sprintf("%d names", n)})
	}
	if t := writable(r.CrashTime); !t.IsZero() {
		facts = append(facts, fact{"time", t.Format("2006-01-02 15:04:05 UTC") + " (" + name(r.CrashTimeSource) + ")"})
	}
	if r.Crash.Kind != report.KindUnknown { // the core alone does not tell
		facts = append(facts, fact{"died of", plainLines(deathText(&r.Crash), 1)[0]})
	}
	if r.Crash.Signal != nil {
		facts = append(facts, fact{"signal", signalText(r.Crash.Signal) + " from " + name(r.Crash.Signal.Source)})
	}
	return facts
}

func (s *screen) modules() {
	if len(s.r.Identity.Deps) == 0 {
		return
	}
	s.line()
	s.line(s.bold("modules"))
	for _, m := range s.r.Identity.Deps {
		replaced := ""
		if m.Replaced != "" {
			replaced = " (replaced by " + name(m.Replaced) + ")"
		}
		s.line("  ", name(m.Path), " ", name(m.Version), replaced)
	}
}

func (s *screen) threads() {
	if len(s.r.Threads) == 0 {
		return
	}
	s.line()
	s.line(s.bold(fmt.Sprintf("threads: %d", len(s.r.Threads))))
	header := []string{"thread", "goroutine", "function", "pc", ""}
	var rows [][]string
	for i := range s.r.Threads {
		t := &s.r.Threads[i]
		note, g := "", ""
		if t.Crashed {
			note = "crashed"
		}
		if t.Goroutine != 0 {
			g = strconv.FormatUint(t.Goroutine, 10)
		}
		rows = append(rows, []string{strconv.Itoa(t.TID), g, shortFunc(t.Function), t.PC.String(), note})
	}
	header, rows = withoutEmpty(header, rows)
	s.table(header, rows)
}

// InfoJSON writes the same as one JSON object, in the shapes of a saved report.
func InfoJSON(w io.Writer, res redact.Result) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeInfoJSON(p, r) })
}

func writeInfoJSON(w io.Writer, r *report.Report) error {
	c := completed(r)
	return writeIndented(w, struct {
		Generator       report.Generator  `json:"generator"`
		Complete        bool              `json:"complete"`
		CrashTime       string            `json:"crash_time"`
		CrashTimeSource string            `json:"crash_time_source"`
		Crash           report.Crash      `json:"crash"`
		Identity        report.Identity   `json:"identity"`
		Process         report.Process    `json:"process"`
		Threads         []report.Thread   `json:"threads"`
		Goroutines      int               `json:"goroutines"`
		Groups          int               `json:"groups"`
		Omitted         []report.Omission `json:"omitted"`
		Problems        []report.Problem  `json:"problems"`
		RedactionCounts map[string]int    `json:"redaction_counts"`
	}{
		c.Generator, c.Complete, report.Stamp(c.CrashTime), c.CrashTimeSource, c.Crash, c.Identity, c.Process, c.Threads,
		len(c.Goroutines), len(c.Groups), c.Omitted, c.Problems, c.RedactionCounts,
	})
}

// withoutEmpty drops the columns that are empty in every row: the core alone
// knows of no goroutines.
func withoutEmpty(header []string, rows [][]string) ([]string, [][]string) {
	var keep []int
	for c := range header {
		if slices.ContainsFunc(rows, func(row []string) bool { return row[c] != "" }) {
			keep = append(keep, c)
		}
	}
	pick := func(row []string) []string {
		out := make([]string, 0, len(keep))
		for _, c := range keep {
			out = append(out, row[c])
		}
		return out
	}
	for i := range rows {
		rows[i] = pick(rows[i])
	}
	return pick(header), rows
}

// writeIndented writes one JSON value as it would be in a saved report, with
// a newline at the end.
func writeIndented(w io.Writer, v any) error {
	b, err := report.EncodeIndented(v, "")
	if err != nil {
		return fmt.Errorf("export json: %w", err)
	}
	if _, err := w.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
