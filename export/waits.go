package export

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/safedump/sdcore/redact"
	"github.com/safedump/sdcore/report"
)

// Bounds of what the screen shows of waits.
const (
	shownObjects = 25
	shownPlaces  = 4 // of an object
	shownHolders = 3
	shownFinds   = 20
)

// WaitsText writes who waits for whom: what is wrong first, then what is waited
// for, most waiters first.
func WaitsText(w io.Writer, res redact.Result, o TextOptions) error {
	return scanned(w, res, "text", func(p *paper, r *report.Report) error { return writeWaits(p, r, o) })
}

// WaitsJSON writes the same as one JSON object, in the shape that a saved report
// has under metadata.sdcore.waits.
func WaitsJSON(w io.Writer, res redact.Result) error {
	return scanned(w, res, "json", func(p *paper, r *report.Report) error { return writeIndented(p, completedWaits(r.Waits)) })
}

// completedWaits is w, or what says that nobody waits.
func completedWaits(w *report.Waits) *report.Waits {
	if w == nil {
		w = &report.Waits{}
	}
	c := *w
	c.Objects = append([]report.WaitObject{}, w.Objects...)
	for i := range c.Objects {
		o := &c.Objects[i]
		o.Names, o.State, o.Waiters, o.Holders = list(o.Names), list(o.State), list(o.Waiters), list(o.Holders)
	}
	c.Findings = append([]report.WaitFinding{}, w.Findings...)
	for i := range c.Findings {
		f := &c.Findings[i]
		f.Goroutines = list(f.Goroutines)
		if f.Path != nil {
			f.Path = &report.HeapPath{Root: f.Path.Root, Steps: list(f.Path.Steps)}
		}
	}
	c.Groups = append([]report.WaitingGroup{}, w.Groups...)
	for i := range c.Groups {
		c.Groups[i].Objects = list(c.Groups[i].Objects)
	}
	return &c
}

func writeWaits(w io.Writer, r *report.Report, o TextOptions) error {
	s := newScreen(r, o)
	s.waits()
	return s.flush(w)
}

// waits shows everything about waits.
func (s *screen) waits() {
	w := s.r.Waits
	if w == nil || w.Blocked == 0 {
		s.line(s.grey("no goroutine waits"))
		return
	}
	s.line(s.bold(counted(w.Blocked, "goroutines")+" blocked"), s.grey(fmt.Sprintf(" · %s waited for", counted(len(w.Objects)+w.OmittedObjects, "things"))))
	s.findings(w)
	if len(w.Objects) > 0 {
		s.line()
		s.line(s.bold("waited for"))
	}
	for i := range w.Objects {
		if i >= shownObjects && !s.o.Full {
			s.line("  ", s.grey(fmt.Sprintf("… +%d more (--full or --format json shows more)", len(w.Objects)-i+w.OmittedObjects)))
			break
		}
		s.object(&w.Objects[i])
	}
}

// findings shows what is wrong. Who may only wait for work is counted.
func (s *screen) findings(w *report.Waits) {
	shown, more, idle, places := 0, w.OmittedFindings, 0, 0
	for i := range w.Findings {
		f := &w.Findings[i]
		switch {
		case f.Kind == report.FindLeak && f.Grade == report.WaitWeak && !s.o.Full:
			idle, places = idle+f.Count, places+1
		case shown >= shownFinds && !s.o.Full:
			more++
		default:
			shown++
			s.line()
			s.finding(f)
		}
	}
	if more > 0 {
		s.line()
		s.line(s.grey(fmt.Sprintf("… +%d more findings", more)))
	}
	if idle > 0 {
		s.line()
		s.line(s.grey(fmt.Sprintf("%s in %s may wait for work, or be forgotten: only package variables lead to what they wait for (--full shows them)",
			counted(idle, "goroutines"), counted(places, "places"))))
	}
}

// finding shows what is wrong.
func (s *screen) finding(f *report.WaitFinding) {
	head := name(string(f.Kind)) + ": " + counted(f.Count, "goroutines")
	if f.Kind == report.FindDeadlock || f.Kind == report.FindSelf {
		head = s.red(head)
	} else {
		head = s.yellow(head)
	}
	keeps := ""
	if f.Retained > 0 {
		keeps = ", " + sizeText(f.Retained) + " of the heap kept by nothing else"
	}
	s.line(head, s.grey("  "+gradeText(f.Grade)+sinceText(f.Since)+keeps))
	if f.Function != "" {
		what := ""
		if o := s.r.Waits.Object(f.Object); o != nil {
			what = "  for " + objectText(o)
		}
		s.line("    ", name(f.Function), "  ", s.grey(s.place(f.File, f.Line)), what)
	}
	for i := range f.Steps {
		s.step(f, i)
	}
	if f.Evidence != "" {
		s.line("    ", s.grey(name(f.Evidence)))
	}
	if f.Path != nil {
		s.line("    ", "kept by "+pathText(f.Path, s.wide-12))
	}
	s.createdBy(f.Creator)
}

