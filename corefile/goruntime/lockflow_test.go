package goruntime

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/internal/coretest"
)

// function is the entry of a function of a fixture.
func function(t *testing.T, r *Runtime, name string) uint64 {
	t.Helper()
	for i := range r.table.Len() {
		if f, ok := r.table.At(i); ok && f.Name() == name {
			return f.Entry()
		}
	}
	t.Fatalf("no function %s", name)
	return 0
}

// callOf finds the call of a function in the code of another one.
func callOf(t *testing.T, r *Runtime, entry uint64, callee string) uint64 {
	t.Helper()
	f, _ := r.table.Find(entry)
	code, err := r.view(entry, int(f.End()-entry))
	if err != nil {
		t.Fatal(err)
	}
	w := flowReader{r: r, f: &f, code: code, flow: &LockFlow{entry: entry}, at: map[uint64]int{}}
	if !w.decode() || !w.link() {
		t.Fatal("the code can't be followed")
	}
	for i, name := range w.calls {
		if name == callee {
			return w.flow.pcs[i]
		}
	}
	t.Fatalf("%s is not called", callee)
	return 0
}

// TestLockFlow: which locks functions of fixtures/waiters hold where they wait.
func TestLockFlow(t *testing.T) {
	r := open(t, coretest.Core(t, "waiters"))
	for _, c := range []struct {
		function, at string
		first        string // the lock whose sites count: by the offset that the first site has
		held         bool
	}{
		{"main.(*queue).drain", "main.note", "Lock", true},
		{"main.(*queue).drain", "time.Sleep", "Lock", true},
		{"main.(*queue).push", "main.note", "Lock", false},
		{"main.(*relock).pause", "runtime.chanrecv1", "Lock", false},
		{"main.(*relock).keep", "runtime.chanrecv1", "Lock", true},
		{"main.(*cache).slowRead", "main.note", "RLock", true},
		{"main.(*cache).write", "main.note", "Lock", false},
		{"main.twice", "main.note", "Lock", true},
	} {
		entry := function(t, r, c.function)
		flow, ok := r.LockFlow(entry)
		if !ok {
			t.Errorf("%s: no flow", c.function)
			continue
		}
		effects := make([]Effect, len(flow.Sites))
		for i := range flow.Sites {
			s := &flow.Sites[i]
			if !s.Address.known {
				t.Errorf("%s: the address at %#x (%s) is not known", c.function, s.PC, s.Function)
			}
			effects[i] = EffectTake
			if strings.HasSuffix(s.Function, "nlock") {
				effects[i] = EffectGive
			}
		}
		if held, ok := flow.Held(callOf(t, r, entry, c.at), effects); !ok || held != c.held {
			t.Errorf("%s at %s: held %v, %v, want %v", c.function, c.at, held, ok, c.held)
		}
	}
	if _, ok := r.LockFlow(function(t, r, "main.id")); ok {
		t.Error("main.id locks nothing")
	}
	if _, ok := r.LockFlow(1); ok {
		t.Error("a function where there is none")
	}
}

// TestHeld: the ways of made-up code; a lock is held only where all of them say so.
func TestHeld(t *testing.T) {
	// 0 take, 1 branch to 4, 2 give, 3 jump to 5, 4 nothing, 5 the end
	f := &LockFlow{
		Sites: make([]LockSite, 2), entry: 100, pcs: []uint64{100, 101, 102, 103, 104, 105},
		next: [][2]int{{1, -1}, {2, 4}, {3, -1}, {5, -1}, {5, -1}, {-1, -1}},
		site: []int{0, -1, 1, -1, -1, -1}, acts: []int{0, -1, 1, -1, -1, -1},
	}
	for _, c := range []struct {
		pc      uint64
		effects []Effect
		held    bool
	}{
		{100, []Effect{EffectTake, EffectGive}, false}, // in the site itself
		{101, []Effect{EffectTake, EffectGive}, true},
		{102, []Effect{EffectTake, EffectGive}, true},
		{103, []Effect{EffectTake, EffectGive}, false},
		{104, []Effect{EffectTake, EffectGive}, true},
		{105, []Effect{EffectTake, EffectGive}, false}, // on one way it was given back
		{105, []Effect{EffectTake, EffectNone}, true},
		{105, []Effect{EffectNone, EffectTake}, false}, // on one way it was not taken
		{105, []Effect{EffectNone, EffectNone}, false},
	} {
		if held, ok := f.Held(c.pc, c.effects); !ok || held != c.held {
			t.Errorf("at %d with %v: %v, %v", c.pc, c.effects, held, ok)
		}
	}
	if _, ok := f.Held(99, []Effect{0, 0}); ok {
		t.Error("a place before the code")
	}
	if _, ok := f.Held(100, nil); ok {
		t.Error("effects of other sites")
	}
}

func TestOperand(t *testing.T) {
	w := newWorld(1)
	w.mem.put(0x7000, 0x5000)
	w.mem.put(0x5010, 0x6000)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	slot := Operand{known: true, slot: true, base: ^uint64(0x10) + 1}
	for _, c := range []struct {
		o    Operand
		want uint64
		ok   bool
	}{
		{Operand{}, 0, false},
		{Operand{known: true, base: 0x1234}.plus(8), 0x123c, true},
		{slot, 0x5000, true},
		{slot.plus(0x10), 0x5010, true},
		{slot.plus(0x10).read().plus(4), 0x6004, true},
		{slot.plus(0x10).read().read(), 0, false},
	} {
		if got, ok := r.Address(&c.o, 0x7010); got != c.want || ok != c.ok {
			t.Errorf("%+v: %#x, %v", c.o, got, ok)
		}
	}
	o := slot
	for range 10 {
		o = o.read()
	}
	if o.known {
		t.Error("endless reads")
	}
}

// FuzzLockFlow follows any code, as if every call were that of a lock.
func FuzzLockFlow(f *testing.F) {
	f.Add([]byte("\x55\x48\x89\xe5\x48\x83\xec\x18\x48\x8b\x42\x08\x48\x8d\x1d\xb0\xbc\x02\x00\xb9\x04\x00\x00\x00\xe8\x14\x01\x00\x00"))
	f.Add([]byte("\xf0\x0f\xb1\x72\x08\x74\xf9\xe8\xf4\xff\xff\xff\xeb\xf2"))
	f.Add([]byte("\x48\x8b\x09\x48\x8b\x09\x48\x8b\x09\x48\x8b\x09\x48\x8b\x09\x48\x8b\x09\xeb\xec"))
	f.Fuzz(func(t *testing.T, code []byte) {
		_, r := openWorld(t, code[:min(len(code), openSize)])
		flow, ok := r.flow(openText, func(string) bool { return true })
		if !ok {
			return
		}
		effects := make([]Effect, len(flow.Sites))
		for i := range effects {
			effects[i] = EffectTake
			_, _ = r.Address(&flow.Sites[i].Address, 0x7000)
		}
		for _, pc := range flow.pcs {
			if _, ok := flow.Held(pc, effects); ok && len(flow.Sites) > maxFlowSites {
				t.Errorf("%d sites", len(flow.Sites))
			}
		}
	})
}
