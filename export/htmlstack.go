package export

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/safedump/sdcore/report"
)

// htmlGoroutine is a goroutine with its stack.
type htmlGoroutine struct {
	ID      uint64
	State   string
	Labels  string
	Tall    bool        // the labels are folded
	Above   []htmlFrame // the runtime's own and the standard library's, folded
	Frames  []htmlFrame
	End     string
	Creator string
}

// htmlFrame is a call.
type htmlFrame struct {
	Function, Place string
	File            string // whole, where Place is shorter
	Note            string
	Site, Runtime   bool // the crash site; the runtime's own
	Open            bool
	Brief           string // its variables in a line, while it is folded
	Source          []htmlLine
	Vars            []htmlNode
	More            string // what is missing of the variables
	Defers          string
}

// htmlLine is a line of source.
type htmlLine struct {
	Number int
	Text   string
	Hit    bool
}

// htmlNode is a value, or a part of one.
type htmlNode struct {
	Name, Type, Role string
	Here             bool   // the line at which the frame stands names it
	Text             string // on one line
	State            string // a word for the style, "" where the value is known
	Long             string // the whole text, where Text has not all of it
	Parts            []htmlNode
	More             string // what is missing of the parts
}

// htmlGroup is a group of goroutines with one of them.
type htmlGroup struct {
	ID, Count          int
	State, At, Creator string
	IDs                string
	Crashed            bool
	Sample             htmlGoroutine
}

// crash lays out the goroutine that crashed. Where none did, all that wait are
// as interesting as the other, and the thread that died of it is not.
func (m *htmlMaker) crash(p *htmlPage) {
	if i := crashedGoroutine(m.r); i >= 0 {
		g := m.goroutine(&m.r.Goroutines[i], true)
		p.Crash = &g
		return
	}
	if frames := crashFrames(m.r, -1); len(frames) > 0 {
		p.Crash = &htmlGoroutine{State: fmt.Sprintf("thread %d", m.r.Crash.Thread)}
		p.Crash.Above, p.Crash.Frames = m.stack(frames, true)
	}
	seen := map[int]bool{}
	for _, i := range interest(m.r, -1) {
		g := &m.r.Goroutines[i]
		if g.System || seen[g.Group] || len(g.Frames) == 0 || len(p.Waiting) == htmlWaiting {
			continue
		}
		seen[g.Group] = true
		p.Waiting = append(p.Waiting, m.goroutine(g, false))
	}
}

func (m *htmlMaker) goroutine(g *report.Goroutine, crashed bool) htmlGoroutine {
	out := htmlGoroutine{ID: g.ID, State: name(stateText(g.Status, g.WaitReason)), End: name(g.StackEnd), Labels: labelsText(g.Labels)}
	out.Tall = len(out.Labels) > htmlLabels
	if g.OmittedFrames > 0 {
		out.End = fmt.Sprintf("%d frames left out", g.OmittedFrames)
	}
	if g.Creator != nil {
		out.Creator = m.s.creator(g.Creator) + " in goroutine " + strconv.FormatUint(g.Creator.Goroutine, 10)
	}
	out.Above, out.Frames = m.stack(completedFrames(g.Frames), crashed)
	return out
}

// stack lays out a stack. The frame at which people look begins open: the crash
// site, or the program's own innermost one. What lies above it is apart.
func (m *htmlMaker) stack(frames []report.Frame, crashed bool) (above, below []htmlFrame) {
	site := slices.IndexFunc(frames, func(f report.Frame) bool { return !m.s.standard(f.Function) })
	if crashed {
		site = crashSite(frames)
	}
	m.s.above = nil
	out := make([]htmlFrame, len(frames))
	// From the site outwards: what it shows, callers need not repeat.
	for _, i := range slices.Concat(order(max(site, 0), len(frames)), order(0, max(site, 0))) {
		out[i] = m.frame(&frames[i], i >= site)
		out[i].Site, out[i].Open = crashed && i == site, i == site
	}
	if site <= 0 {
		return nil, out
	}
	return out[:site], out[site:]
}

