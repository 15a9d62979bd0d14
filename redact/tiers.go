package redact

import (
	"slices"
	"strconv"

	"github.com/safedump/sdcore/report"
)

// What each tier shows first; docs/redaction.md has the table.
const (
	tierLocals   = 1 // variables, source lines, labels, the typed panic value
	tierDeep     = 2 // whatever was decoded; tier 1 follows shallowHops only
	tierGlobals  = 3 // package variables, names of environment variables, the working directory
	tierValues   = 4 // arguments and values of environment variables
	personalTier = 1 // the last tier that removes e-mail addresses and phone numbers
)

// shallowHops is how many pointers, interfaces and containers tier 1 follows
// from a variable. Fields of a struct are no step: what lies in the variable
// itself is seen whole.
const shallowHops = 4

// unwanted is what texts are not searched for.
func (x *Redactor) unwanted() mode {
	var m mode
	if x.policy.showsPersonal() {
		m |= modeEmail
	}
	if !x.policy.Addresses {
		m |= modeIP
	}
	if len(x.rules) == 0 {
		m |= modeCustom
	}
	if x.policy.Entropy == 0 {
		m |= modeDense
	}
	return m
}

// tiered removes from a mode what the policy does not look for.
func (u *run) tiered(m mode) mode { return m &^ u.unwanted }

// showsPersonal reports whether e-mail addresses and phone numbers stay.
func (p Policy) showsPersonal() bool { return p.Tier > personalTier && !p.Personal }

// hide takes what the tier does not show out of r, counts it as omitted, and
// returns it: it is judged too, so that a secret of it that also stands
// elsewhere is known.
func (u *run) hide(r *report.Report) *report.Report {
	h := &report.Report{}
	if u.tier < tierValues {
		omit(r, "arguments", len(r.Process.Args), tierValues)
		omit(r, "environment values", len(r.Process.Env), tierValues)
		h.Process.Args, h.Process.Env = r.Process.Args, r.Process.Env
		r.Process.Args, r.Process.Env = nil, nil
	}
	if u.tier < tierGlobals {
		omit(r, "globals", len(r.Globals), tierGlobals)
		omit(r, "environment names", len(r.Process.EnvNames), tierGlobals)
		h.Globals, h.Process.EnvNames, h.Process.Dir = r.Globals, r.Process.EnvNames, r.Process.Dir
		if r.Globals != nil {
			r.Globals = []report.Global{}
		}
		if r.Process.EnvNames != nil {
			r.Process.EnvNames = []string{}
		}
		r.Process.Dir = ""
	}
	if r.Heap != nil {
		h.Heap = u.hideHeap(r)
	}
	if u.tier < tierLocals {
		for i := range r.Goroutines {
			h.Goroutines = append(h.Goroutines, u.hideLocals(&r.Goroutines[i]))
		}
		for i := range r.Threads {
			h.Threads = append(h.Threads, report.Thread{Frames: u.hideFrames(r.Threads[i].Frames)})
		}
		h.Crash.Exception = hideValues(&r.Crash.Exception)
	}
	return h
}

// hideLocals takes variables, source lines and labels out of a goroutine.
func (u *run) hideLocals(g *report.Goroutine) report.Goroutine {
	hidden := report.Goroutine{Labels: g.Labels, Frames: u.hideFrames(g.Frames)}
	g.Labels = nil
	return hidden
}

func (u *run) hideFrames(frames []report.Frame) []report.Frame {
	var hidden []report.Frame
	for i := range frames {
		f := &frames[i]
		u.learned.locals += len(f.Vars)
		hidden = append(hidden, report.Frame{Vars: f.Vars, Source: f.Source, Defers: slices.Clone(f.Defers)})
		for j := range f.Defers {
			u.learned.locals += len(f.Defers[j].Vars)
			f.Defers[j].Vars = nil
		}
		if f.Vars != nil {
			f.Vars = []report.Variable{}
		}
		f.Source = nil
	}
	return hidden
}

// hideValues takes the typed values out of an exception and what it holds. The
// nesting was bounded when the report was copied.
func hideValues(e *report.Exception) report.Exception {
	h := report.Exception{Value: e.Value}
	e.Value = nil
	for i := range e.Sub {
		h.Sub = append(h.Sub, hideValues(&e.Sub[i]))
	}
	return h
}

// omit counts what the tier left out of r, with the tier that shows it.
func omit(r *report.Report, what string, n, shown int) {
	if n == 0 {
		return
	}
	why := "--tier " + strconv.Itoa(shown)
	for i := range r.Omitted {
		if o := &r.Omitted[i]; o.What == what && o.Why == why {
			o.Count += int64(n)
			return
		}
	}
	r.Omitted = append(r.Omitted, report.Omission{What: what, Count: int64(n), Why: why})
}

// beyond cuts what tier 1 does not follow: the parts of v, which are hop steps
// further than p. What is cut is judged first, so that its secrets are known.
func (u *run) beyond(v *report.Value, verdict nameVerdict, p *place, hop int) bool {
	if u.tier >= tierDeep || hop == 0 || p.hops != shallowHops {
		return false
	}
	u.muted++
	q := *p
	q.hops += hop
	u.children(v, verdict, &q)
	u.muted--
	if u.muted == 0 {
		u.learned.cut++
	}
	v.Children = nil
	v.State = report.StateBudget
	v.Note = notShown(u.tier)
	u.dirty = u.dirty || u.search.holds(v.Note, false)
	return true
}

// notShown is the note of what a tier cuts.
func notShown(tier int) string { return "not followed at tier " + strconv.Itoa(tier) }
