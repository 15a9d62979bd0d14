package waits

import (
	"cmp"
	"slices"

	"github.com/safedump/sdcore/report"
)

const (
	maxFindings = 200 // of a kind
	maxChain    = 64  // goroutines of a chain
	// minConvoy is how many have to wait for one lock to be a convoy, minPileUp in
	// one place to be a pile-up: LeakProf's threshold is 10 000 in a fleet, one
	// program that dies with a hundred in one place is worth a line.
	minConvoy = 8
	minPileUp = 100
)

// edge leads from a goroutine that waits to one that it waits for.
type edge struct {
	to       int
	object   int
	op       string
	grade    report.WaitGrade
	evidence string
}

// graph finds what follows from who waits and who holds.
func (a *analysis) graph() {
	edges := map[int][]edge{}
	for i := range a.in.Goroutines {
		if e := a.edges(i); len(e) > 0 {
			edges[i] = e
		}
	}
	inCycle := a.cycles(edges)
	a.chains(edges, inCycle)
	a.forever()
	a.contexts()
	a.pileUps()
}

// edges are whom a goroutine waits for. One that waits for several things at once
// goes on with the first: it waits for nobody in particular.
func (a *analysis) edges(i int) (out []edge) {
	waits := a.of(i)
	if len(waits) != 1 {
		return nil
	}
	w := &waits[0]
	o := &a.objects[w.object]
	if o.addr == 0 {
		return nil
	}
	for _, h := range o.holders {
		if w.op == "rlock" && h.reader {
			continue // readers don't wait for readers
		}
		out = append(out, edge{h.g, int(w.object), w.op, h.grade, h.evidence})
	}
	if o.kind == report.WaitRWMutex {
		// A writer that waits for readers to leave keeps others out: that is recorded.
		for _, n := range o.waits {
			g := int(a.waits[n].g)
			if part := a.operation(g).part; part == "writerSem" && g != i && a.operation(i).part != "writerSem" {
				out = append(out, edge{g, int(w.object), w.op, report.WaitStrong, "waiting writer"})
			}
		}
	}
	return out
}

// find adds a finding. about are the goroutines whose memory is asked for.
func (a *analysis) find(f report.WaitFinding, about []int) {
	if a.ofKind[f.Kind] == maxFindings {
		a.omitted++
		return
	}
	a.ofKind[f.Kind]++
	if f.Goroutines == nil {
		f.Goroutines = []uint64{}
	}
	a.about = append(a.about, about)
	a.findings = append(a.findings, f)
}

// weaker is the less reliable of two grades.
func weaker(a, b report.WaitGrade) report.WaitGrade {
	if rank(a) > rank(b) {
		return a
	}
	return b
}

// cycles finds goroutines that wait for each other: one circle, the shortest, of each
// set in which everybody waits for everybody. It returns the goroutines of all
// circles.
func (a *analysis) cycles(edges map[int][]edge) map[int]bool {
	inCycle := map[int]bool{}
	for _, set := range components(edges) {
		member := map[int]bool{}
		for _, g := range set {
			member[g] = true
		}
		cycle := shortest(edges, set, member)
		if len(cycle) == 0 {
			continue
		}
		for _, g := range set {
			inCycle[g] = true
		}
		a.find(a.cycle(set, cycle), nil)
	}
	return inCycle
}

// cycle describes a circle of edges.
func (a *analysis) cycle(set []int, cycle []edge) report.WaitFinding {
	f := report.WaitFinding{Kind: report.FindDeadlock, Grade: report.WaitStrong, Count: len(set)}
	if len(cycle) == 1 {
		f.Kind = report.FindSelf
	}
	from := cycle[len(cycle)-1].to
	before := cycle[len(cycle)-1]
	for _, e := range cycle {
		step := a.step(from, &before)
		step.Object, step.Op = a.id(e.object), e.op
		f.Steps = append(f.Steps, step)
		f.Grade = weaker(f.Grade, e.grade)
		f.Since = max(f.Since, a.age(from))
		from, before = e.to, e
	}
	a.members(&f, set)
	return f
}

