package shape

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
)

func basics() (i, u8, str, unsafePtr, fn, eface, iface *gotype.Type) {
	eface, iface = typeOf("interface {}", reflect.Interface, 16), typeOf("error", reflect.Interface, 16)
	eface.EmptyInterface = true
	for _, ty := range []*gotype.Type{eface, iface} {
		ty.Align = 8
	}
	str = typeOf("string", reflect.String, 16)
	str.Align = 8
	return typeOf("int", reflect.Int, 8), typeOf("uint8", reflect.Uint8, 1), str,
		typeOf("unsafe.Pointer", reflect.UnsafePointer, 8), typeOf("func()", reflect.Func, 8), eface, iface
}

// edgesOf lists edges as text: "offset:type", with "[len/cap]" of arrays and the
// ground where it is not the declaration.
func edgesOf(t *Table, id ID, b []byte) string {
	var out []string
	t.Walker().Edges(id, b, func(e *Edge) {
		s := fmt.Sprintf("%d:%s", e.Off, t.Info(e.Elem).Name)
		if e.Many {
			s += fmt.Sprintf("[%d/%d]", e.Len, e.Count)
		}
		s += [...]string{" ?", " shape", " rule", " dynamic", ""}[e.How]
		out = append(out, s)
	})
	return strings.Join(out, ", ")
}

