package export

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

// IssueMarkup is the language of a tracker's texts.
type IssueMarkup int

const (
	// IssueMarkdown is Markdown with parts that fold: GitHub, GitLab, Gitea.
	IssueMarkdown IssueMarkup = iota
	// IssueEither is one block of text for a tracker that renders Textile or
	// Markdown and does not tell which: Redmine.
	IssueEither
	// IssueWiki is one block of text in Jira's own markup.
	IssueWiki
)

// IssueOptions are for [Issue]. Lead and Foot are the caller's own words: they
// are written as they are, and hold nothing of a report but what the caller has
// seen to be a word.
type IssueOptions struct {
	Markup IssueMarkup
	// Lead stands above the report, Foot below it.
	Lead, Foot []string
	// MaxSize bounds the text in bytes; 0 means no bound.
	MaxSize int
	// Embed adds the report as JSON, folded away, as much of it as MaxSize leaves
	// room for. EmbedName is what the reader is told to call the file.
	Embed     bool
	EmbedName string
	// Short leaves out all of the report.
	Short bool
	// Reserved is a word, such as one of Foot, that must not occur in what comes of the
	// report: it is broken there by a space before its last byte. It is nothing that the
	// JSON of a report has but inside of strings.
	Reserved string
}

// ErrIssueSize is for a text that does not fit into MaxSize without the report.
var ErrIssueSize = errors.New("export: the text of the issue is larger than the tracker takes")

// Issue writes the text of an issue or of a comment: what died, where, with which
// values, of which build, in no more than 60 lines that are not folded away. Like
// [Markdown] it is equal for equal crashes, and nothing of the process's text
// acts: no markup, no mention, no reference.
func Issue(w io.Writer, res redact.Result, o IssueOptions) error {
	return scanned(w, res, "issue", func(p *paper, r *report.Report) error {
		text, err := issueText(r, o, p.check)
		if err != nil {
			return err
		}
		_, err = p.Write(text)
		return err
	})
}

// issueText is the whole text. What comes of the report is shown to check before
// anything in it is broken by a space or an escape: a secret would be, too.
func issueText(r *report.Report, o IssueOptions, check func([]byte) error) ([]byte, error) {
	parts := [][]string{o.Lead}
	if !o.Short {
		text, err := issueReport(r, o, check)
		if err != nil {
			return nil, err
		}
		parts = append(parts, []string{o.unreserved(text)})
	}
	size := len(o.joined(append(parts, o.Foot)))
	if o.MaxSize > 0 && size > o.MaxSize {
		return nil, fmt.Errorf("%w: %d of %d bytes", ErrIssueSize, size, o.MaxSize)
	}
	if o.Embed {
		room := math.MaxInt32
		if o.MaxSize > 0 {
			room = o.MaxSize - size
		}
		block, err := o.embedded(r, room, check)
		if err != nil {
			return nil, err
		}
		parts = append(parts, []string{block})
	}
	return o.joined(append(parts, o.Foot)), nil
}

// joined puts parts below each other, an empty line between them.
func (o *IssueOptions) joined(parts [][]string) []byte {
	var b bytes.Buffer
	for _, part := range parts {
		text := strings.Trim(strings.Join(part, "\n"), "\n")
		if text == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(text + "\n")
	}
	return b.Bytes()
}

func (o *IssueOptions) unreserved(text string) string {
	if len(o.Reserved) < 2 {
		return text
	}
	last := len(o.Reserved) - 1
	return strings.ReplaceAll(text, o.Reserved, o.Reserved[:last]+" "+o.Reserved[last:])
}

// Lines of the parts of an issue that are not folded away.
const (
	issueHead    = 12
	issueSite    = 22
	issueCallers = 12 // where nothing folds
)

