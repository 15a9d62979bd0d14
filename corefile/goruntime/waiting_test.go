package goruntime

import (
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile/gotype"
)

// The words of a fake sudog.
const (
	sudogG = iota
	sudogNext
	sudogPrev
	sudogElem
	sudogSelect
	sudogLink
	sudogChan
	sudogWords
)

// waitWorld has sudogs at 0x10000, 0x10040 ..., semaphores' trees at 0x9000, a channel
// at 0xa000 and a list of a condition at 0xb000.
func waitWorld(t testing.TB, sudogs []byte) *Runtime {
	t.Helper()
	w := newWorld(2)
	w.types["runtime.sudog"] = structOf("runtime.sudog", "g", "next", "prev", "elem", "isSelect", "waitlink", "c")
	queue := structOf("runtime.waitq", "first", "last")
	channel := structOf("runtime.hchan", "qcount", "dataqsiz", "closed", "timer", "elemtype", "r0", "r1", "s0", "s1")
	channel.Fields = append(channel.Fields, gotype.Field{Name: "recvq", Offset: 5 * 8, Type: queue}, gotype.Field{Name: "sendq", Offset: 7 * 8, Type: queue})
	w.types["runtime.hchan"] = channel
	w.types["runtime.notifyList"] = structOf("runtime.notifyList", "wait", "head", "tail")
	root := structOf("runtime.semaRoot", "lock", "treap")
	entry := &gotype.Type{Kind: reflect.Struct, Size: 16, Fields: []gotype.Field{{Name: "root", Type: root}}}
	w.types["runtime.semTable"] = &gotype.Type{Name: "runtime.semTable", Kind: reflect.Array, Len: 2, Size: 32, Elem: entry}
	w.syms["runtime.semtable"] = [2]uint64{0x9000, 32}
	w.mem.put(0x9000, 0, sudogAt(0), 0, sudogAt(3))
	w.mem.put(0xa000, 1, 2, 1, 0, 0, sudogAt(4), sudogAt(5), 0, 0)
	w.mem.put(0xb000, 7, sudogAt(6), sudogAt(6))
	w.mem[0x10000] = sudogs
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func sudogAt(i int) uint64 { return 0x10000 + uint64(i)*8*sudogWords }

// sudogList makes records of words.
func sudogList(list ...[sudogWords]uint64) []byte {
	var b []byte
	for _, s := range list {
		for _, w := range s {
			b = binary.LittleEndian.AppendUint64(b, w)
		}
	}
	return b
}

// sampleSudogs: a tree of two semaphores, of which the first has two goroutines, a
// tree of one; two in the queue of a channel; one in the list of a condition.
func sampleSudogs() [][sudogWords]uint64 {
	return [][sudogWords]uint64{
		{sudogG: 0x1000, sudogElem: 0x500, sudogLink: sudogAt(1), sudogNext: sudogAt(2)},
		{sudogG: 0x2000, sudogElem: 0x500},
		{sudogG: 0x3000, sudogElem: 0x600},
		{sudogG: 0x4000, sudogElem: 0x700},
		{sudogG: 0x5000, sudogChan: 0xa000, sudogNext: sudogAt(5), sudogSelect: 1, sudogLink: sudogAt(7)},
		{sudogG: 0x6000, sudogChan: 0xa000, sudogPrev: sudogAt(4)},
		{sudogG: 0x7000, sudogElem: 0xb000},
		{sudogG: 0x5000, sudogChan: 0xc000, sudogSelect: 1},
	}
}

func TestSemaphores(t *testing.T) {
	r := waitWorld(t, sudogList(sampleSudogs()...))
	got := map[uint64]uint64{}
	if problems := r.Semaphores(func(s Sudog) { got[s.G] = s.Elem }); len(problems) > 0 {
		t.Error(problems)
	}
	if want := map[uint64]uint64{0x1000: 0x500, 0x2000: 0x500, 0x3000: 0x600, 0x4000: 0x700}; !reflect.DeepEqual(got, want) {
		t.Errorf("%#x", got)
	}
}

// TestDamagedWaits: what is before the damage is given, and the damage is told.
func TestDamagedWaits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s [][sudogWords]uint64)
		want   string
	}{
		"circle of a tree":   {func(s [][sudogWords]uint64) { s[2][sudogPrev] = sudogAt(0) }, "in circles"},
		"circle of a list":   {func(s [][sudogWords]uint64) { s[1][sudogLink] = sudogAt(0) }, "in circles"},
		"another semaphore":  {func(s [][sudogWords]uint64) { s[1][sudogElem] = 0x600 }, "in the list of 0x500"},
		"not in the core":    {func(s [][sudogWords]uint64) { s[0][sudogNext] = 0xdead000 }, "not readable"},
		"outside of records": {func(s [][sudogWords]uint64) { s[3][sudogNext] = 3 }, "not readable"},
	} {
		s := sampleSudogs()
		c.change(s)
		n := 0
		problems := waitWorld(t, sudogList(s...)).Semaphores(func(Sudog) { n++ })
		if len(problems) == 0 || !strings.Contains(problems[0].Message, c.want) || n == 0 {
			t.Errorf("%s: %d read, %v", name, n, problems)
		}
	}
}

