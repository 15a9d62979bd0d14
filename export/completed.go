package export

import (
	"slices"
	"time"

	"github.com/safedump/sdcore/report"
	"github.com/safedump/sdcore/triage/fingerprint"
)

// completed returns a copy of r that can be written: nothing in it is null,
// no tree is deeper than readers go, no time is out of their range. It shares
// with r what needs no change. Of its goroutines there may be very many: each
// goes through completedGoroutine when it is its turn.
func completed(r *report.Report) report.Report {
	c := *r
	c.Schema = report.Schema
	c.Fingerprints = fingerprint.OfReport(r).Stored() // of what is written, whatever a file said
	c.CrashTime, c.Seen.First, c.Seen.Last = writable(c.CrashTime), writable(c.Seen.First), writable(c.Seen.Last)
	c.Crash.Exception = completedException(c.Crash.Exception, 0)
	if c.Crash.Kind == "" {
		c.Crash.Kind = report.KindUnknown
	}
	if c.Identity.Match == "" {
		c.Identity.Match = report.MatchNone
	}
	c.Crash.Evidence = list(c.Crash.Evidence)
	c.Identity.Evidence, c.Identity.Deps, c.Identity.Settings = list(c.Identity.Evidence), list(c.Identity.Deps), list(c.Identity.Settings)
	c.Process.EnvNames = list(c.Process.EnvNames)
	c.Threads = slices.Clone(list(c.Threads))
	for i := range c.Threads {
		c.Threads[i].Frames = completedFrames(c.Threads[i].Frames)
	}
	c.Goroutines = list(c.Goroutines)
	c.Groups = slices.Clone(list(c.Groups))
	for i := range c.Groups {
		c.Groups[i].IDs, c.Groups[i].Frames = list(c.Groups[i].IDs), list(c.Groups[i].Frames)
	}
	c.Globals = slices.Clone(list(c.Globals))
	for i := range c.Globals {
		c.Globals[i].Value = shallow(c.Globals[i].Value, 0)
	}
	if c.Waits != nil {
		c.Waits = completedWaits(c.Waits)
	}
	c.Heap = completedHeap(c.Heap)
	c.Omitted = slices.Clip(list(c.Omitted))
	c.Problems, c.Redactions = list(c.Problems), list(c.Redactions)
	c.RedactionCounts = ruleCounts(c.RedactionCounts)
	return c
}

// ruleCounts returns m, or an empty map for nil.
func ruleCounts(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

// completedGoroutine returns g, or a copy where g can't be written as it is.
func completedGoroutine(g *report.Goroutine) *report.Goroutine {
	complete := g.Frames != nil
	for i := range g.Frames {
		complete = complete && completeFrame(&g.Frames[i])
	}
	if complete {
		return g
	}
	c := *g
	c.Frames = list(completedFrames(g.Frames))
	return &c
}

// completeFrame reports whether f can be written as it is.
func completeFrame(f *report.Frame) bool {
	if f.Vars == nil || f.Source != nil && f.Source.Lines == nil {
		return false
	}
	return writableVars(f.Vars) && !slices.ContainsFunc(f.Defers, func(d report.Defer) bool { return !writableVars(d.Vars) })
}

// writableVars reports whether no variable is deeper than a file may hold.
func writableVars(vars []report.Variable) bool {
	for i := range vars {
		if deeperThan(&vars[i].Value, report.MaxValueDepth) {
			return false
		}
	}
	return true
}

// list returns s, or an empty slice for nil.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// writable returns t, or the zero time where JSON has no room for its year.
func writable(t time.Time) time.Time {
	if y := t.UTC().Year(); y < 1 || y > 9999 {
		return time.Time{}
	}
	return t.UTC()
}

func completedException(e report.Exception, depth int) report.Exception {
	if e.Value != nil {
		v := shallow(*e.Value, 0)
		e.Value = &v
	}
	if depth >= maxExceptionDepth {
		e.Sub = nil
	}
	e.Sub = slices.Clone(list(e.Sub))
	for i := range e.Sub {
		e.Sub[i] = completedException(e.Sub[i], depth+1)
	}
	return e
}

func completedFrames(frames []report.Frame) []report.Frame {
	if len(frames) == 0 {
		return frames
	}
	frames = slices.Clone(frames)
	for i := range frames {
		f := &frames[i]
		if f.Source != nil && f.Source.Lines == nil {
			f.Source = &report.Source{First: f.Source.First, Lines: []string{}}
		}
		f.Vars = shallowVars(list(f.Vars))
		f.Defers = slices.Clone(f.Defers)
		for j := range f.Defers {
			f.Defers[j].Vars = shallowVars(f.Defers[j].Vars)
		}
	}
	return frames
}

// shallowVars returns a copy of vars with what is too deep replaced.
func shallowVars(vars []report.Variable) []report.Variable {
	vars = slices.Clone(vars)
	for i := range vars {
		vars[i].Value = shallow(vars[i].Value, 0)
	}
	return vars
}

// shallow returns v with what lies deeper than a file may hold replaced by a
// value that says so. Only paths that are too deep are copied.
func shallow(v report.Value, depth int) report.Value {
	if !deeperThan(&v, report.MaxValueDepth-depth) {
		return v
	}
	if depth >= report.MaxValueDepth-1 {
		v.State, v.Text, v.Quoted, v.Children, v.Nil = report.StateBudget, "", false, nil, false
		v.Note = "nested deeper than a report file holds"
		return v
	}
	v.Children = slices.Clone(v.Children)
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil {
			k := shallow(*c.Key, depth+1)
			c.Key = &k
		}
		c.Value = shallow(c.Value, depth+1)
	}
	return v
}

// deeperThan reports whether more than n values are nested in v.
func deeperThan(v *report.Value, n int) bool {
	if len(v.Children) > 0 && n <= 0 {
		return true
	}
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil && deeperThan(c.Key, n-1) || deeperThan(&c.Value, n-1) {
			return true
		}
	}
	return false
}
