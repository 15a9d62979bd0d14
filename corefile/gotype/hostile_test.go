package gotype

import (
	"debug/dwarf"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/internal/coretest"
)

// fakeBinary is a binary of sections.
type fakeBinary map[string][]byte

func (b fakeBinary) DebugSection(name string) ([]byte, error)             { return b[name], nil }
func (b fakeBinary) DebugSectionSoFar(name string, _ int) ([]byte, error) { return b[name], nil }
func (b fakeBinary) Symbol(string) (addr, size uint64, found bool)        { return 0x1000, 0, true }

// dieWriter writes a unit of hand-made entries. Each kind of entry has a fixed
// set of attributes: name, type, byte_size, go_kind, go_elem, count, member
// offset.
type dieWriter struct {
	info []byte
	refs map[int]string // places to fill in
	offs map[string]int
}

const (
	abbrevUnit = iota + 1
	abbrevTypedef
	abbrevStruct
	abbrevMember
	abbrevArray
	abbrevRange
	abbrevBase
	abbrevPointer
	abbrevSlice
)

func uleb(v uint64) []byte { return binary.AppendUvarint(nil, v) }

// abbrevs declares the attributes of the entries above.
func abbrevs() []byte {
	var b []byte
	add := func(code int, tag dwarf.Tag, children byte, attrs ...uint64) {
		b = append(b, byte(code))
		b = append(append(b, uleb(uint64(tag))...), children)
		for _, a := range append(attrs, 0, 0) {
			b = append(b, uleb(a)...)
		}
	}
	const str, ref, udata = 0x08, 0x13, 0x0f
	name, typ, size, kind := uint64(dwarf.AttrName), uint64(dwarf.AttrType), uint64(dwarf.AttrByteSize), uint64(die.AttrGoKind)
	add(abbrevUnit, dwarf.TagCompileUnit, 1, name, str, uint64(dwarf.AttrLanguage), udata, uint64(die.AttrGoPackageName), str)
	add(abbrevTypedef, dwarf.TagTypedef, 0, name, str, typ, ref)
	add(abbrevStruct, dwarf.TagStructType, 1, name, str, size, udata, kind, udata)
	add(abbrevMember, dwarf.TagMember, 0, name, str, typ, ref, uint64(dwarf.AttrDataMemberLoc), udata)
	add(abbrevArray, dwarf.TagArrayType, 1, name, str, typ, ref, size, udata, kind, udata)
	add(abbrevRange, dwarf.TagSubrangeType, 0, uint64(dwarf.AttrCount), udata)
	add(abbrevBase, dwarf.TagBaseType, 0, name, str, size, udata, kind, udata)
	add(abbrevPointer, dwarf.TagPointerType, 0, name, str, typ, ref, kind, udata)
	add(abbrevSlice, dwarf.TagStructType, 1, name, str, size, udata, kind, udata, uint64(die.AttrGoElem), ref)
	return append(b, 0)
}

const unitHeader = 12

// entry writes one entry: strings are names, numbers are ULEB128, ref names
// the entry that is meant.
func (w *dieWriter) entry(code byte, values ...any) {
	if len(values) > 0 && code != abbrevMember {
		if name, ok := values[0].(string); ok {
			w.offs[name] = unitHeader + len(w.info)
		}
	}
	w.info = append(w.info, code)
	for _, v := range values {
		switch v := v.(type) {
		case string:
			w.info = append(append(w.info, v...), 0)
		case int:
			w.info = append(w.info, uleb(uint64(v))...)
		case ref:
			w.refs[len(w.info)] = string(v)
			w.info = append(w.info, 0, 0, 0, 0)
		}
	}
}

type ref string

func (w *dieWriter) end() { w.info = append(w.info, 0) }