// order counts from first to the last before end.
func order(first, end int) []int {
	var out []int
	for i := first; i < end; i++ {
		out = append(out, i)
	}
	return out
}

// at notes where a call is, as the terminal has it, and the whole name of the file for
// who looks for it.
func (x *htmlFrame) at(s *screen, file string, line int) {
	x.Place = s.place(file, line)
	if whole := name(file); s.names.short(file) != file {
		x.File = whole
	}
}

// frame lays out a call; own says that it is not above where the stack is looked at.
func (m *htmlMaker) frame(f *report.Frame, own bool) htmlFrame {
	x := htmlFrame{Function: name(f.Function), Runtime: f.Runtime || !own}
	x.at(m.s, f.File, f.Line)
	if x.Function == "" {
		x.Function = "code without a name"
	}
	if f.Inlined {
		x.Note = "inlined"
	}
	if f.Repeat > 1 {
		x.Note = fmt.Sprintf("%d times in a row", f.Repeat)
	}
	x.Source = sourceLines(f)
	x.Defers = m.words(func(s *screen) { s.defers(f) })
	if own && !m.s.standard(f.Function) {
		x.Brief = m.brief(f)
	}
	if m.nodes <= -htmlNodes && len(f.Vars) > 0 {
		x.More = counted(len(f.Vars), "variables") + " not laid out here: too much for a page"
		return x
	}
	named := namedHere(x.Source)
	shared := shadowing(f.Vars)
	for j := range f.Vars {
		v := &f.Vars[j]
		n := m.node(name(v.Name), roleWord(v.Role)+declared(v, shared), &v.Value)
		n.Here = named[v.Name]
		x.Vars = append(x.Vars, n)
	}
	return x
}

// brief has of the variables of a call what inner ones have not shown, as the
// crash screen does.
func (m *htmlMaker) brief(f *report.Frame) string {
	var fresh, above []string
	for _, v := range known(f.Vars) {
		if m.s.remember(&v) {
			above = append(above, name(v.Name))
			continue
		}
		text, _ := oneLine(&v.Value, htmlBrief, false)
		fresh = append(fresh, name(v.Name)+": "+text)
	}
	if len(above) > 0 {
		fresh = append(fresh, strings.Join(above, ", ")+" as above")
	}
	return clip(strings.Join(fresh, " · "), htmlValue)
}

// namedHere are the names that stand in the line at which a frame is.
func namedHere(source []htmlLine) map[string]bool {
	names := map[string]bool{}
	for _, l := range source {
		if l.Hit {
			for _, word := range strings.FieldsFunc(l.Text, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
				names[word] = true
			}
		}
	}
	return names
}

func sourceLines(f *report.Frame) []htmlLine {
	if f.Source == nil {
		return nil
	}
	var out []htmlLine
	for i, l := range f.Source.Lines {
		n := f.Source.First + i
		if n < f.Line-sourceBefore || n > f.Line+sourceAfter {
			continue
		}
		out = append(out, htmlLine{n, clip(plainLines(l, 1)[0], 200), n == f.Line})
	}
	return out
}

// node lays out a value with its parts.
func (m *htmlMaker) node(label, role string, v *report.Value) htmlNode {
	return m.part(htmlNode{Name: label, Role: role, Type: name(v.Type)}, v, 0)
}

