package redact

import (
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

// tiered removes from a mode what the tier does not look for.
func (u *run) tiered(m mode) mode {
	if u.x.policy.showsPersonal() {
		m &^= modeEmail
	}
	return m
}

// showsPersonal reports whether e-mail addresses and phone numbers stay.
func (p Policy) showsPersonal() bool { return p.Tier > personalTier && !p.Personal }

// hide takes what the tier does not show out of the copy, counts it as
// omitted, and returns it: it is judged too, so that a secret of it that also
// stands elsewhere is known.
func (u *run) hide() *report.Report {
	r, tier := u.r, u.x.policy.Tier
	if r.Fingerprint != "" && r.Tier < tier && r.Generator.Name != "safedump" {
		tier = r.Tier // redacted before: what is gone does not come back
	}
	r.Tier = tier
	h := &report.Report{}
	if tier < tierValues {
		u.omit("arguments", len(r.Process.Args), tierValues)
		u.omit("environment values", len(r.Process.Env), tierValues)
		h.Process.Args, h.Process.Env = r.Process.Args, r.Process.Env
		r.Process.Args, r.Process.Env = nil, nil
	}
	if tier < tierGlobals {
		u.omit("globals", len(r.Globals), tierGlobals)
		u.omit("environment names", len(r.Process.EnvNames), tierGlobals)
		h.Globals, h.Process.EnvNames, h.Process.Dir = r.Globals, r.Process.EnvNames, r.Process.Dir
		if r.Globals != nil {
			r.Globals = []report.Global{}
		}
		if r.Process.EnvNames != nil {
			r.Process.EnvNames = []string{}
		}
		r.Process.Dir = ""
	}
	if tier < tierLocals {
		u.hideLocals(h)
	}
	return h
}

// hideLocals takes out variables, source lines, labels and typed values.
func (u *run) hideLocals(h *report.Report) {
	n := 0
	for i := range u.r.Goroutines {
		g := &u.r.Goroutines[i]
		kept := report.Goroutine{Labels: g.Labels}
		kept.Frames, n = hideFrames(g.Frames, n)
		g.Labels = nil
		h.Goroutines = append(h.Goroutines, kept)
	}
	for i := range u.r.Threads {
		t := &u.r.Threads[i]
		var kept report.Thread
		kept.Frames, n = hideFrames(t.Frames, n)
		h.Threads = append(h.Threads, kept)
	}
	u.omit("locals", n, tierLocals)
	h.Crash.Exception = hideValues(&u.r.Crash.Exception)
}

func hideFrames(frames []report.Frame, n int) ([]report.Frame, int) {
	var hidden []report.Frame
	for i := range frames {
		f := &frames[i]
		n += len(f.Vars)
		hidden = append(hidden, report.Frame{Vars: f.Vars, Source: f.Source})
		if f.Vars != nil {
			f.Vars = []report.Variable{}
		}
		f.Source = nil
	}
	return hidden, n
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

// omit counts what the tier left out, with the tier that shows it.
func (u *run) omit(what string, n, shown int) {
	if n == 0 {
		return
	}
	why := "--tier " + strconv.Itoa(shown)
	for i := range u.r.Omitted {
		if o := &u.r.Omitted[i]; o.What == what && o.Why == why {
			o.Count += int64(n)
			return
		}
	}
	u.r.Omitted = append(u.r.Omitted, report.Omission{What: what, Count: int64(n), Why: why})
}

// beyond cuts what tier 1 does not follow: the parts of v, which are hop steps
// further than p. What is cut is judged first, so that its secrets are known.
func (u *run) beyond(v *report.Value, verdict nameVerdict, p place, hop int) bool {
	if u.r.Tier >= tierDeep || hop == 0 || p.hops != shallowHops {
		return false
	}
	u.muted++
	p.hops += hop
	u.children(v, verdict, p)
	u.muted--
	if u.muted == 0 {
		u.cut++
	}
	v.Children = nil
	v.State = report.StateBudget
	v.Note = "not followed at tier " + strconv.Itoa(u.r.Tier)
	return true
}
