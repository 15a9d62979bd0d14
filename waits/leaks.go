package waits

import (
	"github.com/safedump/sdcore/report"
)

// Reach tells what can be reached. Who has walked the heap answers; it begins with
// what can be reached from package variables and from what the runtime itself keeps,
// and with no goroutine.
type Reach interface {
	// Add adds what can be reached from the stack of a goroutine, and from what the
	// runtime keeps for it, but not by way of the records of what it waits for.
	Add(g *Goroutine)
	// Reached reports whether the object at addr, or around it, was reached. What is
	// not an object of the heap always is.
	Reached(addr uint64) bool
}

// leaks finds goroutines that nobody can wake any more, as the collector of go1.27
// does for its goroutineleak profile (runtime/mgc.go, findGoroutineLeaks): who can go
// on by itself is alive, and so is who waits for something that can be reached from
// the stacks of those that are. What is left when nothing changes any more waits for
// what only goroutines of its kind can reach: that is proven, as far as every root was
// given. Where what a goroutine waits for is not known it counts as alive.
func (a *analysis) leaks() {
	reach := a.in.Reach
	if reach == nil {
		return
	}
	var waiting []int
	for i := range a.in.Goroutines {
		if a.mayLeak(i) {
			waiting = append(waiting, i)
		} else {
			reach.Add(&a.in.Goroutines[i])
		}
	}
	for changed := true; changed && a.ctx.Err() == nil; {
		changed = false
		left := waiting[:0]
		for _, i := range waiting {
			if !a.wakeable(i, reach) {
				left = append(left, i)
				continue
			}
			reach.Add(&a.in.Goroutines[i])
			changed = true
		}
		waiting = left
	}
	if a.ctx.Err() != nil {
		return
	}
	leaked := make(map[int]bool, len(waiting))
	for _, i := range waiting {
		leaked[i] = true
	}
	places, members := a.byPlace()
	for _, p := range places {
		var list []int
		for _, i := range members[p] {
			if leaked[i] {
				list = append(list, i)
			}
		}
		if len(list) > 0 {
			a.find(a.at(report.FindLeak, report.WaitProven, p, list))
		}
	}
}

// mayLeak reports whether a goroutine waits for something that only other
// goroutines can do, and all of that is known.
func (a *analysis) mayLeak(i int) bool {
	waits := a.of(i)
	if len(waits) == 0 || a.in.Goroutines[i].System {
		return false
	}
	for _, w := range waits {
		o := &a.objects[w.object]
		switch o.kind {
		case report.WaitNothing:
		case report.WaitChannel:
			if o.addr == 0 || o.channel == nil || o.channel.Timer {
				return false // a timer will send
			}
		case report.WaitMutex, report.WaitRWMutex, report.WaitWaitGroup, report.WaitCond, report.WaitOnce, report.WaitSemaphore:
			if o.addr == 0 {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// wakeable reports whether something that a goroutine waits for was reached.
func (a *analysis) wakeable(i int, reach Reach) bool {
	for _, w := range a.of(i) {
		if o := &a.objects[w.object]; o.addr != 0 && reach.Reached(o.addr) {
			return true
		}
	}
	return false
}
