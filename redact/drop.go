package redact

import (
	"reflect"

	"github.com/safedump/sdcore/report"
)

// lastScanReason is what audit records say of what the last scan has dropped.
const lastScanReason = "last scan"

// Redacted is a part of a redacted report that can be written: a [Result], or a
// [Goroutine] of a stream.
type Redacted[T any] interface {
	// LastScan is what finished output has to pass; nil if nothing was found secret.
	LastScan() *LastScan
	// Dropped returns a copy without some of the leaves. Each that was dropped gets
	// an audit record.
	Dropped(d Drop) (T, Drops)
}

// Drop says which leaves go. Those of the zero value are the values, texts, names
// and numbers that hold a secret by themselves.
type Drop struct {
	// Gone, where it is set, is asked about each leaf by its number, counted from 0:
	// about variables with all that is in them, and texts. The numbers are the same
	// whatever it says.
	Gone func(leaf int) bool
	// Names makes leaves for Gone of the names of the program's code, too.
	Names bool
}

// Drops are how many leaves Gone was asked about, and how many were dropped.
type Drops struct{ Leaves, Dropped int }

var (
	_ Redacted[Result]    = Result{}
	_ Redacted[Goroutine] = Goroutine{}
)

// LastScan is what output that was made of the result has to pass, nil if
// nothing was found secret. A report that was stored knows nothing of what was
// removed from it before.
func (r Result) LastScan() *LastScan { return r.last }

// Dropped returns a copy of the result without some of the leaves, see [Redacted].
func (r Result) Dropped(drop Drop) (Result, Drops) {
	if r.last == nil {
		return r, Drops{}
	}
	c := cloner{maxNodes: maxNodes}
	out := c.report(r.r, r.last.x.plan)
	d := r.last.dropper(drop)
	defer r.last.droppers.Put(d.u)
	d.u.sink, d.u.counts = &out.Redactions, ruleCounts(out.RedactionCounts)
	d.u.walk(reflect.ValueOf(out).Elem(), r.last.x.plan, d)
	if drop.Gone == nil {
		d.numbers(reflect.ValueOf(out).Elem())
	}
	for i := range out.Goroutines {
		d.u.loc = location{parts: []part{{"goroutines", i}}}
		d.records(&out.Goroutines[i].Redactions, len(r.r.Goroutines[i].Redactions))
	}
	d.u.loc = location{}
	d.records(&out.Redactions, len(r.r.Redactions))
	out.RedactionCounts = d.u.counts
	out.Fingerprint = fingerprint(out)
	return Result{out, r.last}, d.n
}

// Goroutine is the goroutine at an index of the report's list, as it is.
func (r Result) Goroutine(index int) Goroutine {
	return Goroutine{&r.r.Goroutines[index], index, r.last}
}

// LastScan is what output that was made of the goroutine has to pass, nil if
// nothing was found secret.
func (g Goroutine) LastScan() *LastScan { return g.last }

// Dropped returns a copy of the goroutine without some of the leaves, see
// [Redacted].
func (g Goroutine) Dropped(drop Drop) (Goroutine, Drops) {
	if g.last == nil {
		return g, Drops{}
	}
	out := *g.g
	c := cloner{maxNodes: maxNodes}
	c.fields(reflect.ValueOf(&out).Elem(), g.last.x.goroutine)
	d := g.last.dropper(drop)
	defer g.last.droppers.Put(d.u)
	d.u.sink = &out.Redactions
	d.u.loc = location{parts: []part{{"goroutines", g.index}}}
	d.u.walkGoroutine(&out, d)
	if drop.Gone == nil {
		d.numbers(reflect.ValueOf(&out).Elem())
	}
	d.records(&out.Redactions, len(g.g.Redactions))
	return Goroutine{&out, g.index, g.last}, d.n
}

// dropper removes leaves, as a visitor.
type dropper struct {
	u    *run
	scan *LastScan
	drop Drop
	n    Drops
}

