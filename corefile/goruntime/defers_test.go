package goruntime

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
)

// deferWorld is a world with one goroutine, three frames and func values at
// 0x9000 and 0x9010.
func deferWorld() (*world, []corefile.Frame) {
	w := newWorld(1)
	w.types["runtime._defer"] = structOf("runtime._defer", "rangefunc", "sp", "pc", "fn", "link", "head")
	w.mem.put(0x9000, 0x400000, 0)
	w.mem.put(0x9010, 0x400100, 0)
	var frames []corefile.Frame
	for i := range uint64(3) {
		regs := &corefile.Registers{}
		regs.SetWord(corefile.RegRSP, 0x70100*1+0x100*i)
		frames = append(frames, corefile.Frame{Function: "f", CFA: 0x70200 + 0x100*i, Regs: regs})
	}
	frames = append([]corefile.Frame{{Function: "inlined", Inlined: true, Regs: frames[0].Regs}}, frames...)
	return w, frames
}

// deferAt puts a record.
func (w *world) deferAt(addr, sp, fn, link uint64) {
	w.mem.put(addr, 0, sp, 0, fn, link, 0)
}

func (w *world) defers(t *testing.T, head uint64, frames []corefile.Frame) Defers {
	t.Helper()
	w.set(0x1000, gDeferW, head)
	r, err := w.open()
	if err != nil {
		t.Fatal(err)
	}
	g, err := r.Goroutine(0x1000)
	if err != nil {
		t.Fatal(err)
	}
	return r.Defers(&g, frames)
}

func TestDeferRecords(t *testing.T) {
	w, frames := deferWorld()
	w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
	w.mem.put(0x5040, 1, 0x70100, 0, 0, 0x5080, 0x5200) // a range-over-func loop
	w.deferAt(0x5080, 0x70200, 0, 0x50c0)               // a nil func
	w.deferAt(0x50c0, 0x70280, 0x9010, 0)               // of a frame that was left out
	w.mem.put(0x5200, 0x5240)
	w.deferAt(0x5240, 0, 0x9010, 0x5280)
	w.deferAt(0x5280, 0, 0x9000, 0)
	d := w.defers(t, 0x5000, frames)
	if len(d.Problems) > 0 || d.Elsewhere != 1 || len(d.Frames[0])+len(d.Frames[3]) > 0 {
		t.Fatalf("%+v", d)
	}
	inner, outer := d.Frames[1], d.Frames[2]
	if len(inner) != 3 || inner[0].Addr != 0x5000 || inner[1].Addr != 0x5240 || inner[2].Addr != 0x5280 {
		t.Errorf("inner frame: %+v", inner)
	}
	if inner[1].Code != 0x400100 || inner[1].Closure != 0x9010 || inner[0].OpenCoded {
		t.Errorf("inner frame: %+v", inner)
	}
	if len(outer) != 1 || outer[0].Closure != 0 || outer[0].Code != 0 {
		t.Errorf("outer frame: %+v", outer)
	}
}

// TestDeferDamage: what is damaged is a problem, what comes before it is kept.
func TestDeferDamage(t *testing.T) {
	cases := []struct {
		name, want string
		damage     func(w *world)
	}{
		{"unmapped", "not readable", func(w *world) { w.deferAt(0x5000, 0x70100, 0x9000, 0xdead0) }},
		{"circle", "circles", func(w *world) {
			w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
			w.deferAt(0x5040, 0x70100, 0x9000, 0x5000)
		}},
		{"garbage func", "of no function", func(w *world) {
			w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
			w.deferAt(0x5040, 0x70100, 0x1234567, 0)
		}},
		{"off the stack", "stack pointer", func(w *world) {
			w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
			w.deferAt(0x5040, 0x99999999, 0x9000, 0)
		}},
		{"inwards", "stack pointer", func(w *world) {
			w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
			w.deferAt(0x5040, 0x70000, 0x9000, 0)
		}},
		{"no list of a loop", "list at", func(w *world) {
			w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
			w.mem.put(0x5040, 1, 0x70100, 0, 0, 0, 0)
		}},
		{"circle in a loop", "circles", func(w *world) {
			w.deferAt(0x5000, 0x70100, 0x9000, 0x5040)
			w.mem.put(0x5040, 1, 0x70100, 0, 0, 0, 0x5200)
			w.mem.put(0x5200, 0x5240)
			w.deferAt(0x5240, 0, 0x9000, 0x5240)
		}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			w, frames := deferWorld()
			tc.damage(w)
			d := w.defers(t, 0x5000, frames)
			if len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Message, tc.want) || !d.Problems[0].Missing {
				t.Errorf("problems: %+v", d.Problems)
			}
			if len(d.Frames[1]) == 0 || d.Frames[1][0].Addr != 0x5000 {
				t.Errorf("calls before the damage: %+v", d.Frames)
			}
		})
	}
}

// TestDeferLeak: a defer statement in a loop without end makes records without
// end; they are counted, a few are kept, and no memory is needed for the rest.
func TestDeferLeak(t *testing.T) {
	w, frames := deferWorld()
	const n = maxDeferRecords + 10
	chain := make([]uint64, 6*n)
	for i := range uint64(n) {
		copy(chain[6*i:], []uint64{0, 0x70100, 0, 0x9000, 0x10000000 + 48*(i+1), 0})
	}
	w.mem.put(0x10000000, chain...)
	d := w.defers(t, 0x10000000, frames)
	if len(d.Frames[1]) != maxFrameDefers || d.More[1] != maxDeferRecords-maxFrameDefers {
		t.Errorf("%d kept, %d counted", len(d.Frames[1]), d.More[1])
	}
	if len(d.Problems) != 1 || !strings.Contains(d.Problems[0].Message, "more than") {
		t.Errorf("problems: %+v", d.Problems)
	}
}

// TestDefersWithoutLayout: a release without the record's fields is a problem.
func TestDefersWithoutLayout(t *testing.T) {
	w, frames := deferWorld()
	w.types["runtime._defer"] = &gotype.Type{Name: "runtime._defer", Size: 8}
	if d := w.defers(t, 0x5000, frames); len(d.Problems) != 1 || len(d.Frames) > 0 {
		t.Errorf("%+v", d)
	}
	if d := w.defers(t, 0, frames); len(d.Problems) > 0 {
		t.Errorf("no record, and still: %+v", d.Problems)
	}
}

func TestIsWrapper(t *testing.T) {
	for name, want := range map[string]bool{
		"main.f.deferwrap1": true, "main.(*T).Close-fm": true, "main.f[...].deferwrap12": true,
		"main.f.func1": false, "main.deferwrapper": false, "main.f.deferwrap1.func1": false, "": false,
	} {
		if got := isWrapper(name); got != want {
			t.Errorf("isWrapper(%q) = %v", name, got)
		}
	}
}
