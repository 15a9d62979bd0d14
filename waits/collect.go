package waits

import (
	"cmp"
	"slices"

	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// collect finds what each goroutine waits for: once per stack what it does, once
// per goroutine for which object.
func (a *analysis) collect() {
	c := classifier{calls()}
	a.ops = make([]operation, len(a.in.Shapes))
	known := make([]bool, len(a.in.Shapes))
	semaphores := false
	a.first, a.unsure = make([]int32, len(a.in.Goroutines)), make([]bool, len(a.in.Goroutines))
	a.waits = make([]wait, 0, len(a.in.Goroutines))
	for i := range a.in.Goroutines {
		g := &a.in.Goroutines[i]
		if g.Shape < 0 || g.Shape >= len(a.ops) {
			a.first[i] = -1
			continue
		}
		if !known[g.Shape] {
			known[g.Shape], a.ops[g.Shape] = true, c.classify(g.Goroutine, a.in.Shapes[g.Shape].Frames)
		}
		semaphores = semaphores || a.ops[g.Shape].source == inSemaphore
	}
	var queued map[uint64]uint64
	if semaphores {
		queued = a.semaphores()
	}
	conds := condList{a: a, of: map[uint64]uint64{}}
	var buf []goruntime.Sudog
	for i := range a.in.Goroutines {
		g := &a.in.Goroutines[i]
		if i%4096 == 0 && a.ctx.Err() != nil {
			return
		}
		if a.first[i] < 0 {
			continue
		}
		a.first[i] = -1
		op := a.operation(i)
		if g.System || op.kind == "" {
			continue
		}
		switch op.source {
		case inChannel:
			buf = a.channels(i, op, buf[:0])
		case inSemaphore:
			a.semaphore(i, op, queued)
		case inCond:
			a.add(i, key{op.kind, conds.find(i, op)}, op.op, nil)
		default:
			a.add(i, key{op.kind, 0}, op.op, nil)
		}
	}
}

// add notes that a goroutine waits.
func (a *analysis) add(i int, k key, op string, s *goruntime.Sudog) {
	n, ok := a.byKey[k]
	if !ok {
		n = len(a.objects)
		a.byKey[k] = n
		a.objects = append(a.objects, object{key: k})
	}
	w := wait{g: int32(i), object: int32(n), op: op}
	if s != nil {
		w.choice, w.sudog = s.Select, s.Addr
	}
	if a.first[i] < 0 {
		a.first[i] = int32(len(a.waits))
	}
	a.objects[n].waits = append(a.objects[n].waits, int32(len(a.waits)))
	a.waits = append(a.waits, w)
}

// of are the waits of a goroutine.
func (a *analysis) of(i int) []wait {
	from := a.first[i]
	if from < 0 {
		return nil
	}
	to := from
	for int(to) < len(a.waits) && a.waits[to].g == int32(i) {
		to++
	}
	return a.waits[from:to]
}

// semaphores reads who waits for which semaphore, by the address of the
// runtime.g.
func (a *analysis) semaphores() map[uint64]uint64 {
	out := make(map[uint64]uint64, len(a.in.Goroutines)/4)
	a.problems = append(a.problems, a.in.Runtime.Semaphores(func(s goruntime.Sudog) { out[s.G] = s.Elem })...)
	return out
}

// semaphore notes what a goroutine waits for in the runtime's table. Since go1.26
// the goroutine has its record too: both have to say the same.
func (a *analysis) semaphore(i int, op *operation, queued map[uint64]uint64) {
	g := &a.in.Goroutines[i]
	sema, ok := queued[g.Addr]
	if own, err := a.in.Runtime.Waiting(nil, g.Addr, g.Waiting); err == nil && len(own) == 1 && own[0].Chan == 0 && own[0].Elem != 0 {
		if ok && own[0].Elem != sema {
			a.problem(g.Addr, "goroutine %d waits for the semaphore at %#x by its own record, and at %#x by runtime.semtable", g.ID, own[0].Elem, sema)
			a.add(i, key{op.kind, 0}, op.op, nil)
			return
		}
		a.unsure[i] = !ok // taken out of the queue, to go on
		sema, ok = own[0].Elem, true
	}
	if !ok || sema == 0 {
		// It was taken out, and not made runnable yet.
		a.problem(g.Addr, "goroutine %d waits for a semaphore, and is in no queue", g.ID)
		a.add(i, key{op.kind, 0}, op.op, nil)
		return
	}
	at := a.lay.semaphore(op)
	if !at.ok || sema < at.off {
		a.add(i, key{report.WaitSemaphore, sema}, op.op, nil)
		return
	}
	a.add(i, key{op.kind, sema - at.off}, op.op, nil)
}

// channels notes the channels that a goroutine waits for.
func (a *analysis) channels(i int, op *operation, buf []goruntime.Sudog) []goruntime.Sudog {
	g := &a.in.Goroutines[i]
	buf, err := a.in.Runtime.Waiting(buf, g.Addr, g.Waiting)
	if err != nil {
		a.unsure[i] = true
		a.problem(g.Addr, "what goroutine %d waits for is known in part: %v", g.ID, err)
	}
	n := 0
	for j := range buf {
		if buf[j].Chan != 0 {
			a.add(i, key{report.WaitChannel, buf[j].Chan}, op.op, &buf[j])
			n++
		}
	}
	if n == 0 {
		if err == nil {
			a.problem(g.Addr, "goroutine %d waits for a channel, and has no record of one", g.ID)
		}
		a.add(i, key{op.kind, 0}, op.op, nil)
	}
	return buf
}

// condList finds the sync.Cond of goroutines, each condition once.
type condList struct {
	a  *analysis
	of map[uint64]uint64 // runtime.g -> sync.Cond
}

// find is the address of the sync.Cond that a goroutine waits for, 0 when it is
// not known. Since go1.26 the goroutine's record has it; before, sync.(*Cond).Wait has
// passed a list to the runtime, which must hold the goroutine.
func (c *condList) find(i int, op *operation) uint64 {
	a := c.a
	g := &a.in.Goroutines[i]
	if at, ok := c.of[g.Addr]; ok {
		return at
	}
	notify := a.lay.condNotify
	list := uint64(0)
	if own, err := a.in.Runtime.Waiting(nil, g.Addr, g.Waiting); err == nil && len(own) == 1 && own[0].Elem > notify.off {
		list = own[0].Elem
	} else {
		list = c.waitedFor(i)
	}
	if !notify.ok || list == 0 {
		return 0
	}
	members, err := a.in.Runtime.Notified(list)
	if err != nil {
		a.problem(list, "%v", err)
	}
	for _, s := range members {
		c.of[s.G] = list - notify.off
	}
	if at, ok := c.of[g.Addr]; ok {
		return at
	}
	a.problem(g.Addr, "goroutine %d waits for the condition at %#x, and is not in its list", g.ID, list-notify.off)
	return 0
}

// waitedFor is the list that the frame of Wait has passed to the runtime, 0 when it
// is not known.
func (c *condList) waitedFor(i int) uint64 {
	st, err := c.a.in.Stack(c.a.ctx, i)
	if err != nil {
		return 0
	}
	for j := range st.Frames {
		fr := &st.Frames[j]
		if fr.Function != "sync.(*Cond).Wait" || fr.Inlined || fr.CFA == 0 {
			continue
		}
		if o, ok := c.a.in.Runtime.FirstArgument(fr.CallPC, "sync.runtime_notifyListWait"); ok {
			list, _ := c.a.in.Runtime.Address(&o, fr.CFA)
			return list
		}
	}
	return 0
}

// receiver is the sync.Cond of the frame of Wait.
func (c *condList) receiver(i int) uint64 {
	st, err := c.a.in.Stack(c.a.ctx, i)
	if err != nil {
		return 0
	}
	for j := range st.Frames {
		if st.Frames[j].Function != "sync.(*Cond).Wait" {
			continue
		}
		for _, v := range c.a.variables(&st.Frames[j]) {
			if v.name == "c" {
				at, _ := v.word(c.a)
				return at
			}
		}
	}
	return 0
}

// directions reads every channel once: whether a select sends or receives shows in
// the queue that its record is in.
func (a *analysis) directions() {
	ops := map[uint64]string{}
	for n := range a.objects {
		o := &a.objects[n]
		if n%1024 == 0 && a.ctx.Err() != nil {
			return
		}
		if o.kind != report.WaitChannel || o.addr == 0 {
			continue
		}
		c, err := a.in.Runtime.Channel(o.addr)
		if err != nil {
			a.problem(o.addr, "%v", err)
		}
		clear(ops)
		for _, s := range c.Receivers {
			ops[s.Addr] = "receive"
		}
		for _, s := range c.Senders {
			ops[s.Addr] = "send"
		}
		c.Receivers, c.Senders = nil, nil
		if err == nil {
			o.channel = &c
		}
		for _, i := range o.waits {
			w := &a.waits[i]
			op, ok := ops[w.sudog]
			switch {
			case !ok:
				if a.unsure[w.g] = true; err != nil {
					break // told already
				}
				a.problem(o.addr, "goroutine %d waits for the channel at %#x, and is in none of its queues", a.in.Goroutines[w.g].ID, o.addr)
			case !w.choice && op != w.op:
				a.unsure[w.g] = true
				a.problem(o.addr, "goroutine %d waits to %s, and is queued to %s", a.in.Goroutines[w.g].ID, w.op, op)
			}
			if ok {
				w.op = op
			}
		}
	}
}

// ages finds how long goroutines have waited at least. In a goroutine that it sees
// waiting the collector notes when it came to the end of marking the time before
// (runtime/mgcmark.go, go1.21 to go1.27): the wait may have begun later than that,
// but not later than the end of marking of the cycle that saw it, which is the next
// such time that is known. The last that is known of the clock is how far the program
// came at least.
func (a *analysis) ages() {
	a.now = a.in.Runtime.NotBefore()
	a.marks = append(a.marks, a.in.Runtime.LastMark())
	last := int64(0)
	for i := range a.in.Goroutines {
		if since := a.in.Goroutines[i].WaitSince; since > 0 && since != last {
			a.marks, last = append(a.marks, since), since
		}
	}
	slices.Sort(a.marks)
	a.marks = slices.Compact(a.marks)
	for n := range a.objects {
		o := &a.objects[n]
		last := int32(-1)
		for _, i := range o.waits {
			if g := a.waits[i].g; g != last { // a select may have a channel twice
				o.waiting, last = o.waiting+1, g
			}
			o.since = max(o.since, a.age(int(a.waits[i].g)))
		}
	}
}

// age is how long a goroutine has waited at least, 0 when it is not known.
func (a *analysis) age(i int) int64 {
	return atLeast(a.in.Goroutines[i].WaitSince, a.now, a.marks)
}

// atLeast is how long a wait has lasted at least, of which the collector noted a
// time, 0 when that is not known: since the first end of marking behind it. marks
// ascend.
func atLeast(noted, now int64, marks []int64) int64 {
	if noted <= 0 {
		return 0
	}
	n, _ := slices.BinarySearch(marks, noted+1)
	if n == len(marks) {
		return 0
	}
	return max(now-marks[n], 0)
}

// rank orders the objects.
func (a *analysis) rank() {
	a.ranked = make([]int, len(a.objects))
	for i := range a.ranked {
		a.ranked[i] = i
	}
	slices.SortStableFunc(a.ranked, func(i, j int) int { return cmp.Compare(a.objects[j].waiting, a.objects[i].waiting) })
	a.rankOf = make([]int, len(a.objects))
	for i, n := range a.ranked {
		a.rankOf[n] = i
	}
}