// step shows one goroutine of a circle or chain.
func (s *screen) step(f *report.WaitFinding, i int) {
	st := &f.Steps[i]
	line := fmt.Sprintf("    goroutine %d ", st.Goroutine)
	if o := s.r.Waits.Object(st.Object); o != nil {
		line += "waits to " + opText(st.Op) + " " + objectText(o)
	} else {
		line += "does not wait"
	}
	s.line(line, s.grey("  "+name(st.Function)+"  "+s.place(st.File, st.Line)))
	if st.Holds != 0 && (i > 0 || f.Kind == report.FindDeadlock || f.Kind == report.FindSelf) {
		held := "it"
		if o := s.r.Waits.Object(st.Holds); o != nil {
			held = objectText(o)
		}
		s.line("        ", s.grey("may hold "+held+": "+name(st.Evidence)+", "+gradeText(st.Grade)))
	}
}

func gradeText(g report.WaitGrade) string {
	switch g {
	case report.WaitStrong, report.WaitWeak:
		return string(g) + " evidence"
	}
	return name(string(g))
}

// sinceText says how long a wait has lasted at least, "" when it is not known.
func sinceText(ns int64) string {
	if ns <= 0 {
		return ""
	}
	d := time.Duration(ns)
	switch {
	case d > time.Minute:
		d = d.Round(time.Second)
	case d > time.Second:
		d = d.Round(10 * time.Millisecond)
	default:
		d = d.Round(time.Microsecond)
	}
	return ", since at least " + d.String()
}

func opText(op string) string {
	switch op {
	case "wait", "sleep", "":
		return "be woken by"
	case "select":
		return "go on with"
	case "receive":
		return "receive from"
	case "send":
		return "send to"
	case "rlock":
		return "read-lock"
	}
	return name(op)
}

// objectText names what is waited for: by its best name, else by its address.
func objectText(o *report.WaitObject) string {
	kind := fmt.Sprintf("%s #%d", name(string(o.Kind)), o.ID)
	if len(o.Names) > 0 {
		return kind + " " + nameText(&o.Names[0])
	}
	if o.Addr != 0 {
		return kind + " at " + o.Addr.String()
	}
	return kind
}

// nameText is a way to an object, such as "main.srv.mu" or "w.mu of main.serve".
func nameText(n *report.WaitName) string {
	path := name(n.Variable + n.Path)
	if n.Kind == "global" {
		return name(n.Package) + "." + path
	}
	text := path + " of " + name(n.Function)
	if n.Stale {
		text += " (may be out of date)"
	}
	return text
}

// object shows something that is waited for, where, and who may hold it.
func (s *screen) object(o *report.WaitObject) {
	facts := []string{}
	for _, st := range o.State {
		facts = append(facts, name(st))
	}
	switch {
	case o.Kind == report.WaitChannel && o.Addr != 0:
		facts = append(facts, fmt.Sprintf("%d of %d", o.Len, o.Cap))
		if o.Elem != "" {
			facts = append(facts, "chan "+name(o.Elem))
		}
	case o.Counter >= 0 && o.Kind == report.WaitWaitGroup:
		facts = append(facts, "counter "+strconv.FormatInt(o.Counter, 10))
	case o.Counter >= 0:
		facts = append(facts, counted(int(o.Counter), "readers"))
	}
	if o.Addr != 0 {
		facts = append(facts, "at "+o.Addr.String())
	}
	s.line("  ", s.bold(fmt.Sprintf("%d × %s", o.Waiting, objectText(o))), s.grey("  "+strings.Join(facts, ", ")+sinceText(o.Since)))
	for i := range o.Names {
		n := &o.Names[i]
		if i > 0 {
			s.line("      ", s.grey("also "+nameText(n)))
		} else if n.Owner != "" {
			s.line("      ", s.grey("field (*"+name(n.Owner)+")."+name(n.Field)))
		}
	}
	s.waiters(o)
	for i := range o.Holders {
		h := &o.Holders[i]
		if i >= shownHolders && !s.o.Full {
			s.line("      ", s.grey(fmt.Sprintf("… +%d more candidates", len(o.Holders)-i)))
			break
		}
		call := ""
		if h.Call != "" {
			call = " " + name(h.Call)
		}
		s.line("      ", fmt.Sprintf("held by goroutine %d? ", h.Goroutine), s.grey(gradeText(h.Grade)+": "+name(h.Evidence)+call+", in "+name(h.Function)+"  "+s.place(h.File, h.Line)))
	}
	if len(o.Holders) == 0 && (o.Kind == report.WaitMutex || o.Kind == report.WaitRWMutex || o.Kind == report.WaitOnce) {
		s.line("      ", s.grey("holder unknown"))
	}
}

