package report

import (
	"errors"
	"strings"
	"testing"
)

func TestParsePath(t *testing.T) {
	for in, want := range map[string]string{
		"a":                         "a",
		"req.User.Tier":             "req.User.Tier",
		"a[3]":                      "a[3]",
		`m["a.b]\"x"]`:              `m["a.b]\"x"]`,
		"m[`raw`]":                  `m["raw"]`,
		"m[-7]":                     "m[-7]",
		"m['a']":                    "m[97]",
		"m[true].x":                 "m[true].x",
		"*p":                        "(*p)",
		"**p.q":                     "(*(*p.q))",
		"(*p).x[1]":                 "(*p).x[1]",
		"len(x)":                    "len(x)",
		"cap( x.y )":                "cap(x.y)",
		"x.(type)":                  "x.(type)",
		"len":                       "len",
		"length.x":                  "length.x",
		"err#2.msg":                 "err#2.msg",
		"~r0":                       "~r0",
		"main.(*Server).handle.req": "main.(*Server).handle.req",
		"main.(*Set[...]).Add.x":    "main.(*Set[...]).Add.x",
		"example.com/pay.v2/gate.f": "example.com/pay.v2/gate.f",
		"*example.com/a.b[0]":       "(*example.com/a.b[0])",
		"main.Map[...].x":           "main.Map[...].x",
		"glob..func1.x":             "glob..func1.x",
		"main.main.func1.größe":     "main.main.func1.größe",
		"net/http.(*conn).serve.c":  "net/http.(*conn).serve.c",
		`gateways["basic"].URL`:     `gateways["basic"].URL`,
		"main.f-fm.x":               "main.f-fm.x",
	} {
		p, err := ParsePath(in)
		if got := p.String(); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", in, got, err, want)
		}
	}
}

func TestParsePathErrors(t *testing.T) {
	for _, in := range []string{
		"", " ", ".", "a.", "a..", "a[", "a[]", "a[1", `a["x]`, "a]", "(a", "a)", "*", "len(", "len()", "a b", "a.(", "a.(type", "a.(*T", "[1]", "\"x\"",
		"a[[1]]", "\xff", "a.\xff", "a/", strings.Repeat("*", 300) + "a", strings.Repeat("a", 5000), strings.Repeat("(", 300) + "a", "a" + strings.Repeat(".a", 300),
	} {
		if p, err := ParsePath(in); !errors.Is(err, ErrPath) {
			t.Errorf("%q: got %q, %v", in, p, err)
		}
	}
}

func scalar(k Kind, typ, text string) Value {
	return Value{State: StateOK, Kind: k, Type: typ, Text: text}
}

func str(s string) Value {
	v := scalar(KindString, "string", "")
	v.SetContents(s)
	v.Len = int64(len(s))
	return v
}

func holder(k Kind, typ string, v Value) Value {
	return Value{State: StateOK, Kind: k, Type: typ, Target: 0xc000, Children: []Child{{Value: v}}}
}

// pathFrame has a variable of most kinds.
func pathFrame() *Frame {
	base := Value{State: StateOK, Kind: KindStruct, Type: "main.Base", Children: []Child{{Name: "ID", Value: scalar(KindInt, "int", "41")}, {Name: "Tier", Value: str("shadowed")}}}
	user := Value{State: StateOK, Kind: KindStruct, Type: "main.User", Children: []Child{
		{Name: "Base", Embedded: true, Value: holder(KindPointer, "*main.Base", base)},
		{Name: "Tier", Value: str("gold")},
	}}
	arr := Value{State: StateOK, Kind: KindArray, Type: "[2]int", Len: 2, Children: []Child{{Value: scalar(KindInt, "int", "5")}, {Value: scalar(KindInt, "int", "6")}}}
	k1, k2, k3 := str("key"), scalar(KindInt, "int", "7"), holder(KindInterface, "any", scalar(KindBool, "bool", "true"))
	m := Value{State: StateTruncated, Kind: KindMap, Type: "map[any]int", Len: 5, Children: []Child{
		{Key: &k1, Value: scalar(KindInt, "int", "1")}, {Key: &k2, Value: scalar(KindInt, "int", "2")}, {Key: &k3, Value: scalar(KindInt, "int", "3")}}}
	return &Frame{Function: "main.f", CrashSite: true, Vars: []Variable{
		{Name: "req", Value: holder(KindPointer, "*main.Req", Value{State: StateOK, Kind: KindStruct, Type: "main.Req", Children: []Child{
			{Name: "User", Value: holder(KindInterface, "any", holder(KindPointer, "*main.User", user))}}})},
		{Name: "arr", Value: holder(KindPointer, "*[2]int", arr)},
		{Name: "m", Value: m},
		{Name: "s", Value: Value{State: StateTruncated, Kind: KindSlice, Type: "[]int", Len: 9, Cap: 16, Children: arr.Children}},
		{Name: "text", Value: str("añ")},
		{Name: "np", Value: Value{State: StateOK, Kind: KindPointer, Type: "*int", Nil: true}},
		{Name: "ni", Value: Value{State: StateOK, Kind: KindInterface, Type: "error", Nil: true}},
		{Name: "gone", Value: Value{State: StateOptimizedOut, Kind: KindStruct, Type: "main.T", Note: "no location"}},
		{Name: "f", Value: Value{State: StateOK, Kind: KindFunc, Type: "func()", Text: "main.f.func1", Children: []Child{{Name: "x", Value: scalar(KindInt, "int", "8")}}}},
		{Name: "ch", Value: Value{State: StateOK, Kind: KindChan, Type: "chan int", Len: 1, Cap: 8, Children: arr.Children[:1]}},
	}}
}

