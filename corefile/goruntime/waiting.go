package goruntime

import (
	"fmt"

	"github.com/safedump/sdcore/report"
)

// What goroutines wait for is noted in records of type runtime.sudog: one in a
// queue of a channel for each case of a select, one in runtime.semtable for a
// semaphore (mutexes, wait groups), one in the list of a sync.Cond. Layouts come
// from DWARF; read beside runtime/{chan,select,sema}.go of go1.21 to go1.27.

const (
	maxSudogs = 1 << 24 // of all semaphores, or of one channel
	maxCases  = 1 << 16 // of a select: the compiler allows no more
)

// Sudog is a goroutine that waits for one thing.
type Sudog struct {
	Addr uint64
	G    uint64 // of the runtime.g
	// Elem is the semaphore that it waits for, or what it sends or receives into.
	Elem   uint64
	Chan   uint64 // 0 for a semaphore
	Select bool   // one case of several

	next, prev, link uint64
}

// sudogLayout is where its fields are.
type sudogLayout struct {
	size                                         int64
	g, next, prev, elem, isSelect, link, channel field
}

// sudogs reads the layout once.
func (r *Runtime) sudogs() (*sudogLayout, error) {
	if r.sudog != nil || r.sudogErr != nil {
		return r.sudog, r.sudogErr
	}
	var l sudogLayout
	elem, channel := "elem", "c"
	// Since go1.26 a pointer that the collector shall not see lies beside its number.
	if t, err := r.types.ByName("runtime.sudog"); err == nil {
		if _, ok := t.Field("elem.vu"); ok {
			elem = "elem.vu"
		}
		if _, ok := t.Field("c.vu"); ok {
			channel = "c.vu"
		}
	}
	l.size, r.sudogErr = fields(r.types, "runtime.sudog", []need{
		{&l.g, "g", true}, {&l.next, "next", true}, {&l.prev, "prev", true}, {&l.elem, elem, true},
		{&l.isSelect, "isSelect", true}, {&l.link, "waitlink", true}, {&l.channel, channel, true},
	})
	if r.sudogErr == nil {
		r.sudog = &l
	}
	return r.sudog, r.sudogErr
}

func (r *Runtime) readSudog(addr uint64) (Sudog, error) {
	l, err := r.sudogs()
	if err != nil {
		return Sudog{}, err
	}
	o, err := r.object(addr, l.size)
	if err != nil {
		return Sudog{}, err
	}
	return Sudog{
		Addr: addr, G: o.get(l.g), Elem: o.get(l.elem), Chan: o.get(l.channel), Select: o.get(l.isSelect) != 0,
		next: o.get(l.next), prev: o.get(l.prev), link: o.get(l.link),
	}, nil
}

// HiddenWords are the words by which the collector comes from the record of a
// waiting goroutine, a [Sudog], to what that waits for, with the size of the record.
// Who has nothing else can't wake it.
func (r *Runtime) HiddenWords() (size uint64, offsets []uint64, ok bool) {
	l, err := r.sudogs()
	if err != nil {
		return 0, nil, false
	}
	t, err := r.types.ByName("runtime.sudog")
	if err != nil {
		return 0, nil, false
	}
	for _, spellings := range [][]string{{"elem.vp", "elem"}, {"c.vp", "c"}} {
		for _, path := range spellings {
			if f, found := t.Field(path); found && f.Offset >= 0 && f.Offset < l.size {
				offsets = append(offsets, uint64(f.Offset))
				break
			}
		}
	}
	return uint64(l.size), offsets, len(offsets) == 2
}

// DeferWord is where a runtime.g leads to its deferred calls, with its size.
func (r *Runtime) DeferWord() (size, offset uint64) {
	if !r.lay.gDefer.ok {
		return 0, 0
	}
	return uint64(r.lay.gSize), uint64(r.lay.gDefer.off)
}

// Waiting appends to buf what the goroutine whose runtime.g lies at g waits
// for: first is its [corefile.Goroutine.Waiting]. A select has a record for each
// case with a channel, in the order of the channels' addresses. Records before
// the damage are returned with the error.
func (r *Runtime) Waiting(buf []Sudog, g, first uint64) ([]Sudog, error) {
	for at, n := first, 0; at != 0; n++ {
		s, err := r.readSudog(at)
		switch {
		case err != nil:
			return buf, fmt.Errorf("runtime.sudog: %w", err)
		case s.G != g:
			return buf, fmt.Errorf("runtime.sudog at %#x is of another goroutine, %#x", at, s.G)
		case n == maxCases:
			return buf, fmt.Errorf("more than %d cases", maxCases)
		}
		buf = append(buf, s)
		if !s.Select { // the link is that of a semaphore's list
			return buf, nil
		}
		at = s.link
	}
	return buf, nil
}

