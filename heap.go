package sdcore

import (
	"context"
	"fmt"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// DefaultHeapTop is how many entries a list of a heap has where nobody says.
const DefaultHeapTop = 20

// HeapQuery says what to find out about the heap. The zero value asks for the
// totals only; each list is made when it is asked for.
type HeapQuery struct {
	// Top bounds each list: 0 means DefaultHeapTop, negative no bound. What is left
	// out is counted in the report.
	Top int

	// Types are what the objects are, Packages the same by package; with Garbage
	// those first that have most of it.
	Types, Packages, Garbage bool
	// Retained tells for each type what it retains, most first.
	Retained bool
	// Roots are the roots with what only they keep alive, Goroutines the same for all
	// roots of each goroutine together. Both make Heap.Owners, of which there is one.
	Roots, Goroutines bool
	// Objects are the single objects that retain most.
	Objects bool
	// Suspects are what looks like a leak and retains at least MinShare of what is
	// live; 0 means a twentieth.
	Suspects bool
	MinShare float64
	// Of asks for paths to the object at an address ("0xc000012340", also one inside
	// of it) or to those of a type ("main.Session", "*store.Session"); "" for none.
	// Top bounds their number.
	Of string
	// Strings are texts with copies, Waste half-empty slices and maps.
	Strings, Waste bool
	// Sites are where memory was allocated, by the runtime's own profile.
	Sites bool
	// Samples are all live objects by how they are held, for a profile; Top does not
	// bound them.
	Samples bool
}

// top is how many of n entries are wanted.
func (q *HeapQuery) top(n int) int {
	switch {
	case q.Top < 0:
		return n
	case q.Top == 0:
		return min(n, DefaultHeapTop)
	}
	return min(n, q.Top)
}

// dominators reports whether the query needs to know what keeps what alive.
func (q *HeapQuery) dominators() bool {
	return q.Retained || q.Roots || q.Goroutines || q.Objects || q.Suspects || q.Of != "" || q.Samples
}

// Heap finds out what takes the memory, and what holds it: a report with what the
// query asks for. An address or type that is not there is an error that matches
// [report.ErrPath].
func (s *Session) Heap(ctx context.Context, q HeapQuery) (*report.Report, error) {
	rep := s.heapBase()
	h, err := s.openHeap(ctx, rep)
	if err != nil {
		return nil, err
	}
	if err := h.fill(ctx, rep, &q); err != nil {
		return nil, err
	}
	return rep, ctx.Err()
}

// heapBase is base without what says nothing about a heap: arguments and
// environment.
func (s *Session) heapBase() *report.Report {
	rep := s.base()
	rep.Process = report.Process{PID: rep.Process.PID, Name: rep.Process.Name}
	return rep
}

// HeapDiff is the newer core's report with what grew or shrank since the older
// one: by type, and with q.Roots by root. Both are of the same program; where
// their build IDs differ the report says so in its problems.
func HeapDiff(ctx context.Context, older, newer *Session, q HeapQuery) (*report.Report, error) {
	rep, before := newer.heapBase(), older.heapBase()
	h, err := newer.openHeap(ctx, rep)
	if err != nil {
		return nil, err
	}
	old, err := older.openHeap(ctx, before)
	if err != nil {
		return nil, fmt.Errorf("the older core: %w", err)
	}
	if a, b := before.Identity.CoreBuildID, rep.Identity.CoreBuildID; a != b {
		addProblems(rep, []report.Problem{{Stage: "heap", Subject: "heap diff", Message: fmt.Sprintf("the cores are of different builds, %s and %s: types and variables of the same name may be others", a, b)}})
	}
	if err := h.fill(ctx, rep, &HeapQuery{Top: q.Top}); err != nil {
		return nil, err
	}
	if err := old.fill(ctx, before, &HeapQuery{Top: q.Top}); err != nil {
		return nil, err
	}
	rep.Heap.Before, rep.Heap.Since = &before.Heap.Totals, older.core.Path()
	return rep, h.grown(ctx, rep, old, &q)
}

// grown lists the differences from an older heap.
func (h *heapEngine) grown(ctx context.Context, rep *report.Report, old *heapEngine, q *HeapQuery) error {
	rows := heapwalk.GrowthOfTypes(old.list, h.list)
	for _, g := range ends(rows, q) {
		rep.Heap.Growth = append(rep.Heap.Growth, report.HeapGrowth{Kind: "type", Type: g.Type, Objects: g.Objects, Bytes: g.Bytes, NewObjects: g.New.Objects, NewBytes: g.New.Bytes})
	}
	left := len(rows) - len(rep.Heap.Growth)
	if q.Roots {
		var owners [2][]heapwalk.Owner
		for i, e := range []*heapEngine{old, h} {
			r, err := e.live.Retain(ctx)
			if err != nil {
				return err
			}
			owners[i] = e.allOwners(r)
		}
		rows := heapwalk.GrowthOfOwners(owners[0], owners[1])
		kept := ends(rows, q)
		for _, g := range kept {
			rep.Heap.Growth = append(rep.Heap.Growth, report.HeapGrowth{Kind: "owner", Root: h.root(&g.Root), Objects: g.Objects, Bytes: g.Bytes, NewObjects: g.New.Objects, NewBytes: g.New.Bytes})
		}
		left += len(rows) - len(kept)
	}
	omitHeap(rep, "differences of the heap", left)
	return ctx.Err()
}

// allOwners are package variables and the like one by one, goroutines as a whole
// under the function that they began with.
func (h *heapEngine) allOwners(r *heapwalk.Retained) []heapwalk.Owner {
	var list []heapwalk.Owner
	for _, o := range r.Owners(maxOwners, false) {
		if o.Root.Goroutine == 0 {
			list = append(list, o)
		}
	}
	for _, o := range r.Owners(maxOwners, true) {
		o.Root.Function = h.startOf(o.Root.Goroutine)
		list = append(list, o)
	}
	return list
}

// maxOwners bounds the owners of two cores that are compared.
const maxOwners = 1 << 20

// ends are the rows that grew most and those that shrank most, as many of each as
// are wanted.
func ends(rows []heapwalk.Growth, q *HeapQuery) []heapwalk.Growth {
	n := q.top(len(rows))
	if 2*n >= len(rows) {
		return rows
	}
	last := len(rows)
	for last > 0 && rows[last-1].Bytes < 0 && len(rows)-last < n {
		last--
	}
	return append(rows[:n:n], rows[max(last, n):]...)
}

// heapSummary adds the summary of the heap that Options.Heap asks for, and to big
// values what they retain.
func (s *Session) heapSummary(ctx context.Context, v *view) {
	h := &heapEngine{s: s, e: v.engine, all: v.all}
	rep := &report.Report{Complete: true}
	err := h.walk(ctx, rep)
	if err == nil {
		err = h.fill(ctx, rep, &HeapQuery{Top: summaryTop, Types: true, Roots: true, Suspects: true})
	}
	if err != nil {
		addProblems(v.rep, missing("heap", err))
		return
	}
	withoutContents(rep.Heap) // what is secret is learned from the goroutines of the report only
	v.rep.Heap = rep.Heap
	addProblems(v.rep, rep.Problems)
	h.weighValues(v.rep)
}

// summaryTop bounds the lists of the summary in a report.
const summaryTop = 10

// fill answers a query.
func (h *heapEngine) fill(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	var sums heapwalk.Sums
	var err error
	if h.list, sums, err = h.live.Histogram(ctx); err != nil {
		return err
	}
	rep.Heap = &report.Heap{Totals: h.totals(&sums)}
	if q.dominators() {
		if h.retained, err = h.live.Retain(ctx); err != nil {
			return err
		}
	}
	if q.Types {
		h.types(rep, q)
	}
	if q.Packages {
		h.packages(rep, q)
	}
	if q.Roots || q.Goroutines {
		h.owners(rep, q)
	}
	for _, part := range []struct {
		wanted bool
		fill   func(context.Context, *report.Report, *HeapQuery) error
	}{
		{q.Objects, h.objects}, {q.Of != "", h.paths}, {q.Suspects, h.suspects}, {q.Strings, h.strings},
		{q.Waste, h.waste}, {q.Sites, h.sites}, {q.Samples, h.samples},
	} {
		if part.wanted {
			if err := part.fill(ctx, rep, q); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// omitHeap counts entries that were left out.
func omitHeap(rep *report.Report, what string, n int) {
	if n > 0 {
		rep.Omitted = append(rep.Omitted, report.Omission{What: what, Count: int64(n), Why: "--top"})
	}
}

func (h *heapEngine) totals(s *heapwalk.Sums) report.HeapTotals {
	t := h.heap.Totals()
	return report.HeapTotals{
		SpanBytes: t.SpanBytes, Objects: t.Objects, Bytes: t.ObjectBytes,
		LiveObjects: s.Live.Objects, LiveBytes: s.Live.Bytes,
		GarbageObjects: s.Garbage.Objects, GarbageBytes: s.Garbage.Bytes,
		CondemnedObjects: t.Condemned, CondemnedBytes: t.CondemnedBytes,
		RuntimeSpanBytes: t.RuntimeSpanBytes, RuntimeBytes: t.RuntimeObjectBytes,
		ExactBytes: s.Exact.Bytes, StrongBytes: s.Strong.Bytes, WeakBytes: s.Weak.Bytes,
		ConservativeObjects: s.Conservative.Objects, ConservativeBytes: s.Conservative.Bytes,
	}
}
