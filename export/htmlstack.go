package export

import (
	"fmt"
	"strconv"

	"github.com/safedump/sdcore/report"
)

// htmlGoroutine is a goroutine with its stack.
type htmlGoroutine struct {
	ID      uint64
	State   string
	Above   []htmlFrame // the runtime's own, by which it died
	Frames  []htmlFrame
	End     string
	Creator string
}

// htmlFrame is a call.
type htmlFrame struct {
	Function, Place string
	Note            string
	Site, Runtime   bool // the crash site; the runtime's own
	Open            bool
	Source          []htmlLine
	Vars            []htmlNode
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
	Search             string // what the search looks at
	Sample             htmlGoroutine
}

// crash is the goroutine that crashed.
func (m *htmlMaker) crash() *htmlGoroutine {
	i := crashedGoroutine(m.r)
	if i < 0 {
		for j := range m.r.Threads {
			if t := &m.r.Threads[j]; t.Crashed && len(t.Frames) > 0 {
				return &htmlGoroutine{State: fmt.Sprintf("thread %d", t.TID), Frames: m.frames(t.Frames, true)}
			}
		}
		return nil
	}
	g := m.goroutine(&m.r.Goroutines[i], true)
	for len(g.Frames) > 0 && !g.Frames[0].Site {
		g.Above, g.Frames = append(g.Above, g.Frames[0]), g.Frames[1:]
	}
	return &g
}

func (m *htmlMaker) goroutine(g *report.Goroutine, crashed bool) htmlGoroutine {
	out := htmlGoroutine{ID: g.ID, State: name(stateText(g.Status, g.WaitReason)), End: name(g.StackEnd)}
	if g.OmittedFrames > 0 {
		out.End = fmt.Sprintf("%d frames left out", g.OmittedFrames)
	}
	if g.Creator != nil {
		out.Creator = creatorText(g.Creator) + " in goroutine " + strconv.FormatUint(g.Creator.Goroutine, 10)
	}
	out.Frames = m.frames(completedFrames(g.Frames), crashed)
	return out
}

// frames lays out a stack. That of the crash begins open at the crash site, and
// so is the program's own code below it.
func (m *htmlMaker) frames(frames []report.Frame, crashed bool) []htmlFrame {
	site := -1
	if crashed {
		site = crashSite(frames)
	}
	out := make([]htmlFrame, 0, len(frames))
	opened := 0
	for i := range frames {
		f := &frames[i]
		x := htmlFrame{Function: name(f.Function), Place: place(f.File, f.Line), Site: i == site, Runtime: f.Runtime || i < site}
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
		shared := shadowing(f.Vars)
		for j := range f.Vars {
			v := &f.Vars[j]
			x.Vars = append(x.Vars, m.node(name(v.Name), roleWord(v.Role)+declared(v, shared), &v.Value))
		}
		x.Defers = m.words(func(s *screen) { s.defers(f) })
		if x.Open = crashed && i >= site && !x.Runtime && len(x.Vars)+len(x.Source) > 0 && opened < 4; x.Open {
			opened++
		}
		out = append(out, x)
	}
	return out
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

// groups lays out the groups, each with the first of its goroutines that has
// frames.
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
		if s := sample[g.ID]; s != nil && !x.Crashed {
			x.Sample = m.goroutine(s, false)
		} else {
			for i := range g.Frames {
				f := &g.Frames[i]
				x.Sample.Frames = append(x.Sample.Frames, htmlFrame{Function: name(f.Function), Place: place(f.File, f.Line)})
			}
		}
		x.Search = x.State + " " + x.At + " " + x.Creator
		for i := range g.Frames {
			x.Search += " " + name(g.Frames[i].Function)
		}
		if g.System {
			p.System = append(p.System, x)
			system += g.Count
			continue
		}
		p.Groups = append(p.Groups, x)
	}
	p.Total = fmt.Sprintf("%s in %s of equal stacks", counted(max(total, len(m.r.Goroutines)), "goroutines"), counted(len(m.r.Groups), "groups"))
	p.SystemTotal = counted(system, "goroutines") + " of the runtime"
}