// Semaphores calls each for every goroutine that waits for a semaphore: those of
// runtime.semtable, trees of addresses with a list of goroutines each. What is
// damaged becomes a problem; the core may be of a moment in which a tree was
// being turned.
func (r *Runtime) Semaphores(each func(Sudog)) []report.Problem {
	at, _, ok := r.sym("runtime.semtable")
	t, err := r.types.ByName("runtime.semTable")
	if !ok || err != nil || t.Elem == nil || t.Len <= 0 || t.Len > 1<<16 {
		return []report.Problem{waitProblem("semaphores", 0, "runtime.semtable was not found")}
	}
	treap, ok := t.Elem.Field("root.treap")
	if !ok || t.Elem.Size <= 0 {
		return []report.Problem{waitProblem("semaphores", at, "runtime.semtable has no trees")}
	}
	w := semaWalk{r: r, each: each, seen: map[uint64]bool{}}
	for i := range uint64(t.Len) {
		root, err := r.mem.Uint64(at + i*uint64(t.Elem.Size) + uint64(treap.Offset))
		if err != nil {
			w.problem(at, err.Error())
			continue
		}
		w.tree(root)
	}
	return w.problems
}

// semaWalk walks the trees of semaphores.
type semaWalk struct {
	r        *Runtime
	each     func(Sudog)
	seen     map[uint64]bool
	problems []report.Problem
}

func (w *semaWalk) problem(addr uint64, text string) {
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, waitProblem("semaphores", addr, text))
	}
}

// tree visits the nodes of one tree, each of which begins a list.
func (w *semaWalk) tree(root uint64) {
	for todo := []uint64{root}; len(todo) > 0; {
		at := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		node, ok := w.visit(at)
		if !ok {
			continue
		}
		todo = append(todo, node.prev, node.next)
		for at := node.link; at != 0; {
			s, ok := w.visit(at)
			if !ok {
				break
			}
			if s.Elem != node.Elem {
				w.problem(at, fmt.Sprintf("runtime.sudog waits for %#x in the list of %#x", s.Elem, node.Elem))
				break
			}
			at = s.link
		}
	}
}

// visit reads one record.
func (w *semaWalk) visit(at uint64) (Sudog, bool) {
	if at == 0 {
		return Sudog{}, false
	}
	if w.seen[at] || len(w.seen) >= maxSudogs {
		w.problem(at, "a list of waiting goroutines goes in circles")
		return Sudog{}, false
	}
	w.seen[at] = true
	s, err := w.r.readSudog(at)
	if err != nil {
		w.problem(at, "runtime.sudog is not readable: "+err.Error())
		return s, false
	}
	w.each(s)
	return s, true
}

// Channel is a channel with who waits for it.
type Channel struct {
	Addr     uint64
	Len, Cap uint64
	Closed   bool
	Timer    bool   // a timer sends to it
	ElemType uint64 // descriptor
	// Receivers and Senders wait, the one that came first before the others.
	Receivers, Senders []Sudog
}

// channelLayout is where the fields of a runtime.hchan are.
type channelLayout struct {
	total                                    int64
	n, size, closed, timer, elem, recv, send field
}

// channels reads the layout once.
func (r *Runtime) channels() (*channelLayout, error) {
	if r.hchan != nil || r.hchanErr != nil {
		return r.hchan, r.hchanErr
	}
	var l channelLayout
	l.total, r.hchanErr = fields(r.types, "runtime.hchan", []need{
		{&l.n, "qcount", true}, {&l.size, "dataqsiz", true}, {&l.closed, "closed", true}, {&l.timer, "timer", false},
		{&l.elem, "elemtype", true}, {&l.recv, "recvq.first", true}, {&l.send, "sendq.first", true},
	})
	if r.hchanErr == nil {
		r.hchan = &l
	}
	return r.hchan, r.hchanErr
}

