package vars

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

func TestScalars(t *testing.T) {
	for _, tt := range []struct {
		kind reflect.Kind
		word uint64
		want string
		rk   report.Kind
	}{
		{reflect.Bool, 1, "true", report.KindBool},
		{reflect.Bool, 0, "false", report.KindBool},
		{reflect.Int8, 0x80, "-128", report.KindInt},
		{reflect.Int16, 0xffff, "-1", report.KindInt},
		{reflect.Int32, 0x7fffffff, "2147483647", report.KindInt},
		{reflect.Int64, 1 << 63, "-9223372036854775808", report.KindInt},
		{reflect.Int, 42, "42", report.KindInt},
		{reflect.Uint8, 255, "255", report.KindUint},
		{reflect.Uint16, 65535, "65535", report.KindUint},
		{reflect.Uint32, 1 << 31, "2147483648", report.KindUint},
		{reflect.Uint64, 1<<64 - 1, "18446744073709551615", report.KindUint},
		{reflect.Uintptr, 4096, "4096", report.KindUint},
		{reflect.Float32, uint64(math.Float32bits(1.5)), "1.5", report.KindFloat},
		{reflect.Float64, f64(1.5e+06), "1.5e+06", report.KindFloat},
		{reflect.Float64, f64(math.Inf(-1)), "-Inf", report.KindFloat},
		{reflect.Float64, f64(math.NaN()), "NaN", report.KindFloat},
	} {
		w := newWorld()
		v := w.reader(Options{}).Value(scalarOf("x", tt.kind), w.words(tt.word))
		if v.State != report.StateOK || v.Text != tt.want || v.Kind != tt.rk {
			t.Errorf("%s %#x: %+v, want %s", tt.kind, tt.word, v, tt.want)
		}
	}
	w := newWorld()
	v := w.reader(Options{}).Value(scalarOf("c", reflect.Complex128), w.words(f64(1), f64(-2)))
	if v.Text != "(1-2i)" {
		t.Errorf("complex: %q", v.Text)
	}
	if v = w.reader(Options{}).Value(scalarOf("b", reflect.Bool), w.words(7)); v.State != report.StateUnreadable {
		t.Errorf("a bool of 7 is %+v", v)
	}
	if v = w.reader(Options{}).Value(&gotype.Type{Name: "int", Kind: reflect.Int, Size: 3}, w.words(7)); v.State != report.StateUnreadable {
		t.Errorf("an int of 3 bytes is %+v", v)
	}
	if v = w.reader(Options{}).Value(nil, w.words(7)); v.State != report.StateUnreadable {
		t.Errorf("a value without type is %+v", v)
	}
}

func TestStringsAndBytes(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	bytesType := sliceOf(byteType)
	data := []byte("he\x00l\xfflo")
	at := w.alloc(data)
	for _, tt := range []struct {
		name string
		t    *gotype.Type
		addr uint64
		want string
	}{
		{"string", stringType, w.words(at, 7), "he\x00l\xfflo"},
		{"empty", stringType, w.words(0, 0), ""},
		{"empty with a pointer to anywhere", stringType, w.words(1, 0), ""},
		{"slice", bytesType, w.words(at, 3, 7), "he\x00"},
		{"array", arrayOf(7, byteType), at, "he\x00l\xfflo"},
		{"plain", stringType, w.str("Grüße\n"), "Grüße\n"},
	} {
		v := r.Value(tt.t, tt.addr)
		got, ok := v.Contents()
		if v.State != report.StateOK || !ok || got != tt.want || v.Len != int64(len(tt.want)) {
			t.Errorf("%s: %+v", tt.name, v)
		}
	}
	if v := r.Value(bytesType, w.words(0, 0, 0)); !v.Nil || v.State != report.StateOK {
		t.Errorf("nil bytes: %+v", v)
	}
}

