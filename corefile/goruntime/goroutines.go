package goruntime

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// Goroutine states, runtime/runtime2.go of Go 1.26.
const (
	gIdle      = 0
	gRunnable  = 1
	gRunning   = 2
	gSyscall   = 3
	gWaiting   = 4
	gDead      = 6
	gCopyStack = 8
	gPreempted = 9
	gLeaked    = 10
	gDeadExtra = 11
	gScan      = 0x1000
)

// maxProblems bounds the problems reported for one list.
const maxProblems = 20

// Goroutines lists every goroutine of runtime.allgs that is not dead, ascending
// by ID. What can't be read of one is a problem, the others are still listed.
// Where the core lacks a part of the list, they are found by their own records;
// the error is for a core with neither.
func (r *Runtime) Goroutines(ctx context.Context) ([]corefile.Goroutine, []report.Problem, error) {
	addrs, problems, err := r.allgs()
	if err != nil || len(problems) > 0 {
		found := r.search(ctx, addrs)
		if err != nil && len(found) == 0 {
			return nil, nil, err
		}
		if err != nil {
			problems = append(problems, problem(0, err.Error()))
		}
		if len(found) > 0 {
			problems = append(problems, problem(0, fmt.Sprintf("%d goroutines that are not in the list were found by their own records", len(found))))
		}
		addrs = append(addrs, found...)
	}
	out, bad, err := r.list(ctx, addrs, listers(len(addrs)))
	if err != nil {
		return nil, problems, err
	}
	problems = append(problems, bad...)
	sortByID(out)
	return out, append(problems, sameIDs(out)...), nil
}

// Goroutine reads the goroutine whose runtime.g lies at addr, dead or alive.
func (r *Runtime) Goroutine(addr uint64) (corefile.Goroutine, error) {
	var g corefile.Goroutine
	_, err := newLister(r).goroutine(addr, &g)
	return g, err
}

// allgs returns the addresses in runtime.allgs.
func (r *Runtime) allgs() ([]uint64, []report.Problem, error) {
	at, _, _ := r.sym("runtime.allgs")
	h, err := r.view(at, 16)
	if err != nil {
		return nil, nil, fmt.Errorf("runtime.allgs: %w", err)
	}
	ptr, n := binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:])
	// The allocator never hands out 2^40 bytes: anything above is damage.
	if n > 1<<37 {
		return nil, nil, fmt.Errorf("runtime.allgs at %#x: length %d", at, n)
	}
	var problems []report.Problem
	if have := r.mem.Available(ptr, int64(n)*8) / 8; uint64(have) < n {
		problems = append(problems, problem(ptr, fmt.Sprintf("runtime.allgs has %d entries, the core holds %d", n, have)))
		n = uint64(max(have, 0))
	}
	out := make([]uint64, 0, n)
	const step = 4096
	for i := uint64(0); i < n; i += step {
		k := min(step, n-i)
		b, err := r.view(ptr+i*8, int(k)*8)
		if err != nil {
			return out, append(problems, problem(ptr+i*8, "runtime.allgs: "+err.Error())), nil
		}
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, binary.LittleEndian.Uint64(b))
		}
	}
	return out, problems, nil
}

// goroutine reads one runtime.g into g; live is false for those that are dead or
// only reserved.
func (s *lister) goroutine(addr uint64, g *corefile.Goroutine) (live bool, err error) {
	r := s.r
	o, err := r.object(addr, r.lay.gSize)
	if err != nil {
		return false, err
	}
	l := &r.lay
	status := o.get(l.gStatus) &^ gScan
	*g = corefile.Goroutine{
		Addr: addr, ID: o.get(l.gID), ParentID: o.get(l.gParent),
		Status: statusName(status), WaitSince: int64(o.get(l.gWaitSince)),
		PC: o.get(l.gSchedPC), SP: o.get(l.gSchedSP),
		GoPC: o.get(l.gGoPC), StartPC: o.get(l.gStartPC),
		PanicAddr: o.get(l.gPanic), DeferAddr: o.get(l.gDefer),
		Waiting: o.get(l.gWaiting), SleepUntil: int64(o.get(l.gSleepWhen)),
		Secret: o.get(l.gSecret) != 0,
	}
	if status == gDead || status == gDeadExtra || status == gIdle && g.ID == 0 {
		return false, nil
	}
	if status == gWaiting || status == gLeaked {
		g.WaitReason = r.reason(o.get(l.gWaitReason))
	}
	r.locate(g, o)
	s.name(g, o)
	g.Fault = r.fault(o)
	if at := o.get(l.gLabels); at != 0 {
		g.Labels = r.labels(at)
	}
	return true, nil
}

// locate fills in the thread that runs g and where g stands.
func (r *Runtime) locate(g *corefile.Goroutine, o object) {
	m, ok := r.mByAddr(o.get(r.lay.gM))
	if !ok || m.CurG != g.Addr {
		return
	}
	g.TID = m.TID
	lo, hi := o.get(r.lay.gStackLo), o.get(r.lay.gStackHi)
	// On a system stack or in a signal handler the thread's registers are not
	// where the goroutine stands.
	if th, ok := r.threads[m.TID]; ok && th.SP >= lo && th.SP < hi {
		g.PC, g.SP = th.PC, th.SP
	} else if g.SP < lo || g.SP >= hi {
		g.PC, g.SP = 0, 0 // what the scheduler saved is of an earlier stop
	}
}

// name fills in the start function, the go statement and what depends on them.
func (s *lister) name(g *corefile.Goroutine, o object) {
	g.Start = s.start(g.StartPC)
	g.System = s.r.system(g.Start, o)
	if g.GoPC != 0 && g.ID != 1 { // nothing started the first one
		g.Creator = s.creator(g.GoPC)
	}
}

// fault is the signal that the runtime noted in g; recovering from the panic
// that it became clears it.
func (r *Runtime) fault(o object) *corefile.Fault {
	l := &r.lay
	sig := o.get(l.gSig)
	if sig == 0 {
		return nil
	}
	return &corefile.Fault{
		Signal: int(sig), Code0: o.get(l.gSigCode0), Addr: o.get(l.gSigCode1), PC: o.get(l.gSigPC),
	}
}

// StackBounds returns the ends of the stack of the runtime.g at addr: lo is
// the lowest address, hi the first one above.
func (r *Runtime) StackBounds(addr uint64) (lo, hi uint64, err error) {
	o, err := r.object(addr, r.lay.gSize)
	if err != nil {
		return 0, 0, err
	}
	return o.get(r.lay.gStackLo), o.get(r.lay.gStackHi), nil
}

func sameIDs(gs []corefile.Goroutine) []report.Problem {
	var out []report.Problem
	for i := 1; i < len(gs) && len(out) < maxProblems; i++ {
		if gs[i].ID == gs[i-1].ID {
			out = append(out, problem(gs[i].Addr, fmt.Sprintf("goroutine ID %d occurs twice", gs[i].ID)))
		}
	}
	return out
}

func problem(addr uint64, message string) report.Problem {
	return report.Problem{Stage: "goruntime", Subject: "goroutines", Addr: report.Addr(addr), Message: message, Missing: true}
}