// Channel reads the runtime.hchan at addr. Waiting goroutines before the damage
// are listed with the error.
func (r *Runtime) Channel(addr uint64) (Channel, error) {
	c := Channel{Addr: addr}
	l, err := r.channels()
	if err != nil {
		return c, err
	}
	o, err := r.object(addr, l.total)
	if err != nil {
		return c, fmt.Errorf("runtime.hchan: %w", err)
	}
	c.Len, c.Cap, c.Closed, c.Timer, c.ElemType = o.get(l.n), o.get(l.size), o.get(l.closed) != 0, o.get(l.timer) != 0, o.get(l.elem)
	if c.Len > c.Cap {
		return c, fmt.Errorf("runtime.hchan at %#x holds %d of %d elements", addr, c.Len, c.Cap)
	}
	if c.Receivers, err = r.queue(addr, o.get(l.recv)); err != nil {
		return c, err
	}
	c.Senders, err = r.queue(addr, o.get(l.send))
	return c, err
}

// queue reads one queue of a channel.
func (r *Runtime) queue(channel, first uint64) (out []Sudog, err error) {
	for at, prev := first, uint64(0); at != 0; {
		s, err := r.readSudog(at)
		switch {
		case err != nil:
			return out, fmt.Errorf("queue of the channel at %#x: %w", channel, err)
		case s.Chan != channel || s.prev != prev || len(out) == maxSudogs: // a cycle has a wrong prev
			return out, fmt.Errorf("runtime.sudog at %#x does not belong into the queue of the channel at %#x", at, channel)
		}
		out = append(out, s)
		at, prev = s.next, at
	}
	return out, nil
}

// Notified lists who waits for the sync.Cond whose runtime.notifyList is at addr.
func (r *Runtime) Notified(addr uint64) (out []Sudog, err error) {
	var head field
	size, err := fields(r.types, "runtime.notifyList", []need{{&head, "head", true}})
	if err != nil {
		return nil, err
	}
	o, err := r.object(addr, size)
	if err != nil {
		return nil, fmt.Errorf("runtime.notifyList: %w", err)
	}
	seen := map[uint64]bool{}
	for at := o.get(head); at != 0; {
		s, err := r.readSudog(at)
		switch {
		case err != nil:
			return out, fmt.Errorf("list of the condition at %#x: %w", addr, err)
		case seen[at] || len(out) == maxSudogs:
			return out, fmt.Errorf("list of the condition at %#x goes in circles", addr)
		}
		seen[at] = true
		out = append(out, s)
		at = s.next
	}
	return out, nil
}

// LastMark is the time of the runtime's clock at which the collector last came to
// the end of marking (runtime.work.tstart); 0 when it is not known. What it writes
// into the g of a goroutine that it sees waiting is this time of the cycle before:
// [corefile.Goroutine.WaitSince] may lie before the wait began.
func (r *Runtime) LastMark() int64 { return r.clock("runtime.work", "runtime.workType", "tstart") }

// clock reads a time from a package variable of the runtime.
func (r *Runtime) clock(variable, typ, path string) int64 {
	at, _, ok := r.sym(variable)
	t, err := r.types.ByName(typ)
	if !ok || err != nil {
		return 0
	}
	f, ok := t.Field(path)
	if !ok || f.Type == nil || f.Type.Size != 8 || f.Offset < 0 {
		return 0
	}
	v, err := r.mem.Uint64(at + uint64(f.Offset))
	if err != nil || v >= 1<<62 {
		return 0
	}
	return int64(v)
}

// NotBefore is a time of the runtime's clock (nanotime) at which the program
// certainly still ran: the latest that the scheduler and the collector noted. 0
// when none is known.
func (r *Runtime) NotBefore() int64 {
	latest := int64(0)
	note := func(v uint64) {
		if v < 1<<62 {
			latest = max(latest, int64(v))
		}
	}
	latest = max(
		r.clock("runtime.sched", "runtime.schedt", "lastpoll"),
		r.clock("runtime.memstats", "runtime.mstats", "last_gc_nanotime"), r.LastMark(),
	)
	var schedule, syscall field
	if size, err := fields(r.types, "runtime.p", []need{{&schedule, "sysmontick.schedwhen", false}, {&syscall, "sysmontick.syscallwhen", false}}); err == nil {
		at, _, ok := r.sym("runtime.allp")
		list, err1 := r.mem.Uint64(at)
		n, err2 := r.mem.Uint64(at + 8)
		for i := uint64(0); ok && err1 == nil && err2 == nil && i < min(n, 1<<12); i++ {
			p, err := r.mem.Uint64(list + 8*i)
			if err != nil {
				break
			}
			if o, err := r.object(p, size); err == nil {
				note(o.get(schedule))
				note(o.get(syscall))
			}
		}
	}
	return latest
}

func waitProblem(subject string, addr uint64, text string) report.Problem {
	p := problem(addr, text)
	p.Subject = subject
	return p
}
