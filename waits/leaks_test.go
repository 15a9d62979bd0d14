package waits

import (
	"context"
	"reflect"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/report"
)

// fakeReach knows what the stack of each goroutine holds, and what variables do.
type fakeReach struct {
	stacks           [][]uint64 // by goroutine
	runtime, program []uint64
	watched, seen    map[uint64]bool
	reached          []uint64
	doubt            string
	collection       bool
}

func (f *fakeReach) Restart(watched []uint64) []uint64 {
	f.watched, f.seen, f.reached = map[uint64]bool{}, map[uint64]bool{}, nil
	for _, addr := range watched {
		f.watched[addr] = true
	}
	return nil
}

func (f *fakeReach) mark(addrs []uint64) {
	for _, addr := range addrs {
		if !f.seen[addr] && f.watched[addr] {
			f.reached = append(f.reached, addr)
		}
		f.seen[addr] = true
	}
}

func (f *fakeReach) AddRuntime() { f.mark(f.runtime) }
func (f *fakeReach) AddProgram() { f.mark(f.program) }
func (f *fakeReach) Add(i int)   { f.mark(f.stacks[i]) }

func (f *fakeReach) Follow(ctx context.Context) ([]uint64, error) {
	out := f.reached
	f.reached = nil
	return out, ctx.Err()
}

func (f *fakeReach) Doubt() string { return f.doubt }

func (f *fakeReach) Ways(_ context.Context, addrs []uint64) ([]*report.HeapPath, error) {
	out := make([]*report.HeapPath, len(addrs))
	for i, addr := range addrs {
		if slices.Contains(f.program, addr) {
			out[i] = &report.HeapPath{Root: report.HeapRoot{Kind: "global", Package: "main", Name: "v"}}
			if f.collection {
				out[i].Steps = []report.HeapStep{{Kind: "value"}}
			}
		}
	}
	return out, nil
}

func (f *fakeReach) Alone(_ context.Context, groups [][]int) ([]uint64, error) {
	out := make([]uint64, len(groups))
	for i := range groups {
		out[i] = 100 * uint64(len(groups[i]))
	}
	return out, nil
}

// leakG is a made-up goroutine: what it waits for and holds on its stack are numbers.
type leakG struct {
	kind         report.WaitKind // "": it runs
	op           string
	reason       string
	waits, holds []uint64
	unsure       bool
}

// leakWorld is an analysis of made-up goroutines, of which the first is main.
func leakWorld(gs []leakG, reach *fakeReach) *analysis {
	a := &analysis{ctx: context.Background(), in: Input{Reach: reach}, byKey: map[key]int{}, ofKind: map[report.WaitFindingKind]int{}, o: Options{MaxObjects: 100, MaxListed: 100}}
	a.in.Shapes, a.ops = make([]corefile.Stack, len(gs)), make([]operation, len(gs))
	for i, x := range gs {
		reach.stacks = append(reach.stacks, x.holds)
		a.in.Goroutines = append(a.in.Goroutines, Goroutine{Goroutine: &corefile.Goroutine{ID: uint64(i + 1), WaitReason: x.reason}, Shape: i})
		a.ops[i] = operation{kind: x.kind, op: x.op, at: -1}
		a.first, a.unsure = append(a.first, -1), append(a.unsure, x.unsure)
		for _, addr := range x.waits {
			a.add(i, key{x.kind, addr}, x.op, nil)
		}
	}
	for i := range a.objects {
		if o := &a.objects[i]; o.kind == report.WaitChannel {
			o.channel = &goruntime.Channel{Addr: o.addr}
		}
	}
	a.rank()
	return a
}

// leaksFound are the goroutines of the findings of a grade.
func leaksFound(t *testing.T, a *analysis, grade report.WaitGrade) (ids []uint64) {
	t.Helper()
	for _, f := range a.findings {
		if f.Kind != report.FindLeak || f.Evidence == "" {
			t.Errorf("%+v", f)
		}
		if f.Grade == grade {
			ids = append(ids, f.Goroutines...)
		}
	}
	slices.Sort(ids)
	return ids
}

