package report

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"
)

// valueOf makes the value that vars makes of a Go value in memory, without
// limits.
func valueOf(x reflect.Value) Value {
	v := Value{State: StateOK, Type: strings.ReplaceAll(x.Type().String(), "report.", "main.")}
	child := func(name string, inner reflect.Value) {
		v.Children = append(v.Children, Child{Name: name, Value: valueOf(inner)})
	}
	switch k := x.Kind(); k {
	case reflect.Bool:
		v.Kind, v.Text = KindBool, strconv.FormatBool(x.Bool())
	case reflect.Float32, reflect.Float64:
		v.Kind, v.Text = KindFloat, strconv.FormatFloat(x.Float(), 'g', -1, x.Type().Bits())
	case reflect.Complex64, reflect.Complex128:
		v.Kind, v.Text = KindComplex, strconv.FormatComplex(x.Complex(), 'g', -1, x.Type().Bits())
	case reflect.String:
		v.Kind, v.Len = KindString, int64(x.Len())
		v.SetContents(x.String())
	case reflect.Struct:
		v.Kind = KindStruct
		if at, ok := x.Interface().(time.Time); ok {
			v.Text = at.UTC().Format(time.RFC3339Nano)
		}
		for i := range x.NumField() {
			if f := x.Type().Field(i); f.IsExported() {
				child(f.Name, x.Field(i))
				v.Children[len(v.Children)-1].Embedded = f.Anonymous
			}
		}
	case reflect.Slice, reflect.Array:
		v.Kind, v.Len = map[reflect.Kind]Kind{reflect.Slice: KindSlice, reflect.Array: KindArray}[k], int64(x.Len())
		v.Nil = k == reflect.Slice && x.IsNil()
		if x.Type().Elem().Kind() == reflect.Uint8 {
			v.Kind = KindBytes
			b := make([]byte, x.Len())
			reflect.Copy(reflect.ValueOf(b), x)
			v.SetContents(string(b))
			break
		}
		for i := range x.Len() {
			child("", x.Index(i))
		}
	case reflect.Map:
		v.Kind, v.Nil, v.Len = KindMap, x.IsNil(), int64(x.Len())
		for it := x.MapRange(); it.Next(); {
			key := valueOf(it.Key())
			v.Children = append(v.Children, Child{Key: &key, Value: valueOf(it.Value())})
		}
	case reflect.Pointer, reflect.Interface:
		v.Kind, v.Nil = map[reflect.Kind]Kind{reflect.Pointer: KindPointer, reflect.Interface: KindInterface}[k], x.IsNil()
		if !v.Nil {
			child("", x.Elem())
		}
	default:
		if x.CanInt() {
			v.Kind, v.Text = KindInt, strconv.FormatInt(x.Int(), 10)
			if d, ok := x.Interface().(time.Duration); ok {
				v.Text, v.Children = d.String(), []Child{{Value: Value{State: StateOK, Kind: KindInt, Type: "int64", Text: v.Text}}}
			}
		} else {
			v.Kind, v.Text = KindUint, strconv.FormatUint(x.Uint(), 10)
		}
	}
	return v
}

type (
	money struct {
		Minor    int64
		Currency currency
	}
	currency string
	base     struct{ ID int32 }
	Audit    struct{ By *string }
	order    struct {
		base
		*Audit
		Number  string
		Amount  money
		Tags    []string
		Raw     []byte
		Digest  [4]byte
		Grid    [2][3]float32
		Limits  map[string]*money
		Days    map[int8]bool
		Next    *order
		Any     any
		Err     any
		Took    time.Duration
		At      time.Time
		Z       complex128
		Deep    ***int
		Flag    bool
		Pointer uintptr
	}
)

func sampleOrder() order {
	three := 3
	p := &three
	pp := &p
	by := "ops\xff\n"
	return order{
		base: base{7}, Audit: &Audit{&by}, Number: "A-1003", Amount: money{2999, "EUR"}, Tags: []string{"beta", ""}, Raw: []byte("{\"a\":1}\x00"),
		Digest: [4]byte{1, 2, 3, 255}, Grid: [2][3]float32{{0.1, math.MaxFloat32, -0}, {1e-30, float32(math.Inf(1)), 2}},
		Limits: map[string]*money{"basic": {100, "EUR"}, "": nil}, Days: map[int8]bool{-128: true, 127: false},
		Next: &order{Number: "A-1002", Tags: []string{}}, Any: map[string]any{"n": 5, "list": []any{int8(1), "x", nil, uint16(9)}}, Err: money{1, "USD"},
		Took: 2500 * time.Millisecond, At: time.Date(2026, 11, 20, 23, 59, 58, 987654321, time.UTC), Z: complex(1.5, -2),
		Deep: &pp, Flag: true, Pointer: 0xc000012340,
	}
}