func TestLongStringIsCutAtScanBytesOnly(t *testing.T) {
	w := newWorld()
	addr := w.str(strings.Repeat("x", 5000))
	v := w.reader(Options{Limits: report.Limits{MaxString: 10}}).Value(stringType, addr)
	if v.State != report.StateOK || len(v.Text) != 5000 {
		t.Errorf("state %s, %d bytes", v.State, len(v.Text))
	}
	v = w.reader(Options{ScanBytes: 100}).Value(stringType, addr)
	if v.State != report.StateTruncated || len(v.Text) != 100 || v.Len != 5000 {
		t.Errorf("state %s, %d bytes, len %d", v.State, len(v.Text), v.Len)
	}
}

func TestComposites(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	inner := structOf("main.Inner", 16, field("A", 0, intType), field("B", 8, intType))
	outer := structOf("main.Outer", 40, gotype.Field{Name: "Inner", Offset: 0, Type: inner, Embedded: true},
		field("P", 16, ptrTo(inner)), field("S", 24, stringType))
	in := w.words(3, 4)
	s := w.alloc([]byte("abc"))
	v := r.Value(outer, w.words(1, 2, in, s, 3))
	well(t, &v)
	for path, want := range map[string]string{"A": "1", "Inner.B": "2", "P.A": "3", "S": "abc"} {
		got, err := v.At(mustPath(t, path))
		if err != nil || got.Text != want {
			t.Errorf("%s: %+v, %v", path, got, err)
		}
	}
	if !v.Children[0].Embedded || v.Children[1].Value.Target != report.Addr(in) {
		t.Errorf("%+v", v)
	}

	v = r.Value(sliceOf(intType), w.words(w.words(7, 8, 9), 2, 3))
	if v.State != report.StateOK || v.Len != 2 || v.Cap != 3 || len(v.Children) != 2 || v.Children[1].Value.Text != "8" {
		t.Errorf("slice: %+v", v)
	}
	if v = r.Value(sliceOf(intType), w.words(0, 0, 0)); !v.Nil {
		t.Errorf("nil slice: %+v", v)
	}
	if v = r.Value(sliceOf(intType), w.words(w.words(0), 0, 1)); v.Nil || v.State != report.StateOK {
		t.Errorf("empty slice: %+v", v)
	}
	if v = r.Value(arrayOf(2, intType), w.words(5, 6)); v.Len != 2 || v.Children[1].Value.Text != "6" {
		t.Errorf("array: %+v", v)
	}
	if v = r.Value(ptrTo(intType), w.words(0)); !v.Nil {
		t.Errorf("nil pointer: %+v", v)
	}
	empty := structOf("struct {}", 0)
	if v = r.Value(sliceOf(empty), w.words(w.words(0), 5, 5)); v.State != report.StateOK || len(v.Children) != 5 {
		t.Errorf("slice of nothing: %+v", v)
	}
	if v = r.Value(&gotype.Type{Name: "unsafe.Pointer", Kind: reflect.UnsafePointer, Size: 8}, w.words(0x1234)); v.Target != 0x1234 {
		t.Errorf("unsafe pointer: %+v", v)
	}
}

