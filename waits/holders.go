package waits

import (
	"maps"
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Evidence for a holder, as a report has it.
const (
	byDefer  = "deferred call"
	byFlow   = "between lock and unlock"
	byMethod = "method of the owner"
)

const (
	// maxLooked bounds the goroutines whose own frames are looked at for holders.
	maxLooked = 50_000
	// maxHolders bounds the candidates that are kept of an object.
	maxHolders = 64
)

// holder is a goroutine that may hold an object.
type holder struct {
	g        int
	grade    report.WaitGrade
	evidence string
	call     string // that is still to be made
	reader   bool
	at       report.FrameRef
}

// releases are the calls that give something back, with what.
func releases() map[string]report.WaitKind {
	return map[string]report.WaitKind{
		"sync.(*Mutex).Unlock": report.WaitMutex, "internal/sync.(*Mutex).Unlock": report.WaitMutex,
		"sync.(*RWMutex).Unlock": report.WaitRWMutex, "sync.(*RWMutex).RUnlock": report.WaitRWMutex,
		"sync.(*WaitGroup).Done": report.WaitWaitGroup, "sync.(*WaitGroup).Add": report.WaitWaitGroup,
		"sync.(*Cond).Signal": report.WaitCond, "sync.(*Cond).Broadcast": report.WaitCond,
		"runtime.closechan": report.WaitChannel, "runtime.chansend1": report.WaitChannel,
	}
}

// search looks for holders.
type search struct {
	*analysis
	releases map[string]report.WaitKind
	held     map[key]int       // objects that somebody may hold
	wrapped  map[uint64]string // what wrappers call, by the entry of their code
	flows    map[uint64]*flow  // by the entry of a function
	shapes   []shapeHints
	looked   int
}

// shapeHints are what the stacks of one shape have to be looked at for.
type shapeHints struct {
	known  bool
	defers bool  // a frame can have open-coded defers
	flows  []int // frames whose code locks something
}

// hold finds who may hold what others wait for.
func (a *analysis) hold() {
	s := &search{
		analysis: a, releases: releases(), held: map[key]int{}, wrapped: map[uint64]string{},
		flows: map[uint64]*flow{}, shapes: make([]shapeHints, len(a.in.Shapes)),
	}
	for i, n := range a.ranked {
		o := &a.objects[n]
		if i >= a.o.MaxObjects {
			break
		}
		switch o.kind {
		case report.WaitMutex, report.WaitRWMutex, report.WaitWaitGroup, report.WaitCond, report.WaitChannel, report.WaitOnce:
			if o.addr == 0 {
				continue
			}
			s.held[o.key] = n
			if o.kind == report.WaitOnce && a.lay.onceSema.ok && a.lay.mutexSema.ok {
				// It holds a mutex of its own while its function runs.
				s.held[key{report.WaitMutex, o.addr + a.lay.onceSema.off - a.lay.mutexSema.off}] = n
			}
		}
	}
	if len(s.held) == 0 {
		return
	}
	for i := range a.in.Goroutines {
		if i%1024 == 0 && a.ctx.Err() != nil {
			return
		}
		s.goroutine(i)
	}
	if s.looked > maxLooked {
		a.problem(0, "of %d goroutines that may hold something, %d were looked at", s.looked, maxLooked)
	}
	s.methods()
	for _, n := range s.held {
		s.sort(n)
		s.check(n)
	}
}

// sort orders the candidates of an object, one for each goroutine.
func (s *search) sort(n int) {
	o := &s.objects[n]
	slices.SortStableFunc(o.holders, func(x, y holder) int {
		if x.grade != y.grade {
			return rank(x.grade) - rank(y.grade)
		}
		return x.g - y.g
	})
	seen := map[int]bool{}
	o.holders = slices.DeleteFunc(o.holders, func(h holder) bool {
		double := seen[h.g]
		seen[h.g] = true
		return double
	})
	o.holders = o.holders[:min(len(o.holders), maxHolders)]
}

func rank(g report.WaitGrade) int {
	return slices.Index([]report.WaitGrade{report.WaitProven, report.WaitStrong, report.WaitWeak, report.WaitCandidate}, g)
}

// hints finds out what to look for on the stacks of a shape.
func (s *search) hints(shape int) *shapeHints {
	h := &s.shapes[shape]
	if h.known {
		return h
	}
	h.known = true
	frames := s.in.Shapes[shape].Frames
	for i := range frames {
		fr := &frames[i]
		if fr.SystemStack {
			continue
		}
		if f, ok := s.in.Runtime.Functions().Find(fr.CallPC); ok && !fr.Inlined {
			if _, _, ok := f.OpenDefers(); ok {
				h.defers = true
			}
		}
		if !fr.Inlined && !machinery(fr.Function) && s.flow(fr).locks() {
			h.flows = append(h.flows, i)
		}
	}
	return h
}

// goroutine looks at one goroutine.
func (s *search) goroutine(i int) {
	g := &s.in.Goroutines[i]
	if g.System || g.Shape < 0 || g.Shape >= len(s.shapes) {
		return
	}
	h := s.hints(g.Shape)
	if !h.defers && g.DeferAddr == 0 && len(h.flows) == 0 {
		return
	}
	if s.looked++; s.looked > maxLooked {
		return
	}
	st, err := s.in.Stack(s.ctx, i)
	if err != nil {
		return
	}
	if h.defers || g.DeferAddr != 0 {
		s.deferred(i, &st)
	}
	for _, at := range h.flows {
		if at < len(st.Frames) {
			s.between(i, &st.Frames[at])
		}
	}
}

// deferred looks at the deferred calls of a goroutine that are still to run.
func (s *search) deferred(i int, st *corefile.Stack) {
	pending := s.in.Runtime.Defers(s.in.Goroutines[i].Goroutine, st.Frames)
	for _, at := range slices.Sorted(maps.Keys(pending.Frames)) {
		for _, d := range pending.Frames[at] {
			name, receiver, ok := s.release(d.Closure, d.Code)
			if !ok {
				continue
			}
			n, ok := s.held[key{s.releases[name], receiver}]
			if !ok {
				continue
			}
			fr := &st.Frames[at]
			grade := report.WaitStrong
			if s.released(fr, n) { // it was given back meanwhile, and is to be locked again
				grade = report.WaitWeak
			}
			s.candidate(n, holder{
				g: i, grade: grade, evidence: byDefer, call: name, reader: strings.HasSuffix(name, "RUnlock"),
				at: report.FrameRef{Function: fr.Function, File: fr.File, Line: fr.Line},
			})
		}
	}
}

// release tells what a deferred call gives back, and its receiver: of a wrapper
// around a method of package sync, or a method value of one.
func (s *search) release(closure, code uint64) (name string, receiver uint64, ok bool) {
	if closure == 0 {
		return "", 0, false
	}
	name, known := s.wrapped[code]
	if known && s.releases[name] == "" {
		return "", 0, false
	}
	c, ok := s.in.Runtime.Wrapped(closure)
	if !known && len(s.wrapped) < 1<<16 {
		s.wrapped[code] = c.Frame.Function
	}
	if name = c.Frame.Function; !ok || s.releases[name] == "" {
		return "", 0, false
	}
	receiver, ok = s.receiver(&c)
	return name, receiver, ok
}

// receiver is the first argument of a call.
func (s *search) receiver(c *goruntime.Call) (uint64, bool) {
	if !c.Frame.Inlined {
		if b, ok := c.Frame.Regs.Bytes(regRAX); ok && len(b) == 8 {
			return le64(b), true
		}
	}
	for _, v := range s.variables(&c.Frame) {
		if v.role != report.RoleArg {
			continue
		}
		if v.addr != 0 && c.OnStack(v.addr) {
			w, ok := c.Stack[v.addr]
			return w, ok
		}
		return v.word(s.analysis)
	}
	return 0, false
}

// candidate notes a holder.
func (s *search) candidate(n int, h holder) {
	o := &s.objects[n]
	if s.gaveUp(h.g, n) {
		return
	}
	if len(o.holders) < 4*maxHolders {
		o.holders = append(o.holders, h)
	}
}

// waitsFor reports whether a goroutine waits for an object.
func (a *analysis) waitsFor(g, n int) bool {
	for _, w := range a.of(g) {
		if int(w.object) == n {
			return true
		}
	}
	return false
}

// methods looks for methods of the value that an object lies in, on the stacks of
// goroutines that don't wait for it. It is asked for locks without better
// candidates only.
func (s *search) methods() {
	for _, n := range s.ranked {
		o := &s.objects[n]
		if _, ok := s.held[o.key]; !ok || len(o.holders) > 0 || o.kind != report.WaitMutex && o.kind != report.WaitRWMutex {
			continue
		}
		for _, f := range o.names {
			if f.holder != 0 && f.typ != nil && f.typ.Package != "" {
				s.method(n, f.holder, f.typ)
				break
			}
		}
	}
}

// maxMethodGoroutines bounds the goroutines that are looked at for one object.
const maxMethodGoroutines = 256

// method looks for frames of methods of one value.
func (s *search) method(n int, owner uint64, typ *gotype.Type) {
	prefix, found := receiverPrefix(typ.Name), make([]int, len(s.in.Shapes))
	left := maxMethodGoroutines
	for i := range s.in.Goroutines {
		g := &s.in.Goroutines[i]
		if g.System || g.Shape < 0 || g.Shape >= len(found) || s.waitsFor(i, n) {
			continue
		}
		if found[g.Shape] == 0 {
			found[g.Shape] = -1
			for j, fr := range s.in.Shapes[g.Shape].Frames {
				if rest, ok := strings.CutPrefix(fr.Function, prefix); ok && (rest[0:min(1, len(rest))] == ")" || strings.HasPrefix(rest, "[")) {
					found[g.Shape] = j + 1
					break
				}
			}
		}
		at := found[g.Shape] - 1
		if at < 0 {
			continue
		}
		if left--; left < 0 {
			return
		}
		st, err := s.in.Stack(s.ctx, i)
		if err != nil || at >= len(st.Frames) {
			continue
		}
		fr := &st.Frames[at]
		for _, v := range s.variables(fr) {
			if w, ok := v.word(s.analysis); ok && w == owner && v.role == report.RoleArg {
				s.candidate(n, holder{
					g: i, grade: report.WaitWeak, evidence: byMethod,
					at: report.FrameRef{Function: fr.Function, File: fr.File, Line: fr.Line},
				})
				break
			}
		}
	}
}

// receiverPrefix is how the names of methods of pointers to a type begin:
// "main.(*Server)." for main.Server.
func receiverPrefix(typ string) string {
	i := strings.LastIndexByte(typ, '/') + 1
	j := strings.IndexByte(typ[i:], '.')
	if j < 0 {
		return "\x00"
	}
	name, _, _ := strings.Cut(typ[i+j+1:], "[")
	return typ[:i+j+1] + "(*" + name
}
