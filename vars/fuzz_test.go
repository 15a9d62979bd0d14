package vars

import (
	"reflect"
	"testing"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// everything builds a value that holds every kind, and itself.
func everything() (w *world, t *gotype.Type, addr uint64) {
	w = newWorld()
	w.funcs[0x401000] = function{Name: "main.f", Captured: []captured{
		{Name: "n", Offset: 8, Type: intType}, {Name: "s", Offset: 16, Type: stringType, ByRef: true}}}
	timeType := structOf("time.Time", 24, field("wall", 0, uintType), field("ext", 8, intType), field("loc", 16, uintType))
	timeType.Package = "time"
	t = structOf("main.All", 0)
	var body []uint64
	add := func(name string, ft *gotype.Type, ws ...uint64) {
		t.Fields = append(t.Fields, field(name, int64(len(body))*8, ft))
		body = append(body, ws...)
	}
	self := ptrTo(t)
	text := w.alloc([]byte("some text in memory"))
	add("i", intType, 7)
	add("b", scalarOf("bool", reflect.Bool), 1)
	add("c", scalarOf("complex128", reflect.Complex128), f64(1), f64(2))
	add("s", stringType, text, 9)
	add("bytes", sliceOf(byteType), text, 9, 19)
	add("ints", sliceOf(intType), w.words(1, 2, 3), 3, 3)
	add("array", arrayOf(2, intType), 1, 2)
	add("self", self, 0)
	add("selves", sliceOf(self), w.words(0, 0), 2, 2)
	add("m", mapOf(intType, intType), w.word(w.small(3, 1, -2, 5, 6)))
	add("large", mapOf(intType, intType), w.word(w.large(4, w.table(w.group(1, -1, 3), w.group(4)), w.table(w.group(9)))))
	add("ch", chanOf(stringType), w.hchan(1, 2, w.words(text, 3, text, 4), 0, 1))
	add("f", funcType, w.words(0x401000, 5, w.str("captured")))
	add("any", anyType, w.descriptor(intType, false), w.words(5))
	add("err", errorType, w.words(0, w.descriptor(self, true), 0, 0), 0)
	add("time", timeType, 1<<63|5<<30, 9, 0)
	t.Size = int64(len(body)) * 8
	addr = w.words(body...)
	fd, _ := fieldAt(t, "self")
	w.set(addr+uint64(fd.Offset), addr)
	fd, _ = fieldAt(t, "err")
	w.set(addr+uint64(fd.Offset)+8, addr)
	fd, _ = fieldAt(t, "selves")
	w.set(w.word(addr+uint64(fd.Offset)), addr)
	return w, t, addr
}

func TestEverything(t *testing.T) {
	w, typ, addr := everything()
	v := w.reader(Options{}).Value(typ, addr)
	well(t, &v)
	walk(&v, func(x *report.Value) {
		if x.State != report.StateOK && x.State != report.StateCycle {
			t.Errorf("%s value of type %s: %s", x.State, x.Type, x.Note)
		}
	})
	r := w.reader(Options{})
	for path, want := range map[string]string{
		"x.i": "7", "x.self.self.self.ints[2]": "3", "x.large[9]": "90", "x.m[6]": "60", "x.f.s": "captured", "x.ch[0]": "some",
		"x.err.s": "some text", "x.any": "", "len(x.large)": "4", "cap(x.bytes)": "19", "x.array[1]": "2", "x.bytes[0]": "115",
		"x.err.(type)": "*main.All", "*x.self.self": "", "len(x.ch)": "1", "x.s[2]": "109",
	} {
		p := mustPath(t, path)
		got, err := r.Eval(r.AddrRoot(typ, addr), tailOf(p))
		if err != nil || got.Text != want {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	for _, path := range []string{"x.nope", "x.i[0]", "x.i.j", "x.ints[3]", "x.m[4]", `x.m["a"]`, "len(x.i)", "cap(x.m)", "*x.i", "x.array[2]", "len(x.m).y"} {
		p, err := report.ParsePath(path)
		if err != nil {
			continue
		}
		if got, err := r.Eval(r.AddrRoot(typ, addr), tailOf(p)); err == nil {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

// FuzzDecode changes words all over the memory of a value of every kind. What
// comes out is bounded, whatever is in.
func FuzzDecode(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{3, 1, 2, 40, 8, 200, 30, 0, 255, 12, 2, 9})
	f.Fuzz(func(t *testing.T, ops []byte) {
		w, typ, addr := everything()
		// Interesting words: small numbers, addresses in use, huge ones.
		word := func(sel, x byte) uint64 {
			switch sel % 5 {
			case 0:
				return uint64(x)
			case 1:
				return w.blocks[int(x)%len(w.blocks)].addr
			case 2:
				return 1 << (x % 64)
			case 3:
				return -uint64(x)
			}
			return addr + uint64(x)*8
		}
		for i := 0; i+4 <= len(ops) && i < 256; i += 4 {
			b := &w.blocks[int(ops[i])%len(w.blocks)]
			if n := len(b.data) / 8; n > 0 {
				w.set(b.addr+uint64(int(ops[i+1])%n)*8, word(ops[i+2], ops[i+3]))
			}
		}
		coretest.Bounded(t, 500, 4096, func() { decodeAll(t, w, typ, addr) })
	})
}

// decodeAll decodes a value, and parts of it by path.
func decodeAll(t *testing.T, w *world, typ *gotype.Type, addr uint64) {
	began := time.Now()
	r := w.reader(Options{Limits: report.Limits{MaxNodes: 500}})
	v := r.Value(typ, addr)
	well(t, &v)
	if n := count(&v); n > 501 {
		t.Errorf("%d values", n)
	}
	if h := height(&v); h > hardLevel+2 {
		t.Errorf("height %d", h)
	}
	clone := r.Clone()
	for range 2 { // the second time in room that was used before
		if again := clone.Value(typ, addr); !reflect.DeepEqual(again, v) {
			t.Error("a clone decodes something else than its reader")
		}
		clone.room.reset()
	}
	for _, path := range []string{"x.large[9]", "x.self.self.m[6]", "x.err.ch[0]", "x.selves[1].s[3]", "x.f.s", "len(x.any)"} {
		if got, err := r.Eval(r.AddrRoot(typ, addr), tailOf(mustPath(t, path))); err == nil {
			well(t, &got)
		}
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("took %v", d)
	}
}

// FuzzPieces decodes from arbitrary locations.
func FuzzPieces(f *testing.F) {
	f.Add([]byte{1, 8, 0, 2, 8, 3})
	f.Add([]byte{2, 0, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		w, typ, addr := everything()
		regs := &corefile.Registers{}
		regs.Set(0, words(addr))
		regs.Set(1, words(3, 4))
		regs.Set(2, []byte{9})
		loc := corefile.Location{Stale: len(ops)%2 == 1}
		for i := 0; i+3 <= len(ops) && i < 300; i += 3 {
			p := corefile.Piece{Kind: corefile.PieceKind(ops[i] % 5), Size: int64(int8(ops[i+1])), Reg: uint64(ops[i+2] % 4), RegUnknown: ops[i] > 127}
			p.Addr = addr + uint64(ops[i+2])
			p.Value = words(addr, uint64(ops[i+2]))[:ops[i+2]%17]
			loc.Pieces = append(loc.Pieces, p)
		}
		r := w.reader(Options{Limits: report.Limits{MaxNodes: 300}})
		for _, ft := range append([]gotype.Field{{Type: typ}}, typ.Fields...) {
			v := r.At(ft.Type, loc, regs)
			walk(&v, func(x *report.Value) {
				if x.State == "" || x.Kind == "" {
					t.Errorf("%+v", x)
				}
			})
			if n := count(&v); n > 301 {
				t.Errorf("%d values", n)
			}
			if v.State == report.StateOptimizedOut && len(loc.Pieces) == 0 && (v.Text != "" || v.Nil) {
				t.Errorf("%+v", v)
			}
		}
	})
}
