package waits

import (
	"cmp"
	"maps"
	"slices"

	"github.com/safedump/sdcore/report"
)

// report puts what was found into the form of a report.
func (a *analysis) report() *report.Waits {
	out := &report.Waits{Objects: []report.WaitObject{}, Findings: a.findings, OmittedFindings: a.omitted, Groups: []report.WaitingGroup{}}
	for i := range a.first {
		if a.first[i] >= 0 {
			out.Blocked++
		}
	}
	listed := a.ranked[:min(len(a.ranked), a.o.MaxObjects)]
	out.OmittedObjects = len(a.ranked) - len(listed)
	for _, n := range listed {
		out.Objects = append(out.Objects, a.object(n))
	}
	if out.Findings == nil {
		out.Findings = []report.WaitFinding{}
	}
	members := map[int][]int{}
	for i := range a.in.Goroutines {
		if g := a.in.Goroutines[i].Group; g != 0 && a.first[i] >= 0 {
			members[g] = append(members[g], i)
		}
	}
	for _, g := range slices.Sorted(maps.Keys(members)) {
		out.Groups = append(out.Groups, a.group(members[g], g))
	}
	return out
}

// id is the ID of an object in the report, 0 when it is not listed.
func (a *analysis) id(n int) int {
	if i := a.rankOf[n]; i < a.o.MaxObjects {
		return i + 1
	}
	return 0
}

// object describes an object.
func (a *analysis) object(n int) report.WaitObject {
	o := &a.objects[n]
	out := report.WaitObject{
		ID: a.id(n), Kind: o.kind, Addr: report.Addr(o.addr), Names: []report.WaitName{}, State: []string{}, Counter: -1,
		Waiting: o.waiting, Waiters: []report.Waiter{}, Since: o.since, Holders: []report.WaitHolder{},
	}
	for i := range o.names {
		out.Names = append(out.Names, o.names[i].name)
	}
	a.state(o, &out)
	for _, i := range o.waits {
		if len(out.Waiters) == a.o.MaxWaiters {
			break
		}
		w := &a.waits[i]
		at := a.where(int(w.g))
		out.Waiters = append(out.Waiters, report.Waiter{
			Goroutine: a.in.Goroutines[w.g].ID, Op: w.op, Select: w.choice,
			Function: at.Function, File: at.File, Line: at.Line, Since: a.age(int(w.g)), Detail: a.detail(int(w.g)),
		})
	}
	out.Waiting = max(out.Waiting, len(out.Waiters))
	for i := range o.holders {
		h := &o.holders[i]
		out.Holders = append(out.Holders, report.WaitHolder{
			Goroutine: a.in.Goroutines[h.g].ID, Grade: h.grade, Evidence: h.evidence,
			Function: h.at.Function, File: h.at.File, Line: h.at.Line, Call: h.call, Reader: h.reader,
		})
	}
	return out
}

// where is the place at which the program waits on a stack.
func (a *analysis) where(i int) report.FrameRef {
	shape := a.in.Goroutines[i].Shape
	if shape < 0 || shape >= len(a.ops) {
		return report.FrameRef{}
	}
	frames := a.in.Shapes[shape].Frames
	at := a.ops[shape].at
	if at < 0 || at >= len(frames) {
		return report.FrameRef{}
	}
	f := &frames[at]
	return report.FrameRef{Function: f.Function, File: f.File, Line: f.Line, Inlined: f.Inlined}
}

// Bits of sync.Mutex.state (internal/sync/mutex.go, go1.21 to go1.27).
const (
	mutexLocked   = 1
	mutexWoken    = 2
	mutexStarving = 4
)

// rwmutexMaxReaders is subtracted from an RWMutex's readerCount while a writer
// waits or holds it.
const rwmutexMaxReaders = 1 << 30

