package waits

import (
	"context"
	"fmt"
	"strings"

	"github.com/safedump/sdcore/report"
)

// Reach tells what can be reached. Who can read the heap answers. It begins with
// nothing, and what is added is only followed by Follow.
type Reach interface {
	// Restart forgets what was reached. What is at the addresses is watched: Follow
	// tells when it, or an object around it, was reached. Those at which there is no
	// object of the heap are returned: everybody can reach them.
	Restart(watched []uint64) (always []uint64)
	// AddRuntime adds what the runtime itself keeps, and the package variables of the
	// standard library; AddProgram those of the program.
	AddRuntime()
	AddProgram()
	// Add adds what can be reached from the stack of a goroutine, by its index, but
	// not by way of the records of what it waits for.
	Add(i int)
	// Follow returns which of the watched addresses were reached since it was called
	// last.
	Follow(ctx context.Context) ([]uint64, error)
	// Doubt says why what was not reached might have been, were all of the core to
	// be read; "" when all was.
	Doubt() string
	// Ways finds ways to what is at some addresses from the package variables of the
	// program, over nothing that was reached before they were added; nil where there is
	// none.
	Ways(ctx context.Context, addrs []uint64) ([]*report.HeapPath, error)
	// Alone tells how many bytes each of some groups of goroutines keeps alive that
	// neither another group does nor what was added.
	Alone(ctx context.Context, groups [][]int) ([]uint64, error)
}

// life says who can still wake a goroutine.
type life uint8

const (
	// leaked: nobody who can go on, and no package variable, leads to what it waits
	// for.
	leaked life = iota
	// forgotten: a package variable of the program does, but no goroutine that can
	// go on.
	forgotten
	alive
)

// leaks finds goroutines that nobody can wake any more, as the collector of go1.27
// does for its goroutineleak profile (runtime/mgc.go, findGoroutineLeaks): who can go
// on by itself is alive, and so is who waits for something that can be reached from
// the stacks of those that are. What is left when nothing changes any more waits for
// what only goroutines of its kind can reach. Beyond what that profile does, those
// are told apart to which nothing leads but package variables.
func (a *analysis) leaks() {
	reach := a.in.Reach
	if reach == nil {
		return
	}
	lives := a.lives(reach)
	if lives == nil {
		return
	}
	doubt := reach.Doubt()
	if doubt != "" {
		a.problem(0, "whether goroutines leaked can't be proven: %s", doubt)
	}
	places, members := a.byPlace()
	for _, p := range places {
		var gone, left []int
		for _, i := range members[p] {
			switch {
			case lives[i] == leaked && a.counts(i):
				gone = append(gone, i)
			case lives[i] == forgotten && a.stuck(i, lives):
				left = append(left, i)
			}
		}
		if len(gone) > 0 {
			a.find(a.leak(p, gone, doubt), gone)
		}
		if len(left) > 0 {
			a.left = append(a.left, leftover{a.at(report.FindLeak, report.WaitWeak, p, left), left})
		}
	}
	a.retaining(reach)
	a.weigh(reach)
}

// lives finds out about every goroutine; nil when the context ended it.
func (a *analysis) lives(reach Reach) []life {
	first := -1 // the main goroutine
	for i := range a.in.Goroutines {
		if a.in.Goroutines[i].ID == mainID {
			first = i
		}
	}
	lives := a.spread(reach, -1)
	if first >= 0 && lives != nil && lives[first] == forgotten {
		// It waits for the program to end, as services do: what it holds meanwhile is not
		// forgotten.
		lives = a.spread(reach, first)
	}
	return lives
}

// mainID is the ID of the main goroutine.
const mainID = 1

