package redact

import (
	"strings"

	"github.com/safedump/sdcore/report"
)

// RuleShape is the rule of the one record that says that a report has no
// contents.
const RuleShape = "shape_mode"

// shapeNote stands beside containers: their length is not said.
const shapeNote = "shape only"

// shape leaves of a redacted report its structure: types, kinds, states, and
// the names of the program.
func (u *run) shape(r *report.Report) {
	for i := range r.Goroutines {
		shapeGoroutine(&r.Goroutines[i])
	}
	for i := range r.Threads {
		r.Threads[i].PC = 0
		shapeFrames(r.Threads[i].Frames)
	}
	for i := range r.Globals {
		bareValue(&r.Globals[i].Value)
	}
	if r.Heap != nil {
		shapeHeap(r.Heap)
	}
	shapeException(&r.Crash.Exception)
	r.Crash.Evidence = blank(r.Crash.Evidence)
	if s := r.Crash.Signal; s != nil {
		s.Addr, s.HasAddr, s.PC = 0, false, 0
	}
	p := &r.Process
	p.Name, p.Dir, p.Env = placeholderOr(p.Name), placeholderOr(p.Dir), nil
	p.Args, p.EnvNames = blank(p.Args), p.EnvNames[:0]
	id := &r.Identity
	id.Core, id.Binary, id.LoadBias = placeholderOr(id.Core), placeholderOr(id.Binary), 0
	id.Evidence = blank(id.Evidence)
	for i := range id.Settings {
		id.Settings[i].Value = placeholderOr(id.Settings[i].Value)
	}
	for i := range r.Problems {
		q := &r.Problems[i]
		q.Subject, q.Message, q.Addr = placeholderOr(q.Subject), placeholderOr(q.Message), 0
	}
	shapeRecords(r.Redactions)
	for i := range r.Redactions {
		if r.Redactions[i].Rule == RuleShape {
			return // it is said already
		}
	}
	u.loc.push("report", noIndex)
	u.record(RuleShape, "shape mode: no contents are shown")
	u.loc.pop()
}

// shapeGoroutine is shape for one goroutine.
func shapeGoroutine(g *report.Goroutine) {
	g.StackEnd, g.Labels = placeholderOr(g.StackEnd), nil
	shapeFrames(g.Frames)
	shapeRecords(g.Redactions)
}

func shapeFrames(frames []report.Frame) {
	for i := range frames {
		f := &frames[i]
		f.PC, f.CFA, f.Source = 0, 0, nil
		shapeVars(f.Vars)
		for k := range f.Defers {
			f.Defers[k].Closure = 0
			shapeVars(f.Defers[k].Vars)
		}
	}
}

func shapeVars(vars []report.Variable) {
	for i := range vars {
		bareValue(&vars[i].Value)
	}
}

// shapeException keeps the types of an exception and what it holds. The nesting
// was bounded when the report was copied.
func shapeException(e *report.Exception) {
	e.Message = placeholderOr(e.Message)
	if e.Value != nil {
		bareValue(e.Value)
	}
	for i := range e.Sub {
		shapeException(&e.Sub[i])
	}
}

// bareValue keeps state, kind and type of a value and of what is below it. What
// held something of its own counts as removed: an empty text would be a claim.
// Of the elements of a list and the entries of a map one is left, because their
// number is the length. The nesting was bounded by the passes.
func bareValue(v *report.Value) {
	known := v.State == report.StateOK || v.State == report.StateTruncated || v.State == report.StateStale
	text, kids := v.Text, v.Children
	*v = report.Value{State: v.State, Kind: v.Kind, Type: v.Type, Nil: v.Nil}
	switch {
	case v.State == report.StateRedacted, v.Nil:
		return
	case v.Kind == report.KindFunc && text != "": // a name of the program
		v.Text = text
	case !hasParts(v.Kind) && (known || text != "" || len(kids) > 0), len(kids) == 0 && known && v.Kind != report.KindStruct:
		v.State = report.StateRedacted
		return
	}
	switch v.Kind {
	case report.KindArray, report.KindSlice, report.KindMap:
		v.State, v.Note = report.StateBudget, shapeNote
		kids = kids[:min(len(kids), 1)]
	}
	v.Children = kids
	for i := range v.Children {
		if k := v.Children[i].Key; k != nil {
			bareValue(k)
		}
		bareValue(&v.Children[i].Value)
	}
}

// hasParts reports whether values of the kind keep their parts. A chan has none:
// it would be shown with its fill.
func hasParts(k report.Kind) bool {
	switch k {
	case report.KindStruct, report.KindPointer, report.KindInterface, report.KindFunc, report.KindArray, report.KindSlice, report.KindMap:
		return true
	}
	return false
}

// shapeRecords takes out of audit records what could be a key of a map: the
// path below a variable, and what measures contents.
func shapeRecords(list []report.Redaction) {
	for i := range list {
		x := &list[i]
		x.Location = shapeLocation(x.Location)
		if x.Rule == RuleEntropy {
			x.Reason = "high entropy"
		}
	}
}

// shapeLocation is a location as far as it names places of the program.
func shapeLocation(loc string) string {
	for _, place := range []string{"globals", "process.env", "crash.exception.value"} {
		if strings.HasPrefix(loc, place+".") {
			return place
		}
	}
	if i := strings.Index(loc, ".labels"); i >= 0 && strings.HasPrefix(loc, "goroutines[") {
		return loc[:i+len(".labels")]
	}
	const vars = ".vars."
	if i := strings.Index(loc, vars); i >= 0 {
		if end := strings.IndexAny(loc[i+len(vars):], ".["); end >= 0 {
			return loc[:i+len(vars)+end]
		}
	}
	if i := strings.Index(loc, ".value."); i >= 0 { // of a nested exception
		return loc[:i+len(".value")]
	}
	return loc
}

// blank replaces the texts of a list by one placeholder: their number is a
// length.
func blank(list []string) []string {
	if len(list) == 0 {
		return list
	}
	return []string{Placeholder}
}

func placeholderOr(s string) string {
	if s == "" {
		return ""
	}
	return Placeholder
}
