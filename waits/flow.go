package waits

import (
	"reflect"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// flow is what a function does to locks; its field is nil where it locks nothing.
type flow struct{ *goruntime.LockFlow }

// locks reports whether the function takes a lock.
func (f *flow) locks() bool { return f.LockFlow != nil }

// flow reads the function of a frame, once.
func (s *search) flow(fr *corefile.Frame) *flow {
	if f, ok := s.flows[fr.Entry]; ok {
		return f
	}
	f := &flow{}
	if l, ok := s.in.Runtime.LockFlow(fr.CallPC); ok {
		f.LockFlow = l
	}
	if len(s.flows) < 1<<16 {
		s.flows[fr.Entry] = f
	}
	return f
}

// target is the lock that a site of a function is about, in one frame.
func (s *search) target(site *goruntime.LockSite, fr *corefile.Frame) (key, bool) {
	k := key{kind: report.WaitMutex}
	word := s.lay.mutexState
	if strings.HasPrefix(site.Function, "sync.(*RWMutex)") {
		k.kind, word = report.WaitRWMutex, s.lay.readerCount
	}
	addr, ok := s.in.Runtime.Address(&site.Address, fr.CFA)
	if !ok {
		return k, false
	}
	if site.Inlined {
		addr -= word.off
	}
	k.addr = addr
	return k, !site.Inlined || word.ok
}

// takes reports whether a site takes a lock; if not, it gives one back.
func takes(site *goruntime.LockSite) bool {
	return strings.HasSuffix(site.Function, "Lock") && !strings.HasSuffix(site.Function, "nlock")
}

// effects are what the sites of a function do to one lock. A site that gives back
// a lock that is not known may be giving back this one.
func (s *search) effects(f *flow, fr *corefile.Frame, of key) (out []goruntime.Effect, taken, reader bool) {
	out = make([]goruntime.Effect, len(f.Sites))
	for i := range f.Sites {
		site := &f.Sites[i]
		k, ok := s.target(site, fr)
		switch {
		case takes(site) && ok && k == of:
			out[i], taken = goruntime.EffectTake, true
			reader = reader || strings.HasSuffix(site.Function, "RLock")
		case !takes(site) && k.kind == of.kind && (!ok || k == of):
			out[i] = goruntime.EffectGive
		}
	}
	return out, taken, reader
}

// between looks for locks that a frame has taken and not given back.
func (s *search) between(i int, fr *corefile.Frame) {
	f := s.flow(fr)
	if !f.locks() || fr.CFA == 0 {
		return
	}
	done := map[int]bool{}
	for j := range f.Sites {
		if !takes(&f.Sites[j]) {
			continue
		}
		k, ok := s.target(&f.Sites[j], fr)
		n, waited := s.held[k]
		if !ok || !waited || done[n] {
			continue
		}
		done[n] = true
		effects, _, reader := s.effects(f, fr, k)
		grade := report.WaitStrong
		if f.Sites[j].Shared {
			grade = report.WaitWeak
		}
		if held, ok := f.Held(fr.CallPC, effects); ok && held {
			s.candidate(n, holder{
				g: i, grade: grade, evidence: byFlow, reader: reader,
				at: report.FrameRef{Function: fr.Function, File: fr.File, Line: fr.Line},
			})
		}
	}
}

// released reports whether the code of a frame shows that a lock, which it has
// taken itself, is not held on every way to where the frame stands.
func (s *search) released(fr *corefile.Frame, n int) bool {
	f := s.flow(fr)
	if !f.locks() {
		return false
	}
	effects, taken, _ := s.effects(f, fr, s.objects[n].key)
	if !taken {
		return false
	}
	held, ok := f.Held(fr.CallPC, effects)
	return ok && !held
}

// gaveUp reports whether a goroutine stands in sync.(*Cond).Wait, which gives the
// condition's lock back while it waits, and takes it again.
func (s *search) gaveUp(g, n int) bool {
	frames := s.in.Shapes[s.in.Goroutines[g].Shape].Frames
	waits := false
	for i := range frames {
		waits = waits || frames[i].Function == "sync.(*Cond).Wait"
	}
	if !waits {
		return false
	}
	cond := uint64(0)
	for _, w := range s.of(g) {
		if o := &s.objects[w.object]; o.kind == report.WaitCond {
			cond = o.addr
		}
	}
	if cond == 0 {
		cond = (&condList{a: s.analysis}).receiver(g)
	}
	t, err := s.in.Types.ByName("sync.Cond")
	if cond == 0 || err != nil {
		return true // of which lock is not known
	}
	l, ok := t.Field("L")
	if !ok || l.Type == nil || l.Type.Kind != reflect.Interface {
		return true
	}
	lock, err := s.in.Memory.Uint64(cond + uint64(l.Offset) + 8)
	return err != nil || lock == s.objects[n].addr
}

// check compares the candidates for a lock with what the lock says of itself.
func (s *search) check(n int) {
	o := &s.objects[n]
	strong := 0
	for i := range o.holders {
		if h := &o.holders[i]; h.grade == report.WaitStrong && !h.reader {
			strong++
		}
	}
	free, most := false, 1
	switch o.kind {
	case report.WaitMutex:
		w, err := s.in.Memory.Uint32(o.addr + s.lay.mutexState.off)
		free = err == nil && s.lay.mutexState.ok && w&mutexLocked == 0
	case report.WaitRWMutex:
		readers, writer, ok := s.readers(o)
		free = ok && readers == 0 && !writer
	default:
		most = len(o.holders)
	}
	switch {
	case free:
		o.holders = nil // whoever waits is being woken
	case strong > most:
		s.problem(o.addr, "%d goroutines seem to hold the %s at %#x, which one can", strong, o.kind, o.addr)
		for i := range o.holders {
			o.holders[i].grade = report.WaitWeak
		}
	}
}
