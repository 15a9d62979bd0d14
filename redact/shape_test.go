package redact

import (
	"math/rand"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func TestShape(t *testing.T) {
	r := tierReport()
	unknown := report.Value{State: report.StateOptimizedOut, Kind: report.KindInt, Type: "int", Note: "no location at 0x1"}
	fn := report.Value{State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.run", Target: 0x40}
	null := report.Value{State: report.StateOK, Kind: report.KindPointer, Type: "*int", Nil: true}
	r.Goroutines[0].Frames[0].Vars = []report.Variable{
		variable("s", str("content-one")), variable("m", mapOf("map[string]int", str("keyAda"), num("1234567"), str("keyBob"), num("7654321"))),
		variable("l", sliceOf("[]int", num("1234567"), num("2345678"))), variable("p", ptr(structOf("main.T", "F", boolean("true"), "G", str("content-two")))),
		variable("u", unknown), variable("f", fn), variable("n", null), variable("e", sliceOf("[]int")), variable("b", bytesOf("content-three")),
		variable("q", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan int", Text: "closed", Len: 1, Cap: 9, Children: []report.Child{{Value: num("1234567")}}}),
		variable("d", report.Value{State: report.StateOK, Kind: report.KindInt, Type: "time.Duration", Text: "content-2s", Children: []report.Child{{Value: num("1234567")}}}),
		variable("w", report.Value{State: report.StateAbsent, Kind: report.KindString, Type: "string", Text: "content-8", Len: 99}),
		variable("cfg", mapOf("map[string]string", str("apiKeyAda"), str("content-four"))),
	}
	r.Crash.Exception.Message = "content-five"
	r.Crash.Signal = &report.Signal{Number: 11, Name: "SIGSEGV", Addr: 0xabcdef, HasAddr: true, PC: 0x123456}
	r.Problems = []report.Problem{{Stage: "vars", Subject: "content-six", Message: "content-seven", Addr: 0xabcdef}}
	p := Policy{Tier: 4, Shape: true, Entropy: 2}
	got := applied(t, r, p)
	text := encode(t, got)
	for _, gone := range []string{"content-", "Ada", "Bob", "1234567", "2345678", "blue", "tenant", "/srv", "0xc0", "0xabcdef", "\"len\"", "\"cap\"", "HOME", "0x1\""} {
		if strings.Contains(text, gone) {
			t.Errorf("%s is left: %s", gone, text)
		}
	}
	leaf := func(k report.Kind, typ string) report.Value {
		return report.Value{State: report.StateRedacted, Kind: k, Type: typ}
	}
	list := func(k report.Kind, typ string, c ...report.Child) report.Value {
		return report.Value{State: report.StateBudget, Kind: k, Type: typ, Note: shapeNote, Children: c}
	}
	key := leaf(report.KindString, "string")
	want := []report.Value{
		key, list(report.KindMap, "map[string]int", report.Child{Key: &key, Value: leaf(report.KindInt, "int")}),
		list(report.KindSlice, "[]int", report.Child{Value: leaf(report.KindInt, "int")}),
		{State: report.StateOK, Kind: report.KindPointer, Type: "*main.T", Children: []report.Child{{Value: report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "main.T",
			Children: []report.Child{{Name: "F", Value: leaf(report.KindBool, "bool")}, {Name: "G", Value: key}}}}}},
		{State: report.StateOptimizedOut, Kind: report.KindInt, Type: "int"},
		{State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.run"},
		{State: report.StateOK, Kind: report.KindPointer, Type: "*int", Nil: true},
		leaf(report.KindSlice, "[]int"), leaf(report.KindBytes, "[]uint8"),
		leaf(report.KindChan, "chan int"), leaf(report.KindInt, "time.Duration"), key,
		list(report.KindMap, "map[string]string", report.Child{Key: &key, Value: key}),
	}
	for i, v := range got.Goroutines[0].Frames[0].Vars {
		if !reflect.DeepEqual(v.Value, want[i]) {
			t.Errorf("%s: got %+v\nwant %+v", v.Name, v.Value, want[i])
		}
	}
	if f := got.Goroutines[0].Frames[0]; f.Function != "main.handle" || f.File == "" || f.Line != 42 || f.Vars[0].Name != "s" {
		t.Errorf("names of the program: %+v", f)
	}
	if err := got.Validate(); err != nil {
		t.Error(err)
	}
}

// TestShapeIsStable: on any report, shape applied twice is shape applied once,
// a stream makes the same of it, and no address or length is left.
func TestShapeIsStable(t *testing.T) {
	for seed := range int64(60) {
		p := Policy{Tier: int(seed % 5), Shape: true, Entropy: 3.5}
		got := checkStream(t, randomStream(seed, "bob@mail.example.org"), p, 1, 3)
		if twice := applied(t, got, p); encode(t, twice) != encode(t, got) {
			t.Fatalf("seed %d: twice differs: %s", seed, difference(encode(t, got), encode(t, twice)))
		}
		if s := encode(t, got); strings.Contains(s, `"len"`) || strings.Contains(s, `"target"`) {
			t.Fatalf("seed %d: %s", seed, s)
		}
	}
}

// TestRedactedLeafInAnyState: whatever a value was, where it is removed nothing
// of it is left that could be measured.
func TestRedactedLeafInAnyState(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	states := []report.State{report.StateOK, report.StateTruncated, report.StateStale, report.StateUnreadable, report.StateAbsent, report.StateBudget}
	for _, state := range states {
		for _, v := range []report.Value{str("hunter2hunter2"), bytesOf("abc"), sliceOf("[]string", str("a")), mapOf("map[string]int", str("k"), num("1"))} {
			v.State, v.Len, v.Cap, v.Note = state, int64(rnd.Intn(1000)+100), 200, "at 0x10"
			want := report.Value{State: report.StateRedacted, Kind: v.Kind, Type: v.Type}
			if got := one(t, "password", v); !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s: got %+v", state, v.Type, got)
			}
		}
	}
}