// TestDecodeRoundTrip fills a Go value from the tree of an equal one.
func TestDecodeRoundTrip(t *testing.T) {
	want := sampleOrder()
	v := valueOf(reflect.ValueOf(want))
	v.Children = append(v.Children, Child{Name: "base", Embedded: true, Value: Value{State: StateOK, Kind: KindStruct, Type: "main.base",
		Children: []Child{{Name: "ID", Value: Value{State: StateOK, Kind: KindInt, Type: "int32", Text: "7"}}}}})
	var got order
	if err := v.Decode(&got); err != nil {
		t.Fatal(err)
	}
	want.Err = map[string]any{"Minor": int64(1), "Currency": "USD"} // a struct of an unknown type
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	// The same through any, and from JSON as a report has it.
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var again Value
	if err := json.Unmarshal(text, &again); err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := again.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	m := tree.(map[string]any)
	for name, want := range map[string]any{
		"Number": "A-1003", "Amount": map[string]any{"Minor": int64(2999), "Currency": "EUR"}, "Tags": []any{"beta", ""},
		"Raw": want.Raw, "Days": map[any]any{int8(-128): true, int8(127): false}, "Took": want.Took, "At": want.At, "Z": want.Z,
		"Deep": 3, "Pointer": uint64(0xc000012340), "Any": want.Any,
	} {
		if name == "Pointer" {
			want = uintptr(0xc000012340)
		}
		if !reflect.DeepEqual(m[name], want) {
			t.Errorf("%s is %#v, want %#v", name, m[name], want)
		}
	}
}

func field(name string, v Value) Child { return Child{Name: name, Value: v} }
func integer(typ, text string) Value {
	return Value{State: StateOK, Kind: KindInt, Type: typ, Text: text}
}
func textValue(s string) Value {
	return Value{State: StateOK, Kind: KindString, Type: "string", Text: s, Len: int64(len(s))}
}
func in(state State, kind Kind, typ string) Value { return Value{State: state, Kind: kind, Type: typ} }
func structValue(fields ...Child) Value {
	return Value{State: StateOK, Kind: KindStruct, Type: "main.T", Children: fields}
}

func TestDecodeFieldNames(t *testing.T) {
	type inner struct{ Code int }
	type target struct {
		Name    string
		TaggeD  int `sdcore:"orig"`
		Skipped int `sdcore:"-"`
		Missing int
		hidden  int
		inner
	}
	v := structValue(
		field("NAME", textValue("wrong")), field("Name", textValue("exact")), field("orig", integer("int", "1")),
		field("tagged", integer("int", "2")), field("Skipped", integer("int", "3")), field("code", integer("int", "4")),
		field("hidden", integer("int", "0")), field("Extra", integer("int", "5")),
	)
	got := target{Missing: 9}
	if err := v.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if want := (target{Name: "exact", TaggeD: 1, Missing: 9, inner: inner{4}}); got != want || got.hidden != 0 {
		t.Errorf("got %+v, want %+v", got, want)
	}
	// A field that has a value and can't be set is said; promoted ones are found.
	v = structValue(field("hidden", integer("int", "5")),
		Child{Name: "base", Embedded: true, Value: structValue(field("Name", textValue("promoted")))})
	got = target{}
	err := v.Decode(&got)
	if !errors.Is(err, ErrMismatch) || errors.Is(err, ErrUnknownValue) || !strings.Contains(err.Error(), ".hidden") {
		t.Errorf("unexported field: %v", err)
	}
	if got.Name != "promoted" {
		t.Errorf("got %+v", got)
	}
}

