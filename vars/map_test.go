package vars

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// slots is a group of a map from int to int: keys by slot; -1 is an empty slot
// and -2 a deleted one.
func (w *world) group(keys ...int) []byte {
	ctrl := make([]byte, groupSlots)
	var b []byte
	for i := range groupSlots {
		ctrl[i] = 0x80
		k := -1
		if i < len(keys) {
			k = keys[i]
		}
		switch k {
		case -1:
			b = append(b, words(77, 77)...) // left over
		case -2:
			ctrl[i] = 0xfe
			b = append(b, words(78, 78)...)
		default:
			ctrl[i] = byte(k & 0x7f)
			b = append(b, words(uint64(k), uint64(k*10))...)
		}
	}
	return append(ctrl, b...)
}

// small places a map of one group.
func (w *world) small(used uint64, keys ...int) uint64 {
	return w.words(w.words(used, 0, w.alloc(w.group(keys...)), 0, 0, 0))
}

// table places a table.
func (w *world) table(groups ...[]byte) uint64 {
	var all []byte
	for _, g := range groups {
		all = append(all, g...)
	}
	return w.words(0, 0, w.alloc(all), uint64(len(groups)-1))
}

// large places a map with a directory of tables.
func (w *world) large(used uint64, tables ...uint64) uint64 {
	return w.words(w.words(used, 0, w.words(tables...), uint64(len(tables)), 0, 0))
}

func keysOf(v *report.Value) (s string) {
	for _, c := range v.Children {
		s += fmt.Sprintf("%s:%s ", c.Key.Text, c.Value.Text)
	}
	return s
}

func TestMaps(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	intMap := mapOf(intType, intType)
	one := w.table(w.group(9, -1, 4), w.group(-2, 200))
	for _, tt := range []struct {
		name  string
		addr  uint64
		len   int64
		want  string
		state report.State
	}{
		{"small", w.small(3, 5, 3, 4), 3, "3:30 4:40 5:50 ", report.StateOK},
		{"full", w.small(8, 8, 7, 6, 5, 4, 3, 2, 1), 8, "1:10 2:20 3:30 4:40 5:50 6:60 7:70 8:80 ", report.StateOK},
		{"empty", w.words(w.words(0, 0, 0, 0, 0, 0)), 0, "", report.StateOK},
		{"tables", w.large(4, one, w.table(w.group(1))), 4, "1:10 4:40 9:90 200:2000 ", report.StateOK},
		{"the same table twice", w.large(4, one, one, w.table(w.group(1)), w.table(w.group())), 4, "1:10 4:40 9:90 200:2000 ", report.StateOK},
		{"being written", w.small(3, 5), 3, "5:50 ", report.StateOK},
		{"a table lost", w.large(4, one, 0x10), 4, "4:40 9:90 200:2000 ", report.StateUnreadable},
		{"groups lost", w.large(4, one, w.words(0, 0, 0x10, 0)), 4, "4:40 9:90 200:2000 ", report.StateUnreadable},
		{"corrupt mask", w.large(4, one, w.words(0, 0, w.alloc(w.group(1)), 6)), 4, "4:40 9:90 200:2000 ", report.StateUnreadable},
		{"corrupt directory", w.words(w.words(4, 0, w.words(one, one, one), 3, 0, 0)), 4, "", report.StateUnreadable},
		{"endless directory", w.words(w.words(4, 0, w.words(one, one), 1<<40, 0, 0)), 4, "4:40 9:90 200:2000 ", report.StateUnreadable},
	} {
		v := r.Value(intMap, tt.addr)
		well(t, &v)
		if v.State != tt.state || v.Len != tt.len || keysOf(&v) != tt.want {
			t.Errorf("%s: %s, len %d, %q, want %s, %q; note %q", tt.name, v.State, v.Len, keysOf(&v), tt.state, tt.want, v.Note)
		}
	}
	if v := r.Value(intMap, w.words(0)); !v.Nil || v.State != report.StateOK {
		t.Errorf("nil map: %+v", v)
	}
	if v := r.Value(intMap, w.words(w.words(1<<60, 0, 0, 0, 0, 0))); v.State != report.StateUnreadable || v.Len != 0 {
		t.Errorf("absurd map: %+v", v)
	}
}

func TestMapLimits(t *testing.T) {
	w := newWorld()
	var groups [][]byte
	for g := range 64 {
		var keys []int
		for i := range 7 {
			keys = append(keys, 10000-(g*7+i))
		}
		groups = append(groups, w.group(keys...))
	}
	addr := w.large(448, w.table(groups...))
	r := w.reader(Options{})
	v := r.Value(mapOf(intType, intType), addr)
	if v.State != report.StateTruncated || v.Len != 448 || len(v.Children) != MaxItems || v.Children[0].Key.Text != "9553" {
		t.Errorf("%s, len %d, %d entries, first %s", v.State, v.Len, len(v.Children), v.Children[0].Key.Text)
	}
	for _, k := range []int{9553, 10000, 9777} {
		v, err := r.Eval(r.AddrRoot(mapOf(intType, intType), addr), tailOf(mustPath(t, "m["+strconv.Itoa(k)+"]")))
		if err != nil || v.Text != strconv.Itoa(k*10) {
			t.Errorf("m[%d]: %+v, %v", k, v, err)
		}
	}
	if _, err := r.Eval(r.AddrRoot(mapOf(intType, intType), addr), tailOf(mustPath(t, "m[5]"))); err == nil {
		t.Error("m[5] is there")
	}
}

