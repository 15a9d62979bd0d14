package export

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"io"
	"slices"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// The parts of the page. Style and script are named in its policy by their
// hashes, so that nothing else acts in it, whatever the report holds.
var (
	//go:embed page/body.tmpl
	htmlBody string
	//go:embed page/base.css
	htmlBase string
	//go:embed page/page.css
	htmlOwn string
	//go:embed page/page.js
	htmlScript string
)

// HTMLStyle is the style sheet that pages beside the report's begin with:
// colours for light and dark, fonts, and what plain elements look like. It
// lays nothing out.
func HTMLStyle() string { return htmlBase }

// HTMLPolicy is the Content-Security-Policy of every page that [HTML] writes. It
// stands in the page itself; who serves pages sends it as a header, too, where
// `frame-ancestors 'none'` can be added to it. It differs between versions of
// sdcore: style and script are named by their hashes.
func HTMLPolicy() string {
	return fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", sourceHash(htmlStyle()), sourceHash(htmlScript))
}

// htmlStyle is the style of the report's page.
func htmlStyle() string { return htmlBase + htmlOwn }

// Bounds of a page, so that a browser can open it.
const (
	htmlNodes   = 60_000   // parts of values that are laid out
	htmlData    = 24 << 20 // bytes about further goroutines
	htmlValue   = 160      // runes of a value on one line
	htmlStrings = 8 << 10  // bytes of a text that is unfolded
)

// HTML writes the report as one page that needs nothing else: no network, no
// other file, and no script to be read, which only searches and unfolds. Its
// policy lets nothing act but its own style and script. The crash, one goroutine
// of each group, and what was found out stand in the page; the other goroutines
// are data that the script shows on request, so that 100 000 of them can be
// opened.
func HTML(w io.Writer, res redact.Result) error {
	return scanned(w, res, "html", func(p *paper, r *report.Report) error {
		var page bytes.Buffer
		if err := writeHTML(&page, r); err != nil {
			return err
		}
		// What is looked for is not escaped as a page is.
		if err := p.check([]byte(html.UnescapeString(page.String()))); err != nil {
			return err
		}
		if _, err := p.Write(page.Bytes()); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		return nil
	})
}