// members names the goroutines of a finding.
func (a *analysis) members(f *report.WaitFinding, set []int) {
	f.Goroutines = make([]uint64, 0, min(len(set), a.o.MaxListed))
	for _, g := range set[:min(len(set), a.o.MaxListed)] {
		f.Goroutines = append(f.Goroutines, a.in.Goroutines[g].ID)
	}
}

// step is a goroutine that an edge leads to.
func (a *analysis) step(g int, by *edge) report.WaitStep {
	at := a.where(g)
	s := report.WaitStep{Goroutine: a.in.Goroutines[g].ID, Function: at.Function, File: at.File, Line: at.Line}
	if by != nil {
		s.Holds, s.Grade, s.Evidence = a.id(by.object), by.grade, by.evidence
	}
	return s
}

// components are the sets of goroutines in which everybody waits, by way of others,
// for everybody: those of two or more, and those who wait for themselves. Tarjan's
// way, with a stack of its own.
func components(edges map[int][]edge) (out [][]int) {
	type state struct {
		index, low int
		on         bool
	}
	type visit struct{ g, next int }
	states := map[int]*state{}
	var stack []int
	nodes := sortedKeys(edges)
	for _, root := range nodes {
		if states[root] != nil {
			continue
		}
		calls := []visit{{root, 0}}
		for len(calls) > 0 {
			v := &calls[len(calls)-1]
			s := states[v.g]
			if s == nil {
				s = &state{index: len(states), low: len(states), on: true}
				states[v.g] = s
				stack = append(stack, v.g)
			}
			if v.next < len(edges[v.g]) {
				to := edges[v.g][v.next].to
				v.next++
				if t := states[to]; t == nil {
					calls = append(calls, visit{to, 0})
				} else if t.on {
					s.low = min(s.low, t.index)
				}
				continue
			}
			g := v.g
			calls = calls[:len(calls)-1]
			if len(calls) > 0 {
				up := states[calls[len(calls)-1].g]
				up.low = min(up.low, s.low)
			}
			if s.low != s.index {
				continue
			}
			at := slices.Index(stack, g)
			set := slices.Clone(stack[at:])
			stack = stack[:at]
			for _, m := range set {
				states[m].on = false
			}
			slices.Sort(set)
			if len(set) > 1 || slices.ContainsFunc(edges[g], func(e edge) bool { return e.to == g }) {
				out = append(out, set)
			}
		}
	}
	slices.SortFunc(out, func(a, b []int) int { return cmp.Compare(a[0], b[0]) })
	return out
}

