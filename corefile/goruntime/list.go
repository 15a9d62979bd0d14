package goruntime

import (
	"cmp"
	"context"
	"fmt"
	goruntime "runtime"
	"slices"
	"sync"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// maxListers bounds how many read at once: more wait for memory only.
const maxListers = 8

// minShare is how many goroutines are worth another lister.
const minShare = 4096

// lister reads goroutines. What many of them have in common it looks up once.
// It is not safe for concurrent use, but several may work at once.
type lister struct {
	r        *Runtime
	starts   map[uint64]string           // names of functions by address
	creators map[uint64]*report.FrameRef // go statements by return address
	live     int
	bad      int
	problems []report.Problem
	err      error // of the context
}

func newLister(r *Runtime) *lister {
	return &lister{r: r, starts: map[uint64]string{}, creators: map[uint64]*report.FrameRef{}}
}

// listers is how many are worth their while for n goroutines.
func listers(n int) int { return max(1, min(goruntime.GOMAXPROCS(0), maxListers, n/minShare)) }

// list reads the live ones of the goroutines at addrs with n listers, in that
// order. The error is the context's.
func (r *Runtime) list(ctx context.Context, addrs []uint64, n int) ([]corefile.Goroutine, []report.Problem, error) {
	out := make([]corefile.Goroutine, len(addrs))
	share := (len(addrs) + n - 1) / n
	readers := make([]*lister, n)
	var all sync.WaitGroup
	for i := range readers {
		s := newLister(r)
		readers[i] = s
		from, to := min(i*share, len(addrs)), min((i+1)*share, len(addrs))
		all.Go(func() { s.read(ctx, addrs[from:to], out[from:to]) })
	}
	all.Wait()
	var problems []report.Problem
	live, bad := 0, 0
	for i, s := range readers {
		if s.err != nil {
			return nil, nil, s.err
		}
		live += copy(out[live:], out[min(i*share, len(addrs)):][:s.live])
		problems = append(problems, s.problems[:min(len(s.problems), maxProblems-len(problems))]...)
		bad += s.bad
	}
	if bad > len(problems) {
		problems = append(problems, problem(0, fmt.Sprintf("%d more goroutines are not readable", bad-len(problems))))
	}
	return out[:live], problems, nil
}

// read reads the goroutines at addrs into out, which is as long, the live ones
// from its start.
func (s *lister) read(ctx context.Context, addrs []uint64, out []corefile.Goroutine) {
	for i, addr := range addrs {
		if i%1024 == 0 && ctx.Err() != nil {
			s.err = ctx.Err()
			return
		}
		live, err := s.goroutine(addr, &out[s.live])
		switch {
		case err != nil:
			if s.bad++; s.bad <= maxProblems {
				s.problems = append(s.problems, problem(addr, "runtime.g is not readable: "+err.Error()))
			}
		case live:
			s.live++
		}
	}
}

// sortByID orders goroutines by ID. They nearly always are: the runtime reuses
// only those that have ended. Each is moved once, they are large.
func sortByID(gs []corefile.Goroutine) {
	order := func(a, b int) int {
		return cmp.Or(cmp.Compare(gs[a].ID, gs[b].ID), cmp.Compare(gs[a].Addr, gs[b].Addr))
	}
	from := make([]int, len(gs)) // where the one at a place comes from
	for i := range from {
		from[i] = i
	}
	if slices.IsSortedFunc(from, order) {
		return
	}
	slices.SortFunc(from, order)
	for i := range gs {
		if from[i] == i {
			continue
		}
		first, to := gs[i], i
		for from[to] != i { // along a cycle of places
			next := from[to]
			gs[to], from[to] = gs[next], to
			to = next
		}
		gs[to], from[to] = first, to
	}
}

// maxNamed bounds what a lister keeps by address: a program has few go
// statements, a damaged core may have any.
const maxNamed = 1 << 16

// start names the function at pc.
func (s *lister) start(pc uint64) string {
	name, ok := s.starts[pc]
	if !ok {
		name, _ = s.r.FuncName(pc)
		if len(s.starts) < maxNamed {
			s.starts[pc] = name
		}
	}
	return name
}

// creator is the go statement whose call returns to pc, nil when unknown.
func (s *lister) creator(pc uint64) *report.FrameRef {
	by, ok := s.creators[pc]
	if !ok {
		if ref, found := s.r.CallLine(pc); found {
			by = &ref
		}
		if len(s.creators) < maxNamed {
			s.creators[pc] = by
		}
	}
	return by
}
