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
	// Dropped returns a copy without the leaves, the values and texts, that
	// hold a secret, and how many those are. With all, every one is dropped that is
	// not a name of the program's code: the secret is where several of them are
	// put together. Each gets an audit record.
	Dropped(all bool) (T, int)
}

var (
	_ Redacted[Result]    = Result{}
	_ Redacted[Goroutine] = Goroutine{}
)

// LastScan is what output that was made of the result has to pass, nil if
// nothing was found secret. A report that was stored knows nothing of what was
// removed from it before.
func (r Result) LastScan() *LastScan { return r.last }

// Dropped returns a copy of the result without the leaves that hold a secret,
// see [Redacted].
func (r Result) Dropped(all bool) (Result, int) {
	if r.last == nil {
		return r, 0
	}
	c := cloner{maxNodes: maxNodes}
	out := c.report(r.r, r.last.x.plan)
	d := dropper{u: newRun(r.last.x), scan: r.last, all: all}
	d.u.sink, d.u.counts = &out.Redactions, ruleCounts(out.RedactionCounts)
	d.u.walk(reflect.ValueOf(out).Elem(), r.last.x.plan, &d)
	for i := range out.Goroutines {
		d.u.loc = location{parts: []part{{"goroutines", i}}}
		d.records(&out.Goroutines[i].Redactions)
	}
	d.u.loc = location{}
	d.records(&out.Redactions)
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

// Dropped returns a copy of the goroutine without the leaves that hold a
// secret, see [Redacted].
func (g Goroutine) Dropped(all bool) (Goroutine, int) {
	if g.last == nil {
		return g, 0
	}
	out := *g.g
	c := cloner{maxNodes: maxNodes}
	c.fields(reflect.ValueOf(&out).Elem(), g.last.x.goroutine)
	d := dropper{u: newRun(g.last.x), scan: g.last, all: all}
	d.u.sink = &out.Redactions
	d.u.loc = location{parts: []part{{"goroutines", g.index}}}
	d.u.walkGoroutine(&out, &d)
	d.records(&out.Redactions)
	return Goroutine{&out, g.index, g.last}, d.n
}

// dropper removes leaves, as a visitor.
type dropper struct {
	u    *run
	scan *LastScan
	all  bool
	n    int
}

// drop notes that what the walk stands at was dropped.
func (d *dropper) drop() {
	d.n++
	d.u.record(RuleError, lastScanReason)
}

func (d *dropper) text(s *string, dec decision) {
	if *s == "" || isPlaceholder(*s) {
		return
	}
	if d.all && dec != decideCode && dec != decideSafe || d.scan.leaks(*s) {
		*s = Placeholder
		d.drop()
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
	d.value(v, 0)
}

// value drops v, or what is below it.
func (d *dropper) value(v *report.Value, depth int) {
	if d.scan.leaks(v.Type) {
		v.Type = Placeholder
		d.drop()
	}
	s, ok := v.Contents()
	unwanted := v.State != report.StateRedacted && (d.all || !ok || depth > maxDepth)
	if unwanted || d.scan.leaks(s) || d.scan.leaks(v.Text) || d.scan.leaks(v.Note) {
		wipe(v)
		d.drop()
		return
	}
	for i := range v.Children {
		c := &v.Children[i]
		if d.scan.leaks(c.Name) {
			c.Name = Placeholder
			d.drop()
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

// records drops what audit records say: locations hold names.
func (d *dropper) records(list *[]report.Redaction) {
	d.u.sink = list
	var at []int
	for i := range *list {
		x := &(*list)[i]
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
		d.drop()
		d.u.loc.pop()
	}
}