// spread goes on from those who can go on by themselves, and from one more where
// that is not negative, to whom they can wake.
func (a *analysis) spread(reach Reach, more int) []life {
	lives := make([]life, len(a.in.Goroutines))
	var addrs []uint64
	at := map[uint64][]int{} // objects by address
	for n := range a.objects {
		if addr := a.objects[n].addr; addr != 0 {
			if at[addr] == nil {
				addrs = append(addrs, addr)
			}
			at[addr] = append(at[addr], n)
		}
	}
	always := reach.Restart(addrs)
	for i := range lives {
		if i == more || !a.mayLeak(i) {
			lives[i] = alive
			reach.Add(i)
		}
	}
	reach.AddRuntime()
	wake := func(addrs []uint64, as life) (woken bool) {
		for _, addr := range addrs {
			for _, n := range at[addr] {
				for _, w := range a.objects[n].waits {
					if g := int(a.waits[w].g); lives[g] == leaked {
						lives[g], woken = as, true
						reach.Add(g)
					}
				}
			}
		}
		return woken
	}
	for _, as := range []life{alive, forgotten} {
		if as == forgotten {
			reach.AddProgram()
		}
		for reached := always; ; {
			more, err := reach.Follow(a.ctx)
			if err != nil {
				return nil
			}
			if woken := wake(append(more, reached...), as); !woken {
				break
			}
			reached = nil
		}
	}
	return lives
}

