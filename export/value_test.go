package export

import (
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

func TestOneLine(t *testing.T) {
	point := structVal("main.Point", field("X", intVal("1")), field("Y", intVal("2")))
	bits := report.Value{State: report.StateOK, Kind: report.KindUint, Type: "main.Bits", Text: "5"}
	raw := bytesVal("[]uint8", "a\xff\x00\"\n")
	half := bytesVal("[]uint8", "gr\xc3")
	half.State, half.Len = report.StateTruncated, 6
	for _, c := range []struct {
		name string
		v    report.Value
		want string
	}{
		{"int", intVal("-7"), "-7"},
		{"string", strVal("a\"b\n\x1b"), `"a\"b\n\x1b"`},
		{"bytes that are text", bytesVal("[]uint8", "a\t\"größe\"\r\n"), `"a\t\"größe\"\r\n"`},
		{"bytes that are none", raw, "[97, 255, 0, 34, 10]"},
		{"an array of bytes", bytesVal("[2]uint8", "\x0b\x1d"), "[11, 29]"},
		{"many bytes", bytesVal("[]uint8", "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02"), "[0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02]"},
		{"bytes in an interface", ifaceVal("any", raw), "[]uint8{97, 255, 0, 34, 10}"},
		{"a text cut in a character", half, `"gr\xc3"… +3 bytes`},
		{"bytes with a hole", noted1(bytesVal("[]uint8", "\x00[REDACTED]"), "partly redacted"), `"\x00[REDACTED]"`},
		{"IP", summed(listVal("net.IP", report.KindSlice, intVal("10"), intVal("0"), intVal("0"), intVal("1")), "10.0.0.1"), "10.0.0.1"},
		{"IP in an interface", ifaceVal("net.Addr", summed(listVal("net.IP", report.KindSlice, intVal("10")), "10.0.0.1")), "net.IP(10.0.0.1)"},
		{"no bytes", bytesVal("[]uint8", ""), `""`},
		{"JSON", bytesVal("encoding/json.RawMessage", `{"a":"b"}`), "`{\"a\":\"b\"}`"},
		{"blank fields", structVal("T", field("_", intVal("0")), field("A", intVal("1")), field("_", intVal("0"))), "{A: 1}"},
		{"closed chan", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan int", Len: 1, Cap: 8, Text: "closed", Children: []report.Child{{Value: intVal("7")}}}, "chan int (len 1, cap 8, closed) [7]"},
		{"bidi in a string", strVal("\u202e"), `"\u202e"`},
		{"struct", point, "{X: 1, Y: 2}"},
		{"empty struct", structVal("struct {}"), "{}"},
		{"pointer", ptrVal("*main.Point", 1, point), "&{X: 1, Y: 2}"},
		{"pointer to pointer", ptrVal("**int", 1, ptrVal("*int", 2, intVal("3"))), "&&3"},
		{"pointer without contents", report.Value{State: report.StateOK, Kind: report.KindPointer, Type: "*main.T", Target: 0xc000}, "(*main.T)(0xc000)"},
		{"pointer out of the core", ptrVal("*main.T", 0xc000, stateVal("main.T", report.KindStruct, report.StateAbsent, "")), "(*main.T)(0xc000) <not in core>"},
		{"nil pointer", nilVal("*main.T", report.KindPointer), "nil"},
		{"nil interface", nilVal("error", report.KindInterface), "nil"},
		{"typed nil", ifaceVal("error", nilVal("*main.T", report.KindPointer)), "(*main.T)(nil)"},
		{"int in interface", ifaceVal("any", intVal("5")), "5"},
		{"named in interface", ifaceVal("any", bits), "main.Bits(5)"},
		{"struct in interface", ifaceVal("any", point), "main.Point{X: 1, Y: 2}"},
		{"pointer in interface", ifaceVal("any", ptrVal("*main.Point", 1, point)), "&main.Point{X: 1, Y: 2}"},
		{"pointer to named in interface", ifaceVal("any", ptrVal("*main.Bits", 1, bits)), "&main.Bits(5)"},
		{"slice in interface", ifaceVal("any", listVal("[]int", report.KindSlice, intVal("1"))), "[]int{1}"},
		{"map in interface", ifaceVal("any", mapVal("map[string]int", strVal("k"), intVal("1"))), `map[string]int{"k": 1}`},
		{"slice", listVal("[]string", report.KindSlice, strVal("a"), strVal("b")), `["a", "b"]`},
		{"nil slice", nilVal("[]string", report.KindSlice), "nil"},
		{"empty slice", listVal("[]string", report.KindSlice), "[]"},
		{"cut slice", report.Value{State: report.StateTruncated, Kind: report.KindSlice, Type: "[]int", Len: 40, Children: []report.Child{{Value: intVal("1")}}}, "[1, … +39 more]"},
		{"map", mapVal("map[string]int", strVal("k"), intVal("1"), strVal("l"), intVal("2")), `map["k": 1, "l": 2]`},
		{"nil map", nilVal("map[string]int", report.KindMap), "nil"},
		{"cut map", report.Value{State: report.StateTruncated, Kind: report.KindMap, Type: "map[int]int", Len: 9}, "map[… +9 more]"},
		{"func", report.Value{State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.f.func1"}, "main.f.func1"},
		{"chan", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan int", Len: 3, Cap: 8}, "chan int (len 3, cap 8)"},
		{"summary", report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "sync.Mutex", Text: "locked", Children: point.Children}, "locked"},
		{"optimized out", stateVal("int", report.KindInt, report.StateOptimizedOut, ""), "<optimized out>"},
		{"unreadable", stateVal("int", report.KindInt, report.StateUnreadable, "no \x1bframe"), `<unreadable: no \x1bframe>`},
		{"absent", stateVal("int", report.KindInt, report.StateAbsent, ""), "<not in core>"},
		{"cycle", stateVal("*T", report.KindPointer, report.StateCycle, ""), "<cycle>"},
		{"budget", stateVal("*T", report.KindPointer, report.StateBudget, ""), "<limit reached>"},
		{"redacted", stateVal("string", report.KindString, report.StateRedacted, ""), "[REDACTED]"},
		{"stale", report.Value{State: report.StateStale, Kind: report.KindInt, Type: "int", Text: "1"}, "1 <stale>"},
		{"partly unreadable", report.Value{State: report.StateAbsent, Kind: report.KindStruct, Type: "T", Children: point.Children, Note: "second page"}, "{X: 1, Y: 2} <not in core: second page>"},
		{"no state", report.Value{Kind: report.KindInt, Text: "0"}, "<unknown state>"},
		{"text", report.Value{State: report.StateOK, Kind: report.KindText, Type: "str", Text: "'x'\x1b"}, `'x'\x1b`},
		{"cut string", report.Value{State: report.StateTruncated, Kind: report.KindString, Type: "string", Text: "ab", Len: 9}, `"ab"… +7 bytes`},
	} {
		if got, cut := oneLine(&c.v, 200, false); got != c.want || cut {
			t.Errorf("%s: got %s (cut %v), want %s", c.name, got, cut, c.want)
		}
	}
}

func TestOneLineKeepsToItsLimit(t *testing.T) {
	wide := report.Value{State: report.StateOK, Kind: report.KindSlice, Type: "[]any", Len: 1000}
	for range 1000 {
		wide.Children = append(wide.Children, report.Child{Value: ifaceVal("any", strVal(strings.Repeat("é", 500)))})
	}
	nested := wide
	for range 30 {
		nested = structVal("T", field("A", nested), field("B", wide))
	}
	for _, v := range []report.Value{wide, nested, ptrVal("*T", 1, nested)} {
		got, cut := oneLine(&v, 80, false)
		if len([]rune(got)) > 200 || !cut {
			t.Errorf("%d runes: %s", len([]rune(got)), got)
		}
	}
	if got, _ := oneLine(&nested, 60, false); got != "{A: {…}, B: […1000]}" {
		t.Errorf("breadth does not come first: %s", got)
	}
	if text := block(&nested, "", 0, 80, false); len(text) < 1000*500 {
		t.Error("the block is not whole")
	}
}

func TestMarkupSafe(t *testing.T) {
	yes := report.Value{State: report.StateOK, Kind: report.KindBool, Type: "bool", Text: "true"}
	for _, c := range []struct {
		v    report.Value
		want string
	}{
		{strVal("see [/dir/a]"), `"see [\x2fdir/a]"`},
		{listVal("[]bool", report.KindSlice, yes), "[ true]"},
		{listVal("[]*T", report.KindSlice, nilVal("*T", report.KindPointer)), "[ nil]"},
		{listVal("[]int", report.KindSlice, intVal("1")), "[1]"},
		{mapVal("map[bool]int", yes, intVal("1")), "map[ true: 1]"},
	} {
		if got := docLocal(&c.v).Value; got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"größe": "größe", "a\tb": `a\tb`, "\x9b": `\x9b`, "\u009b": `\u009b`, "\u200b": `\u200b`, "a\u00a0b": `a\u00a0b`,
		"\\x1b": `\x1b`, "\ufffd": "\ufffd", "\U000e0001": `\U000e0001`, "👍": "👍",
	} {
		if got := plain(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
	if got := controlSafe("a\n\tb\x1b"); got != "a\n\tb\\x1b" {
		t.Errorf("got %q", got)
	}
	if got := clip("äöü", 2); got != "ä…" {
		t.Errorf("got %q", got)
	}
}