func sortedKeys(m map[int][]edge) []int {
	out := make([]int, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// shortest finds a shortest circle through the first goroutine of a set that is in
// one, by the best evidence where there is a choice.
func shortest(edges map[int][]edge, set []int, member map[int]bool) []edge {
	start := set[0]
	type came struct {
		from int
		by   edge
	}
	seen := map[int]came{}
	queue := []int{start}
	for len(queue) > 0 {
		g := queue[0]
		queue = queue[1:]
		for _, e := range edges[g] {
			if e.to == start {
				path := []edge{e}
				for at := g; at != start; at = seen[at].from {
					path = append(path, seen[at].by)
				}
				slices.Reverse(path)
				return path
			}
			if _, ok := seen[e.to]; !ok && member[e.to] {
				seen[e.to] = came{g, e}
				queue = append(queue, e.to)
			}
		}
	}
	return nil
}

// chains finds locks under which a goroutine waits for something else, and long lines
// behind one that can go on.
func (a *analysis) chains(edges map[int][]edge, inCycle map[int]bool) {
	for _, n := range a.ranked {
		o := &a.objects[n]
		if o.kind != report.WaitMutex && o.kind != report.WaitRWMutex && o.kind != report.WaitOnce || len(o.waits) == 0 || a.id(n) == 0 {
			continue
		}
		first := int(a.waits[o.waits[0]].g)
		if inCycle[first] {
			continue
		}
		f := report.WaitFinding{Grade: report.WaitStrong, Count: o.waiting, Object: a.id(n), Since: o.since}
		last, locks, ok := a.chain(edges, first, &f)
		if !ok || inCycle[last] {
			continue
		}
		held := f.Steps[len(f.Steps)-1].Object
		switch {
		case held != 0 || len(a.of(last)) > 0:
			f.Kind = report.FindAcross
		case o.waiting >= minConvoy || locks > 1:
			f.Kind = report.FindConvoy
		default:
			continue
		}
		var waiting []int
		for _, i := range o.waits {
			waiting = append(waiting, int(a.waits[i].g))
		}
		a.members(&f, waiting)
		f.Count = max(f.Count, len(f.Goroutines))
		a.find(f, nil)
	}
}

// chain follows a goroutine to one that waits for nobody who is known: by the best
// evidence.
func (a *analysis) chain(edges map[int][]edge, g int, f *report.WaitFinding) (last, locks int, ok bool) {
	seen := map[int]bool{}
	var by *edge
	for len(f.Steps) < maxChain && !seen[g] {
		seen[g] = true
		step := a.step(g, by)
		next := edges[g]
		if waits := a.of(g); len(waits) > 0 {
			step.Op, step.Object = waits[0].op, a.id(int(waits[0].object))
		}
		f.Steps = append(f.Steps, step)
		if len(next) == 0 {
			return g, locks, locks > 0
		}
		e := next[0]
		f.Grade = weaker(f.Grade, e.grade)
		by, g, locks = &e, e.to, locks+1
	}
	return g, locks, false
}

// place is where goroutines wait, and what they do there.
type waitPlace struct {
	kind     report.WaitKind
	op       string
	function string
	file     string
	line     int
	reason   string
}

// byPlace puts the goroutines that wait together by where they do.
func (a *analysis) byPlace() (places []waitPlace, members map[waitPlace][]int) {
	members = map[waitPlace][]int{}
	for i := range a.in.Goroutines {
		if a.first[i] < 0 {
			continue
		}
		at, op := a.where(i), a.operation(i)
		p := waitPlace{op.kind, op.op, at.Function, at.File, at.Line, a.in.Goroutines[i].WaitReason}
		if members[p] == nil {
			places = append(places, p)
		}
		members[p] = append(members[p], i)
	}
	return places, members
}

// forever finds goroutines that nobody can wake: those that wait for a nil channel.
// An empty select is meant.
func (a *analysis) forever() {
	places, members := a.byPlace()
	for _, p := range places {
		if p.kind == report.WaitNothing && p.reason != emptySelect {
			a.find(a.at(report.FindForever, report.WaitProven, p, members[p]), members[p])
		}
	}
}

// at is a finding about goroutines that wait in one place.
func (a *analysis) at(kind report.WaitFindingKind, grade report.WaitGrade, p waitPlace, members []int) report.WaitFinding {
	f := report.WaitFinding{Kind: kind, Grade: grade, Count: len(members), Function: p.function, File: p.file, Line: p.line}
	for _, g := range members {
		f.Since = max(f.Since, a.age(g))
	}
	same := true
	for _, g := range members {
		if waits := a.of(g); len(waits) > 0 {
			id := a.id(int(waits[0].object))
			same = same && (f.Object == 0 || f.Object == id)
			f.Object = id
		}
	}
	if !same {
		f.Object = 0
	}
	f.Creator = a.creator(members)
	a.members(&f, members)
	return f
}

// creator is the go statement that started goroutines, nil where it was not one.
func (a *analysis) creator(members []int) *report.Creator {
	var out *report.Creator
	for _, g := range members {
		by := a.in.Goroutines[g].Creator
		if by == nil || out != nil && (by.File != out.File || by.Line != out.Line) {
			return nil
		}
		if out == nil {
			out = &report.Creator{Goroutine: a.in.Goroutines[g].ParentID, Function: by.Function, File: by.File, Line: by.Line}
		}
	}
	return out
}

// pileUps finds places where many wait for the same thing.
func (a *analysis) pileUps() {
	places, members := a.byPlace()
	slices.SortStableFunc(places, func(x, y waitPlace) int { return cmp.Compare(len(members[y]), len(members[x])) })
	for _, p := range places {
		if len(members[p]) < minPileUp {
			return
		}
		if p.kind == report.WaitChannel || p.kind == report.WaitWaitGroup || p.kind == report.WaitCond || p.kind == report.WaitSemaphore {
			a.find(a.at(report.FindPileUp, report.WaitCandidate, p, members[p]), members[p])
		}
	}
}
