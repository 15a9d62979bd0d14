package goruntime

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

// The functions of the synthetic program, 64 bytes of code each.
const (
	scanText = 0x400000
	inF      = scanText + 32
	inG      = scanText + 64 + 32
	preempt  = scanText + 2*64 + 32
	traps    = scanText + 3*64 + 32
	noMaps   = scanText + 4*64 + 32

	stackLo, stackHi = 0x70000, 0x78000 // of every goroutine of a world
	fSize            = 0x48             // frame of main.f with its return address
	fBase            = 0x71000          // its stack pointer in these tests
	fCFA             = fBase + fSize
)

// scanData are the maps: main.f has words 0 and 1 of six locals alive and the
// first of two arguments; stack objects of two words 32 below its locals' end,
// whose second word is a pointer, and of one word, a pointer, 16 below.
func scanData() []byte {
	b := make([]byte, 128)
	put := func(at int, words ...uint32) {
		for i, w := range words {
			binary.LittleEndian.PutUint32(b[at+4*i:], w)
		}
	}
	put(8, 1, 6)
	b[16] = 0b000011
	put(24, 1, 2)
	b[32] = 0b01
	put(40, 2, 0, 1<<32-32, 16, 16, 96, 1<<32-16, 8, 8, 97)
	b[96], b[97] = 0b10, 0b1
	return b
}

func scanWorld(t testing.TB, data []byte) (*world, *Runtime) {
	t.Helper()
	read := func(off uint64, n int) ([]byte, bool) {
		if off > uint64(len(data)) || uint64(n) > uint64(len(data))-off {
			return nil, false
		}
		return data[off:][:n], true
	}
	f := coretest.TableFunc{Name: "main.f", Size: 64, Frame: fSize - 8, Args: 16, LocalMaps: 8, ArgMaps: 24, Objects: 40}
	g := f
	g.Name, g.Objects = "main.g", 0
	table, err := pclntab.New(coretest.FuncTable([]coretest.TableFunc{
		f, g,
		{Name: "runtime.asyncPreempt", Size: 64, Frame: 0x80},
		{Name: "runtime.sigpanic", Size: 64, Frame: 0x20},
		{Name: "main.asm", Size: 64, Frame: 0x20},
	}), pclntab.Options{Text: scanText, FuncData: read, ROData: read})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(1)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	r.table = table
	w.mem[stackLo] = make([]byte, stackHi-stackLo)
	return w, r
}

// stackFrame is a physical frame; a call unless it was stopped there.
func stackFrame(pc, sp, cfa uint64, stopped bool) corefile.Frame {
	regs := &corefile.Registers{}
	regs.SetWord(corefile.RegRSP, sp)
	fr := corefile.Frame{PC: pc, CallPC: pc - 1, CFA: cfa, Regs: regs}
	if stopped {
		fr.CallPC = pc
	}
	return fr
}

// scan scans a stack of the world's goroutine; slots are words of its stack.
func scan(t testing.TB, w *world, r *Runtime, st corefile.Stack, slots map[uint64]uint64) StackScan {
	t.Helper()
	for at, v := range slots {
		binary.LittleEndian.PutUint64(w.mem[stackLo][at-stackLo:], v)
	}
	g, err := r.Goroutine(0x1000)
	if err != nil {
		t.Fatal(err)
	}
	return *r.NewStackScanner().Scan(&g, &st)
}

// TestScanFrame: the words and objects of a frame lie where its map says, from
// the frame address.
func TestScanFrame(t *testing.T) {
	w, r := scanWorld(t, scanData())
	const second, first = fCFA - 16 - 32, fCFA - 16 - 16 // stack objects
	live := fCFA - 16 - 6*8 + 8
	st := corefile.Stack{Frames: []corefile.Frame{stackFrame(inF, fBase, fCFA, false)}}
	for _, tc := range []struct {
		name    string
		slots   map[uint64]uint64
		objects []int
	}{
		{"no pointer to an object", map[uint64]uint64{uint64(live): 0x12345}, nil},
		{"to one", map[uint64]uint64{uint64(live): first}, []int{1}},
		{"into one, that points to the other", map[uint64]uint64{uint64(live): second + 8, second + 8: first + 7}, []int{0, 1}},
		{"a number that looks like a pointer to the other", map[uint64]uint64{uint64(live): second + 8, second: first, second + 8: 0}, []int{0}},
		{"from an argument", map[uint64]uint64{fCFA: second, uint64(live): 0}, []int{0}},
		{"from one that is dead", map[uint64]uint64{fCFA: 0, fCFA + 8: second}, nil},
	} {
		s := scan(t, w, r, st, tc.slots)
		if s.Err != nil || len(s.Frames) != 1 || s.Frames[0].Conservative || len(s.Rest) > 0 {
			t.Fatalf("%s: %+v", tc.name, s)
		}
		m := s.Frames[0].Map
		if want := []Words{{Off: -64, N: 2}, {Off: 0, N: 1}}; !slices.Equal(m.Live, want) || len(m.Objects) != 2 {
			t.Errorf("%s: alive %v, want %v, %d objects", tc.name, m.Live, want, len(m.Objects))
		}
		var got []int
		for _, o := range s.Objects {
			if got = append(got, o.Index); o.CFA != fCFA || o.Conservative {
				t.Errorf("%s: %+v", tc.name, o)
			}
		}
		if !slices.Equal(got, tc.objects) {
			t.Errorf("%s: objects %v are alive, want %v", tc.name, got, tc.objects)
		}
	}
}