func TestChannelQueues(t *testing.T) {
	r := waitWorld(t, sudogList(sampleSudogs()...))
	c, err := r.Channel(0xa000)
	if err != nil || c.Len != 1 || c.Cap != 2 || !c.Closed || len(c.Receivers) != 2 || c.Receivers[1].G != 0x6000 || len(c.Senders) != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for name, change := range map[string]func(s [][sudogWords]uint64){
		"circle":           func(s [][sudogWords]uint64) { s[5][sudogNext] = sudogAt(4) },
		"another channel":  func(s [][sudogWords]uint64) { s[5][sudogChan] = 0xc000 },
		"no way back":      func(s [][sudogWords]uint64) { s[5][sudogPrev] = 0 },
		"not in the core":  func(s [][sudogWords]uint64) { s[4][sudogNext] = 0xdead000 },
		"begins elsewhere": func(s [][sudogWords]uint64) { s[4][sudogPrev] = sudogAt(5) },
	} {
		s := sampleSudogs()
		change(s)
		if c, err := waitWorld(t, sudogList(s...)).Channel(0xa000); err == nil {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if _, err := r.Channel(0xffff0000); err == nil {
		t.Error("a channel where there is no memory")
	}
}

func TestWaiting(t *testing.T) {
	r := waitWorld(t, sudogList(sampleSudogs()...))
	list, err := r.Waiting(nil, 0x5000, sudogAt(4))
	if err != nil || len(list) != 2 || list[0].Chan != 0xa000 || list[1].Chan != 0xc000 {
		t.Errorf("a select: %+v, %v", list, err)
	}
	// The link of what waits for a semaphore leads to other goroutines.
	if list, err = r.Waiting(nil, 0x1000, sudogAt(0)); err != nil || len(list) != 1 {
		t.Errorf("a semaphore: %+v, %v", list, err)
	}
	if list, err = r.Waiting(nil, 0x9999, sudogAt(0)); err == nil || len(list) != 0 {
		t.Errorf("of another goroutine: %+v, %v", list, err)
	}
	if list, err = r.Notified(0xb000); err != nil || len(list) != 1 || list[0].G != 0x7000 {
		t.Errorf("a condition: %+v, %v", list, err)
	}
	s := sampleSudogs()
	s[6][sudogNext] = sudogAt(6)
	if _, err := waitWorld(t, sudogList(s...)).Notified(0xb000); err == nil {
		t.Error("a condition's list in circles")
	}
}

// FuzzWaiting: whatever the records are, reading them ends, with bounds on all that
// it returns.
func FuzzWaiting(f *testing.F) {
	f.Add(sudogList(sampleSudogs()...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sudogs []byte) {
		sudogs = append(sudogs, make([]byte, 8*8*sudogWords)...)
		r := waitWorld(t, sudogs)
		records := len(sudogs) // one may begin at every byte
		n := 0
		if problems := r.Semaphores(func(Sudog) { n++ }); len(problems) > maxProblems || n > records {
			t.Errorf("%d records, %d problems", n, len(problems))
		}
		c, _ := r.Channel(0xa000)
		list, _ := r.Notified(0xb000)
		own, _ := r.Waiting(nil, 0x5000, sudogAt(4))
		if len(c.Receivers) > records || len(list) > records || len(own) > maxCases {
			t.Errorf("%d receivers, %d in a list, %d cases", len(c.Receivers), len(list), len(own))
		}
	})
}
