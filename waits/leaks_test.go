package waits

import (
	"context"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// fakeReach knows what the stack of each goroutine holds.
type fakeReach struct {
	stacks  map[uint64][]uint64
	reached map[uint64]bool
}

func (f *fakeReach) Add(g *Goroutine) {
	for _, addr := range f.stacks[g.ID] {
		f.reached[addr] = true
	}
}

func (f *fakeReach) Reached(addr uint64) bool { return f.reached[addr] }

// TestLeaks: the fixpoint on made-up goroutines. Channels are numbers; each goroutine
// waits for some and holds some on its stack.
func TestLeaks(t *testing.T) {
	type g struct {
		kind  report.WaitKind // "": it runs
		waits []uint64
		holds []uint64
	}
	const ch = report.WaitChannel
	for name, c := range map[string]struct {
		globals []uint64
		gs      []g
		timer   uint64 // a channel that a timer sends to
		want    []uint64
	}{
		"forgotten":              {gs: []g{{}, {kind: ch, waits: []uint64{1}, holds: []uint64{1}}}, want: []uint64{2}},
		"held by one who runs":   {gs: []g{{holds: []uint64{1}}, {kind: ch, waits: []uint64{1}}}},
		"in a package variable":  {globals: []uint64{1}, gs: []g{{}, {kind: ch, waits: []uint64{1}}}},
		"by way of another":      {gs: []g{{holds: []uint64{2}}, {kind: ch, waits: []uint64{1}}, {kind: ch, waits: []uint64{2}, holds: []uint64{1}}}},
		"by way of many":         {gs: []g{{holds: []uint64{4}}, {kind: ch, waits: []uint64{1}}, {kind: ch, waits: []uint64{2}, holds: []uint64{1}}, {kind: ch, waits: []uint64{3}, holds: []uint64{2}}, {kind: ch, waits: []uint64{4}, holds: []uint64{3}}}},
		"each other":             {gs: []g{{}, {kind: report.WaitMutex, waits: []uint64{1}, holds: []uint64{1, 2}}, {kind: report.WaitMutex, waits: []uint64{2}, holds: []uint64{1, 2}}}, want: []uint64{2, 3}},
		"a select with one left": {gs: []g{{holds: []uint64{2}}, {kind: ch, waits: []uint64{1, 2}, holds: []uint64{1}}}},
		"a nil channel":          {gs: []g{{}, {kind: report.WaitNothing, waits: []uint64{0}}}, want: []uint64{2}},
		"asleep":                 {gs: []g{{}, {kind: report.WaitTimer, waits: []uint64{0}}}},
		"not known":              {gs: []g{{}, {kind: report.WaitMutex, waits: []uint64{0}}}},
		"a timer's channel":      {gs: []g{{}, {kind: ch, waits: []uint64{1}}}, timer: 1},
	} {
		reach := &fakeReach{stacks: map[uint64][]uint64{}, reached: map[uint64]bool{}}
		for _, addr := range c.globals {
			reach.reached[addr] = true
		}
		a := &analysis{ctx: context.Background(), in: Input{Reach: reach}, byKey: map[key]int{}, o: Options{MaxObjects: 100}}
		a.in.Shapes, a.ops = make([]corefile.Stack, len(c.gs)), make([]operation, len(c.gs))
		for i, x := range c.gs {
			id := uint64(i + 1)
			reach.stacks[id] = x.holds
			a.in.Goroutines = append(a.in.Goroutines, Goroutine{Goroutine: &corefile.Goroutine{ID: id}, Shape: i})
			a.ops[i] = operation{kind: x.kind, at: -1}
			a.first = append(a.first, -1)
			for _, addr := range x.waits {
				a.add(i, key{x.kind, addr}, "wait", nil)
			}
		}
		for i := range a.objects {
			if o := &a.objects[i]; o.kind == ch {
				o.channel = &goruntime.Channel{Addr: o.addr, Timer: o.addr == c.timer}
			}
		}
		a.rank()
		a.leaks()
		var got []uint64
		for _, f := range a.findings {
			if f.Kind != report.FindLeak || f.Grade != report.WaitProven {
				t.Errorf("%s: %+v", name, f)
			}
			got = append(got, f.Goroutines...)
		}
		if slices.Sort(got); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v leaked, want %v", name, got, c.want)
		}
	}
}