// TestLeaks: who is proven to have leaked.
func TestLeaks(t *testing.T) {
	const ch = report.WaitChannel
	mutex := "sync.Mutex.Lock"
	for name, c := range map[string]struct {
		runtime []uint64
		gs      []leakG
		want    []uint64
	}{
		"forgotten":              {gs: []leakG{{}, {kind: ch, waits: []uint64{1}, holds: []uint64{1}}}, want: []uint64{2}},
		"held by one who runs":   {gs: []leakG{{holds: []uint64{1}}, {kind: ch, waits: []uint64{1}}}},
		"kept by the runtime":    {runtime: []uint64{1}, gs: []leakG{{}, {kind: ch, waits: []uint64{1}}}},
		"by way of another":      {gs: []leakG{{holds: []uint64{2}}, {kind: ch, waits: []uint64{1}}, {kind: ch, waits: []uint64{2}, holds: []uint64{1}}}},
		"by way of many":         {gs: []leakG{{holds: []uint64{4}}, {kind: ch, waits: []uint64{1}}, {kind: ch, waits: []uint64{2}, holds: []uint64{1}}, {kind: ch, waits: []uint64{3}, holds: []uint64{2}}, {kind: ch, waits: []uint64{4}, holds: []uint64{3}}}},
		"each other":             {gs: []leakG{{}, {kind: report.WaitMutex, waits: []uint64{1}, holds: []uint64{1, 2}}, {kind: report.WaitMutex, waits: []uint64{2}, holds: []uint64{1, 2}}}, want: []uint64{2, 3}},
		"a select with one left": {gs: []leakG{{holds: []uint64{2}}, {kind: ch, waits: []uint64{1, 2}, holds: []uint64{1}}}},
		"main in an empty select": {
			gs:   []leakG{{kind: report.WaitNothing, reason: emptySelect, waits: []uint64{0}, holds: []uint64{1}}, {kind: ch, waits: []uint64{1}}},
			want: []uint64{2},
		},
		"an empty select":       {gs: []leakG{{}, {kind: report.WaitNothing, reason: emptySelect, waits: []uint64{0}}}, want: []uint64{2}},
		"a nil channel":         {gs: []leakG{{}, {kind: report.WaitNothing, reason: "chan receive (nil chan)", waits: []uint64{0}}}}, // told of as forever
		"asleep":                {gs: []leakG{{}, {kind: report.WaitTimer, waits: []uint64{0}}}},
		"not known":             {gs: []leakG{{}, {kind: report.WaitMutex, waits: []uint64{0}}}},
		"contradictory":         {gs: []leakG{{}, {kind: ch, waits: []uint64{1}, unsure: true}}},
		"in a bubble":           {gs: []leakG{{}, {kind: ch, reason: "chan receive (synctest)", waits: []uint64{1}}}},
		"a semaphore of sync":   {gs: []leakG{{}, {kind: report.WaitSemaphore, reason: mutex, waits: []uint64{1}}}, want: []uint64{2}},
		"another semaphore":     {gs: []leakG{{}, {kind: report.WaitSemaphore, reason: "semacquire", waits: []uint64{1}}}},
		"two for one, unsure":   {gs: []leakG{{}, {kind: ch, waits: []uint64{1}, unsure: true, holds: []uint64{1}}, {kind: ch, waits: []uint64{1}}}},
		"a variable's, by main": {gs: []leakG{{kind: ch, waits: []uint64{9}, holds: []uint64{1}}, {kind: ch, waits: []uint64{1}}}},
	} {
		reach := &fakeReach{runtime: c.runtime, program: []uint64{9}}
		a := leakWorld(c.gs, reach)
		a.leaks()
		if got := leaksFound(t, a, report.WaitProven); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v leaked, want %v", name, got, c.want)
		}
	}
}