// binary is a binary with nothing but the entries.
func (w *dieWriter) binary() fakeBinary {
	for at, name := range w.refs {
		binary.LittleEndian.PutUint32(w.info[at:], uint32(w.offs[name]))
	}
	unit := append([]byte{5, 0, 1, 8, 0, 0, 0, 0}, w.info...)
	info := append(binary.LittleEndian.AppendUint32(nil, uint32(len(unit))), unit...)
	return fakeBinary{".debug_info": info, ".debug_abbrev": abbrevs()}
}

func (w *dieWriter) types(t *testing.T) *Types {
	t.Helper()
	types, err := newTypes(source{binary: w.binary()})
	if err != nil {
		t.Fatal(err)
	}
	return types
}

// hostile writes one of every contradiction.
func hostile() *dieWriter {
	w := &dieWriter{refs: map[int]string{}, offs: map[string]int{}}
	kind := func(k reflect.Kind) int { return int(k) }
	w.entry(abbrevUnit, "unit", die.LangGo, "runtime")
	w.entry(abbrevBase, "int", 8, kind(reflect.Int))
	w.entry(abbrevBase, "wide", 9, kind(reflect.Int))
	w.entry(abbrevTypedef, "loop1", ref("loop2"))
	w.entry(abbrevTypedef, "loop2", ref("loop1"))
	w.entry(abbrevTypedef, "unit type", ref("unit"))
	w.entry(abbrevTypedef, "nowhere", ref("missing"))
	structure := func(name string, size int, fields ...any) {
		w.entry(abbrevStruct, name, size, kind(reflect.Struct))
		for i := 0; i < len(fields); i += 2 {
			w.entry(abbrevMember, "f", fields[i], fields[i+1])
		}
		w.end()
	}
	structure("itself", 8, ref("itself"), 0)
	structure("a", 8, ref("b"), 0)
	structure("b", 8, ref("a"), 0)
	structure("short", 8, ref("int"), 4)
	structure("far", 8, ref("int"), 1<<60)
	structure("vast", 1<<62)
	structure("good", 16, ref("int"), 8, ref("*good"), 0)
	structure("partly", 16, ref("int"), 8, ref("loop1"), 0)
	w.entry(abbrevPointer, "*good", ref("good"), kind(reflect.Pointer))
	array := func(name, elem string, size, n int) {
		w.entry(abbrevArray, name, ref(elem), size, kind(reflect.Array))
		w.entry(abbrevRange, n)
		w.end()
	}
	array("wrong array", "int", 8, 7)
	array("overflowing array", "int", 0, 1<<61)
	array("array of itself", "array of itself", 8, 1)
	array("empty", "int", 0, 0)
	w.entry(abbrevSlice, "[]short header", 16, kind(reflect.Slice), ref("int"))
	w.end()
	w.entry(abbrevSlice, "[]good", 24, kind(reflect.Slice), ref("good"))
	w.end()
	w.end()
	return w
}

func TestHostileTypes(t *testing.T) {
	types := hostile().types(t)
	for _, name := range []string{
		"wide", "loop1", "loop2", "unit type", "nowhere", "itself", "short", "far", "vast", "wrong array",
		"overflowing array", "array of itself", "[]short header",
	} {
		ty, err := types.ByName(name)
		var de *die.Error
		if !errors.Is(err, ErrBadType) && !errors.As(err, &de) {
			t.Errorf("%s: %+v, %v; want an error", name, ty, err)
		}
	}
	a, errA := types.ByName("a")
	b, errB := types.ByName("b")
	if errA == nil && errB == nil {
		t.Errorf("two structs contain each other: %+v %+v", a, b)
	}
	for _, name := range []string{"int", "good", "*good", "empty", "[]good"} {
		if ty, err := types.ByName(name); err != nil || ty.Name != name {
			t.Errorf("%s: %+v, %v", name, ty, err)
		}
	}
	partly, err := types.ByName("partly")
	if err != nil || len(partly.Fields) != 2 || partly.Fields[1].Type.Err == nil || partly.Fields[1].Type.Kind != reflect.Invalid {
		t.Errorf("one broken field hides the others: %+v, %v", partly, err)
	}
	if good := mustType(t, types, "good"); good.Fields[1].Type.Elem != good {
		t.Error("a pointer cycle is not a cycle of pointers")
	}
	for _, off := range []dwarf.Offset{0, 1, 5, 1 << 30, 1<<32 - 1} {
		if _, err := types.ByOffset(off); err == nil {
			t.Errorf("a type at offset 0x%x", uint32(off))
		}
	}
}

