package redact

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/safedump/sdcore/report"
)

// Stream redacts a report whose goroutines come one at a time, twice. In the
// first pass [Stream.Learn] sees each of them and finds out what is secret;
// [Stream.Seal] ends it and redacts the rest of the report; in the second pass
// [Stream.Redact] redacts each with all that was learned. The outcome is what
// [Redactor.Apply] makes of the whole report, however the goroutines are
// divided among workers.
type Stream struct {
	x        *Redactor
	learners []*run
	seal     sync.Once

	// After Seal.
	redactors []*run
	counts    map[string]int             // of the head
	listed    map[int][]report.Redaction // records of the head's goroutines that Redact may see

	mu  sync.Mutex
	err error // why the first pass failed
}

// Stream begins the first pass for so many workers, numbered from 0. Calls with
// different worker numbers may run at the same time.
func (x *Redactor) Stream(workers int) *Stream {
	s := &Stream{x: x}
	for range workers {
		s.learners = append(s.learners, newRun(x))
	}
	return s
}

// Learn looks at a goroutine for what is secret in it. It may change g, and
// keeps nothing of it. When g can't be judged, Seal fails.
func (s *Stream) Learn(worker int, g *report.Goroutine) {
	defer func() {
		if p := recover(); p != nil { // the text of p may hold contents
			s.fail(fmt.Errorf("redact: goroutine %d could not be judged (%T)", g.ID, p))
		}
	}()
	if worker < 0 || worker >= len(s.learners) || g == nil {
		s.fail(fmt.Errorf("redact: worker %d has nothing to learn now", worker))
		return
	}
	u := s.learners[worker]
	u.muted = 0
	u.silent = true
	u.goroutine(0, g)
}

func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// Seal ends the first pass, after all calls of Learn, and redacts a copy of
// head: the report with the goroutine that crashed and whatever else Redact
// will not see. Goroutines that it will see may be listed without frames and
// labels, in the order of their indexes, and are redacted as far as they go.
// RedactionCounts of the result are those of the head; see [Stream.Counts].
func (s *Stream) Seal(head *report.Report) (res Result, err error) {
	err = errors.New("redact: sealed before")
	s.seal.Do(func() { res, err = s.sealed(head) })
	return res, err
}

func (s *Stream) sealed(head *report.Report) (res Result, err error) {
	if head == nil {
		return Result{}, errors.New("redact: no report")
	}
	if s.err != nil {
		return Result{}, s.err
	}
	defer func() {
		if p := recover(); p != nil { // the text of p may hold contents
			res, err = Result{}, fmt.Errorf("redact: the report could not be walked (%T)", p)
		}
	}()
	u := newRun(s.x)
	u.tier = tierOf(head, u.tier)
	if u.tier != s.x.policy.Tier && len(s.learners) > 0 {
		return Result{}, fmt.Errorf("redact: the report was redacted at tier %d: stream it with that tier", u.tier)
	}
	all := newLearned()
	for _, l := range s.learners {
		all.merge(l.learned)
	}
	u.learned = all
	r := u.head(head)
	for range s.learners {
		w := newRun(s.x)
		w.search = u.search
		s.redactors = append(s.redactors, w)
	}
	s.counts, s.listed = u.counts, map[int][]report.Redaction{}
	for i := range head.Goroutines {
		if records := r.Goroutines[i].Redactions[len(head.Goroutines[i].Redactions):]; len(records) > 0 {
			s.listed[i] = records
		}
	}
	s.learners = nil
	return Result{r: r}, nil
}

// tierOf is the tier of the result: what a report that was redacted before does
// not hold does not come back.
func tierOf(r *report.Report, tier int) int {
	if r.Fingerprint != "" && r.Tier < tier && r.Generator.Name != "safedump" {
		return r.Tier
	}
	return tier
}