// TestEdges has a case for each kind of word and each rule.
func TestEdges(t *testing.T) {
	f := newFakes()
	i, u8, str, raw, fn, eface, iface := basics()
	thing := structOf("main.thing", "p", ptrTo(i))
	shaped := structOf("go.shape.struct { p *int }", "p", ptrTo(i))
	shaped.Shape = true
	thingDesc, intDesc := f.describe(thing, 8, 0), f.describe(i, 0, 0)
	ptrDesc, fnDesc := f.describe(ptrTo(thing), 8, 0), f.describe(fn, 8, 0)
	one := structOf("main.one", "p", ptrTo(thing))
	oneDesc := f.describe(one, 8, flagDirectIface)
	itab := f.mem.put(0, ptrDesc, 0)
	f.funcs[0x1000], f.funcs[0x2000], f.funcs[0x3000] = "main.f.func1", "main.(*thing).Do-fm", "main.g.deferwrap1"
	f.closes[0x1000] = []goscope.Captured{{Name: "x", Type: thing, Offset: 8, ByRef: true}, {Name: "s", Type: str, Offset: 16}}
	f.names["*main.thing"] = ptrTo(thing)
	f.names["main.thing"] = thing
	closure, method, wrapper := f.mem.put(0x1000, 1, 2, 3), f.mem.put(0x2000, 5), f.mem.put(0x3000, 5)
	entryFlag, innerFlag := f.mem.put(1), f.mem.put(0)

	noTag := arrayOf(0, ptrTo(thing))
	node := structOf("internal/sync.node[int,int]", "isEntry", typeOf("bool", reflect.Bool, 1))
	f.names["internal/sync.entry[int,int]"] = structOf("internal/sync.entry[int,int]", "node", node, "p", raw)
	f.names["internal/sync.indirect[int,int]"] = structOf("internal/sync.indirect[int,int]", "node", node, "p", raw)
	f.names["sync.poolLocal"] = structOf("sync.poolLocal", "private", eface)
	timer := structOf("runtime.timer", "state", i, "f", fn)
	timeTimer := structOf("runtime.timeTimer", "c", raw, "timer", timer)
	f.names["runtime.timeTimer"] = timeTimer
	f.funcs[0x4000] = "time.goFunc"
	timed := f.mem.put(0, 0, f.mem.put(0x4000))
	slept := f.mem.put(0, 0, closure)
	notInHeap := structOf("runtime.span", "_", structOf("internal/runtime/sys.NotInHeap"))

	group := structOf("group<string,int>", "ctrl", i, "slots", arrayOf(8, structOf("slot<string,int>", "key", str, "elem", i)))
	ref := structOf("groupReference<string,int>", "data", ptrTo(group), "lengthMask", i)
	tab := structOf("table<string,int>", "n", i, "groups", ref)
	mapType := typeOf("map[string]int", reflect.Map, 8)
	mapType.Key, mapType.Elem = str, i
	mapType.Internal = structOf("map<string,int>", "used", i, "dirPtr", ptrTo(ptrTo(tab)), "dirLen", i)
	hchan := structOf("hchan<main.thing>", "qcount", i, "dataqsiz", i, "buf", raw, "elemtype", raw)
	chanType := typeOf("chan main.thing", reflect.Chan, 8)
	chanType.Elem, chanType.Internal = thing, hchan

	runtimeChan := structOf("runtime.hchan", "qcount", i, "dataqsiz", i, "buf", raw, "elemtype", raw)
	f.names["runtime.hchan"] = runtimeChan
	thingChan, noChan := f.mem.put(0, 0, 0, thingDesc), f.mem.put(0, 0, 0, 5)

	for _, tt := range []struct {
		ty    *gotype.Type
		words []uint64
		want  string
	}{
		{i, []uint64{5}, ""},
		{ptrTo(thing), []uint64{5}, "0:main.thing"},
		{ptrTo(thing), []uint64{0}, ""},
		{ptrTo(shaped), []uint64{5}, "0:go.shape.struct { p *int } shape"},
		{ptrTo(notInHeap), []uint64{5}, ""},
		{raw, []uint64{5}, "0:? ?"},
		{str, []uint64{5, 9}, "0:string bytes[9/9]"},
		{sliceOf(thing), []uint64{5, 2, 3}, "0:main.thing[2/3]"},
		{eface, []uint64{thingDesc, 5}, "8:main.thing dynamic"},
		{eface, []uint64{intDesc, 5}, "8:int dynamic"},
		{eface, []uint64{ptrDesc, 5}, "8:main.thing dynamic"},
		{eface, []uint64{oneDesc, 5}, "8:main.thing dynamic"},
		{eface, []uint64{fnDesc, closure}, "8:closure of main.f.func1 dynamic"},
		{eface, []uint64{0, 5}, "8:? ?"},
		{eface, []uint64{0x77, 5}, "8:? ?"},
		{eface, []uint64{closure, 5}, "8:? ?"},
		{iface, []uint64{itab, 5}, "8:main.thing dynamic"},
		{iface, []uint64{5, 5}, "8:? ?"},
		{fn, []uint64{closure}, "0:closure of main.f.func1 dynamic"},
		{fn, []uint64{method}, "0:closure of main.(*thing).Do-fm dynamic"},
		{fn, []uint64{wrapper}, "0:closure of main.g.deferwrap1 dynamic"},
		{fn, []uint64{5}, "0:? ?"},
		{mapType, []uint64{5}, "0:map[string]int"},
		{mapType.Internal, []uint64{1, 5, 0}, "8:map[string]int group"},
		{mapType.Internal, []uint64{1, 5, 4}, "8:map[string]int directory[4/4]"},
		{ptrTo(tab), []uint64{5}, "0:map[string]int table"},
		{tab, []uint64{1, 5, 7}, "8:map[string]int group[8/8]"},
		{group, append([]uint64{0, 5, 1, 1, 0, 0, 0, 6, 2}, make([]uint64, 16)...), "8:string bytes[1/1], 56:string bytes[2/2]"},
		{chanType, []uint64{5}, "0:chan main.thing"},
		{hchan, []uint64{0, 10, 5, thingDesc}, "16:main.thing[10/10] dynamic, 24:? ?"},
		{ptrTo(runtimeChan), []uint64{thingChan}, "0:chan main.thing dynamic"},
		{ptrTo(runtimeChan), []uint64{noChan}, "0:? ?"},
		{structOf("runtime.maybeTraceableChan", "maybeTraceablePtr", structOf("runtime.maybeTraceablePtr", "vp", raw, "vu", i)), []uint64{thingChan}, "0:chan main.thing dynamic"},
		{ptrTo(timer), []uint64{timed + 8}, "0:runtime.timeTimer dynamic"},
		{ptrTo(timer), []uint64{slept + 8}, "0:runtime.timer"},
		{ptrTo(timer), []uint64{5}, "0:runtime.timer"},
		{structOf("runtime.timeTimer", "c", raw), []uint64{thingChan}, "0:chan main.thing dynamic"},
		{structOf("sync/atomic.Pointer[main.thing]", "_", noTag, "v", raw), []uint64{5}, "0:main.thing rule"},
		{structOf("sync/atomic.Pointer[internal/sync.node[int,int]]", "_", arrayOf(0, ptrTo(node)), "v", raw), []uint64{entryFlag}, "0:internal/sync.entry[int,int] dynamic"},
		{ptrTo(node), []uint64{innerFlag}, "0:internal/sync.indirect[int,int] dynamic"},
		{structOf("internal/runtime/atomic.Pointer[main.thing]", "u", structOf("UnsafePointer", "value", raw)), []uint64{5}, "0:main.thing rule"},
		{structOf("weak.Pointer[main.thing]", "_", noTag, "u", raw), []uint64{5}, "0:weak handle rule"},
		{structOf("sync.Pool", "local", raw, "localSize", i, "victim", raw, "victimSize", i), []uint64{5, 2, 6, 3}, "0:sync.poolLocal[2/2] rule, 16:sync.poolLocal[3/3] rule"},
		{structOf("sync.eface", "typ", raw, "val", raw), []uint64{thingDesc, 5}, "8:main.thing dynamic"},
		{structOf("reflect.Value", "typ_", raw, "ptr", raw, "flag", i), []uint64{ptrDesc, 5, 0}, "0:? ?, 8:main.thing dynamic"},
		{structOf("reflect.Value", "typ_", raw, "ptr", raw, "flag", i), []uint64{ptrDesc, 5, reflectFlagIndir}, "0:? ?, 8:*main.thing dynamic"},
		{ptrTo(structOf("time.Timer", "C", raw)), []uint64{5}, "0:runtime.timeTimer rule"},
		{structOf("main.s", "a", u8, "b", arrayOf(2, ptrTo(thing)), "c", str), []uint64{1, 0, 5, 5, 2}, "16:main.thing, 24:string bytes[2/2]"},
		{arrayOf(1<<40, structOf("main.e", "n", i, "p", ptrTo(thing))), []uint64{1, 0, 1, 5, 1}, "24:main.thing"},
		{arrayOf(1<<20, arrayOf(1<<20, ptrTo(thing))), []uint64{0, 0, 5}, "16:main.thing"},
	} {
		tab := f.table()
		tab.Info(tab.Of(mapType)) // names the parts
		id := tab.Of(tt.ty)
		if got := edgesOf(tab, id, wordBytes(tt.words...)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.ty.Name, got, tt.want)
		}
		if n := len(tab.Info(id).Words); n > 40 {
			t.Errorf("%s has %d words", tt.ty.Name, n)
		}
	}
}