// TestHostileDescriptors follows descriptors in memory that never end.
func TestHostileDescriptors(t *testing.T) {
	types := hostile().types(t)
	mem := &fakeProcess{}
	types.src.memory = mem
	for _, k := range []reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Struct, reflect.Map, reflect.Array, reflect.Interface, reflect.Chan, 0, 31} {
		mem.kind = byte(k)
		start := time.Now()
		ty, err := types.ByDescriptor(0x10_0000 * (1 + uint64(k)))
		if d := time.Since(start); d > 10*time.Second {
			t.Errorf("%v took %v", k, d)
		}
		if err == nil && len(ty.Name) > maxComposed+10 {
			t.Errorf("%v: name of %d bytes", k, len(ty.Name))
		}
	}
	if _, err := hostile().types(t).ByDescriptor(0x77); !errors.Is(err, ErrNoType) {
		t.Errorf("no memory: %v", err)
	}
}

// fakeProcess has a descriptor of one kind at every address, each of which
// refers to two further ones.
type fakeProcess struct{ kind byte }

func (p *fakeProcess) Read(buf []byte, addr uint64) error {
	for i := range buf {
		a := addr + uint64(i)
		buf[i] = byte((a&^7 + 1<<20) >> (8 * (a & 7))) // a pointer to somewhere else
		switch a & 63 {
		case 0, 8: // size
			buf[i] = 8
		case 20:
			buf[i] = 0
		case 23:
			buf[i] = p.kind
		}
	}
	if addr > 1<<28 {
		return corefile.ErrUnmapped
	}
	return nil
}

// mutate changes bytes of the sections of a real binary; seed decides.
func mutate(b fakeBinary, seed uint64) fakeBinary {
	r := rand.New(rand.NewPCG(seed, 1))
	out := fakeBinary{}
	for name, data := range b {
		out[name] = data
	}
	name := []string{".debug_info", ".debug_info", ".debug_info", ".debug_abbrev"}[r.IntN(4)]
	data := append([]byte(nil), b[name]...)
	for range 1 + r.IntN(200) {
		data[r.IntN(len(data))] = byte(r.Uint32())
	}
	if r.IntN(4) == 0 {
		data = data[:r.IntN(len(data))]
	}
	out[name] = data
	return out
}

// realSections are the debug sections of the zoo.
func realSections(t testing.TB) fakeBinary {
	t.Helper()
	b, err := corefile.OpenBinary(coretest.BuildZoo(t))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	out := fakeBinary{}
	for _, name := range []string{".debug_info", ".debug_abbrev", ".debug_addr", ".debug_rnglists"} {
		data, err := b.DebugSection(name)
		if err != nil {
			t.Fatal(err)
		}
		out[name] = append([]byte(nil), data...)
	}
	return out
}

// compileAll compiles every type of a binary and checks what must hold for
// whoever decodes values by them.
func compileAll(t *testing.T, b fakeBinary) (good, bad int) {
	t.Helper()
	types, err := newTypes(source{binary: b})
	if err != nil {
		return 0, 1
	}
	types.index.others(types.info)
	for _, r := range types.index.names {
		ty, err := types.ByOffset(r.offset())
		if err != nil {
			bad++
			continue
		}
		good++
		if ty.Size < 0 || ty.Len < 0 || ty.Size > maxSize || ty.Kind == reflect.Invalid {
			t.Fatalf("%+v", ty)
		}
		for _, f := range ty.Fields {
			if f.Type == nil || f.Offset < 0 || f.Offset+f.Type.Size > ty.Size {
				t.Fatalf("%s: field %+v", ty.Name, f)
			}
		}
		if needsElem := ty.Kind == reflect.Slice || ty.Kind == reflect.Array || ty.Kind == reflect.Map || ty.Kind == reflect.Chan; needsElem && ty.Elem == nil {
			t.Fatalf("%s has no element", ty.Name)
		}
	}
	return good, bad
}

