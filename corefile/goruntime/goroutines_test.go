package goruntime

import (
	"context"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

func goroutines(t *testing.T, w *world) ([]corefile.Goroutine, []string) {
	t.Helper()
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	gs, problems, err := r.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, p := range problems {
		texts = append(texts, p.Message)
	}
	return gs, texts
}

func TestGoroutines(t *testing.T) {
	w := newWorld(4)
	w.set(0x2000, gStatusW, gDead)
	w.set(0x3000, gStatusW, gScan|gRunnable)
	w.set(0x4000, gStatusW, gDeadExtra)
	gs, problems := goroutines(t, w)
	if len(gs) != 2 || len(problems) != 0 {
		t.Fatalf("%d goroutines, problems %q", len(gs), problems)
	}
	if g := gs[0]; g.ID != 1 || g.Status != "waiting" || g.WaitReason != "chan receive" || g.Addr != 0x1000 {
		t.Errorf("%+v", g)
	}
	if g := gs[1]; g.ID != 3 || g.Status != "runnable" || g.WaitReason != "" {
		t.Errorf("%+v", g)
	}
}

// TestDamaged: what is wrong with one goroutine is a problem, the others stay.
func TestDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		damage  func(*world)
		n       int
		problem string
	}{
		"an address that is not mapped": {func(w *world) { w.mem.put(0x800, 0x1000, 0xdead000, 0x3000) }, 2, "runtime.g is not readable"},
		"more than the core holds":      {func(w *world) { w.mem.put(0x100, 0x800, 1000, 1000) }, 3, "has 1000 entries, the core holds 3"},
		"the same ID twice":             {func(w *world) { w.set(0x2000, gIDW, 1) }, 3, "ID 1 occurs twice"},
		"an unknown reason":             {func(w *world) { w.set(0x1000, gReasonW, 99) }, 3, ""},
		"an unknown status":             {func(w *world) { w.set(0x1000, gStatusW, 77) }, 3, ""},
		"an m that is not mapped":       {func(w *world) { w.set(0x1000, gMW, 0xbad000) }, 3, ""},
	} {
		w := newWorld(3)
		c.damage(w)
		gs, problems := goroutines(t, w)
		all := strings.Join(problems, "; ")
		if len(gs) != c.n || (c.problem == "") != (all == "") || !strings.Contains(all, c.problem) {
			t.Errorf("%s: %d goroutines, problems %q", name, len(gs), all)
		}
	}
}

func TestImpossibleLength(t *testing.T) {
	w := newWorld(1)
	w.mem.put(0x100, 0x800, 1<<60, 1<<60)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Goroutines(context.Background()); err == nil {
		t.Error("no error")
	}
}