// waiters shows where an object is waited for.
func (s *screen) waiters(o *report.WaitObject) {
	type where struct {
		op, function, file string
		line               int
		choice             bool
	}
	var order []where
	ids := map[where][]uint64{}
	details := map[where][]string{}
	for i := range o.Waiters {
		w := &o.Waiters[i]
		at := where{w.Op, w.Function, w.File, w.Line, w.Select}
		if ids[at] == nil {
			order = append(order, at)
		}
		ids[at] = append(ids[at], w.Goroutine)
		if d := name(w.Detail); d != "" && !slices.Contains(details[at], d) {
			details[at] = append(details[at], d)
		}
	}
	for i, at := range order {
		if i >= shownPlaces && !s.o.Full {
			s.line("      ", s.grey(fmt.Sprintf("… +%d more places", len(order)-i)))
			return
		}
		op := name(at.op)
		if at.choice {
			op = "select: " + op
		}
		g := report.Group{Count: len(ids[at]), IDs: ids[at]}
		s.line("      ", op, "  ", cmp.Or(name(at.function), "?"), "  ", s.grey(s.place(at.file, at.line)+"  "+groupMembers(&g)+detailText(details[at])))
	}
	if more := o.Waiting - len(o.Waiters); more > 0 {
		s.line("      ", s.grey(fmt.Sprintf("… +%d more goroutines", more)))
	}
}

// detailText lists details, of many the first.
func detailText(list []string) string {
	const most = 3
	if len(list) == 0 {
		return ""
	}
	text := strings.Join(list[:min(len(list), most)], "; ")
	if len(list) > most {
		text += " …"
	}
	return " (" + text + ")"
}

// waitSummary says in a few lines how the waits explain the crash.
func (s *screen) waitSummary() {
	w := s.r.Waits
	if w == nil {
		return
	}
	for i := range w.Findings {
		f := &w.Findings[i]
		if f.Kind != report.FindDeadlock && f.Kind != report.FindSelf {
			continue
		}
		s.line()
		s.line(s.red(fmt.Sprintf("%s of %s", f.Kind, counted(f.Count, "goroutines"))), s.grey(" ("+gradeText(f.Grade)+"; sdcore waits shows all)"))
		for j := range f.Steps[:min(len(f.Steps), 2)] {
			st := &f.Steps[j]
			next := f.Steps[(j+1)%len(f.Steps)].Goroutine
			what := "?"
			if o := w.Object(st.Object); o != nil {
				what = objectText(o)
			}
			s.line(fmt.Sprintf("  goroutine %d waits to %s %s, which goroutine %d seems to hold", st.Goroutine, opText(st.Op), what, next))
		}
		return
	}
	if s.r.Crash.Kind != report.KindDeadlock || len(w.Objects) == 0 {
		return
	}
	s.line()
	s.line(s.red("nobody can go on: "+counted(w.Blocked, "goroutines")+" blocked"), s.grey(" (no circle of locks was found; sdcore waits shows all)"))
	for i := range w.Objects[:min(len(w.Objects), 2)] {
		o := &w.Objects[i]
		at := ""
		if len(o.Waiters) > 0 {
			at = " in " + name(o.Waiters[0].Function)
		}
		s.line(fmt.Sprintf("  %s for %s%s", counted(o.Waiting, "goroutines")+" waiting", objectText(o), at))
	}
}

// groupWait says what some goroutines of a group wait for, and who seems to have it.
func (s *screen) groupWait(f *report.WaitingFor, o *report.WaitObject) {
	verb := "waits"
	if f.Count > 1 {
		verb = strconv.Itoa(f.Count) + " wait"
	}
	note := ""
	if o.Waiting > f.Count {
		note = fmt.Sprintf(" · %d wait for it in all", o.Waiting)
	}
	if len(o.Holders) > 0 {
		h, does := &o.Holders[0], "seems to hold it"
		if o.Kind == report.WaitWaitGroup {
			does = "has still to call Done, it seems"
		}
		note += fmt.Sprintf(" · goroutine %d %s (%s)", h.Goroutine, does, gradeText(h.Grade))
	}
	s.line("    ", s.yellow(verb+" to "+opText(f.Op)+" "+objectText(o)), s.grey(note))
}

// groupWaits shows what the goroutines of a group wait for, where that is known.
func (s *screen) groupWaits(group int) {
	if s.r.Waits == nil {
		return
	}
	for _, g := range s.r.Waits.Groups {
		if g.Group != group {
			continue
		}
		for _, f := range g.Objects {
			if o := s.r.Waits.Object(f.Object); o != nil {
				s.groupWait(&f, o)
			}
		}
		if g.Others > 0 {
			s.line("    ", s.grey(fmt.Sprintf("… and for %d others", g.Others)))
		}
	}
}
