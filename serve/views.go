package serve

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/safedump/sdcore/export"
	"github.com/safedump/sdcore/triage/index"
)

//go:embed view
var viewFiles embed.FS

// frame is what is around each page.
type frame struct {
	Base    string // what the paths of pages begin with
	Title   string
	Path    string // of this page
	Form    string // the token of its forms
	Refresh string // where to go from here
	Trouble *trouble
	Page    any

	inside bool // who sees it is logged in
}

// Inside is for the page's own links, which are of no use to others.
func (f frame) Inside() bool { return f.inside }

// What, Why and Remedy are for the template.
func (t *trouble) What() string   { return t.what }
func (t *trouble) Why() string    { return t.why }
func (t *trouble) Remedy() string { return t.remedy }

// views are the templates with style and script, which their policy names by
// hash.
type views struct {
	pages  *template.Template
	policy string
}

func newViews() (*views, error) {
	own, err := viewFiles.ReadFile("view/serve.css")
	if err != nil {
		return nil, err
	}
	style := []byte(export.HTMLStyle() + string(own)) // they look like the report
	script, err := viewFiles.ReadFile("view/serve.js")
	if err != nil {
		return nil, err
	}
	v := &views{policy: policy + fmt.Sprintf("; style-src '%s'; script-src '%s'; img-src data:", hashOf(style), hashOf(script))}
	v.pages, err = template.New("").Funcs(template.FuncMap{
		"style":  func() template.CSS { return template.CSS(style) },
		"script": func() template.JS { return template.JS(script) },
		"number": number, "when": when, "machine": machine, "ago": ago, "some": some, "share": share, "clip": clip, "files": filesText, "newIn": newIn, "part": func(n, of int64) int64 { return max(1, n*100/max(1, of)) }, "plain": index.Printable, "kind": kindName, "orUnknown": orUnknown, "counts": countsOf,
		"segment": url.PathEscape, "kib": func(n int64) string { return number((n + 1023) / 1024) },
		"statuses": func() []string { return []string{"open", "new", "known", "fixed", "regressed"} },
		"orders": func() [][2]string {
			return [][2]string{{"", "last crash"}, {"first", "first crash"}, {"count", "most crashes"}}
		},
		"places": func(n int) string { return counted(int64(n), "place") }, "crashes": func(n int64) string { return counted(n, "crash") }, "groups": func(n int64) string { return counted(n, "group") },
	}).ParseFS(viewFiles, "view/*.tmpl")
	return v, err
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// write answers with a page. It is made whole first.
func (v *views) write(w http.ResponseWriter, status int, name string, f frame) {
	page, err := v.render(name, f)
	if err != nil {
		status, page = http.StatusInternalServerError, []byte("<!DOCTYPE html><title>sdcore</title><p>This page has failed. It is a bug of sdcore.")
	}
	h := w.Header()
	h.Set("Content-Security-Policy", v.policy)
	send(w, status, "text/html; charset=utf-8", page)
}

func (v *views) render(name string, f frame) ([]byte, error) {
	var b bytes.Buffer
	err := v.pages.ExecuteTemplate(&b, name+".tmpl", f)
	return shown(b.Bytes()), err
}

// shown writes what is not printable as a Go escape, whatever the index says: a
// template keeps text from being markup, not from turning the line around.
func shown(page []byte) []byte {
	text := string(page)
	plain := func(r rune, size int) bool {
		return r == '\n' || r == thin || strconv.IsPrint(r) && (r != utf8.RuneError || size > 1)
	}
	out := page[:0:0]
	from := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if !plain(r, size) {
			quoted := strconv.Quote(text[i : i+size])
			out = append(append(out, text[from:i]...), quoted[1:len(quoted)-1]...)
			from = i + size
		}
		i += size
	}
	return append(out, text[from:]...)
}

// thin is the space between thousands.
const thin = '\u202f'

// send answers with bytes. That the client has gone is nobody's trouble.
func send(w http.ResponseWriter, status int, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// number is a count with spaces between thousands.
func number(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + string(thin) + s[i:]
	}
	return s
}

func counted(n int64, what string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(what, "sh"):
		what += "es"
	default:
		what += "s"
	}
	return number(n) + " " + what
}

func when(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.UTC().Format("2006-01-02 15:04")
}

func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// ago is how long something has been, in the largest unit that says enough.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	switch {
	case t.IsZero():
		return ""
	case d < -time.Minute:
		return "in the future"
	case d < time.Minute:
		return "just now"
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

// some are the first values of counts, and how many more there are.
func some(list []index.Count, n int) string {
	var parts []string
	for _, c := range list[:min(n, len(list))] {
		parts = append(parts, clip(orUnknown(c.Value), maxWord))
	}
	text := strings.Join(parts, ", ")
	if more := len(list) - n; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}
	return text
}

func orUnknown(s string) string { return orElse(s, "unknown") }

// share is a part of the largest count, in hundredths, for a meter.
func share(n int64, list []index.Count) int64 {
	most := int64(1)
	for _, c := range list {
		most = max(most, c.N)
	}
	return max(1, n*100/most)
}

// kindName is what a kind is called by people.
func kindName(kind string) string {
	if kind == "" {
		return "unknown"
	}
	family, rest, ok := strings.Cut(kind, ":")
	if !ok {
		return kind
	}
	return family + ": " + rest
}

// countsTable is a table of counts, as far as a page shows it.
type countsTable struct {
	Head        string
	List, Shown []index.Count
	More        int
}

// maxCounts is how many hosts or versions a page lists.
const maxCounts = 12

func countsOf(head string, list []index.Count) countsTable {
	shown := list[:min(len(list), maxCounts)]
	return countsTable{head, list, shown, len(list) - len(shown)}
}

// maxWord bounds a version or host in a list; the page of a group has it whole.
const maxWord = 30

// clip is a text as far as it fits.
func clip(s string, max int) string {
	if runes := []rune(s); len(runes) > max {
		return string(runes[:max-1]) + "…"
	}
	return s
}

// newIn is a message that its title does not say already.
func newIn(title, message string) string {
	if strings.Contains(title, message) {
		return ""
	}
	return message
}

// filesText says what became of files that have no report, "" where another one
// stands for them.
func filesText(c index.Count) string {
	switch index.State(c.Value) {
	case index.Covered:
		return ""
	case index.Waiting:
		return counted(c.N, "file") + " without a binary yet"
	case index.Failed:
		return counted(c.N, "file") + " that could not be reported"
	}
	return counted(c.N, "file") + " " + clip(c.Value, maxWord)
}
