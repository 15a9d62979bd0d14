package goruntime

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/pclntab"
	"github.com/safedump/sdcore/internal/coretest"
)

const (
	openText  = 0x400000
	openFrame = 0x40 // of the function with defers, at openText
	openSize  = 64
	openCFA   = 0x70200
	openSP    = openCFA - 8 - openFrame
	openBits  = openCFA - 16 - 24 // 24 below the highest local
	openSlots = openCFA - 16 - 16 // three of them would leave the frame
)

// clearBits is MOVB $0, bits(SP), with a short and a long displacement.
func clearBits(disp uint32, long bool) []byte {
	if !long {
		return []byte{0xc6, 0x44, 0x24, byte(disp), 0}
	}
	return append(binary.LittleEndian.AppendUint32([]byte{0xc6, 0x84, 0x24}, disp), 0)
}

// openWorld has one function with open-coded defers, and two others that are
// deferred.
func openWorld(t testing.TB, code []byte) (*world, *Runtime) {
	w := newWorld(1)
	table, err := pclntab.New(coretest.FuncTable([]coretest.TableFunc{
		{Name: "main.f", Size: openSize, Frame: openFrame, Defers: 8},
		{Name: "main.f.func1", Size: 16},
		{Name: "main.f.func2", Size: 16},
	}), pclntab.Options{Text: openText, FuncData: func(off uint64, n int) ([]byte, bool) {
		return []byte{24, 16, 0xff, 0xff, 0xff}[:min(n, 5)], off == 8 && n <= 5
	}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	r.table = table
	w.mem[openText] = append(slices.Clip(code), make([]byte, openSize-len(code))...)
	w.mem.put(0x9000, openText+openSize)
	w.mem.put(0x9010, openText+openSize+16)
	w.mem[openSP] = make([]byte, openFrame+8)
	return w, r
}

func (w *world) onFrame(addr uint64, b ...byte) { copy(w.mem[openSP][addr-openSP:], b) }

func TestOpenCodedDefers(t *testing.T) {
	const disp = openBits - openSP
	usual := append(make([]byte, 8), clearBits(disp, false)...)
	cases := []struct {
		name       string
		code       []byte
		pc, callPC uint64
		bits       byte
		slot1      uint64
		want       []uint64 // func values
		problem    string
	}{
		{name: "a call", code: usual, pc: openText + 32, callPC: openText + 31, bits: 3, slot1: 0x9010, want: []uint64{0x9010, 0x9000}},
		{name: "the first only", code: usual, pc: openText + 32, callPC: openText + 31, bits: 1, slot1: 0x1234567, want: []uint64{0x9000}},
		{name: "none pending", code: usual, pc: openText + 32, callPC: openText + 31, slot1: 0x9010},
		{name: "a nil func", code: usual, pc: openText + 32, callPC: openText + 31, bits: 3, want: []uint64{0, 0x9000}},
		{name: "interrupted", code: usual, pc: openText + 13, callPC: openText + 13, bits: 1, want: []uint64{0x9000}},
		{name: "interrupted before it began", code: usual, pc: openText + 8, callPC: openText + 8, bits: 3, slot1: 0x9010},
		{name: "before its frame", code: usual, pc: openText + 2, callPC: openText + 2, bits: 3, slot1: 0x9010},
		{name: "asks for a larger stack", code: usual, pc: openText + 3, callPC: openText + 2, bits: 3, slot1: 0x9010},
		{name: "unknown code", code: make([]byte, 8), pc: openText + 13, callPC: openText + 13, bits: 3, slot1: 0x9010, problem: "not known"},
		{name: "a garbage func", code: usual, pc: openText + 32, callPC: openText + 31, bits: 3, slot1: 0x1234567, problem: "of no function"},
		{name: "inside of a function", code: usual, pc: openText + 32, callPC: openText + 31, bits: 3, slot1: openText, problem: "of no function"},
		{name: "more than the frame holds", code: usual, pc: openText + 32, callPC: openText + 31, bits: 255, slot1: 0x9010, problem: "not on its frame"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w, r := openWorld(t, tc.code)
			w.onFrame(openBits, tc.bits)
			w.onFrame(openSlots, binary.LittleEndian.AppendUint64(nil, 0x9000)...)
			w.onFrame(openSlots+8, binary.LittleEndian.AppendUint64(nil, tc.slot1)...)
			regs := &corefile.Registers{}
			regs.SetWord(corefile.RegRSP, openSP)
			g, err := r.Goroutine(0x1000)
			if err != nil {
				t.Fatal(err)
			}
			d := r.Defers(&g, []corefile.Frame{{Function: "main.f", PC: tc.pc, CallPC: tc.callPC, CFA: openCFA, Regs: regs}})
			var got []uint64
			for _, x := range d.Frames[0] {
				got = append(got, x.Closure)
				if !x.OpenCoded {
					t.Errorf("%+v is not open-coded", x)
				}
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("func values %#x, want %#x", got, tc.want)
			}
			if (len(d.Problems) > 0) != (tc.problem != "") || tc.problem != "" && !strings.Contains(d.Problems[0].Message, tc.problem) {
				t.Errorf("problems %+v, want %q", d.Problems, tc.problem)
			}
		})
	}
}

// TestClearedFarAway: the displacement of a large frame has four bytes.
func TestClearedFarAway(t *testing.T) {
	_, r := openWorld(t, clearBits(0x1234, true))
	w := deferWalk{r: r, g: &corefile.Goroutine{}}
	if w.begun(openText, openText+4, openText+openSize, 0x1234) || !w.begun(openText, openText+8, openText+openSize, 0x1234) {
		t.Error("the instruction was not found")
	}
}

// FuzzWrapped follows any code as if it were a wrapper's.
func FuzzWrapped(f *testing.F) {
	f.Add([]byte("\x55\x48\x89\xe5\x48\x83\xec\x18\x48\x8b\x42\x08\x48\x8d\x1d\xb0\xbc\x02\x00\xb9\x04\x00\x00\x00\xe8\x14\x01\x00\x00"), uint64(0x9000))
	f.Add([]byte("\xeb\x00\xeb\xfe"), uint64(1))
	f.Add([]byte("\x50\x5c\x48\x8b\x24\x25\x00\x00\x00\x00\xc3"), uint64(openText))
	f.Fuzz(func(t *testing.T, code []byte, closure uint64) {
		_, r := openWorld(t, code[:min(len(code), openSize)])
		fn, ok := r.Functions().Find(openText)
		if !ok {
			t.Fatal("no function")
		}
		c, ok := r.followWrapper(&fn, closure)
		if _, known := r.FuncName(c.Frame.PC); ok && !known {
			t.Errorf("it leads to %#x", c.Frame.PC)
		}
		if len(c.Stack) > 2*maxWrapperSteps {
			t.Errorf("%d words of stack", len(c.Stack))
		}
	})
}

// FuzzDefers reads any bytes as a list of records.
func FuzzDefers(f *testing.F) {
	f.Add(make([]byte, 96), uint64(0x5000))
	f.Add(binary.LittleEndian.AppendUint64(make([]byte, 32), 0x5008), uint64(0x5008))
	f.Fuzz(func(t *testing.T, records []byte, head uint64) {
		w, frames := deferWorld()
		w.mem[0x5000] = records
		w.set(0x1000, gDeferW, head)
		r, err := w.open()
		if err != nil {
			t.Fatal(err)
		}
		g, err := r.Goroutine(0x1000)
		if err != nil {
			t.Fatal(err)
		}
		d := r.Defers(&g, frames)
		for i := range d.Frames {
			if len(d.Frames[i]) > maxFrameDefers {
				t.Errorf("%d calls", len(d.Frames[i]))
			}
		}
		if len(d.Problems) > maxProblems {
			t.Errorf("%d problems", len(d.Problems))
		}
	})
}