func TestInterfaces(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	user := structOf("main.User", 8, field("ID", 0, intType))
	box := structOf("main.Box", 8, field("P", 0, ptrTo(user)))
	u := w.words(41)
	itab := func(d uint64) uint64 { return w.words(0, d, 0, 0) }
	userD, ptrD, boxD, fnD := w.descriptor(user, false), w.descriptor(ptrTo(user), true), w.descriptor(box, true), w.descriptor(funcType, true)
	w.funcs[0x401000] = function{Name: "main.work"}
	for _, tt := range []struct {
		name       string
		t          *gotype.Type
		a, b       uint64
		path, want string
	}{
		{"value in eface", anyType, userD, u, "ID", "41"},
		{"pointer in eface", anyType, ptrD, u, "ID", "41"},
		{"pointer in iface", errorType, itab(ptrD), u, "ID", "41"},
		{"value in iface", errorType, itab(userD), u, "ID", "41"},
		{"pointer-shaped struct", anyType, boxD, u, "P.ID", "41"},
		{"func", anyType, fnD, w.words(0x401000), "", "main.work"},
		{"type", errorType, itab(ptrD), u, "(type)", "*main.User"},
	} {
		addr := w.words(tt.a, tt.b)
		v := r.Value(tt.t, addr)
		well(t, &v)
		path := report.Path{}
		switch {
		case tt.path == "(type)":
			path = report.Path{Steps: []report.Step{{Op: report.StepType}}}
		case tt.path != "":
			path = mustPath(t, tt.path)
		}
		if tt.path == "" {
			v = v.Children[0].Value
		}
		got, err := v.At(path)
		if err != nil || got.Text != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
		if tt.path == "" {
			continue
		}
		ev, err := r.Eval(r.AddrRoot(tt.t, addr), path)
		if err != nil || ev.Text != tt.want {
			t.Errorf("%s: evaluated to %+v, %v", tt.name, ev, err)
		}
	}
	if v := r.Value(anyType, w.words(0, 0)); !v.Nil || v.State != report.StateOK {
		t.Errorf("nil interface: %+v", v)
	}
	if v := r.Value(anyType, w.words(0xdead0000, u)); v.State != report.StateUnreadable || !strings.Contains(v.Note, "0xdead0000") {
		t.Errorf("interface of garbage: %+v", v)
	}
	if v := r.Value(errorType, w.words(0xdead0000, u)); v.State != report.StateUnreadable {
		t.Errorf("interface with a garbage itab: %+v", v)
	}
}

func TestFuncs(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	w.funcs[0x401000] = function{Name: "main.run.func1", Captured: []captured{
		{Name: "n", Offset: 8, Type: intType},
		{Name: "s", Offset: 16, Type: stringType, ByRef: true},
	}}
	v := r.Value(funcType, w.words(w.words(0x401000, 7, w.str("hi"))))
	well(t, &v)
	if v.Text != "main.run.func1" || len(v.Children) != 2 {
		t.Fatalf("%+v", v)
	}
	if n, s := v.Children[0], v.Children[1]; n.Name != "n" || n.Value.Text != "7" || s.Name != "s" || s.Value.Text != "hi" {
		t.Errorf("captured: %+v", v.Children)
	}
	if v = r.Value(funcType, w.words(w.words(0x402000))); v.State != report.StateUnreadable {
		t.Errorf("no function: %+v", v)
	}
	if v = r.Value(funcType, w.words(0)); !v.Nil {
		t.Errorf("nil func: %+v", v)
	}
	ev, err := r.Eval(r.AddrRoot(funcType, w.words(w.words(0x401000, 7, w.str("hi")))), report.Path{Steps: []report.Step{{Op: report.StepName, Name: "s"}}})
	if err != nil || ev.Text != "hi" {
		t.Errorf("captured by path: %+v, %v", ev, err)
	}
}

// hchan places a channel.
func (w *world) hchan(n, size, buf, closed, recvx uint64) uint64 {
	return w.words(n, size, buf, closed<<32, 0, 0, 0, recvx, 0, 0, 0, 0, 0, 0)
}