// TestForgotten: those whom only package variables lead to.
func TestForgotten(t *testing.T) {
	const ch = report.WaitChannel
	for name, c := range map[string]struct {
		gs              []leakG
		collection      bool
		holder          int
		candidate, weak []uint64
	}{
		"receives":               {gs: []leakG{{}, {kind: ch, op: "receive", waits: []uint64{9}}}, weak: []uint64{2}},
		"receives of an entry":   {gs: []leakG{{}, {kind: ch, op: "receive", waits: []uint64{9}}}, collection: true, candidate: []uint64{2}},
		"sends":                  {gs: []leakG{{}, {kind: ch, op: "send", waits: []uint64{9}}}, candidate: []uint64{2}},
		"waits for workers":      {gs: []leakG{{}, {kind: report.WaitWaitGroup, op: "wait", waits: []uint64{9}}}, candidate: []uint64{2}},
		"somebody has it":        {gs: []leakG{{holds: []uint64{9}}, {kind: ch, op: "send", waits: []uint64{9}}}},
		"by way of one of them":  {gs: []leakG{{}, {kind: ch, op: "send", waits: []uint64{9}, holds: []uint64{1}}, {kind: ch, op: "receive", waits: []uint64{1}}}, candidate: []uint64{2}, weak: []uint64{3}},
		"the main goroutine":     {gs: []leakG{{kind: ch, op: "receive", waits: []uint64{9}}, {}}},
		"what main has":          {gs: []leakG{{kind: ch, op: "receive", waits: []uint64{9}, holds: []uint64{1}}, {kind: ch, op: "send", waits: []uint64{1}}}},
		"a lock, holder unknown": {gs: []leakG{{}, {kind: report.WaitMutex, op: "lock", waits: []uint64{9}}}},
		"a lock, holder stuck": {
			gs:     []leakG{{}, {kind: report.WaitMutex, op: "lock", waits: []uint64{9}}, {kind: ch, op: "send", waits: []uint64{9}}},
			holder: 2, candidate: []uint64{2, 3},
		},
		"a lock, holder runs": {
			gs:     []leakG{{}, {kind: report.WaitMutex, op: "lock", waits: []uint64{9}}, {}},
			holder: 2,
		},
	} {
		reach := &fakeReach{program: []uint64{9}, collection: c.collection}
		a := leakWorld(c.gs, reach)
		if n, ok := a.byKey[key{report.WaitMutex, 9}]; ok && c.holder > 0 {
			a.objects[n].holders = []holder{{g: c.holder}}
		}
		a.leaks()
		if got := leaksFound(t, a, report.WaitProven); len(got) > 0 {
			t.Errorf("%s: %v are proven", name, got)
		}
		if got := leaksFound(t, a, report.WaitCandidate); !slices.Equal(got, c.candidate) {
			t.Errorf("%s: candidates %v, want %v", name, got, c.candidate)
		}
		if got := leaksFound(t, a, report.WaitWeak); !slices.Equal(got, c.weak) {
			t.Errorf("%s: weak %v, want %v", name, got, c.weak)
		}
	}
}

// TestDoubt: where not all could be read nothing is proven, and the report says why.
func TestDoubt(t *testing.T) {
	reach := &fakeReach{doubt: "the core is not whole"}
	a := leakWorld([]leakG{{}, {kind: report.WaitChannel, waits: []uint64{1}}}, reach)
	a.leaks()
	if len(a.findings) != 1 || a.findings[0].Grade != report.WaitCandidate || a.findings[0].Evidence != evidenceDoubt || len(a.problems) != 1 {
		t.Errorf("%+v %+v", a.findings, a.problems)
	}
}

// TestWeigh: goroutines of two findings count for both, and what others keep for none.
func TestWeigh(t *testing.T) {
	gs := []leakG{{}}
	for range minPileUp {
		gs = append(gs, leakG{kind: report.WaitChannel, waits: []uint64{1}})
	}
	gs = append(gs, leakG{kind: report.WaitMutex, waits: []uint64{2}})
	a := leakWorld(gs, &fakeReach{})
	a.pileUps()
	a.leaks()
	got := map[report.WaitKind][]uint64{}
	for _, f := range a.findings {
		n := a.ranked[f.Object-1]
		got[a.objects[n].kind] = append(got[a.objects[n].kind], f.Retained)
	}
	if want := map[report.WaitKind][]uint64{report.WaitChannel: {10000, 10000}, report.WaitMutex: {100}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
