package sdcore

import (
	"context"
	"errors"

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

// errHeap says that the heap can't be read.
var errHeap = errors.New("the heap is not read by this version")

// Heap finds out what takes the memory, and what holds it: a report with what the
// query asks for. An address or type that is not there is an error that matches
// [report.ErrPath].
func (s *Session) Heap(ctx context.Context, q HeapQuery) (*report.Report, error) {
	return nil, errHeap
}

// HeapDiff is the newer core's report with what grew or shrank since the older
// one: by type, and with q.Roots by root. Both are of the same program; where
// their build IDs differ the report says so in its problems.
func HeapDiff(ctx context.Context, older, newer *Session, q HeapQuery) (*report.Report, error) {
	return nil, errHeap
}

// heapSummary adds the summary of the heap that Options.Heap asks for.
func (s *Session) heapSummary(ctx context.Context, v *view) {
	rep, err := s.Heap(ctx, HeapQuery{Top: summaryTop, Types: true, Roots: true, Suspects: true})
	if err != nil {
		addProblems(v.rep, missing("heap", err))
		return
	}
	v.rep.Heap = rep.Heap
	addProblems(v.rep, rep.Problems)
}

// summaryTop bounds the lists of the summary in a report.
const summaryTop = 10
