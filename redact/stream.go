package redact

import (
	"errors"
	"fmt"
	"maps"
	"slices"
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
	sealed    *report.Report
	last      *LastScan              // for what is written
	counts    map[string]int         // of the head
	listed    map[int]map[string]int // of its goroutines that Redact may see

	mu  sync.Mutex
	err error // why the first pass failed
}

// Stream begins the first pass for so many workers, numbered from 0. Calls with
// different worker numbers may run at the same time.
func (x *Redactor) Stream(workers int) *Stream {
	s := &Stream{x: x}
	for range workers {
		s.learners = append(s.learners, newLearner(x))
	}
	return s
}

// Learn looks at a goroutine for what is secret in it. index is where it stands
// in the report's list. It may change g, and keeps nothing of it. When g can't be judged, Seal fails. A goroutine that the
// head holds whole is not for Learn: what the tier hides of it would be counted
// twice.
func (s *Stream) Learn(worker, index int, g *report.Goroutine) {
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
	u.goroutine(index, g)
}

func (s *Stream) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

// Seal ends the first pass, after all calls of Learn, and redacts a copy of
// head: the report with whatever Redact will not see. The goroutine that
// crashed must be there whole, the fingerprint is taken of it. Goroutines that
// Redact will see may be listed without frames and labels, in the order of
// their indexes, and are redacted as far as they go.
// RedactionCounts of the result are those of the head; see [Stream.Counts].
func (s *Stream) Seal(head *report.Report) (res Result, err error) {
	err = errors.New("redact: sealed before")
	s.seal.Do(func() { res, err = s.redactHead(head) })
	return res, err
}

func (s *Stream) redactHead(head *report.Report) (res Result, err error) {
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
	tier := tierOf(head, s.x.policy.Tier)
	if tier != s.x.policy.Tier && len(s.learners) > 0 {
		return Result{}, fmt.Errorf("redact: the report was redacted at tier %d: stream it with that tier", tier)
	}
	var l *run
	if len(s.learners) > 0 {
		l = heirOf(s.learners[0])
		l.silent = true
	} else {
		l = newLearner(s.x)
	}
	l.tier = tier
	for _, other := range s.learners {
		l.learned.merge(other.learned)
		l.known.merge(other.known)
	}
	var whole *judgedGoroutines
	if len(s.learners) == 0 {
		whole = l.learnWhole(head)
	} else {
		l.learnHead(head)
	}
	u := heirOf(l)
	u.tier = tier
	u.search = l.learned.search(s.x.policy.numbers())
	u.known = l.known
	r := u.head(head, l.learned, whole)
	for _, learner := range s.learners {
		w := heirOf(learner)
		w.search, w.known = u.search, l.known
		s.redactors = append(s.redactors, w)
	}
	s.counts, s.listed = u.counts, listed(head, r)
	s.learners = nil
	u.finish(r, l.learned)
	s.sealed, r.RedactionCounts = r, maps.Clone(u.counts)
	s.last = s.x.lastScan(u.search)
	return Result{r, s.last}, nil
}

// listed counts what was removed in each goroutine of out, which in became.
func listed(in, out *report.Report) map[int]map[string]int {
	all := map[int]map[string]int{}
	for i := range in.Goroutines {
		for _, x := range out.Goroutines[i].Redactions[len(in.Goroutines[i].Redactions):] {
			if all[i] == nil {
				all[i] = map[string]int{}
			}
			all[i][x.Rule]++
		}
	}
	return all
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
	if s.x.policy.Shape {
		shapeGoroutine(g)
	}
	return Goroutine{g, index, s.last}, nil
}

// Keep puts a goroutine that Redact returned into its place in the report that
// Seal returned, which owns it from then on and counts what was removed in it.
func (s *Stream) Keep(index int, g Goroutine) error {
	if s.sealed == nil || g.g == nil || index < 0 || index >= len(s.sealed.Goroutines) || s.sealed.Goroutines[index].ID != g.g.ID {
		return fmt.Errorf("redact: the report has no goroutine to be replaced at %d", index)
	}
	counts := s.sealed.RedactionCounts
	for rule, n := range s.listed[index] { // they are among those of the whole goroutine
		counts[rule] -= n
	}
	for _, x := range g.g.Redactions {
		counts[x.Rule]++
	}
	maps.DeleteFunc(counts, func(_ string, n int) bool { return n == 0 })
	s.sealed.Goroutines[index] = *g.g
	return nil
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
		for rule, n := range s.listed[index] {
			if counts[rule] -= n; counts[rule] == 0 {
				delete(counts, rule)
			}
		}
	}
	return counts
}

// goroutine takes a goroutine through the passes that are due, as head does
// with those that it holds.
func (u *run) goroutine(index int, g *report.Goroutine) {
	u.loc = location{parts: append(u.loc.parts[:0], part{"goroutines", index})}
	u.sink = &g.Redactions
	u.now = momentOf(index, g.Crashed)
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

// scrubGoroutine is the second pass over a goroutine in which the first one left
// everything as it was.
func (u *run) scrubGoroutine(index int, g *report.Goroutine) {
	u.loc = location{parts: append(u.loc.parts[:0], part{"goroutines", index})}
	u.sink = &g.Redactions
	u.dirty = false
	if len(u.search.secrets) > 0 {
		u.walkGoroutine(g, seeker{u})
	}
	if u.dirty {
		u.walkGoroutine(g, scrubber{u})
	}
}