// TestDecodeUnknown checks that what is not known is listed and nothing else
// is missing.
func TestDecodeUnknown(t *testing.T) {
	type target struct {
		A, B, Password string
		Part           string
		List           []int
		Cut            []int
		M              map[string]int
		P, Q           *int
		Self           *target
		Old            int
		Last           string
	}
	five := 5
	redactedKey := in(StateRedacted, KindString, "string")
	okKey := textValue("k")
	part := textValue("https://[REDACTED]/x")
	part.Note = "partly redacted"
	stale := integer("int", "3")
	stale.State = StateStale
	v := structValue(
		field("A", textValue("known")), field("B", in(StateOptimizedOut, KindString, "string")), field("Password", in(StateRedacted, KindString, "string")),
		field("Part", part),
		field("List", Value{State: StateOK, Kind: KindSlice, Type: "[]int", Len: 3, Children: []Child{
			{Value: integer("int", "1")}, {Value: in(StateAbsent, KindInt, "int")}, {Value: integer("int", "3")}}}),
		field("Cut", Value{State: StateTruncated, Kind: KindSlice, Type: "[]int", Len: 80, Children: []Child{{Value: integer("int", "8")}}}),
		field("M", Value{State: StateOK, Kind: KindMap, Type: "map[string]int", Len: 3, Children: []Child{
			{Key: &redactedKey, Value: integer("int", "1")}, {Key: &okKey, Value: integer("int", "2")},
			{Key: &okKey, Value: in(StateUnreadable, KindInt, "int")}}}),
		field("P", Value{State: StateOK, Kind: KindPointer, Type: "*int", Children: []Child{{Value: in(StateBudget, KindInt, "int")}}}),
		field("Q", Value{State: StateOK, Kind: KindPointer, Type: "*int", Children: []Child{{Value: integer("int", "5")}}}),
		field("Self", Value{State: StateOK, Kind: KindPointer, Type: "*main.T", Children: []Child{{Value: in(StateCycle, KindStruct, "main.T")}}}),
		field("Old", stale), field("Last", textValue("filled")),
	)
	var got target
	err := v.Decode(&got)
	want := target{A: "known", Part: "https://[REDACTED]/x", List: []int{1, 0, 3}, Cut: []int{8}, M: map[string]int{"k": 2}, Q: &five, Old: 3, Last: "filled"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !errors.Is(err, ErrUnknownValue) || errors.Is(err, ErrMismatch) {
		t.Fatalf("error %v", err)
	}
	wantParts := map[string]State{".B": StateOptimizedOut, ".Password": StateRedacted, ".Part": StateRedacted, ".List[1]": StateAbsent, ".Cut": StateTruncated,
		".M[key of entry 0]": StateRedacted, ".M[entry 2]": StateUnreadable, ".P": StateBudget, ".Self": StateCycle, ".Old": StateStale}
	for _, e := range err.(interface{ Unwrap() []error }).Unwrap() {
		var d *DecodeError
		if !errors.As(e, &d) || wantParts[d.Path] != d.State {
			t.Errorf("unexpected %v", e)
			continue
		}
		delete(wantParts, d.Path)
	}
	if len(wantParts) > 0 {
		t.Errorf("not listed: %v", wantParts)
	}
}

func TestDecodeNumbers(t *testing.T) {
	for _, c := range []struct {
		v    Value
		dst  any
		want any // nil: does not fit
	}{
		{integer("int", "127"), new(int8), int8(127)},
		{integer("int", "128"), new(int8), nil},
		{integer("int", "-1"), new(uint), nil},
		{integer("int", "255"), new(uint8), uint8(255)},
		{integer("int", "256"), new(uint8), nil},
		{integer("int", "5"), new(float64), 5.0},
		{integer("int", "16777217"), new(float32), nil},
		{integer("int", "9007199254740993"), new(float64), nil},
		{integer("int", "-9223372036854775808"), new(int64), int64(math.MinInt64)},
		{integer("int", "5"), new(string), nil},
		{integer("int", "5"), new(bool), nil},
		{Value{State: StateOK, Kind: KindUint, Text: "18446744073709551615"}, new(uint64), uint64(math.MaxUint64)},
		{Value{State: StateOK, Kind: KindUint, Text: "18446744073709551615"}, new(int64), nil},
		{Value{State: StateOK, Kind: KindUint, Text: "9"}, new(int16), int16(9)},
		{Value{State: StateOK, Kind: KindFloat, Text: "1e+300"}, new(float32), nil},
		{Value{State: StateOK, Kind: KindFloat, Text: "1.5"}, new(int), nil},
		{Value{State: StateOK, Kind: KindFloat, Text: "+Inf"}, new(float32), float32(math.Inf(1))},
		{Value{State: StateOK, Kind: KindComplex, Text: "(1+2i)"}, new(complex64), complex64(1 + 2i)},
		{Value{State: StateOK, Kind: KindComplex, Text: "(1+2i)"}, new(float64), nil},
		{Value{State: StateOK, Kind: KindBool, Text: "true"}, new(bool), true},
		{Value{State: StateOK, Kind: KindBool, Text: "true"}, new(int), nil},
		{Value{State: StateOK, Kind: KindInt, Type: "time.Duration", Text: "2.5s"}, new(time.Duration), 2500 * time.Millisecond},
		{textValue("5"), new(int), nil},
		{textValue("abc"), new([]byte), []byte("abc")},
		{Value{State: StateOK, Kind: KindBytes, Type: "[3]uint8", Text: "abc", Len: 3}, new([3]byte), [3]byte{'a', 'b', 'c'}},
		{Value{State: StateOK, Kind: KindBytes, Type: "[3]uint8", Text: "abc", Len: 3}, new([2]byte), nil},
		{Value{State: StateOK, Kind: KindBytes, Type: "[]uint8", Text: "abc", Len: 3}, new(string), "abc"},
		{Value{State: StateOK, Kind: KindUnsafePointer, Type: "unsafe.Pointer", Target: 4096}, new(uintptr), uintptr(4096)},
		{Value{State: StateOK, Kind: KindFunc, Type: "func()", Text: "main.f", Target: 1}, new(func()), nil},
		{Value{State: StateOK, Kind: KindChan, Type: "chan int", Len: 1, Cap: 1}, new(chan int), nil},
		{Value{State: StateOK, Kind: KindPointer, Type: "*int", Nil: true}, new(int), nil},
		{Value{State: StateOK, Kind: KindStruct, Type: "math/big.Int", Text: "-1267650600228229401496703205376"}, new(big.Int),
			*new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 100))},
		{Value{State: StateOK, Kind: KindStruct, Type: "net/netip.Addr", Text: "10.0.0.7"}, new(netip.Addr), netip.MustParseAddr("10.0.0.7")},
		{Value{State: StateOK, Kind: KindStruct, Type: "net/netip.Addr", Text: "invalid IP"}, new(netip.Addr), netip.Addr{}},
	} {
		err := c.v.Decode(c.dst)
		got := reflect.ValueOf(c.dst).Elem()
		switch {
		case c.want == nil && (!errors.Is(err, ErrMismatch) || !got.IsZero()):
			t.Errorf("%s %s into %T: %v, error %v", c.v.Kind, c.v.Text, c.dst, got, err)
		case c.want != nil && (err != nil || !reflect.DeepEqual(got.Interface(), c.want)):
			t.Errorf("%s %s into %T: %v, error %v, want %v", c.v.Kind, c.v.Text, c.dst, got, err, c.want)
		}
		if err != nil && c.v.Text != "" && len(c.v.Text) > 3 && strings.Contains(err.Error(), c.v.Text) && c.v.Kind != KindFunc {
			t.Errorf("the error tells contents: %v", err)
		}
	}
}