// mayLeak reports whether a goroutine waits for something that only other
// goroutines can do, and all of that is known.
func (a *analysis) mayLeak(i int) bool {
	waits, g := a.of(i), &a.in.Goroutines[i]
	if len(waits) == 0 || g.System || a.unsure[i] || strings.Contains(g.WaitReason, "synctest") {
		return false
	}
	for _, w := range waits {
		o := &a.objects[w.object]
		switch o.kind {
		case report.WaitNothing:
		case report.WaitChannel:
			// A timer that is to send is in a list of the runtime, as long as somebody
			// waits for its channel.
			if o.addr == 0 || o.channel == nil {
				return false
			}
		case report.WaitSemaphore:
			if o.addr == 0 || !strings.HasPrefix(g.WaitReason, "sync.") {
				return false // of the runtime, or of package poll
			}
		case report.WaitMutex, report.WaitRWMutex, report.WaitWaitGroup, report.WaitCond, report.WaitOnce:
			if o.addr == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// counts reports whether a goroutine that nobody can wake is a leak: main may wait
// in an empty select for others to end the program, and who waits for a nil channel
// is told of elsewhere.
func (a *analysis) counts(i int) bool {
	g := &a.in.Goroutines[i]
	if a.operation(i).kind != report.WaitNothing {
		return true
	}
	return g.WaitReason == emptySelect && g.ID != mainID
}

// emptySelect is the wait reason of select {}.
const emptySelect = "select (no cases)"

// stuck reports whether somebody whom a package variable leads to has reason to be
// thought forgotten: not who waits for a lock. Any code can unlock what a variable
// names; only where all that may hold it are stuck themselves nobody will.
func (a *analysis) stuck(i int, lives []life) bool {
	for _, w := range a.of(i) {
		o := &a.objects[w.object]
		if o.kind != report.WaitMutex && o.kind != report.WaitRWMutex && o.kind != report.WaitOnce {
			continue
		}
		if len(o.holders) == 0 {
			return false
		}
		for _, h := range o.holders {
			if lives[h.g] == alive {
				return false
			}
		}
	}
	return true
}

// What findings of leaks say of themselves.
const (
	evidenceNone    = "neither a goroutine that can go on nor a package variable leads to it"
	evidenceDoubt   = "nothing that could be read leads to it"
	evidenceGlobal  = "only a package variable leads to it"
	evidenceIdle    = "only a package variable leads to it: it may wait for work"
	evidenceOthers  = "only goroutines that nobody seems to wake lead to it"
	evidenceHolders = "only a package variable leads to it, and who may hold it is stuck"
)

// leak is a finding about goroutines that nobody can wake.
func (a *analysis) leak(p waitPlace, members []int, doubt string) report.WaitFinding {
	f := a.at(report.FindLeak, report.WaitProven, p, members)
	f.Evidence = evidenceNone
	if doubt != "" {
		f.Grade, f.Evidence = report.WaitCandidate, evidenceDoubt
	}
	return f
}

// leftover is a finding about goroutines that only package variables lead to, before
// the way to them is known.
type leftover struct {
	finding report.WaitFinding
	members []int
}

// example is the goroutine that the way is found for.
func (l *leftover) example() int { return l.members[0] }

// retaining finds the ways from package variables, and grades what is at their ends:
// who waits to receive from what a variable names is likely to wait for work, as the
// workers of a pool do; an entry of a collection is likely to be forgotten, and who
// waits to send would go on if somebody were there.
func (a *analysis) retaining(reach Reach) {
	var addrs []uint64
	var starts []int
	for i := range a.left {
		starts = append(starts, len(addrs))
		for _, w := range a.of(a.left[i].example()) {
			addrs = append(addrs, a.objects[w.object].addr)
		}
	}
	starts = append(starts, len(addrs))
	if len(addrs) == 0 {
		return
	}
	ways, err := reach.Ways(a.ctx, addrs)
	if err != nil || len(ways) != len(addrs) {
		if a.ctx.Err() == nil {
			a.problem(0, "ways from package variables: %v", err)
		}
		ways = make([]*report.HeapPath, len(addrs))
	}
	for _, grade := range []report.WaitGrade{report.WaitCandidate, report.WaitWeak} {
		for i := range a.left {
			l := &a.left[i]
			if grade == report.WaitCandidate {
				a.grade(l, ways[starts[i]:starts[i+1]])
			}
			if l.finding.Grade == grade {
				a.find(l.finding, l.members)
			}
		}
	}
}

// grade judges one finding by the ways to what its example waits for.
func (a *analysis) grade(l *leftover, ways []*report.HeapPath) {
	f := &l.finding
	f.Evidence = evidenceOthers
	waits := a.of(l.example())
	sends := false
	for i, way := range ways {
		if way == nil {
			continue
		}
		if f.Path == nil {
			f.Path, f.Evidence = way, evidenceIdle
		}
		o := &a.objects[waits[i].object]
		switch {
		case o.kind == report.WaitMutex, o.kind == report.WaitRWMutex, o.kind == report.WaitOnce:
			f.Grade, f.Evidence = report.WaitCandidate, evidenceHolders
		case o.kind == report.WaitWaitGroup, waits[i].op == "send", inCollection(way):
			sends = true
		}
	}
	if sends {
		f.Grade, f.Evidence = report.WaitCandidate, evidenceGlobal
	}
}

// inCollection reports whether a way leads over an element of a slice or map.
func inCollection(p *report.HeapPath) bool {
	for i := range p.Steps {
		switch p.Steps[i].Kind {
		case "index", "key", "value", "element":
			return true
		}
	}
	return false
}

// weigh adds to findings what the goroutines that they are about keep alive. Who is
// in several findings is a group of its own.
func (a *analysis) weigh(reach Reach) {
	in := map[int]string{} // goroutine -> the findings that it is in
	for n := range a.findings {
		for _, i := range a.about[n] {
			in[i] += fmt.Sprint(n, " ")
		}
	}
	if len(in) == 0 {
		return
	}
	number := map[string]int{}
	var groups [][]int
	reach.Restart(nil)
	for i := range a.in.Goroutines {
		key, ok := in[i]
		if !ok {
			reach.Add(i)
			continue
		}
		n, ok := number[key]
		if !ok {
			n = len(groups)
			number[key], groups = n, append(groups, nil)
		}
		groups[n] = append(groups[n], i)
	}
	reach.AddRuntime()
	reach.AddProgram()
	if _, err := reach.Follow(a.ctx); err != nil {
		return
	}
	bytes, err := reach.Alone(a.ctx, groups)
	if err != nil {
		return
	}
	for n := range a.findings {
		seen := map[int]bool{}
		for _, i := range a.about[n] {
			if g := number[in[i]]; !seen[g] && g < len(bytes) {
				seen[g] = true
				a.findings[n].Retained += bytes[g]
			}
		}
	}
}