// state reads what an object says of itself.
func (a *analysis) state(o *object, out *report.WaitObject) {
	switch o.kind {
	case report.WaitMutex:
		out.State = a.mutex(o.addr, a.lay.mutexState)
	case report.WaitOnce:
		out.State = a.mutex(o.addr, a.lay.onceState)
	case report.WaitRWMutex:
		readers, writer, ok := a.readers(o)
		if !ok {
			return
		}
		out.Counter = readers
		if writer {
			out.State = []string{"writer"}
		}
	case report.WaitWaitGroup:
		if n, ok := a.counter(o); ok {
			out.Counter = n
		}
	case report.WaitChannel:
		a.channelState(o, out)
	}
}

func (a *analysis) mutex(addr uint64, at place) []string {
	out := []string{}
	if addr == 0 || !at.ok {
		return out
	}
	s, err := a.in.Memory.Uint32(addr + at.off)
	if err != nil {
		return out
	}
	for _, bit := range []struct {
		mask uint32
		name string
	}{{mutexLocked, "locked"}, {mutexWoken, "woken"}, {mutexStarving, "starving"}} {
		if s&bit.mask != 0 {
			out = append(out, bit.name)
		}
	}
	if s&mutexLocked == 0 {
		out = append(out, "unlocked")
	}
	return out
}

// readers is how many hold an RWMutex for reading, and whether a writer holds it
// or waits for them.
func (a *analysis) readers(o *object) (n int64, writer, ok bool) {
	if o.addr == 0 || !a.lay.readerCount.ok {
		return 0, false, false
	}
	c, err := a.in.Memory.Uint32(o.addr + a.lay.readerCount.off)
	if err != nil {
		return 0, false, false
	}
	n = int64(int32(c))
	if n >= 0 {
		return n, false, true
	}
	// With a writer the count has those who wait for it too; those that it waits
	// for itself are in readerWait.
	waiting := int64(0)
	if a.lay.readerWait.ok {
		if w, err := a.in.Memory.Uint32(o.addr + a.lay.readerWait.off); err == nil {
			waiting = int64(int32(w))
		}
	}
	if n+rwmutexMaxReaders < 0 || waiting < 0 || waiting > n+rwmutexMaxReaders {
		return 0, true, false
	}
	return waiting, true, true
}

// counter is that of a WaitGroup: the upper half of its state (sync/waitgroup.go).
func (a *analysis) counter(o *object) (int64, bool) {
	if o.addr == 0 || !a.lay.groupState.ok {
		return 0, false
	}
	s, err := a.in.Memory.Uint64(o.addr + a.lay.groupState.off)
	return int64(int32(s >> 32)), err == nil && int32(s>>32) >= 0
}

func (a *analysis) channelState(o *object, out *report.WaitObject) {
	c := o.channel
	if c == nil {
		return
	}
	out.Len, out.Cap = int64(c.Len), int64(c.Cap)
	if c.Closed {
		out.State = append(out.State, "closed")
	}
	if c.Timer {
		out.State = append(out.State, "timer")
	}
	if t, err := a.in.Types.ByDescriptor(c.ElemType); err == nil && t != nil {
		out.Elem = t.Name
	}
}

// group tells what some goroutines, given by index, wait for: the most common
// objects, and how many others there are.
func (a *analysis) group(members []int, group int) report.WaitingGroup {
	type kind struct {
		object int32
		op     string
	}
	counts := map[kind]int{}
	for _, i := range members {
		for _, w := range a.of(i) {
			counts[kind{w.object, w.op}]++
		}
	}
	out := report.WaitingGroup{Group: group, Objects: []report.WaitingFor{}}
	for k, n := range counts {
		id := a.id(int(k.object))
		if id == 0 {
			out.Others++
			continue
		}
		out.Objects = append(out.Objects, report.WaitingFor{Object: id, Op: k.op, Count: n})
	}
	slices.SortFunc(out.Objects, func(x, y report.WaitingFor) int {
		return cmp.Or(cmp.Compare(y.Count, x.Count), cmp.Compare(x.Object, y.Object), cmp.Compare(x.Op, y.Op))
	})
	const most = 5
	if more := len(out.Objects) - most; more > 0 {
		out.Others += more
		out.Objects = out.Objects[:most]
	}
	return out
}