func TestDecodeTargets(t *testing.T) {
	v := integer("int", "1")
	var nilPointer *int
	for _, dst := range []any{nil, 5, nilPointer, struct{}{}} {
		if err := v.Decode(dst); err == nil {
			t.Errorf("Decode(%#v) did not fail", dst)
		}
	}
	// An interface that holds a pointer is filled through it.
	n := 0
	var held any = &n
	if err := v.Decode(&held); err != nil || n != 1 {
		t.Errorf("n is %d: %v", n, err)
	}
	// Nesting without end on either side is bounded.
	deep := integer("int", "1")
	for range 5000 {
		deep = Value{State: StateOK, Kind: KindPointer, Type: "*T", Children: []Child{{Value: deep}}}
	}
	type ring *ring
	var r ring
	var any1 any
	for _, err := range []error{deep.Decode(&any1), deep.Decode(&r), v.Decode(&r), deep.Decode(new(int))} {
		if !errors.Is(err, ErrUnknownValue) {
			t.Errorf("error %v", err)
		}
	}
}

// FuzzDecodeValue decodes arbitrary trees: no panic, and no zero in the place of
// what is not known without an error.
func FuzzDecodeValue(f *testing.F) {
	for _, v := range []Value{valueOf(reflect.ValueOf(sampleOrder())), in(StateRedacted, KindString, "string"),
		{State: StateOK, Kind: KindStruct, Type: "time.Time", Text: "2026-11-20T23:59:58Z"}} {
		text, err := json.Marshal(v)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v Value
		if json.Unmarshal(data, &v) != nil {
			return
		}
		var tree any
		err := v.Decode(&tree)
		if tree == nil && err == nil && v.known() == nil && !v.Nil && v.Kind != KindPointer && v.Kind != KindInterface {
			t.Errorf("nothing was filled in, and nothing said: %s", data)
		}
		if known := v.State == StateOK || v.State == StateTruncated || v.State == StateStale; !known && err == nil {
			t.Errorf("state %q without an error", v.State)
		}
		for _, dst := range []any{new(order), new(string), new([]byte), new([3]int), new(map[string]any), new(map[money]int), new(map[any]any), new(time.Time), new(big.Int),
			new(func()), new(error), new(***uint8), new([]*order), new(complex64), new(netip.Addr)} {
			_ = v.Decode(dst)
		}
	})
}
