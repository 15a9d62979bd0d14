package night

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/triage/batch"
	"github.com/safedump/sdcore/triage/index"
)

// Night is what is told.
type Night struct {
	Time    time.Time     `json:"time"`
	Host    string        `json:"host"`
	Outcome batch.Outcome `json:"outcome"`
	// Groups are the new ones and those that came back.
	Groups []Group `json:"groups"`
}

// Group is a group with what helps to judge it.
type Group struct {
	Name     string        `json:"name"`
	Status   index.Status  `json:"status"`
	Title    string        `json:"title"`
	Type     string        `json:"type"`
	Message  string        `json:"message"`
	Site     string        `json:"site"`
	Program  string        `json:"program"`
	Count    int64         `json:"count"`
	First    time.Time     `json:"first_seen"`
	Last     time.Time     `json:"last_seen"`
	FixedIn  string        `json:"fixed_in,omitempty"`
	Hosts    []index.Count `json:"hosts"`
	Versions []index.Count `json:"versions"`
	// Always are the variables that were the same in all occurrences, of which
	// there are several; Differ the others.
	Always  []index.Variable `json:"always"`
	Differ  []index.Varying  `json:"differ"`
	Similar []string         `json:"similar"` // names of groups that may be the same bug
	Report  string           `json:"report"`  // the file of the exemplar
}

// Formats are the names that Write takes.
func Formats() []string { return []string{"text", "markdown", "json"} }

// Write writes a night in a format.
func Write(w io.Writer, n *Night, format string) error {
	switch format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(n)
	case "markdown":
		return write(w, n, markdown{})
	}
	return write(w, n, plain{})
}

// style is how the parts of a night are laid out.
type style interface {
	title(s string) string
	item(s string) string
	detail(label, s string) string
	code(s string) string
}

type plain struct{}

func (plain) title(s string) string         { return s + "\n" }
func (plain) item(s string) string          { return "  " + s + "\n" }
func (plain) detail(label, s string) string { return fmt.Sprintf("      %-9s %s\n", label, s) }
func (plain) code(s string) string          { return index.Printable(s) }

type markdown struct{}

func (markdown) title(s string) string         { return "\n## " + s + "\n\n" }
func (markdown) item(s string) string          { return "* " + s + "\n" }
func (markdown) detail(label, s string) string { return "  * " + label + ": " + s + "\n" }

// code keeps text from acting as Markdown or HTML: in a code span nothing does
// but the backtick that ends it.
func (markdown) code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + strings.ReplaceAll(index.Printable(s), "`", "'") + "`"
}

// maxShown bounds the lines of a list.
const maxShown = 50

func write(w io.Writer, n *Night, s style) error {
	var b strings.Builder
	o := &n.Outcome
	b.WriteString(s.title(fmt.Sprintf("Crashes on %s, %s", s.code(n.Host), n.Time.UTC().Format("2 January 2006 15:04 MST"))))
	b.WriteString(s.item(fmt.Sprintf("%d crashes in %d files: %d reported, %d known, %d failed, %d wait for a binary",
		o.Crashes, o.Files, o.Reported, o.Known+o.Covered, len(o.Failed), len(o.Waiting))))
	if o.Writing > 0 {
		b.WriteString(s.item(fmt.Sprintf("%d files have changed just now: next time (--settle 0s takes them now)", o.Writing)))
	}
	if o.Interrupted {
		b.WriteString(s.item("it was told to stop: the rest is for the next time"))
	}
	fresh, back := 0, 0
	for i := range n.Groups {
		if n.Groups[i].Status == index.Regressed {
			back++
		} else {
			fresh++
		}
	}
	heading := fmt.Sprintf("New: %d", fresh)
	if back > 0 {
		heading += fmt.Sprintf(", came back: %d", back)
	}
	b.WriteString(s.title(heading))
	for i := range n.Groups[:min(len(n.Groups), maxShown)] {
		group(&b, &n.Groups[i], s)
	}
	if more := len(n.Groups) - maxShown; more > 0 {
		b.WriteString(s.item(fmt.Sprintf("and %d more: sdcore list", more)))
	}
	files(&b, "Failed", o.Failed, s)
	files(&b, "Waiting", o.Waiting, s)
	files(&b, "Left out", o.Skipped, s)
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteGroup writes what is known of a group as text, before its report.
func WriteGroup(w io.Writer, g *Group) error {
	var b strings.Builder
	b.WriteString(plain{}.title(string(g.Status) + " group of " + strconv.FormatInt(g.Count, 10)))
	group(&b, g, plain{})
	_, err := io.WriteString(w, b.String()+"\n")
	return err
}

func group(b *strings.Builder, g *Group, s style) {
	status := ""
	if g.Status == index.Regressed {
		status = "came back after " + s.code(g.FixedIn) + ": "
	}
	b.WriteString(s.item(fmt.Sprintf("%s  %s%s  (%d)", s.code(g.Name), status, s.code(g.Title), g.Count)))
	if g.Message != "" {
		b.WriteString(s.detail("message", s.code(g.Message)))
	}
	b.WriteString(s.detail("where", s.code(g.Program)+" "+s.code(g.Site)))
	b.WriteString(s.detail("seen", seen(g)))
	b.WriteString(s.detail("hosts", counts(g.Hosts, s)))
	b.WriteString(s.detail("versions", counts(g.Versions, s)))
	for _, v := range g.Always {
		b.WriteString(s.detail("always", s.code(v.Path+" = "+v.Value)))
	}
	if len(g.Differ) > 0 {
		var names []string
		for _, v := range g.Differ {
			names = append(names, s.code(v.Path))
		}
		b.WriteString(s.detail("differs", strings.Join(names, ", ")))
	}
	if len(g.Similar) > 0 {
		b.WriteString(s.detail("similar", s.code(strings.Join(g.Similar, " "))+" may be the same bug"))
	}
	b.WriteString(s.detail("look", s.code("sdcore view "+g.Name)))
}

// seen is when a group was seen.
func seen(g *Group) string {
	const layout = "2006-01-02 15:04"
	first, last := g.First.UTC().Format(layout), g.Last.UTC().Format(layout)
	if first == last {
		return first
	}
	return first + " to " + last
}

func counts(list []index.Count, s style) string {
	var parts []string
	for i, c := range list {
		if i == 5 {
			parts = append(parts, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		name := c.Value
		if name == "" {
			name = "unknown"
		}
		parts = append(parts, fmt.Sprintf("%s %d", s.code(name), c.N))
	}
	return strings.Join(parts, ", ")
}

func files(b *strings.Builder, title string, list []batch.File, s style) {
	if len(list) == 0 {
		return
	}
	b.WriteString(s.title(fmt.Sprintf("%s: %d", title, len(list))))
	for i, f := range list {
		if i == maxShown {
			b.WriteString(s.item(fmt.Sprintf("and %d more", len(list)-i)))
			return
		}
		b.WriteString(s.item(s.code(index.Printable(f.Path)) + ": " + s.code(index.Printable(f.Reason))))
	}
}