// TestMapLayouts compares the two sources of a group's layout: DWARF, and the
// compiler's rules.
func TestMapLayouts(t *testing.T) {
	big := arrayOf(200, byteType)
	empty := structOf("struct {}", 0)
	empty.Align = 1
	small := scalarOf("uint8", 8)
	slot := func(size, elemOff int64, k, e *gotype.Type) *gotype.Type {
		s := structOf("slot", size, field("key", 0, k), field("elem", elemOff, e))
		g := structOf("group", 8+8*size, field("ctrl", 0, uintType), field("slots", 8, arrayOf(8, s)))
		ref := structOf("groupReference", 16, field("data", 0, ptrTo(g)), field("lengthMask", 8, uintType))
		tab := structOf("table", 32, field("groups", 16, ref))
		return structOf("map", 48, field("dirPtr", 16, ptrTo(ptrTo(tab))))
	}
	for _, tt := range []struct {
		key, elem *gotype.Type
		internal  *gotype.Type
		ptrs      [2]bool
	}{
		{stringType, intType, slot(24, 16, stringType, intType), [2]bool{}},
		{stringType, empty, slot(24, 16, stringType, empty), [2]bool{}},
		{small, intType, slot(16, 8, small, intType), [2]bool{}},
		{small, small, slot(2, 1, small, small), [2]bool{}},
		{big, small, slot(16, 8, ptrTo(big), small), [2]bool{true, false}},
		{intType, big, slot(16, 8, intType, ptrTo(big)), [2]bool{false, true}},
	} {
		r := newWorld().reader(Options{})
		mt := mapOf(tt.key, tt.elem)
		c, f := r.mapLayout(mt)
		if f.bad() {
			t.Fatal(f)
		}
		mt2 := mapOf(tt.key, tt.elem)
		mt2.Internal = tt.internal
		d, f := r.mapLayout(mt2)
		if f.bad() {
			t.Fatal(f)
		}
		if *c != *d || [2]bool{d.keyPtr, d.elemPtr} != tt.ptrs {
			t.Errorf("%s:\ncomputed  %+v\ndescribed %+v", mt.Name, *c, *d)
		}
	}
}

func TestMapOfLargeElements(t *testing.T) {
	w := newWorld()
	big := arrayOf(20, intType)
	g := append([]byte{1, 128, 2, 128, 128, 128, 128, 128}, words(1, w.words(make([]uint64, 20)...), 0, 0, 2, 0x10)...)
	g = append(g, make([]byte, 80)...)
	v := w.reader(Options{}).Value(mapOf(intType, big), w.words(w.words(2, 0, w.alloc(g), 0, 0, 0)))
	well(t, &v)
	if len(v.Children) != 2 || len(v.Children[0].Value.Children) != 20 || v.Children[1].Value.State != report.StateUnreadable {
		t.Errorf("%+v", v)
	}
}

func TestMapOrder(t *testing.T) {
	w := newWorld()
	float := scalarOf("float64", 14)
	var b []byte
	for _, x := range []float64{1, -2, -1, 0.5} {
		b = append(b, words(f64(x), 0)...)
	}
	b = append(append([]byte{1, 2, 3, 4, 128, 128, 128, 128}, b...), make([]byte, 64)...)
	v := w.reader(Options{}).Value(mapOf(float, intType), w.words(w.words(4, 0, w.alloc(b), 0, 0, 0)))
	if got := keysOf(&v); got != "-2:0 -1:0 0.5:0 1:0 " {
		t.Errorf("floats: %s", got)
	}
	b = []byte{1, 2, 128, 128, 128, 128, 128, 128}
	for _, s := range []string{"b", "a"} {
		b = append(b, words(w.alloc([]byte(s)), 1, 9)...)
	}
	b = append(b, make([]byte, 6*24)...)
	addr := w.words(w.words(2, 0, w.alloc(b), 0, 0, 0))
	r := w.reader(Options{})
	v = r.Value(mapOf(stringType, intType), addr)
	if got := keysOf(&v); got != "a:9 b:9 " {
		t.Errorf("strings: %s", got)
	}
	if v, err := r.Eval(r.AddrRoot(mapOf(stringType, intType), addr), tailOf(mustPath(t, `m["b"]`))); err != nil || v.Text != "9" {
		t.Errorf("by key: %+v, %v", v, err)
	}
}