func TestCancelled(t *testing.T) {
	r, err := newWorld(3).open()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := r.Goroutines(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestNoRuntime(t *testing.T) {
	w := newWorld(1)
	delete(w.syms, "runtime.allgs")
	if _, err := w.open(); !errors.Is(err, ErrNoRuntime) {
		t.Errorf("no allgs: %v", err)
	}
	for _, name := range []string{"runtime.g", "runtime.m", "runtime._panic"} {
		w := newWorld(1)
		delete(w.types, name)
		if _, err := w.open(); !errors.Is(err, ErrNoRuntime) || !errors.Is(err, gotype.ErrNoType) {
			t.Errorf("no %s: %v", name, err)
		}
		w = newWorld(1)
		w.types[name].Size = 1 << 40
		if _, err := w.open(); !errors.Is(err, ErrNoRuntime) {
			t.Errorf("%s of a terabyte: %v", name, err)
		}
	}
}

func TestThreads(t *testing.T) {
	w := newWorld(2)
	w.mem.put(0x140, 0x5000)
	w.mem.put(0x5000, 0x1000, 71, 0x2000, 0x6000, 1)
	w.mem.put(0x6000, 0x1000, 72, 0, 0, 0)
	w.set(0x2000, gMW, 0x5000)
	w.set(0x2000, gStatusW, gRunning)
	w.set(0x1000, gMW, 0x6000) // that runs another one
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	ms, err := r.Threads()
	if err != nil || len(ms) != 2 || ms[0].TID != 71 || ms[0].Dying != 1 || ms[1].TID != 72 {
		t.Fatalf("%+v, %v", ms, err)
	}
	gs, _ := goroutines(t, w)
	if gs[0].TID != 0 || gs[1].TID != 71 {
		t.Errorf("on threads %d and %d", gs[0].TID, gs[1].TID)
	}
	if m, ok := r.ThreadAt(0x70010); !ok || m.TID != 71 {
		t.Errorf("thread at 0x70010: %+v, %v", m, ok)
	}
	if m, ok := r.ThreadAt(0x90000); ok {
		t.Errorf("thread at 0x90000: %+v", m)
	}
	w.mem.put(0x6000, 0x1000, 72, 0, 0x5000, 0)
	if r, err = w.open(); err != nil {
		t.Fatal(err)
	}
	if ms, err := r.Threads(); err == nil || len(ms) != 2 {
		t.Errorf("circle: %d threads, error %v", len(ms), err)
	}
}

func TestPanics(t *testing.T) {
	w := newWorld(1)
	w.set(0x1000, gPanicW, 0x70100)
	w.mem.put(0x70100, 1, 2, 0x70200, 0)
	w.mem.put(0x70200, 3, 4, 0, 1)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	gs, _ := goroutines(t, w)
	ps, err := r.Panics(&gs[0])
	if err != nil || len(ps) != 2 || ps[0].Arg != 0x70100 || ps[0].Recovered || !ps[1].Recovered {
		t.Errorf("%+v, %v", ps, err)
	}
	w.mem.put(0x70200, 3, 4, 0x70100, 1)
	if ps, err := r.Panics(&gs[0]); err == nil || len(ps) != 2 {
		t.Errorf("circle: %d panics, error %v", len(ps), err)
	}
	w.mem.put(0x70200, 3, 4, 0xbad000, 1)
	if ps, err := r.Panics(&gs[0]); err == nil || len(ps) != 2 {
		t.Errorf("link to nowhere: %d panics, error %v", len(ps), err)
	}
}

func TestPrintBacklog(t *testing.T) {
	w := newWorld(1)
	w.mem[0x300] = []byte("world\n\x00\x00\x00\x00hello ")
	w.mem.put(0x340, 6)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	if s, err := r.PrintBacklog(); err != nil || s != "hello world\n" {
		t.Errorf("%q, %v", s, err)
	}
	w.mem.put(0x340, 16)
	if _, err := r.PrintBacklog(); err == nil {
		t.Error("index behind the end: no error")
	}
}

// FuzzGoroutines feeds the memory of a process that is nothing but the input:
// no panic, no hang, and the numbers stay within what is there.
func FuzzGoroutines(f *testing.F) {
	w := newWorld(3)
	seed := make([]byte, 0x4000)
	for at, b := range w.mem {
		if at < 0x4000 {
			copy(seed[at:], b)
		}
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		coretest.Bounded(t, len(b), 1024, func() { askRuntime(t, b) })
	})
}

// askRuntime asks for all that memory with these bytes may hold.
func askRuntime(t *testing.T, b []byte) {
	w := newWorld(0)
	w.mem = fakeMemory{0: b}
	r, err := w.open()
	if err != nil {
		return
	}
	r.writable = []extent{{0, int64(len(b))}}
	gs, problems, err := r.Goroutines(context.Background())
	if err != nil {
		return
	}
	if len(gs)*8 > len(b) || len(problems) > 3*maxProblems+2 {
		t.Errorf("%d goroutines and %d problems in %d bytes", len(gs), len(problems), len(b))
	}
	for i := range gs {
		_, _ = r.Panics(&gs[i])
		_, _, _ = r.StackBounds(gs[i].Addr)
	}
	_, _ = r.Threads()
	_, _ = r.PrintBacklog()
}

// FuzzLineTable: any bytes are refused or answer questions.
func FuzzLineTable(f *testing.F) {
	head := []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}
	head = binary.LittleEndian.AppendUint64(head, 1)
	f.Add(append(head, make([]byte, 120)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		table, err := pclntab.New(b, pclntab.Options{Text: 0x1000})
		if err != nil {
			return
		}
		r := &Runtime{table: table}
		for _, pc := range []uint64{0, 1, 0x1000, 0x1001, ^uint64(0)} {
			_, _ = r.FuncName(pc)
			_, _ = r.CallLine(pc)
			_, _ = r.FuncEntry(pc)
		}
	})
}
