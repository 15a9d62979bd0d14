package tracker

import (
	"bytes"
	"fmt"

	"github.com/safedump/sdcore/export"
)

// reserved is what begins every line that is read from a tracker's texts. It stands in
// nothing that comes of a report.
const reserved = "sdcore:"

// text is what a text is made of.
type text struct {
	lead  []string // sdcore's own words
	short bool     // nothing of the report
	link  string   // to the file, for FilesLinked
	m     Marker
}

// code marks a word as such. The word is one that markers take.
func (t Traits) code(word string) string {
	switch t.Markup {
	case export.IssueWiki:
		return "{{" + word + "}}"
	case export.IssueEither:
		return word
	}
	return "`" + word + "`"
}

// body renders a text for a tracker.
func (t Traits) body(c *crash, x text) (string, error) {
	o := export.IssueOptions{Markup: t.Markup, Lead: x.lead, Short: x.short, MaxSize: t.MaxText, Reserved: reserved}
	marker := x.m.String()
	if t.Markup == export.IssueMarkdown {
		marker = x.m.hidden()
	}
	if !x.short {
		o.EmbedName = c.fileName()
		o.Embed = t.Files == FilesNone
		if line := t.fileLine(c.fileName(), x.link); line != "" {
			o.Foot = append(o.Foot, line, "")
		}
	}
	o.Foot = append(o.Foot, marker)
	var b bytes.Buffer
	if err := export.Issue(&b, c.res, o); err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	return b.String(), nil
}

// fileLine says how the report is opened.
func (t Traits) fileLine(name, link string) string {
	switch t.Files {
	case FilesNone:
		return ""
	case FilesLinked:
		return "The whole report: " + link + ", to be opened with " + t.code("sdcore view "+name) + "."
	}
	return "The whole report is attached as " + name + ", to be opened with " + t.code("sdcore view "+name) + "."
}
