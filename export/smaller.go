package export

import (
	"strings"
	"unicode/utf8"

	"github.com/safedump/sdcore/report"
)

// cut says how much is left of a report where even the crash alone is too large.
type cut struct {
	depth   int // of values
	text    int // bytes of a string
	frames  int // frames that keep their variables, from the crash site on
	vars    int // of a frame
	records int // of what was removed
}

// cuts are the ways to make a report smaller, the mildest first: the callers lose their
// variables, most of which they have in common with the crash site, before its own lose
// depth. None changes what makes crashes one bug; which stays is checked by who cuts.
var cuts = []cut{
	{depth: report.MaxValueDepth, text: 1 << 30, frames: 1 << 30, vars: 1 << 30, records: 1 << 30},
	{depth: 4, text: 512, frames: 16, vars: 60, records: 40},
	{depth: 4, text: 512, frames: 3, vars: 60, records: 10},
	{depth: 4, text: 256, frames: 1, vars: 40, records: 10},
	{depth: 3, text: 160, frames: 1, vars: 40, records: 10},
	{depth: 2, text: 160, frames: 1, vars: 40, records: 3},
	{depth: 1, text: 80, frames: 1, vars: 24, records: 3},
	{depth: 0, text: 40, frames: 1, vars: 12, records: 0},
}

// of returns what is left of r, which stays as it is.
func (c cut) of(r *report.Report) *report.Report {
	if c.depth == report.MaxValueDepth {
		return r
	}
	s := *r
	s.Heap, s.Waits = nil, nil
	s.Identity.Deps, s.Identity.Settings = ownDeps(&s.Identity), vcsSettings(s.Identity.Settings)
	s.Crash.Exception = c.exception(s.Crash.Exception, 0)
	s.Redactions = s.Redactions[:min(len(s.Redactions), c.records)]
	s.Goroutines = append([]report.Goroutine(nil), s.Goroutines...)
	if i := crashedGoroutine(&s); i >= 0 {
		g := &s.Goroutines[i]
		g.Frames = c.stack(g.Frames)
		g.Redactions = g.Redactions[:min(len(g.Redactions), c.records)]
	}
	s.Omitted = append(s.Omitted[:len(s.Omitted):len(s.Omitted)], report.Omission{What: "values", Count: 1, Why: "--max-size"})
	return &s
}

func (c cut) stack(frames []report.Frame) []report.Frame {
	frames = append([]report.Frame(nil), frames...)
	site := crashSite(frames)
	for i := range frames {
		f := &frames[i]
		if i < site || i >= site+c.frames {
			f.Vars, f.Source, f.Defers = []report.Variable{}, nil, nil
			continue
		}
		vars := make([]report.Variable, 0, min(len(f.Vars), c.vars))
		for _, v := range f.Vars[:min(len(f.Vars), c.vars)] {
			v.DropConstant()
			v.Value = c.value(v.Value, 0)
			vars = append(vars, v)
		}
		f.Vars, f.Defers = vars, nil
	}
	return frames
}

func (c cut) exception(e report.Exception, depth int) report.Exception {
	if e.Value != nil {
		v := c.value(*e.Value, 0)
		e.Value = &v
	}
	e.Message = head(e.Message, 4*c.text)
	subs := e.Sub
	e.Sub = nil
	for i := range subs {
		if i < 4 && depth < 4 {
			e.Sub = append(e.Sub, c.exception(subs[i], depth+1))
		}
	}
	return e
}

// value cuts a value below a depth, and long texts. What is cut says so.
func (c cut) value(v report.Value, depth int) report.Value {
	if s, ok := v.Contents(); ok && len(s) > c.text && (v.State == report.StateOK || v.State == report.StateTruncated) {
		if v.Kind == report.KindString || v.Kind == report.KindBytes || v.Kind == report.KindText {
			v.SetContents(head(s, c.text))
			v.State = report.StateTruncated
			v.Len = max(v.Len, int64(len(s)))
		}
	}
	if len(v.Children) == 0 {
		return v
	}
	if depth >= c.depth {
		v.Children = nil
		if v.State == report.StateOK || v.State == report.StateTruncated {
			v.State, v.Text, v.Quoted = report.StateBudget, "", false
			v.Note = "left out: the tracker's size limit"
		}
		return v
	}
	children := make([]report.Child, len(v.Children))
	for i, x := range v.Children {
		if x.Key != nil {
			k := c.value(*x.Key, depth+1)
			x.Key = &k
		}
		x.Value = c.value(x.Value, depth+1)
		children[i] = x
	}
	v.Children = children
	return v
}

// head is the beginning of a text: whole characters, whole placeholders.
func head(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	s = s[:n]
	if k := strings.LastIndexByte(s, '['); k >= 0 && strings.HasPrefix(s[k:]+"[REDACTED"[min(len(s)-k, 9):], "[REDACTED") && !strings.Contains(s[k:], "]") {
		s = s[:k]
	}
	return s
}

// ownDeps are the modules that say which functions are the program's own: those
// that were replaced, and those whose path begins like its own.
func ownDeps(id *report.Identity) []report.Module {
	if id.Main.Path == "" || id.Main.Path == "command-line-arguments" {
		return id.Deps
	}
	var own []report.Module
	for _, d := range id.Deps {
		if d.Replaced != "" || strings.HasPrefix(d.Path, id.Main.Path) {
			own = append(own, d)
		}
	}
	return own
}

func vcsSettings(settings []report.Setting) []report.Setting {
	var vcs []report.Setting
	for _, s := range settings {
		if strings.HasPrefix(s.Key, "vcs") {
			vcs = append(vcs, s)
		}
	}
	return vcs
}
