package export

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the parts of the page
	"encoding/base64"
	"fmt"
	"html"
	"html/template"
	"io"
	"path"
	"slices"
	"strings"

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
	htmlNodes    = 15_000   // values and parts of them that are laid out
	htmlGroups   = 300      // groups that are; the script shows others
	htmlWaiting  = 12       // goroutines that are, where none crashed
	htmlEarlier  = 6        // lines about earlier and wrapped errors, above the stack
	htmlLabels   = 200      // bytes of labels beside a goroutine's number
	htmlDataSize = 24 << 20 // bytes about goroutines and groups for the script
	htmlValue    = 160      // runes of a value on one line
	htmlBrief    = 40       // and in the line of a folded frame
	htmlStrings  = 8 << 10  // bytes of a text that is unfolded
)

// HTML writes the report as one page that needs nothing else: no network, no
// other file, and no script to be read, which only searches and unfolds. Its
// policy lets nothing act but its own style and script. The crash, one goroutine
// of each of the largest groups, and what was found out stand in the page; the
// others are data that the script shows on request, so that a page of 100 000
// goroutines can be opened. See docs/html.md.
func HTML(w io.Writer, res redact.Result) error {
	return scanned(w, res, "html", func(p *paper, r *report.Report) error {
		var page bytes.Buffer
		texts, err := drawHTML(&page, r)
		if err != nil {
			return err
		}
		// What is looked for is not escaped as a page is, nor as its data are.
		if err := p.check([]byte(html.UnescapeString(page.String()))); err != nil {
			return err
		}
		if err := p.check([]byte(strings.Join(texts, "\n"))); err != nil {
			return err
		}
		if _, err := p.Write(page.Bytes()); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		return nil
	})
}

func writeHTML(w io.Writer, r *report.Report) error {
	_, err := drawHTML(w, r)
	return err
}

// drawHTML writes a page, and returns the texts of its data.
func drawHTML(w io.Writer, r *report.Report) ([]string, error) {
	page, err := newHTMLPage(r)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	body, err := template.New("body").Parse(htmlBody)
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	data, err := page.data.json()
	if err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	var b bytes.Buffer
	b.WriteString("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	b.WriteString("<meta http-equiv=\"Content-Security-Policy\" content=\"" + HTMLPolicy() + "\">\n")
	b.WriteString("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
	b.WriteString("<title>" + template.HTMLEscapeString(page.Title) + "</title>\n<style>" + htmlStyle() + "</style>\n</head>\n<body>\n")
	if err := body.Execute(&b, page); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	// A browser does not run it, and json escapes what would end it.
	b.WriteString("<script type=\"application/json\" id=\"data\">")
	b.Write(data)
	b.WriteString("</script>\n<script>" + htmlScript + "</script>\n</body>\n</html>\n")
	if _, err := w.Write(b.Bytes()); err != nil {
		return nil, fmt.Errorf("write report: %w", err)
	}
	return page.data.texts, nil
}

// sourceHash names an inline style or script in a policy.
func sourceHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// htmlPage is what the template shows.
type htmlPage struct {
	Title    string
	Death    []string
	Signal   string
	Facts    []string
	Earlier  []string // texts of the crash screen: the first lines of one, and the others
	Waits    string   // what is wrong with them
	AllWaits string
	Heap     string
	Crash    *htmlGoroutine
	Waiting  []htmlGoroutine // where none crashed
	Total    string
	Groups   []htmlGroup
	More     int // groups that are not laid out
	System   []htmlGroup

	SystemTotal string
	Globals     []htmlNode
	Problems    []string
	Partial     bool
	Left        []string
	Redacted    []string
	Tier        int
	Identity    []htmlFact
	Markdown    string
	Dropped     bool // the data are not whole

	data *htmlData
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
	p := &htmlPage{Tier: c.Tier, Partial: !c.Complete, data: newHTMLData(m.s.names)}
	p.Death = plainLines(deathText(&c.Crash), messageLines)
	p.Title = clip(p.Death[0], 100)
	if main := programName(&c); main != "" {
		p.Title += " · " + path.Base(main)
	}
	if c.Crash.Signal != nil {
		p.Signal = signalText(c.Crash.Signal)
	}
	p.Facts = m.facts()
	p.Earlier = firstLines(m.words(func(s *screen) { s.exceptions(&c.Crash.Exception, "", 0) }), htmlEarlier)
	p.Waits = m.words((*screen).waitSummary)
	if c.Waits != nil && c.Waits.Blocked > 0 {
		p.AllWaits = m.words((*screen).waits)
	}
	p.Heap = m.words((*screen).heapSummary)
	m.crash(p)
	for i := range c.Globals {
		p.Globals = append(p.Globals, m.node(name(c.Globals[i].Name), "", &c.Globals[i].Value))
	}
	m.groups(p)
	for i := range c.Goroutines {
		p.data.goroutine(&c.Goroutines[i])
	}
	p.Dropped = p.data.dropped
	for i := range c.Problems {
		p.Problems = append(p.Problems, problemText(&c.Problems[i]))
	}
	m.trust(p)
	var md bytes.Buffer
	if err := writeMarkdown(&md, r); err != nil {
		return nil, err
	}
	p.Markdown = md.String()
	return p, nil
}

// words is a part of the crash screen as text.
func (m *htmlMaker) words(draw func(*screen)) string {
	draw(m.s)
	text := string(bytes.Trim(m.s.b.Bytes(), "\n"))
	m.s.b.Reset()
	return text
}

// firstLines cuts a text behind so many lines, where it has more than one more.
func firstLines(text string, lines int) []string {
	all := strings.Split(text, "\n")
	switch {
	case text == "":
		return nil
	case len(all) <= lines+1:
		return []string{text}
	}
	return []string{strings.Join(all[:lines], "\n"), strings.Join(all[lines:], "\n")}
}

// programName is what the program is called where it is built, or the module
// that it is of.
func programName(r *report.Report) string {
	if id := &r.Identity; id.MainPackage != "" {
		return name(id.MainPackage)
	}
	return name(r.Identity.Main.Path)
}

// facts are the line below the headline: which program, where, when.
func (m *htmlMaker) facts() []string {
	var facts []string
	if main := programName(m.r); main != "" {
		facts = append(facts, strings.TrimSpace(main+" "+name(m.r.Identity.Main.Version)))
	}
	if i := crashedGoroutine(m.r); i >= 0 {
		g := &m.r.Goroutines[i]
		facts = append(facts, fmt.Sprintf("goroutine %d [%s]", g.ID, name(stateText(g.Status, g.WaitReason))))
	} else if m.r.Crash.Kind != report.KindSnapshot {
		facts = append(facts, "no goroutine was running")
	}
	if e := &m.r.Crash.Exception; e.Type != "" && m.r.Crash.Kind == report.KindPanic {
		facts = append(facts, "type "+name(e.Type))
	}
	if t := writable(m.r.CrashTime); !t.IsZero() {
		facts = append(facts, t.Format("2006-01-02 15:04:05 UTC"))
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