// head redacts a copy of in, with what was learned before.
func (u *run) head(in *report.Report) *report.Report {
	c := cloner{maxNodes: maxNodes}
	r := c.report(in, u.x.plan)
	r.Tier = u.tier
	u.counts, u.sink = ruleCounts(r.RedactionCounts), &r.Redactions
	if n := u.learned.dropped + c.dropped; n > 0 {
		u.recordReport("sanitization error: " + strconv.Itoa(n) + " values nested too deeply to be judged")
	}
	hidden := u.hide(r)
	omit(r, "locals", u.learned.locals, tierLocals)
	u.learnFrom(hidden)
	u.judgeReport(r)
	u.search = u.learned.search()
	u.scrubReport(r)
	if u.search.full {
		u.recordReport("sanitization error: too many secrets to look for all of them elsewhere")
	}
	omit(r, "values", u.learned.cut, tierDeep)
	u.records(r.Redactions)
	for i := range r.Goroutines {
		u.records(r.Goroutines[i].Redactions)
	}
	r.RedactionCounts = u.counts
	r.Fingerprint = fingerprint(r)
	return r
}

// recordReport notes an error that concerns the report as a whole.
func (u *run) recordReport(reason string) {
	u.loc.push("report", noIndex)
	u.record(RuleError, reason)
	u.loc.pop()
}

// Redact redacts g in place. index is where it stands in the report's list of
// goroutines, for the locations of the audit records. Calls with different
// worker numbers may run at the same time.
func (s *Stream) Redact(worker, index int, g *report.Goroutine) (out Goroutine, err error) {
	if worker < 0 || worker >= len(s.redactors) || g == nil {
		return Goroutine{}, fmt.Errorf("redact: worker %d has nothing to redact now", worker)
	}
	defer func() {
		if p := recover(); p != nil { // the text of p may hold contents
			out, err = Goroutine{}, fmt.Errorf("redact: goroutine %d could not be walked (%T)", g.ID, p)
		}
	}()
	u := s.redactors[worker]
	if s.listed[index] != nil {
		u.again = append(u.again, index)
	}
	u.muted = 0
	u.goroutine(index, g)
	u.records(g.Redactions)
	return Goroutine{g}, nil
}

// Counts returns the number of removed values by rule, those of the head and of
// all goroutines together, after the last call of Redact.
func (s *Stream) Counts() map[string]int {
	counts := map[string]int{}
	add := func(more map[string]int) {
		for rule, n := range more {
			counts[rule] += n
		}
	}
	add(s.counts)
	var again []int
	for _, u := range s.redactors {
		add(u.counts)
		again = append(again, u.again...)
	}
	slices.Sort(again)
	for _, index := range slices.Compact(again) {
		for _, x := range s.listed[index] {
			if counts[x.Rule]--; counts[x.Rule] == 0 {
				delete(counts, x.Rule)
			}
		}
	}
	return counts
}

// goroutine takes a goroutine through the passes that are due, as head does
// with those that it holds.
func (u *run) goroutine(index int, g *report.Goroutine) {
	c := cloner{maxNodes: maxNodes, inPlace: true}
	for i := range g.Frames {
		for k := range g.Frames[i].Vars {
			c.root(&g.Frames[i].Vars[k].Value)
		}
		for _, d := range g.Frames[i].Defers {
			for k := range d.Vars {
				c.root(&d.Vars[k].Value)
			}
		}
	}
	u.learned.dropped += c.dropped
	u.loc = location{parts: append(u.loc.parts[:0], part{"goroutines", index})}
	u.sink = &g.Redactions
	if u.tier < tierLocals {
		hidden := u.hideLocals(g)
		if u.search == nil {
			u.muted++
			u.walkGoroutine(&hidden, judge{u})
			u.muted--
		}
	}
	u.dirty = false
	u.walkGoroutine(g, judge{u})
	if u.search != nil && u.dirty {
		u.walkGoroutine(g, scrubber{u})
	}
}