func TestChans(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	c := w.words(w.hchan(3, 4, w.words(10, 11, 12, 13), 1, 2))
	v := r.Value(chanOf(intType), c)
	well(t, &v)
	var got []string
	for _, c := range v.Children {
		got = append(got, c.Value.Text)
	}
	if strings.Join(got, " ") != "12 13 10" || v.Len != 3 || v.Cap != 4 || v.Text != "closed" {
		t.Errorf("%+v", v)
	}
	ev, err := r.Eval(r.AddrRoot(chanOf(intType), c), tailOf(mustPath(t, "x[2]")))
	if err != nil || ev.Text != "10" {
		t.Errorf("third element: %+v, %v", ev, err)
	}
	if v = r.Value(chanOf(intType), w.words(0)); !v.Nil {
		t.Errorf("nil chan: %+v", v)
	}
	if v = r.Value(chanOf(intType), w.words(w.hchan(0, 0, 0, 0, 0))); v.State != report.StateOK || v.Cap != 0 || v.Text != "" {
		t.Errorf("unbuffered chan: %+v", v)
	}
	for _, h := range []uint64{w.hchan(5, 4, w.words(0, 0, 0, 0), 0, 0), w.hchan(1, 1<<62, w.words(1), 0, 0), w.hchan(1, 4, w.words(1, 2, 3, 4), 0, 9)} {
		if v = r.Value(chanOf(intType), w.words(h)); v.State != report.StateUnreadable {
			t.Errorf("corrupt chan: %+v", v)
		}
	}
}

func TestFaults(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})
	absent := w.alloc(make([]byte, 64))
	w.block(absent).prov = corefile.Absent
	cut := w.alloc(make([]byte, 64))
	w.block(cut).prov = corefile.Truncated
	big := structOf("main.Big", 16, field("A", 0, intType), field("B", 8, intType))
	ok := w.words(1, 2, 3, 4)
	for _, tt := range []struct {
		name string
		t    *gotype.Type
		addr uint64
		want report.State
	}{
		{"unmapped", intType, 0x10, report.StateUnreadable},
		{"absent", intType, absent, report.StateAbsent},
		{"cut off", intType, cut, report.StateAbsent},
		{"struct absent", big, absent, report.StateAbsent},
		{"string in absent memory", stringType, w.words(absent, 5), report.StateAbsent},
		{"string of absurd length", stringType, w.words(ok, 1<<62), report.StateUnreadable},
		{"string of negative length", stringType, w.words(ok, 1<<64-1), report.StateUnreadable},
		{"string at nil", stringType, w.words(0, 5), report.StateUnreadable},
		{"slice longer than its capacity", sliceOf(intType), w.words(ok, 5, 4), report.StateUnreadable},
		{"slice of absurd length", sliceOf(intType), w.words(ok, 1<<62, 1<<62), report.StateUnreadable},
		{"slice past its mapping", sliceOf(intType), w.words(ok, 4000, 4000), report.StateUnreadable},
		{"slice at nil", sliceOf(intType), w.words(0, 3, 3), report.StateUnreadable},
		{"slice in absent memory", sliceOf(intType), w.words(absent, 3, 3), report.StateAbsent},
		{"end of the address space", big, 1<<64 - 8, report.StateUnreadable},
		{"map at garbage", mapOf(intType, intType), w.words(0x10), report.StateUnreadable},
		{"chan at garbage", chanOf(intType), w.words(0x10), report.StateUnreadable},
		{"array without element type", &gotype.Type{Name: "[3]?", Kind: reflect.Array, Len: 3, Size: 24}, ok, report.StateUnreadable},
	} {
		v := r.Value(tt.t, tt.addr)
		well(t, &v)
		if v.State != tt.want || v.Text != "" || len(v.Children) > 0 || v.Note == "" {
			t.Errorf("%s: %+v, want %s", tt.name, v, tt.want)
		}
	}
	// The pointer itself was read: only what it points to is missing.
	v := r.Value(ptrTo(intType), w.words(absent))
	if v.State != report.StateOK || v.Target != report.Addr(absent) || v.Children[0].Value.State != report.StateAbsent {
		t.Errorf("pointer to absent memory: %+v", v)
	}
}

func mustPath(t testing.TB, s string) report.Path {
	t.Helper()
	p, err := report.ParsePath(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tailOf is a path without its variable.
func tailOf(p report.Path) report.Path { return report.Path{Steps: p.Steps[1:]} }