func writeHTML(w io.Writer, r *report.Report) error {
	page, err := newHTMLPage(r)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	body, err := template.New("body").Parse(htmlBody)
	if err != nil {
		return fmt.Errorf("page: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	b.WriteString("<meta http-equiv=\"Content-Security-Policy\" content=\"" + HTMLPolicy() + "\">\n")
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
	b.WriteString("<title>" + template.HTMLEscapeString(page.Title) + "</title>\n<style>" + htmlStyle() + "</style>\n</head>\n<body>\n")
	if err := body.Execute(&b, page); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	// A browser does not run it, and json escapes what would end it.
	b.WriteString("<script type=\"application/json\" id=\"data\">")
	b.Write(page.data)
	b.WriteString("</script>\n<script>" + htmlScript + "</script>\n</body>\n</html>\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// sourceHash names an inline style or script in a policy.
func sourceHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// htmlPage is what the template shows.
type htmlPage struct {
	Title   string
	Death   []string
	Signal  string
	Facts   []string
	Earlier string // texts of the crash screen
	Waits   string
	Heap    string
	Crash   *htmlGoroutine
	Total   string
	Groups  []htmlGroup
	System  []htmlGroup // of the runtime

	SystemTotal string
	Globals     []htmlNode
	Problems    []string
	Partial     bool
	Left        []string
	Redacted    []string
	Tier        int
	Identity    []htmlFact
	Markdown    string

	data []byte
}

type htmlFact struct{ Label, Text string }

// htmlMaker builds a page.
type htmlMaker struct {
	r     *report.Report
	s     *screen // for what the terminal shows in words
	nodes int     // that may still be laid out
}

func newHTMLPage(r *report.Report) (*htmlPage, error) {
	c := completed(r)
	m := &htmlMaker{r: &c, nodes: htmlNodes}
	m.s = newScreen(&c, TextOptions{Width: 110})
	p := &htmlPage{Tier: c.Tier, Partial: !c.Complete}
	p.Death = plainLines(deathText(&c.Crash), messageLines)
	p.Title = clip(p.Death[0], 100)
	if c.Crash.Signal != nil {
		p.Signal = signalText(c.Crash.Signal)
	}
	p.Facts = m.facts()
	p.Earlier = m.words(func(s *screen) { s.exceptions(&c.Crash.Exception, "", 0) })
	p.Waits = m.words((*screen).waitSummary)
	p.Heap = m.words((*screen).heapSummary)
	p.Crash = m.crash()
	m.groups(p)
	for i := range c.Globals {
		p.Globals = append(p.Globals, m.node(name(c.Globals[i].Name), "", &c.Globals[i].Value))
	}
	for i := range c.Problems {
		p.Problems = append(p.Problems, problemText(&c.Problems[i]))
	}
	m.trust(p)
	var md bytes.Buffer
	if err := writeMarkdown(&md, r); err != nil {
		return nil, err
	}
	p.Markdown = md.String()
	data, err := m.data()
	p.data = data
	return p, err
}

// words is a part of the crash screen as text.
func (m *htmlMaker) words(draw func(*screen)) string {
	draw(m.s)
	text := string(bytes.Trim(m.s.b.Bytes(), "\n"))
	m.s.b.Reset()
	return text
}

func (m *htmlMaker) facts() []string {
	var facts []string
	if e := &m.r.Crash.Exception; e.Type != "" && m.r.Crash.Kind == report.KindPanic {
		facts = append(facts, "type "+name(e.Type))
	}
	if i := crashedGoroutine(m.r); i >= 0 {
		g := &m.r.Goroutines[i]
		facts = append(facts, fmt.Sprintf("goroutine %d [%s]", g.ID, name(stateText(g.Status, g.WaitReason))))
	}
	if t := m.r.CrashTime; !t.IsZero() {
		facts = append(facts, t.Format("2006-01-02 15:04:05 UTC"))
	}
	if main := m.r.Identity.Main; main.Path != "" {
		facts = append(facts, name(main.Path)+" "+name(main.Version))
	}
	return facts
}

// trust says what is missing, what was removed, and of which build it is.
func (m *htmlMaker) trust(p *htmlPage) {
	for _, o := range m.r.Omitted {
		p.Left = append(p.Left, fmt.Sprintf("%s (%s shows more)", counted(int(o.Count), name(o.What)), name(o.Why)))
	}
	for _, rule := range sortedKeys(m.r.RedactionCounts) {
		p.Redacted = append(p.Redacted, fmt.Sprintf("%s: %d", name(rule), m.r.RedactionCounts[rule]))
	}
	for _, f := range slices.Concat(identityFacts(m.r), processFacts(m.r)) {
		if f.text != "" {
			p.Identity = append(p.Identity, htmlFact{f.label, f.text})
		}
	}
}

// data is what the script shows on request: goroutines with what of their
// variables fits, by the number of their group.
func (m *htmlMaker) data() ([]byte, error) {
	type row struct {
		ID      uint64        `json:"id"`
		Group   int           `json:"g"`
		Creator uint64        `json:"c,omitempty"`
		Vars    [][][3]string `json:"v,omitempty"` // by frame: name, type, value
	}
	rows := make([]json.RawMessage, 0, len(m.r.Goroutines))
	room := htmlData
	for i := range m.r.Goroutines {
		g := &m.r.Goroutines[i]
		x := row{ID: g.ID, Group: g.Group}
		if g.Creator != nil {
			x.Creator = g.Creator.Goroutine
		}
		if room > 0 {
			x.Vars = flatVars(g.Frames)
		}
		b, err := json.Marshal(x)
		if err != nil {
			return nil, err
		}
		room -= len(b)
		rows = append(rows, b)
	}
	return json.Marshal(rows)
}

// flatVars are the variables of a stack, each on one line.
func flatVars(frames []report.Frame) [][][3]string {
	last := -1
	out := make([][][3]string, len(frames))
	for i := range frames {
		for j := range frames[i].Vars {
			v := &frames[i].Vars[j]
			text, _ := oneLine(&v.Value, htmlValue, false)
			out[i] = append(out[i], [3]string{name(v.Name), name(v.Value.Type), text})
			last = i
		}
	}
	return out[:last+1]
}