// TestScanStopped: of a frame that was stopped at any instruction every word
// counts, but what it leads to is marked.
func TestScanStopped(t *testing.T) {
	const gSP = fBase - fSize
	object := uint64(fCFA - 16 - 16)
	inner := stackFrame(inG, gSP, fBase, true)
	outer := stackFrame(inF, fBase, fCFA, false)
	w, r := scanWorld(t, scanData())
	s := scan(t, w, r, corefile.Stack{Frames: []corefile.Frame{inner, outer}}, map[uint64]uint64{gSP: object})
	if f := s.Frames[0]; !f.Conservative || !f.Registers || f.Any != (Range{gSP, fBase - 8}) || f.AnyArgs != (Range{fBase, fBase + 16}) {
		t.Errorf("%+v", f)
	}
	if s.Frames[1].Conservative || len(s.Objects) != 1 || !s.Objects[0].Conservative {
		t.Errorf("%+v, objects %+v", s.Frames[1], s.Objects)
	}
	// A pointer that is sure makes it so.
	s = scan(t, w, r, corefile.Stack{Frames: []corefile.Frame{inner, outer}}, map[uint64]uint64{fCFA: object})
	if len(s.Objects) != 1 || s.Objects[0].Conservative {
		t.Errorf("objects %+v", s.Objects)
	}
	// What it preempted was stopped anywhere, what trapped does not go on, and
	// code without maps may hold anything.
	for _, tc := range []struct {
		name         string
		pc, size     uint64
		conservative [2]bool
		live         int
	}{
		{"a preemption", preempt, 0x88, [2]bool{true, true}, 2},
		{"a trap", traps, 0x28, [2]bool{true, false}, 0},
		{"code without maps", noMaps, 0x28, [2]bool{true, false}, 2},
	} {
		st := corefile.Stack{Frames: []corefile.Frame{stackFrame(tc.pc, fBase-tc.size, fBase, false), stackFrame(inF, fBase, fCFA, true)}}
		if tc.pc == noMaps {
			st.Frames[1] = outer
		}
		s := scan(t, w, r, st, nil)
		if len(s.Frames) != 2 || s.Frames[0].Conservative != tc.conservative[0] || s.Frames[1].Conservative != tc.conservative[1] || len(s.Frames[1].Map.Live) != tc.live {
			t.Errorf("%s: %+v", tc.name, s.Frames)
		}
	}
}

// TestScanParts: what the walk did not come to is scanned without frames.
func TestScanParts(t *testing.T) {
	frame := stackFrame(inF, fBase, fCFA, false)
	far := stackFrame(inF, fBase+0x1000, fCFA+0x1000, false)
	wrong := stackFrame(inF, fBase, fCFA+8, false)
	cases := []struct {
		name string
		st   corefile.Stack
		rest []Range
		any  []Range
	}{
		{"whole", corefile.Stack{Frames: []corefile.Frame{frame, far}}, nil, []Range{{}, {}}},
		{"nothing", corefile.Stack{End: "unreadable"}, []Range{{stackLo, stackHi}}, nil},
		{"it ends early", corefile.Stack{Frames: []corefile.Frame{frame}, End: "no return address"}, []Range{{fCFA, stackHi}}, []Range{{}}},
		{"frames left out", corefile.Stack{Frames: []corefile.Frame{frame, far}, Omitted: 9}, []Range{{fCFA, fBase + 0x1000}, {fCFA + 0x1000, stackHi}}, []Range{{}, {}}},
		{"a frame of another size", corefile.Stack{Frames: []corefile.Frame{wrong}}, nil, []Range{{fBase, fCFA}}},
	}
	for _, tc := range cases {
		w, r := scanWorld(t, scanData())
		s := scan(t, w, r, tc.st, nil)
		var any []Range
		for _, f := range s.Frames {
			any = append(any, f.Any)
		}
		if !slices.Equal(s.Rest, tc.rest) || !slices.Equal(any, tc.any) {
			t.Errorf("%s: rest %#x, want %#x; frames %#x, want %#x", tc.name, s.Rest, tc.rest, any, tc.any)
		}
	}
}

