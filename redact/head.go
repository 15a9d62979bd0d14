package redact

import (
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// tierOf is the tier of the result: what a report that was redacted before does
// not hold does not come back.
func tierOf(r *report.Report, tier int) int {
	if r.Fingerprint != "" && r.Tier < tier && r.Generator.Name != "safedump" {
		return r.Tier
	}
	return tier
}

// learnHead is the first pass over in, which stays as it is: over its goroutines,
// as over those that are learned one at a time, and over what is around them.
func (u *run) learnHead(in *report.Report) {
	copied := copiedGoroutine{c: cloner{maxNodes: maxNodes}, plan: u.x.goroutine}
	for i := range in.Goroutines {
		u.goroutine(i, copied.of(&in.Goroutines[i]))
	}
	u.learnRest(in)
}

// learnWhole is learnHead for a report that is there as a whole. It keeps the copies
// of its goroutines: the second pass need not judge again those in which the first
// one found nothing to do.
func (u *run) learnWhole(in *report.Report) *judgedGoroutines {
	c := cloner{maxNodes: maxNodes}
	k := &judgedGoroutines{list: slices.Clone(in.Goroutines), clean: make([]bool, len(in.Goroutines))}
	u.keeps = true
	for i := range k.list {
		c.fields(reflect.ValueOf(&k.list[i]).Elem(), u.x.goroutine)
		u.goroutine(i, &k.list[i])
		k.clean[i] = !u.dirty
	}
	u.keeps = false
	k.dropped = c.dropped
	u.learnRest(in)
	return k
}

// judgedGoroutines are copies of a report's goroutines after the first pass.
type judgedGoroutines struct {
	list    []report.Goroutine
	clean   []bool // nothing was removed, and no text has to be shortened
	dropped int    // by copying
}

// learnRest is the first pass over what is around the goroutines.
func (u *run) learnRest(in *report.Report) {
	rest := *in
	rest.Goroutines = nil
	c := cloner{maxNodes: maxNodes}
	r := c.report(&rest, u.x.plan)
	u.loc.parts, u.sink, u.now = u.loc.parts[:0], &r.Redactions, momentRest
	u.secretMessages(&r.Crash.Exception)
	u.learnFrom(u.hide(r))
	u.judgeReport(r)
}

// copiedGoroutine is room for the copies of goroutines, one after the other: the
// first pass may change them, and keeps nothing of them. A head can list a hundred thousand of
// them, most of which come later and have nothing below them here.
type copiedGoroutine struct {
	c    cloner
	plan *structPlan

	g       report.Goroutine
	creator report.Creator
}

// of copies g, which stays as it is. The copy is good until the next one.
func (l *copiedGoroutine) of(g *report.Goroutine) *report.Goroutine {
	l.g = *g
	if len(g.Frames) > 0 || len(g.Labels) > 0 {
		l.c.reuse()
		l.c.fields(reflect.ValueOf(&l.g).Elem(), l.plan)
	} else if g.Creator != nil {
		l.creator = *g.Creator
		l.g.Creator = &l.creator
	}
	return &l.g
}

// head takes a copy of in through the second pass. all is what the first one
// learned, known, where it is not nil, what it has left of the goroutines.
func (u *run) head(in *report.Report, all *learned, known *judgedGoroutines) *report.Report {
	c := cloner{maxNodes: maxNodes}
	rest := *in
	if known != nil {
		rest.Goroutines, c.dropped = nil, known.dropped
	}
	r := c.report(&rest, u.x.plan)
	r.Tier = u.tier
	u.counts, u.sink = ruleCounts(r.RedactionCounts), &r.Redactions
	if n := all.dropped + c.dropped; n > 0 {
		u.recordReport("sanitization error: " + strconv.Itoa(n) + " values nested too deeply to be judged")
	}
	goroutines := r.Goroutines
	r.Goroutines = nil
	u.secretMessages(&r.Crash.Exception)
	u.hide(r)
	omit(r, "locals", all.locals, tierLocals)
	u.judgeReport(r)
	u.scrubReport(r)
	if known != nil {
		goroutines = known.list
		u.goroutinesAgain(in, known)
	} else {
		for i := range goroutines {
			u.goroutine(i, &goroutines[i])
		}
	}
	r.Goroutines = goroutines
	u.loc.parts, u.sink = u.loc.parts[:0], &r.Redactions
	return r
}

// goroutinesAgain is the second pass over goroutines of which the first one is known.
// In those that it has changed all is judged once more, for the records and numbers.
func (u *run) goroutinesAgain(in *report.Report, known *judgedGoroutines) {
	c := cloner{maxNodes: maxNodes}
	for i := range known.list {
		g := &known.list[i]
		if known.clean[i] {
			u.scrubGoroutine(i, g)
			continue
		}
		*g = in.Goroutines[i]
		c.fields(reflect.ValueOf(g).Elem(), u.x.goroutine)
		u.goroutine(i, g)
	}
}

// finish completes what head made: what the records say, counts, fingerprint.
func (u *run) finish(r *report.Report, all *learned) {
	if u.search.full {
		u.recordReport("sanitization error: too many secrets to look for all of them elsewhere")
	}
	if u.search.numbers.full {
		u.recordReport("sanitization error: too many numbers are taken to number all secrets")
	}
	omit(r, "values", all.cut, tierDeep)
	u.records(r.Redactions)
	for i := range r.Goroutines {
		u.records(r.Goroutines[i].Redactions)
	}
	if u.x.policy.Shape {
		u.shape(r)
	}
	r.RedactionCounts = u.counts
	r.Fingerprint = fingerprint(r)
}

// recordReport notes an error that concerns the report as a whole.
func (u *run) recordReport(reason string) {
	u.loc.push("report", noIndex)
	u.record(RuleError, reason)
	u.loc.pop()
}

// records removes secrets from audit records: locations hold names, and
// reasons that were read from a file can hold anything.
func (u *run) records(list []report.Redaction) {
	for i := range list {
		for _, s := range [...]*string{&list[i].Location, &list[i].Reason, &list[i].Rule} {
			if u.settled(*s, modeCode) {
				continue
			}
			before := *s
			if j := u.text(*s, modeCode); j.hit {
				*s = j.out
			}
			if j := u.scrub(*s, modeCode); j.hit {
				*s = j.out
			}
			*s = Unnumbered(*s)
			if *s == before {
				u.texts.add(before, modeCode)
			}
		}
		if x := &list[i]; !report.ValidStamp(x.Timestamp) {
			x.Timestamp = ""
		}
	}
}

// ruleCounts copies counts whose keys look like names of rules; the others are
// counted under one name.
func ruleCounts(counts map[string]int) map[string]int {
	out := map[string]int{}
	for rule, n := range counts {
		if len(rule) > 40 || strings.Trim(rule, "abcdefghijklmnopqrstuvwxyz_-") != "" {
			rule = RuleError
		}
		out[rule] += n
	}
	return out
}