func TestFrameAt(t *testing.T) {
	f := pathFrame()
	for path, want := range map[string]string{
		"req.User.Tier": "gold", "req.User.ID": "41", "req.User.Base.Tier": "shadowed", "(*req).User.Tier": "gold", "(*req.User).Tier": "gold",
		"arr[1]": "6", "(*arr)[0]": "5", `m["key"]`: "1", "m[7]": "2", "m[true]": "3", "len(m)": "5", "s[0]": "5", "len(s)": "9", "cap(s)": "16",
		"text[1]": "195", "len(text)": "3", "f.x": "8", "ch[0]": "5", "len(ch)": "1", "cap(ch)": "8", "len(arr)": "2",
		"req.User.(type)": "*main.User", "ni.(type)": "nil", "s.(type)": "[]int",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		v, err := f.At(p)
		if err != nil {
			t.Errorf("%s: %v", path, err)
		} else if v.Text != want {
			t.Errorf("%s: got %s, want %s", path, v.Text, want)
		}
	}
	for path, want := range map[string]string{
		"nope": "no variable", "req.Nope": "no field", "arr[2]": "out of range with length 2", "s[5]": "only the first 2 of 9", "s[-1]": "takes a number",
		`m["no"]`: "not among the 3 of 5 entries", `s["x"]`: "takes a number", "*np": "nil pointer", "ni.x": "nil interface", "gone.x": "optimized-out: no location",
		"*s": "is no pointer", "len(req)": "has no length", "cap(text)": "has no capacity", "text.x": "no field", "f[0]": "can't be indexed", "text[3]": "out of range", "*req.User.Tier": "is no pointer",
	} {
		p, err := ParsePath(path)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := f.At(p); !errors.Is(err, ErrPath) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want %q", path, v, err, want)
		}
	}
}

func TestFind(t *testing.T) {
	other := *pathFrame()
	other.Function, other.CrashSite = "main.(*Server).loop", false
	other.Vars = []Variable{{Name: "n", Value: scalar(KindInt, "int", "99")}, {Name: "text", Value: str("outer")}}
	r := &Report{
		Goroutines: []Goroutine{
			{ID: 4, Frames: []Frame{other}},
			{ID: 1, Crashed: true, Frames: []Frame{{Function: "runtime.sigpanic", Vars: []Variable{{Name: "s", Value: str("no")}}}, *pathFrame(), other}},
		},
		Globals: []Global{{Package: "example.com/pay/gate", Name: "table", Value: pathFrame().Vars[2].Value}},
	}
	for _, c := range []struct {
		path string
		g    uint64
		want string
		in   uint64
	}{
		{"main.f.req.User.Tier", 0, "gold", 1},
		{"text", 0, "añ", 1},
		{"n", 0, "99", 1},
		{"text", 4, "outer", 4},
		{"main.(*Server).loop.n", 4, "99", 4},
		{"len(main.f.s)", 0, "9", 1},
		{`example.com/pay/gate.table["key"]`, 0, "1", 0},
	} {
		f, err := r.Find(c.path, c.g)
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		in := uint64(0)
		if f.Goroutine != nil {
			in = f.Goroutine.ID
		}
		if f.Value.Text != c.want || in != c.in {
			t.Errorf("%s: got %s in goroutine %d, want %s in %d", c.path, f.Value.Text, in, c.want, c.in)
		}
	}
	for path, g := range map[string]uint64{"nope": 0, "text": 77, "main.f.nope": 0, "main.g.x": 0, "": 0} {
		if _, err := r.Find(path, g); !errors.Is(err, ErrPath) {
			t.Errorf("%q: %v", path, err)
		}
	}
	if _, err := (&Report{}).Find("x", 0); !errors.Is(err, ErrPath) {
		t.Errorf("empty report: %v", err)
	}
}

func FuzzPath(f *testing.F) {
	for _, s := range []string{"a", `m["x"].y[3].(type)`, "len(*p)", "net/http.(*conn).serve.c", "glob..func1.x", "m[7]", "(*req).User.Tier"} {
		f.Add(s)
	}
	frame := pathFrame()
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePath(s)
		if err != nil {
			if !errors.Is(err, ErrPath) {
				t.Fatalf("not an ErrPath: %v", err)
			}
			return
		}
		if len(p.Steps) == 0 || len(p.Steps) > maxPathSteps {
			t.Fatalf("%d steps", len(p.Steps))
		}
		if v, err := frame.At(p); err == nil && v == nil {
			t.Fatal("neither value nor error")
		}
		q, err := ParsePath(p.String())
		if err != nil {
			if len(p.String()) > maxPathBytes {
				return
			}
			t.Fatalf("%q is written as %q: %v", s, p.String(), err)
		}
		if p.String() != q.String() {
			t.Fatalf("%q is written as %q, then as %q", s, p.String(), q.String())
		}
	})
}