// TestMutations compiles types from damaged debug information.
func TestMutations(t *testing.T) {
	b := realSections(t)
	good, bad := 0, 0
	for seed := range uint64(60) {
		g, f := compileAll(t, mutate(b, seed))
		good, bad = good+g, bad+f
	}
	t.Logf("%d types compiled, %d refused", good, bad)
	if good == 0 || bad == 0 {
		t.Errorf("%d compiled, %d refused: the mutations do not test anything", good, bad)
	}
}

// FuzzTypes is TestMutations without end.
func FuzzTypes(f *testing.F) {
	b := realSections(f)
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compileAll(t, mutate(b, seed)) })
}

// FuzzEntries compiles types from any bytes, beginning with types that
// contradict themselves.
func FuzzEntries(f *testing.F) {
	b := hostile().binary()
	f.Add(b[".debug_info"], b[".debug_abbrev"])
	f.Fuzz(func(t *testing.T, info, abbrev []byte) {
		// A name can be nested in others: each level writes it anew.
		coretest.Bounded(t, len(info)+len(abbrev), 16<<10, func() {
			compileAll(t, fakeBinary{".debug_info": info, ".debug_abbrev": abbrev})
		})
	})
}

func TestNames(t *testing.T) {
	for in, want := range map[string]string{
		"main.T":                     "main.T",
		"main.T·1":                   "main.T",
		"map[string]main.T·12":       "map[string]main.T",
		"gopkg.in/yaml%2ev3.Node":    "gopkg.in/yaml.v3.Node",
		"noalg.struct { F uintptr }": "struct { F uintptr }",
		"struct { main.a int; B string \"x:\\\"%2e·1; main.c \\\"\" }": "struct { a int; B string \"x:\\\"%2e·1; main.c \\\"\" }",
		"struct { main.T; *main.U; v main.W }":                         "struct { main.T; *main.U; v main.W }",
		"*struct { a/b%2ec.f func(main.T) struct { main.g int } }":     "*struct { f func(main.T) struct { g int } }",
		"interface { main.m() int }":                                   "interface { main.m() int }",
		"struct { main.":                                               "struct { main.",
		"%":                                                            "%",
		"\"\\":                                                         "\"\\",
		"·":                                                            "·",
		"}}struct {":                                                   "}}struct {",
	} {
		if got := GoName(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"main.T": "main", "a/b.c/d.T": "a/b.c/d", "gopkg.in/yaml.v3.Node": "gopkg.in/yaml.v3", "int": "", "[]main.T": "",
		"map[a/b.T]int": "", "main.G[a/b.T]": "main", "*main.T": "", "func(main.T)": "", "struct { a main.T }": "",
		"unsafe.Pointer": "unsafe", "map<main.K,int>": "", "": "", "interface { main.m() }": "", "a/b": "",
	} {
		if got := packageOf(in); got != want {
			t.Errorf("%s: package %q, want %q", in, got, want)
		}
	}
}

// damagedLists is a binary whose lists can't be decompressed.
type damagedLists struct{ fakeBinary }

func (b damagedLists) DebugSection(name string) ([]byte, error) {
	if name == ".debug_loclists" {
		return nil, corefile.ErrCorrupt
	}
	return b.fakeBinary.DebugSection(name)
}

// Types don't need lists: damage there hides nothing but what stands in them.
func TestDamagedLists(t *testing.T) {
	types, err := newTypes(source{binary: damagedLists{realSections(t)}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := types.ByName("runtime.g"); err != nil {
		t.Error(err)
	}
	if err := types.Damage(); !errors.Is(err, corefile.ErrCorrupt) {
		t.Errorf("damage %v", err)
	}
}