// dropper is one that begins, with the memos of one that is done.
func (l *LastScan) dropper(drop Drop) *dropper {
	u, ok := l.droppers.Get().(*run)
	if !ok {
		u = newRun(l.x)
	}
	u.loc, u.counts, u.same = location{}, map[string]int{}, nil
	return &dropper{u: u, scan: l, drop: drop}
}

// dropped notes that what the walk stands at is gone.
func (d *dropper) dropped() {
	d.n.Dropped++
	d.u.record(RuleError, lastScanReason)
}

// goes reports whether a leaf goes, one of the texts and values or, with code, a
// name of the program's code.
func (d *dropper) goes(code bool, leaks func() bool) bool {
	switch {
	case d.drop.Gone == nil:
		return leaks()
	case code && !d.drop.Names:
		return false
	}
	d.u.dirty = true // what stands here again is a leaf of its own, see once
	d.n.Leaves++
	return d.drop.Gone(d.n.Leaves - 1)
}

func (d *dropper) text(s *string, dec decision) {
	if *s == "" || isPlaceholder(*s) {
		return
	}
	leaks := func() bool { return d.scan.leaks(*s) }
	if dec == decideSafe && d.drop.Gone != nil { // sdcore's own word
		return
	}
	if d.goes(dec == decideCode, leaks) {
		*s = Placeholder
		d.dropped()
	}
}

func (d *dropper) named(s *string, _ string) { d.text(s, decideValue) }

func (d *dropper) list(list []string, dec decision, _ string) []string {
	at := len(d.u.loc.parts) - 1
	for i := range list {
		d.u.loc.parts[at].index = i
		d.text(&list[i], dec)
	}
	d.u.loc.parts[at].index = noIndex
	return list
}

func (d *dropper) root(v *report.Value, _ string) {
	defer d.u.leave(v, d.u.enter())
	d.text(&v.Type, decideCode)
	if d.drop.Gone == nil {
		d.value(v, 0)
		return
	}
	if v.State != report.StateRedacted && d.goes(false, nil) {
		wipe(v)
		d.dropped()
	}
}

// value drops v, or what is below it, where it holds a secret.
func (d *dropper) value(v *report.Value, depth int) {
	if d.scan.leaks(v.Type) {
		v.Type = Placeholder
		d.dropped()
	}
	s, ok := v.Contents()
	unknown := v.State != report.StateRedacted && (!ok || depth > maxDepth)
	if unknown || d.scan.leaks(s) || d.scan.leaks(v.Text) || d.scan.leaks(v.Note) || d.numbered(v) {
		wipe(v)
		d.dropped()
		return
	}
	for i := range v.Children {
		c := &v.Children[i]
		if d.scan.leaks(c.Name) {
			c.Name = Placeholder
			d.dropped()
		}
		index, name := noIndex, c.Name
		switch {
		case c.Key != nil:
			d.u.loc.push("?", noIndex)
			d.value(c.Key, depth+1)
			d.u.loc.pop()
			name = keyLabel(c.Key)
		case name == "":
			index = i
		}
		d.u.loc.push(name, index)
		d.value(&c.Value, depth+1)
		d.u.loc.pop()
	}
}

// records drops what audit records say: locations hold names. The first known ones
// were there before.
func (d *dropper) records(list *[]report.Redaction, known int) {
	d.u.sink = list
	var at []int
	for i := range *list {
		x := &(*list)[i]
		if d.drop.Gone != nil && i < known { // what leaks by itself has gone before
			if d.goes(true, nil) {
				x.Location = Placeholder
				at = append(at, i)
			}
			continue
		}
		for _, s := range [...]*string{&x.Location, &x.Reason, &x.Rule} {
			if d.scan.leaks(*s) {
				*s = Placeholder
				at = append(at, i)
			}
		}
		if d.scan.leaks(x.Timestamp) { // no time
			x.Timestamp = ""
			at = append(at, i)
		}
	}
	for _, i := range at {
		d.u.loc.push("redactions", i)
		d.dropped()
		d.u.loc.pop()
	}
}