// TestArrayOfValues: an object may hold several values, and the last may be cut.
func TestArrayOfValues(t *testing.T) {
	f := newFakes()
	i, _, _, _, _, _, _ := basics()
	ty := structOf("main.s", "n", i, "p", ptrTo(i))
	tab := f.table()
	if got := edgesOf(tab, tab.Of(ty), wordBytes(1, 2, 3, 4, 5)); got != "8:int, 24:int" {
		t.Error(got)
	}
	if got := edgesOf(tab, tab.Of(ty), []byte{1, 2, 3, 4, 5, 6, 7, 8, 9}); got != "" {
		t.Error(got)
	}
}

// TestClosures: what closures captured, and that a gap is not known.
func TestClosures(t *testing.T) {
	f := newFakes()
	i, _, str, _, _, _, _ := basics()
	f.funcs[0x1000], f.funcs[0x2000] = "main.f[...].func1", "example.com/a.T.M-fm"
	f.closes[0x1000] = []goscope.Captured{{Name: "s", Type: str, Offset: 16}, {Name: "p", Type: i, Offset: 40, ByRef: true}}
	f.names["example.com/a.T"] = structOf("example.com/a.T", "p", ptrTo(i), "n", i)
	tab := f.table()
	in := tab.Info(tab.OfFunc(0x1000))
	if in.Name != "closure of main.f[...].func1" || in.Package != "main" || in.Size != 48 || !in.Partial || in.Mask != 0b100100 || in.Known != 0b101101 {
		t.Errorf("%+v", in)
	}
	if _, ok := in.Matches(0b110110, 48); !ok {
		t.Error("words of which nothing is known count")
	}
	if _, ok := in.Matches(0b000100, 48); ok {
		t.Error("a captured pointer that is none matches")
	}
	if steps, inner := tab.Path(in.ID, 24); PathString(steps) != ".s" || steps[0].Kind != StepCaptured || inner != tab.Of(str) {
		t.Errorf("%+v, %s", steps, tab.Info(inner).Name)
	}
	in = tab.Info(tab.OfFunc(0x2000))
	if in.Size != 24 || in.Partial || in.Mask != 0b10 || in.Package != "example.com/a" {
		t.Errorf("%+v", in)
	}
	if id := tab.OfFunc(0x1008); id != Unknown {
		t.Error("a PC in a function is no entry")
	}
}