func (m *htmlMaker) part(n htmlNode, v *report.Value, depth int) htmlNode {
	m.nodes--
	text, cut := oneLine(v, htmlValue, false)
	n.Text = text
	if v.State != report.StateOK && v.State != report.StateTruncated {
		n.State = string(v.State)
	}
	if v.Nil {
		n.State = "nil"
	}
	// What a pointer or an interface holds takes its place: &{...} has the fields.
	inner := v
	for hops := 0; hops < 4 && (inner.Kind == report.KindPointer || inner.Kind == report.KindInterface) && len(inner.Children) == 1; hops++ {
		inner = &inner.Children[0].Value
	}
	if len(inner.Children) == 0 {
		if cut && (inner.Kind == report.KindString || inner.Kind == report.KindBytes) {
			n.Long, _ = oneLine(v, htmlStrings, false)
		}
		return n
	}
	if !cut && depth > 0 && !nested(inner) {
		return n
	}
	for i := range inner.Children {
		if m.nodes <= 0 || depth >= report.MaxValueDepth {
			n.More = counted(len(inner.Children)-i, "parts") + " not laid out here: too much for a page"
			return n
		}
		c := &inner.Children[i]
		n.Parts = append(n.Parts, m.part(htmlNode{Name: childLabel(c, i, inner.Kind), Type: name(c.Value.Type)}, &c.Value, depth+1))
	}
	if missing := inner.Len - int64(len(inner.Children)); missing > 0 && inner.State == report.StateTruncated {
		n.More = fmt.Sprintf("%d more", missing)
	}
	return n
}

// nested reports whether parts of a value that fits into a line are worth a
// line each.
func nested(v *report.Value) bool {
	for i := range v.Children {
		if len(v.Children[i].Value.Children) > 0 {
			return true
		}
	}
	return false
}

// childLabel names a part: field, key or index.
func childLabel(c *report.Child, i int, of report.Kind) string {
	switch {
	case c.Key != nil:
		key, _ := oneLine(c.Key, 60, false)
		return "[" + key + "]"
	case c.Name != "":
		return name(c.Name)
	case of == report.KindPointer || of == report.KindInterface:
		return ""
	}
	return "[" + strconv.Itoa(i) + "]"
}

// groups lays out the largest groups, each with the first of its goroutines that
// has frames, and keeps all of them for the script.
func (m *htmlMaker) groups(p *htmlPage) {
	sample := map[int]*report.Goroutine{}
	for i := range m.r.Goroutines {
		if g := &m.r.Goroutines[i]; sample[g.Group] == nil && len(g.Frames) > 0 {
			sample[g.Group] = g
		}
	}
	crashed := m.s.crashedGroup()
	total, system := 0, 0
	for _, g := range sortedGroups(m.r.Groups) {
		total += g.Count
		x := htmlGroup{ID: g.ID, Count: g.Count, State: name(stateText(g.Status, g.WaitReason)), At: m.s.topFrame(g.Frames),
			IDs: idList(g), Crashed: crashed != 0 && g.ID == crashed}
		if x.Crashed {
			x.State += ", " + m.s.fate()
		}
		if g.Creator != nil {
			x.Creator = shortFunc(g.Creator.Function)
		}
		own := slices.IndexFunc(g.Frames, func(f report.FrameRef) bool { return !m.s.standard(f.Function) })
		p.data.group(g, &x, max(own, 0))
		if g.System {
			system += g.Count
		}
		switch {
		case len(p.Groups)+len(p.System) >= htmlGroups && !x.Crashed:
			p.More++
		case g.System:
			m.sample(&x, g, sample[g.ID])
			p.System = append(p.System, x)
		default:
			m.sample(&x, g, sample[g.ID])
			p.Groups = append(p.Groups, x)
		}
	}
	p.Total = fmt.Sprintf("%s in %s of equal stacks", counted(max(total, len(m.r.Goroutines)), "goroutines"), counted(len(m.r.Groups), "groups"))
	p.SystemTotal = counted(system, "goroutines") + " of the runtime"
}

// sample lays out a goroutine of a group, or the stack that all of them have.
func (m *htmlMaker) sample(x *htmlGroup, g *report.Group, s *report.Goroutine) {
	switch {
	case x.Crashed: // stands above
	case s != nil:
		x.Sample = m.goroutine(s, false)
	default:
		for i := range g.Frames {
			f := &g.Frames[i]
			call := htmlFrame{Function: name(f.Function)}
			call.at(m.s, f.File, f.Line)
			x.Sample.Frames = append(x.Sample.Frames, call)
		}
	}
}
