package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Bounds of a Markdown report: it is meant for an issue, not for an archive.
const (
	markdownWidth  = 100
	markdownGroups = 20
)

// Markdown writes a short report for an issue or a chat. Nothing in it differs
// between two equal crashes but what the program's data do: no times, IDs or
// addresses. All text of the process stands in code spans and fenced blocks,
// where neither Markdown nor HTML nor mentions act.
func Markdown(w io.Writer, res redact.Result) error {
	return scanned(w, res, "markdown", func(p *paper, r *report.Report) error { return writeMarkdown(p, r) })
}

func writeMarkdown(w io.Writer, r *report.Report) error {
	m := newMarkdown(r)
	m.write()
	if _, err := io.WriteString(w, m.b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

// markdown collects the report.
type markdown struct {
	r     *report.Report
	names paths
	b     strings.Builder
	// headLines and siteLines bound what is not folded away, 0 for no bound.
	headLines, siteLines int
}

func newMarkdown(r *report.Report) *markdown { return &markdown{r: stable(r), names: newPaths(r)} }

// write collects all parts.
func (m *markdown) write() {
	m.head()
	m.crash()
	m.callers()
	m.groups()
	m.heap()
	m.about()
}

// span returns s as a code span that nothing in s can end.
func span(s string) string {
	s = name(s)
	if s == "" {
		return "(unknown)"
	}
	ticks := strings.Repeat("`", longestRun(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.TrimSpace(s) == "" {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// fence writes text as a fenced block that nothing in it can end.
func (m *markdown) fence(language, text string) {
	ticks := strings.Repeat("`", max(longestRun(text, '`')+1, 3))
	m.b.WriteString(ticks + language + "\n" + strings.TrimRight(text, "\n") + "\n" + ticks + "\n\n")
}

// longestRun returns the length of the longest run of c in s.
func longestRun(s string, c byte) int {
	longest, n := 0, 0
	for i := 0; i < len(s); i++ {
		if s[i] != c {
			n = 0
			continue
		}
		n++
		longest = max(longest, n)
	}
	return longest
}

// details writes a part that is folded away. The summary is sdcore's own text.
func (m *markdown) details(summary string, body func()) {
	m.b.WriteString("<details>\n<summary>" + summary + "</summary>\n\n")
	body()
	m.b.WriteString("</details>\n\n")
}

// screenText renders a part of the crash screen as text.
func (m *markdown) screenText(draw func(*screen)) string {
	s := newScreen(m.r, TextOptions{Width: markdownWidth, Groups: markdownGroups})
	draw(s)
	return strings.Trim(s.b.String(), "\n")
}

func (m *markdown) head() {
	m.b.WriteString("### Crash: " + span(crashTitle(&m.r.Crash)) + "\n\n")
	m.fence("text", leadingLines(m.headText(), m.headLines))
}

func (m *markdown) headText() string {
	return m.screenText(func(s *screen) {
		for _, l := range plainLines(deathText(&m.r.Crash), messageLines) {
			s.line(l)
		}
		if m.r.Crash.Signal != nil {
			s.line(signalText(m.r.Crash.Signal))
		}
		s.exceptions(&m.r.Crash.Exception, "  ", 0)
	})
}

// crashTitle is the kind of the crash, and its type where that says more.
func crashTitle(c *report.Crash) string {
	if c.Exception.Type == "" || c.Exception.Type == "fatal error" {
		return string(c.Kind)
	}
	return string(c.Kind) + " " + c.Exception.Type
}

// crash shows the crash site with its values.
func (m *markdown) crash() {
	f := m.site()
	if f == nil {
		return
	}
	m.b.WriteString("In " + span(f.Function) + " at " + span(place(m.names.short(f.File), f.Line)) + "\n\n")
	if text := m.siteText(f); text != "" { // a crash text has neither
		m.fence("text", leadingLines(text, m.siteLines))
	}
}

// stack are the frames of the goroutine that crashed, from the crash site on.
func (m *markdown) stack() []report.Frame {
	i := crashedGoroutine(m.r)
	if i < 0 || len(m.r.Goroutines[i].Frames) == 0 {
		return nil
	}
	frames := m.r.Goroutines[i].Frames
	return frames[crashSite(frames):]
}

// site is the frame of the crash, nil where there is none.
func (m *markdown) site() *report.Frame {
	if frames := m.stack(); len(frames) > 0 {
		return &frames[0]
	}
	return nil
}

func (m *markdown) siteText(f *report.Frame) string {
	return m.screenText(func(s *screen) {
		s.source(f.Source, f.Line)
		if f.Source != nil {
			s.line()
		}
		s.site = true
		s.vars(f.Vars, crashVars)
	})
}

func (m *markdown) callers() {
	frames := m.stack()
	if len(frames) == 0 {
		return
	}
	m.details(fmt.Sprintf("Stack: %d frames", len(frames)), func() { m.fence("text", m.callersText()) })
}

func (m *markdown) callersText() string {
	frames := m.stack()
	if len(frames) == 0 {
		return ""
	}
	return m.screenText(func(s *screen) {
		s.frameLine(&frames[0], false)
		for j := range frames[0].Vars {
			s.remember(&frames[0].Vars[j])
		}
		s.callers(frames[1:])
	})
}

func (m *markdown) groups() {
	own, total := programs(m.r.Groups), 0
	for _, g := range own {
		total += g.Count
	}
	if total == 0 {
		return
	}
	m.details(fmt.Sprintf("Goroutines: %d in %s", total, counted(len(own), "groups")), func() {
		m.fence("text", m.screenText(func(s *screen) { s.groupCounts() }))
	})
}

// heap says what takes the memory, where the report knows.
func (m *markdown) heap() {
	if m.r.Heap == nil {
		return
	}
	m.details("Heap: "+sizeText(m.r.Heap.Totals.LiveBytes)+" live", func() {
		m.fence("text", m.screenText(func(s *screen) { s.heapSummary() }))
	})
}

// programs are the groups of the program's own goroutines, large ones first: which of
// the runtime's there are differs from run to run.
func programs(groups []report.Group) []*report.Group {
	return slices.DeleteFunc(sortedGroups(groups), func(g *report.Group) bool { return g.System })
}

// groupCounts is the table of the program's groups without IDs.
func (s *screen) groupCounts() {
	groups := programs(s.r.Groups)
	key := func(g *report.Group) string { return stateText(g.Status, g.WaitReason) + " " + s.topFrame(g.Frames) }
	slices.SortStableFunc(groups, func(a, b *report.Group) int { // goroutine IDs, in whose order they come, differ
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(key(a), key(b)))
	})
	var rows [][]string
	for i, g := range groups {
		if i == markdownGroups {
			break
		}
		rows = append(rows, []string{fmt.Sprint(g.Count), name(stateText(g.Status, g.WaitReason)), s.topFrame(g.Frames)})
	}
	s.table([]string{"count", "state", "at"}, rows)
	if rest := len(groups) - len(rows); rest > 0 {
		s.line(fmt.Sprintf("… +%d groups", rest))
	}
}

// about says which build it was, what is missing and what was removed.
func (m *markdown) about() {
	m.details("Build, problems, redaction", func() {
		m.fence("text", m.screenText(func(s *screen) {
			s.problems()
			s.trust()
			s.identity()
			s.line("made by: ", name(m.r.Generator.Name+" "+m.r.Generator.Version))
		}))
	})
}

// stable returns a copy of r without what differs between equal crashes: addresses, the
// name of the core, and how deep the runtime's own stacks were.
func stable(r *report.Report) *report.Report {
	c := completed(r)
	c.Identity.Core = ""
	c.Heap = stableHeap(c.Heap)
	if c.Crash.Signal != nil {
		sig := *c.Crash.Signal
		sig.PC = 0
		if sig.Addr >= nilPage {
			sig.HasAddr = false
		}
		c.Crash.Signal = &sig
	}
	c.Omitted = slices.DeleteFunc(slices.Clone(c.Omitted), func(o report.Omission) bool { return o.Why == "--runtime-vars" })
	c.Problems = append([]report.Problem{}, c.Problems...)
	for i := range c.Problems {
		p := &c.Problems[i]
		p.Addr, p.Message, p.Subject = 0, withoutAddrs(p.Message), withoutAddrs(p.Subject)
	}
	if i := crashedGoroutine(&c); i >= 0 {
		c.Goroutines = slices.Clone(c.Goroutines)
		frames := completedFrames(c.Goroutines[i].Frames)
		c.Goroutines[i].Frames = frames
		for j := range frames {
			f := &frames[j]
			f.PC = 0
			for k := range f.Vars {
				f.Vars[k].Value = stableValue(f.Vars[k].Value, 0)
			}
		}
	}
	return &c
}

// nilPage bounds the addresses that a nil pointer's fields have: they say
// something about the crash, others are different each time.
const nilPage = 4096

func stableValue(v report.Value, depth int) report.Value {
	v.Addr, v.Note = 0, withoutAddrs(v.Note)
	if v.Target >= nilPage {
		v.Target = 0
	}
	if v.Kind == report.KindUnsafePointer {
		v.Text = ""
	}
	if len(v.Children) == 0 || depth > maxValueDepth {
		return v
	}
	v.Children = append([]report.Child{}, v.Children...)
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil {
			k := stableValue(*c.Key, depth+1)
			c.Key = &k
		}
		c.Value = stableValue(c.Value, depth+1)
	}
	return v
}

// withoutAddrs replaces hexadecimal numbers by "0x…".
func withoutAddrs(s string) string {
	var b strings.Builder
	for {
		before, after, ok := strings.Cut(s, "0x")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteString("0x…")
		s = strings.TrimLeft(after, "0123456789abcdefABCDEF")
	}
}