func TestMatches(t *testing.T) {
	i, _, str, _, _, _, _ := basics()
	f := newFakes()
	pair := structOf("main.pair", "n", i, "p", ptrTo(i))
	for _, tt := range []struct {
		ty         *gotype.Type
		mask, size uint64
		n          uint64
		ok         bool
	}{
		{pair, 0b10, 16, 1, true},
		{pair, 0b10, 32, 1, true},
		{pair, 0b1010, 32, 2, true},
		{pair, 0b1010, 48, 2, true},
		{pair, 0b0110, 32, 0, false},
		{pair, 0b1000, 32, 0, false},
		{pair, 0, 16, 0, false},
		{pair, 0b10, 8, 0, false},
		{pair, 0xaaaa_aaaa_aaaa_aaaa, 512, 32, true},
		{pair, 0xaaaa_aaaa_aaaa_aaab, 512, 0, false},
		{i, 0, 64, 1, true},
		{i, 1, 64, 0, false},
		{str, 0b10101, 48, 3, true},
		{ptrTo(i), ^uint64(0), 512, 64, true},
		{arrayOf(100, ptrTo(i)), ^uint64(0), 512, 0, false},
		{structOf("main.empty"), 0, 8, 1, true},
	} {
		tab := f.table()
		in := tab.Info(tab.Of(tt.ty))
		if n, ok := in.Matches(tt.mask, tt.size); n != tt.n || ok != tt.ok {
			t.Errorf("%s: %b in %d: %d, %v", tt.ty.Name, tt.mask, tt.size, n, ok)
		}
	}
	if _, ok := f.table().Info(Unknown).Matches(0, 8); ok {
		t.Error("everything matches what is not known")
	}
}

func TestPath(t *testing.T) {
	i, _, str, _, _, _, _ := basics()
	f := newFakes()
	inner := structOf("main.inner", "n", i, "names", arrayOf(4, str))
	outer := structOf("main.outer", "id", i, "in", arrayOf(2, inner))
	slots := structOf("group<string,int>", "ctrl", i, "slots", arrayOf(8, structOf("slot", "key", str, "elem", outer)))
	split := structOf("group<string,int>", "ctrl", i, "keys", arrayOf(8, str), "elems", arrayOf(8, outer))
	table := func(group *gotype.Type) *gotype.Type {
		tab := structOf("table<string,int>", "groups", structOf("groupReference<string,int>", "data", ptrTo(group), "lengthMask", i))
		m := typeOf("map[string]int", reflect.Map, 8)
		m.Key, m.Elem, m.Internal = str, outer, structOf("map<string,int>", "dirPtr", ptrTo(ptrTo(tab)), "dirLen", i)
		return m
	}
	of := func(tab *Table, ty *gotype.Type) ID {
		if ty == slots || ty == split {
			tab.Of(table(ty))
			tab.Info(tab.Of(table(ty)))
		}
		return tab.Of(ty)
	}
	for _, tt := range []struct {
		ty    *gotype.Type
		off   uint64
		want  string
		inner string
	}{
		{outer, 0, ".id", "int"},
		{outer, 8, ".in[0].n", "int"},
		{outer, 8 + 72 + 8 + 16*3 + 8, ".in[1].names[3]", "string"},
		{outer, uint64(outer.Size) * 3, "[3].id", "int"},
		{slots, 8, "[key]", "string"},
		{slots, 8 + uint64(16+outer.Size)*2 + 16 + 8, "[...].in[0].n", "int"},
		{split, 8 + 16, "[key]", "string"},
		{split, 8 + 16*8 + uint64(outer.Size)*7, "[...].id", "int"},
	} {
		tab := f.table()
		steps, in := tab.Path(of(tab, tt.ty), tt.off)
		if got := PathString(steps); got != tt.want || tab.Info(in).Name != tt.inner {
			t.Errorf("%s+%d: %s of %s, want %s of %s", tt.ty.Name, tt.off, got, tab.Info(in).Name, tt.want, tt.inner)
		}
	}
	tab := f.table()
	if steps, _ := tab.Path(of(tab, split), 8+16*8+uint64(outer.Size)*7); steps[0] != (Step{Kind: StepMapElem, Index: 7}) {
		t.Errorf("%+v", steps)
	}
	if steps, _ := tab.Path(of(tab, slots), 8+uint64(16+outer.Size)*2); steps[0] != (Step{Kind: StepMapKey, Index: 2}) {
		t.Errorf("%+v", steps)
	}
}