// TestScanFolded: of frames that are folded each has its words and objects; too
// many are one piece of memory.
func TestScanFolded(t *testing.T) {
	w, r := scanWorld(t, scanData())
	fr := stackFrame(inF, fBase, fCFA, false)
	fr.Repeat = 5
	slots := map[uint64]uint64{}
	for n := range uint64(5) {
		cfa := fCFA + n*fSize
		slots[cfa] = cfa - 16 - 16 // each argument points to an object in its frame
	}
	s := scan(t, w, r, corefile.Stack{Frames: []corefile.Frame{fr}}, slots)
	if f := s.Frames[0]; f.Count != 5 || f.Stride != fSize || f.Conservative || len(s.Objects) != 5 {
		t.Errorf("%+v, %d objects", f, len(s.Objects))
	}
	fr.Repeat = 1 << 40 // the stack does not hold as many
	s = scan(t, w, r, corefile.Stack{Frames: []corefile.Frame{fr}}, nil)
	if f := s.Frames[0]; f.Count != 1 || !f.Conservative || f.Any != (Range{fBase, fCFA - 8}) {
		t.Errorf("%+v", f)
	}
	const large = 1 << 30
	w.set(0x1000, gStack+1, stackLo+large)
	fr.Repeat = maxUnfolded + 1
	s = scan(t, w, r, corefile.Stack{Frames: []corefile.Frame{fr}}, nil)
	if f := s.Frames[0]; !f.Conservative || f.Any != (Range{fBase, fCFA + maxUnfolded*fSize}) {
		t.Errorf("%+v", f)
	}
}

// TestScanWrongMaps: a frame whose map is damaged is scanned word by word.
func TestScanWrongMaps(t *testing.T) {
	for _, damage := range []func(b []byte){
		func(b []byte) { b[8] = 0 },                                             // no map
		func(b []byte) { b[12] = 200 },                                          // larger than the frame
		func(b []byte) { binary.LittleEndian.PutUint32(b[48:], 1<<32-9) },       // an object over the end of the locals
		func(b []byte) { binary.LittleEndian.PutUint32(b[48:], 1<<30) },         // or behind the arguments
		func(b []byte) { binary.LittleEndian.PutUint64(b[40:], 1<<40) },         // too many
		func(b []byte) { binary.LittleEndian.PutUint32(b[60:], uint32(1<<20)) }, // without bits
	} {
		data := scanData()
		damage(data)
		w, r := scanWorld(t, data)
		s := scan(t, w, r, corefile.Stack{Frames: []corefile.Frame{stackFrame(inF, fBase, fCFA, false)}}, nil)
		if f := s.Frames[0]; !f.Conservative || f.Map.Err == nil || f.Any != (Range{fBase, fCFA - 8}) {
			t.Errorf("%+v", f)
		}
	}
}

// FuzzStackScan scans any stack with any maps and frames: what is found lies on
// the stack, and each thing once.
func FuzzStackScan(f *testing.F) {
	f.Add(scanData(), []byte{}, []byte{0, 0x10, 0, fSize, 1, 0})
	f.Add(scanData(), make([]byte, 64), []byte{2, 0x10, 0, 0x88, 1, 1, 0, 0x10, 0x88, fSize, 3, 1, 1, 0x20, 0, fSize, 0, 0})
	f.Fuzz(func(t *testing.T, data, words, frames []byte) {
		w, r := scanWorld(t, data)
		copy(w.mem[stackLo][fBase-stackLo:], words)
		var st corefile.Stack
		for ; len(frames) >= 6 && len(st.Frames) < 64; frames = frames[6:] {
			sp := stackLo + uint64(frames[1])<<8 + uint64(frames[2])
			fr := stackFrame(scanText+uint64(frames[0])*8, sp, sp+uint64(frames[3]), frames[5]&1 != 0)
			if fr.Repeat = int(frames[4]); frames[5]&2 != 0 {
				fr.Repeat <<= 20
			}
			st.Frames, st.Omitted = append(st.Frames, fr), int(frames[5]&4)
		}
		s := scan(t, w, r, st, nil)
		inside := func(from, to uint64) {
			if from < to && (from < s.Stack.From || to > s.Stack.To) {
				t.Errorf("%#x to %#x is not on the stack", from, to)
			}
		}
		for _, x := range s.Rest {
			inside(x.From, x.To)
		}
		for _, x := range s.Frames {
			inside(x.Any.From, x.Any.To)
			inside(x.AnyArgs.From, x.AnyArgs.To)
			if x.Count < 1 || x.Frame >= len(st.Frames) {
				t.Errorf("%+v", x)
			}
		}
		last := uint64(0)
		for _, o := range s.Objects {
			at := o.CFA + uint64(o.Map.Objects[o.Index].Off)
			inside(at, at+uint64(o.Map.Objects[o.Index].Size))
			if at < last {
				t.Errorf("object at %#x behind one at %#x", at, last)
			}
			last = at
		}
	})
}
