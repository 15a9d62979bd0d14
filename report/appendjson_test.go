package report

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"testing"
)

// hostileStrings are those that encoding/json treats in different ways.
func hostileStrings() []string {
	return []string{
		"", "a", "plain text of some length", `"quoted" \ back`, "\x00\x01\b\f\n\r\t\x1f\x7f", "<script>&amp;</script>",
		"\u2028 and \u2029", "\ufffd is valid", "\xff is not", "cut \xe2\x80", "half a rune \xe2\x80 in between", "\xed\xa0\x80 surrogate",
		"ünïcödé, 日本語, 🙂", "1234567\"", "12345678\"", "123456789\\", "seven b\x80", "\x1f2345678", "        \x19", "        \x7f", `\u2028`,
	}
}

// generate fills v with random contents. Pointers, lists and strings are empty
// half of the time, so that each field is met set and unset.
func generate(v reflect.Value, r *rand.Rand, depth int) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				generate(v.Field(i), r, depth)
			}
		}
	case reflect.Pointer:
		if depth > 0 && r.IntN(2) == 0 {
			v.Set(reflect.New(v.Type().Elem()))
			generate(v.Elem(), r, depth-1)
		}
	case reflect.Slice:
		if n := r.IntN(4); depth > 0 && n > 0 { // nil, or empty, or not
			v.Set(reflect.MakeSlice(v.Type(), n-1, n-1))
			for i := range n - 1 {
				generate(v.Index(i), r, depth-1)
			}
		}
	case reflect.String:
		if all := hostileStrings(); r.IntN(2) == 0 {
			v.SetString(all[r.IntN(len(all))] + all[r.IntN(len(all))])
		}
	case reflect.Bool:
		v.SetBool(r.IntN(2) == 0)
	case reflect.Int, reflect.Int32, reflect.Int64:
		if r.IntN(2) == 0 {
			v.SetInt(int64(r.Uint64()) >> r.IntN(64) << (64 - v.Type().Bits()) >> (64 - v.Type().Bits()))
		}
	case reflect.Uint64:
		if r.IntN(2) == 0 {
			v.SetUint(r.Uint64() >> r.IntN(64))
		}
	default:
		panic("no generator for " + v.Type().String()) // a new kind of field: it needs one
	}
}

// appender is what has a hand-written encoding.
type appender interface{ AppendJSON([]byte) []byte }

func checkAppend(t *testing.T, x appender) {
	t.Helper()
	want, err := EncodeCompact(x)
	if err != nil {
		t.Fatal(err)
	}
	if got := x.AppendJSON([]byte("before")); string(got) != "before"+string(want) {
		t.Errorf("AppendJSON of %T:\n%s\nEncodeCompact:\n%s", x, got, want)
	}
}

// TestAppendJSON: the appenders write what encoding/json does. A field that
// they don't know makes this fail.
func TestAppendJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		for _, x := range []appender{new(Goroutine), new(Redaction), new(Global), new(Problem), new(Group)} {
			generate(reflect.ValueOf(x).Elem(), r, 7)
			checkAppend(t, x)
			if t.Failed() {
				return
			}
		}
	}
}

// TestAppendJSONOfEachField sets one field at a time, at every place of the
// model below a goroutine.
func TestAppendJSONOfEachField(t *testing.T) {
	fields := 0
	seen := map[reflect.Type]bool{}
	var visit func(t reflect.Type, wrap func(reflect.Value) appender)
	visit = func(typ reflect.Type, wrap func(reflect.Value) appender) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			outer, list := wrap, typ.Kind() == reflect.Slice
			typ = typ.Elem()
			wrap = func(v reflect.Value) appender {
				if list {
					return outer(reflect.Append(reflect.MakeSlice(reflect.SliceOf(v.Type()), 0, 1), v))
				}
				p := reflect.New(v.Type())
				p.Elem().Set(v)
				return outer(p)
			}
		}
		if typ.Kind() != reflect.Struct {
			v := reflect.New(typ).Elem()
			switch typ.Kind() {
			case reflect.String:
				v.SetString("set")
			case reflect.Bool:
				v.SetBool(true)
			case reflect.Uint64:
				v.SetUint(7)
			default:
				v.SetInt(7)
			}
			fields++
			checkAppend(t, wrap(v))
			return
		}
		if seen[typ] { // its fields were, but not this place
			checkAppend(t, wrap(reflect.New(typ).Elem()))
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			if !typ.Field(i).IsExported() {
				continue
			}
			visit(typ.Field(i).Type, func(v reflect.Value) appender {
				s := reflect.New(typ).Elem()
				s.Field(i).Set(v)
				return wrap(s)
			})
		}
	}
	for _, top := range []appender{new(Goroutine), new(Global), new(Problem), new(Group)} {
		visit(reflect.TypeOf(top).Elem(), func(v reflect.Value) appender {
			p := reflect.New(v.Type())
			p.Elem().Set(v)
			return p.Interface().(appender)
		})
	}
	if fields < 50 {
		t.Errorf("only %d fields were visited", fields)
	}
}

func TestAppendJSONAllocatesNothing(t *testing.T) {
	var g Goroutine
	generate(reflect.ValueOf(&g).Elem(), rand.New(rand.NewPCG(3, 4)), 7)
	b := g.AppendJSON(nil)
	if n := testing.AllocsPerRun(10, func() { b = g.AppendJSON(b[:0]) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestAppendIndented(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 1000 {
		for _, x := range []interface {
			AppendIndented(dst []byte, prefix string) []byte
		}{new(DocThread), new(DocRedaction)} {
			generate(reflect.ValueOf(x).Elem(), r, 2)
			want, err := EncodeIndented(x, "   ")
			if got := x.AppendIndented([]byte(`\u2028`), "   "); err != nil || string(got) != `\u2028`+string(want) {
				t.Fatalf("AppendIndented:\n%s\nEncodeIndented:\n%s, %v", got, want, err)
			}
		}
	}
}

func FuzzAppendText(f *testing.F) {
	for _, s := range hostileStrings() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		checkAppend(t, &Redaction{Location: s, Reason: "12345" + s, Rule: s + s})
	})
}

// FuzzAppendJSON: equality for whatever the reader takes.
func FuzzAppendJSON(f *testing.F) {
	f.Add([]byte(`{"id":1,"frames":[{"vars":[{"name":"x","value":{"children":[{"key":{},"value":{"text":"\u2028"}}]}}],"source":{"lines":["a"]}}]}`))
	f.Add([]byte(`{"frames":null,"labels":[{}],"redactions":[{}],"creator":{"line":-1}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var g Goroutine
		if json.Unmarshal(b, &g) != nil {
			t.Skip("not a goroutine")
		}
		checkAppend(t, &g)
	})
}