func issueReport(r *report.Report, o IssueOptions, check func([]byte) error) (string, error) {
	m := newMarkdown(r)
	m.headLines, m.siteLines = issueHead, issueSite
	if o.Markup == IssueMarkdown {
		m.write()
		text := m.b.String() + identityOf(r)
		return text, check([]byte(text))
	}
	text := m.plainText()
	if err := check([]byte(text)); err != nil {
		return "", err
	}
	if o.Markup == IssueWiki {
		return "{noformat}\n" + quiet(text) + "\n{noformat}", nil
	}
	// Textile shows the fence, Markdown the tags; both show what is inside as it is.
	return "```\n<pre>\n" + quiet(text) + "\n</pre>\n```", nil
}

// identityOf are the names by which this crash is found again.
func identityOf(r *report.Report) string {
	v := fingerprint.OfReport(r)
	if !v.Known() {
		return ""
	}
	return "Group " + span(v.Levels[fingerprint.Group]) + ", variant " + span(v.Levels[fingerprint.Narrow]) + "\n"
}

// plainText is the same without markup and without what would be folded away.
func (m *markdown) plainText() string {
	var parts []string
	add := func(text string, lines int) {
		if text != "" {
			parts = append(parts, leadingLines(text, lines))
		}
	}
	add(m.headText(), issueHead)
	if f := m.site(); f != nil {
		add("in "+name(f.Function)+" at "+place(m.names.short(f.File), f.Line), 1)
		add(m.siteText(f), issueSite)
	}
	add(m.callersText(), issueCallers)
	v := fingerprint.OfReport(m.r)
	add(strings.Join(append(identityLines(m.r),
		"group: "+v.Levels[fingerprint.Group], "variant: "+v.Levels[fingerprint.Narrow]), "\n"), 6)
	return strings.Join(parts, "\n\n")
}

// leadingLines keeps n lines of a text and counts the others; 0 keeps all.
func leadingLines(text string, n int) string {
	lines := strings.Split(text, "\n")
	if n <= 0 || len(lines) <= n {
		return text
	}
	return strings.Join(append(lines[:n-1:n-1], fmt.Sprintf("… +%d lines", len(lines)-n+1)), "\n")
}

// quiet puts an invisible space into what ends a block of text or calls a person
// in one of the trackers, wherever it stands.
func quiet(text string) string {
	const gap = "\u200b"
	return strings.NewReplacer("@", "@"+gap, "```", "`"+gap+"`"+gap+"`", "~~~", "~"+gap+"~"+gap+"~",
		"</pre", "<"+gap+"/pre", "</PRE", "<"+gap+"/PRE", "{noformat", "{"+gap+"noformat").Replace(text)
}

// embedded is the report as a block that folds, as much of it as fits into room
// bytes; a line that says so where nothing does.
func (o *IssueOptions) embedded(r *report.Report, room int, check func([]byte) error) (string, error) {
	head := "<details>\n<summary>The report as JSON: save it as " + o.EmbedName + ", then <code>sdcore view " + o.EmbedName + "</code></summary>\n\n```json\n"
	const foot = "\n```\n\n</details>"
	const none = "The report does not fit into this text."
	room -= len(head) + len(foot) + 2
	for _, c := range cuts {
		small := c.of(r)
		if fingerprint.OfReport(small).Levels != fingerprint.OfReport(r).Levels {
			continue // it would be another crash
		}
		var b bytes.Buffer
		if err := writeJSON(&b, small, Options{MaxSize: int64(max(room, 1))}); err != nil {
			return "", err
		}
		if err := check(b.Bytes()); err != nil {
			return "", err
		}
		text := o.inertJSON(strings.TrimRight(b.String(), "\n"))
		if len(text) > room || strings.Contains(text, "\n```") {
			continue
		}
		return head + text + foot, nil
	}
	if len(none) > room {
		return "", nil
	}
	return none, nil
}

// inertJSON writes what does not show as an escape, and so breaks the word: the
// JSON says the same.
func (o *IssueOptions) inertJSON(text string) string {
	if len(o.Reserved) >= 2 {
		last := len(o.Reserved) - 1
		text = strings.ReplaceAll(text, o.Reserved, o.Reserved[:last]+fmt.Sprintf(`\u%04x`, o.Reserved[last]))
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