// TestHostileTypes: types that would take forever, or all memory.
func TestHostileTypes(t *testing.T) {
	i, _, _, _, _, _, _ := basics()
	f := newFakes()
	doubled, plain := structOf("main.d0", "p", ptrTo(i)), structOf("main.n0", "n", i)
	for n := range 50 {
		doubled = structOf(fmt.Sprintf("main.d%d", n+1), "a", doubled, "b", doubled)
		plain = structOf(fmt.Sprintf("main.n%d", n+1), "a", plain, "b", plain)
	}
	nested := structOf("main.x", "p", ptrTo(i))
	for range 100000 {
		nested = structOf("main.x", "p", nested)
	}
	grids := structOf("main.g", "n", i, "p", ptrTo(i))
	for range 20 {
		grids = structOf("main.g", "n", i, "a", arrayOf(3, grids))
	}
	over := structOf("main.o", "p", ptrTo(i))
	for range 1000 {
		over.Fields = append(over.Fields, over.Fields[0])
	}
	broken := structOf("main.b", "p", ptrTo(i), "bad", &gotype.Type{Name: "main.bad", Size: 8, Align: 8, Err: gotype.ErrBadType})
	for _, ty := range []*gotype.Type{doubled, plain, nested, grids, over, broken, arrayOf(4, doubled), arrayOf(1<<60, typeOf("int8", reflect.Int8, 1))} {
		tab := f.table()
		in := tab.Info(tab.Of(ty))
		edges := 0
		tab.Walker().Edges(in.ID, wordBytes(make([]uint64, 1000)...), func(*Edge) { edges++ })
		if len(in.Words) > maxWords || edges > 0 {
			t.Errorf("%s: %d words, %d edges", ty.Name, len(in.Words), edges)
		}
		if want := ty != plain && ty.Kind != reflect.Array || ty.Kind == reflect.Array && ty.Elem == doubled; in.Partial != want {
			t.Errorf("%s: partial %v", ty.Name, in.Partial)
		}
	}
}

// TestConcurrent: types appear while others walk.
func TestConcurrent(t *testing.T) {
	f := newFakes()
	i, _, _, _, _, eface, _ := basics()
	var words []uint64
	for n := range 300 {
		ty := structOf(fmt.Sprintf("main.t%d", n), "p", ptrTo(i))
		words = append(words, f.describe(ty, 8, 0), 5)
	}
	tab := f.table()
	id := tab.Of(eface)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			w, n := tab.Walker(), 0
			w.Edges(id, wordBytes(words...), func(e *Edge) {
				if want := fmt.Sprintf("main.t%d", n); tab.Info(e.Elem).Name != want {
					t.Errorf("%s, want %s", tab.Info(e.Elem).Name, want)
				}
				n++
			})
		})
	}
	all.Wait()
	if tab.Len() > 400 {
		t.Errorf("%d types", tab.Len())
	}
}
