package waits

import (
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// stack is a stack of functions, innermost first.
func stack(functions ...string) []corefile.Frame {
	var out []corefile.Frame
	for _, f := range functions {
		out = append(out, corefile.Frame{Function: f})
	}
	return out
}

// TestClassify: what goroutines on a stack do, in the words of go1.21 and go1.26.
func TestClassify(t *testing.T) {
	park := []string{"runtime.gopark", "runtime.goparkunlock", "runtime.semacquire1"}
	sema := func(rest ...string) []corefile.Frame {
		return stack(append(append([]string(nil), park...), rest...)...)
	}
	for name, c := range map[string]struct {
		status, reason string
		frames         []corefile.Frame
		kind           report.WaitKind
		op, part       string
		at             int
	}{
		"mutex of go1.21": {"waiting", "sync.Mutex.Lock", sema("sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow", "sync.(*Mutex).Lock", "main.f"), report.WaitMutex, "lock", "sema", 6},
		"mutex": {
			"waiting", "sync.Mutex.Lock",
			sema("internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock", "main.f"),
			report.WaitMutex, "lock", "sema", 7,
		},
		"writer behind a writer": {
			"waiting", "sync.Mutex.Lock",
			sema("internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock", "sync.(*RWMutex).Lock", "main.f"),
			report.WaitRWMutex, "lock", "w.sema", 8,
		},
		"writer behind readers": {"waiting", "sync.RWMutex.Lock", sema("sync.runtime_SemacquireRWMutex", "sync.(*RWMutex).Lock", "main.f"), report.WaitRWMutex, "lock", "writerSem", 5},
		"reader":                {"waiting", "sync.RWMutex.RLock", sema("sync.runtime_SemacquireRWMutexR", "sync.(*RWMutex).RLock", "main.f"), report.WaitRWMutex, "rlock", "readerSem", 5},
		"wait group":            {"waiting", "sync.WaitGroup.Wait", sema("sync.runtime_SemacquireWaitGroup", "sync.(*WaitGroup).Wait", "main.f"), report.WaitWaitGroup, "wait", "sema", 5},
		"once": {
			"waiting", "sync.Mutex.Lock",
			sema("internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock", "sync.(*Once).doSlow", "sync.(*Once).Do", "main.f"),
			report.WaitOnce, "wait", "m.sema", 9,
		},
		"inside of a once": {"waiting", "chan receive", stack("runtime.gopark", "runtime.chanrecv", "runtime.chanrecv1", "main.f.func1", "sync.(*Once).doSlow", "main.f"), report.WaitChannel, "receive", "", 3},
		"cond":             {"waiting", "sync.Cond.Wait", stack("runtime.gopark", "runtime.goparkunlock", "sync.runtime_notifyListWait", "sync.(*Cond).Wait", "main.f"), report.WaitCond, "wait", "", 4},
		"the lock of a cond, again": {
			"waiting", "sync.Mutex.Lock",
			sema("internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock", "sync.(*Cond).Wait", "main.f"),
			report.WaitMutex, "lock", "sema", 8,
		},
		"select":          {"waiting", "select", stack("runtime.gopark", "runtime.selectgo", "main.f"), report.WaitChannel, "select", "", 2},
		"empty select":    {"waiting", "select (no cases)", stack("runtime.gopark", "runtime.block", "main.f"), report.WaitNothing, "select", "", 2},
		"nil channel":     {"waiting", "chan send (nil chan)", stack("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.f"), report.WaitNothing, "send", "", 3},
		"sleep":           {"waiting", "sleep", stack("runtime.gopark", "time.Sleep", "main.f"), report.WaitTimer, "sleep", "", 2},
		"network":         {"waiting", "IO wait", stack("runtime.gopark", "runtime.netpollblock", "internal/poll.runtime_pollWait", "internal/poll.(*pollDesc).wait", "net.(*conn).Read"), report.WaitNetwork, "poll", "", 4},
		"system call":     {"syscall", "", stack("syscall.Syscall", "syscall.read", "main.f"), report.WaitSyscall, "call", "", 2},
		"running":         {"running", "", stack("main.f"), "", "", "", 0},
		"no stack":        {"waiting", "sync.Mutex.Lock", nil, report.WaitSemaphore, "lock", "", -1},
		"another's stack": {"waiting", "chan receive", sema("sync.runtime_SemacquireWaitGroup", "sync.(*WaitGroup).Wait", "main.f"), report.WaitChannel, "receive", "", 5},
		"collector":       {"waiting", "GC assist wait", stack("runtime.gopark", "runtime.gcAssistAlloc", "main.f"), report.WaitRuntime, "wait", "", 2},
	} {
		c0 := classifier{calls()}
		op := c0.classify(&corefile.Goroutine{Status: c.status, WaitReason: c.reason}, c.frames)
		if op.kind != c.kind || op.op != c.op || op.part != c.part || op.at != c.at {
			t.Errorf("%s: %+v", name, op)
		}
	}
}

// TestAtLeast: the bound begins at the end of marking behind what was noted.
func TestAtLeast(t *testing.T) {
	marks := []int64{100, 200, 300}
	for _, c := range []struct{ noted, want int64 }{{0, 0}, {-5, 0}, {100, 150}, {150, 150}, {200, 50}, {300, 0}, {400, 0}} {
		if got := atLeast(c.noted, 350, marks); got != c.want {
			t.Errorf("noted at %d: %d, want %d", c.noted, got, c.want)
		}
	}
	if got := atLeast(100, 150, marks); got != 0 {
		t.Errorf("a clock that stands before the mark gives %d", got)
	}
}

// TestComponents: circles, with what leads into them and out of them.
func TestComponents(t *testing.T) {
	e := func(to ...int) (out []edge) {
		for _, n := range to {
			out = append(out, edge{to: n, grade: report.WaitStrong})
		}
		return out
	}
	for name, c := range map[string]struct {
		edges  map[int][]edge
		sets   [][]int
		length int // of the shortest circle of the first set
	}{
		"none":           {map[int][]edge{1: e(2), 2: e(3)}, nil, 0},
		"self":           {map[int][]edge{1: e(1)}, [][]int{{1}}, 1},
		"two":            {map[int][]edge{7: e(8), 8: e(7)}, [][]int{{7, 8}}, 2},
		"tails":          {map[int][]edge{1: e(2), 2: e(3), 3: e(2, 4), 4: e(5)}, [][]int{{2, 3}}, 2},
		"two circles":    {map[int][]edge{1: e(2), 2: e(1), 3: e(4), 4: e(3), 5: e(1, 3)}, [][]int{{1, 2}, {3, 4}}, 2},
		"eight":          {map[int][]edge{1: e(2), 2: e(3, 1), 3: e(1)}, [][]int{{1, 2, 3}}, 2},
		"long":           {map[int][]edge{1: e(2), 2: e(3), 3: e(4), 4: e(5), 5: e(1)}, [][]int{{1, 2, 3, 4, 5}}, 5},
		"nobody":         {nil, nil, 0},
		"into the empty": {map[int][]edge{1: e(9), 2: e(9)}, nil, 0},
	} {
		sets := components(c.edges)
		if !reflect.DeepEqual(sets, c.sets) {
			t.Errorf("%s: %v, want %v", name, sets, c.sets)
			continue
		}
		if len(sets) == 0 {
			continue
		}
		member := map[int]bool{}
		for _, g := range sets[0] {
			member[g] = true
		}
		if cycle := shortest(c.edges, sets[0], member); len(cycle) != c.length {
			t.Errorf("%s: a circle of %d, want %d", name, len(cycle), c.length)
		}
	}
}

// TestDeepChain: no recursion that the length of a chain controls.
func TestDeepChain(t *testing.T) {
	edges := map[int][]edge{}
	const n = 200_000
	for i := range n {
		edges[i] = []edge{{to: (i + 1) % n}}
	}
	if sets := components(edges); len(sets) != 1 || len(sets[0]) != n {
		t.Errorf("%d sets", len(sets))
	}
}

func TestReceiverPrefix(t *testing.T) {
	for in, want := range map[string]string{
		"main.Server": "main.(*Server", "example.com/a.b/c.Pool[int]": "example.com/a.b/c.(*Pool", "int": "\x00",
	} {
		if got := receiverPrefix(in); got != want {
			t.Errorf("%s: %q, want %q", in, got, want)
		}
	}
}
