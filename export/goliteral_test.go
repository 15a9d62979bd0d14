package export

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// numVal is a scalar of a kind and type.
func numVal(k report.Kind, typ, text string) report.Value {
	return report.Value{State: report.StateOK, Kind: k, Type: typ, Text: text}
}

func bytesVal(typ, s string) report.Value {
	v := strVal(s)
	v.Kind, v.Type = report.KindBytes, typ
	return v
}

func noted1(v report.Value, note string) report.Value { v.Note = note; return v }

func strOf(typ, s string) report.Value { v := strVal(s); v.Type = typ; return v }

// summed is a value with a summary beside its parts.
func summed(v report.Value, text string) report.Value { v.Text = text; return v }

func TestGoExpressions(t *testing.T) {
	point := structVal("main.Point", field("X", intVal("1")), field("Y", intVal("2")))
	origin := structVal("main.Point", field("X", intVal("0")), field("Y", intVal("0")))
	minus := numVal(report.KindFloat, "float64", strconv.FormatFloat(math.Copysign(0, -1), 'g', -1, 64))
	duration := summed(report.Value{State: report.StateOK, Kind: report.KindInt, Type: "time.Duration",
		Children: []report.Child{{Value: numVal(report.KindInt, "int64", "2500000000")}}}, "2.5s")
	plain := ptrVal("*errors.errorString", 1, structVal("errors.errorString", field("s", strVal("100% gone"))))
	wrapped := ptrVal("*fmt.wrapError", 2, structVal("fmt.wrapError", field("msg", strVal("50%: 100% gone")), field("err", ifaceVal("error", plain))))
	unlocked := summed(structVal("sync.Mutex", field("state", intVal("0"))), "unlocked")
	locked := summed(structVal("sync.Mutex", field("state", intVal("1"))), "locked")
	redacted := stateVal("string", report.KindString, report.StateRedacted, "")
	cut := report.Value{State: report.StateTruncated, Kind: report.KindString, Type: "string", Text: "ab", Len: 9}
	foreign := structVal("net/http.Cookie", field("Name", strVal("a")), field("raw", strVal("b")), field("zero", intVal("0")))
	for _, c := range []struct {
		name string
		v    report.Value
		want string // an expression, or after "-" why there is none
	}{
		{"int", intVal("-7"), "-7"},
		{"int64", numVal(report.KindInt, "int64", "-9223372036854775808"), "int64(-9223372036854775808)"},
		{"octal is not made", intVal("007"), "7"},
		{"named", numVal(report.KindUint, "main.Bits", "5"), "func() (v Bits) { v = 5; return }()"},
		{"foreign named", numVal(report.KindInt, "time.Month", "11"), "time.Month(11)"},
		{"float", numVal(report.KindFloat, "float64", "5"), "5.0"},
		{"float32", numVal(report.KindFloat, "float32", "0.1"), "float32(0.1)"},
		{"NaN", numVal(report.KindFloat, "float64", "NaN"), "math.NaN()"},
		{"named Inf", numVal(report.KindFloat, "main.F", "-Inf"), "--Inf as main.F has no literal"},
		{"negative zero", minus, "math.Copysign(0, -1)"},
		{"complex", numVal(report.KindComplex, "complex128", "(1-2i)"), "(1 - 2i)"},
		{"complex NaN", numVal(report.KindComplex, "complex64", "(NaN+1i)"), "complex64(complex(math.NaN(), 1.0))"},
		{"bool", numVal(report.KindBool, "bool", "true"), "true"},
		{"garbage number", intVal("1; os.Exit(1)"), "-its number is not in the report"},
		{"duration", duration, "2500 * time.Millisecond"},
		{"string", strVal("a\n\x00"), `"a\n\x00"`},
		{"quotes", strVal(`{"a":1}`), "`{\"a\":1}`"},
		{"bidi in quotes", strVal("\"\u202e"), `"\"\u202e"`},
		{"bytes", bytesVal("[]uint8", "text"), `[]byte("text")`},
		{"json", bytesVal("encoding/json.RawMessage", `{"a":1}`), "json.RawMessage(`{\"a\":1}`)"},
		{"binary", bytesVal("[]uint8", "\x0b\xff"), "[]byte{11, 255}"},
		{"byte array", bytesVal("[2]uint8", "ab"), "[2]uint8{97, 98}"},
		{"no bytes", bytesVal("[]uint8", ""), "[]byte{}"},
		{"cut string", cut, `-cut: the first 2 of 9 bytes are known, "ab"`},
		{"partly redacted", noted1(strVal("x [REDACTED]"), "partly redacted"), `-partly redacted: "x [REDACTED]"`},
		{"struct", point, "Point{X: 1, Y: 2}"},
		{"zero struct", origin, "Point{}"},
		{"pointer", ptrVal("*main.Point", 1, point), "&Point{X: 1, Y: 2}"},
		{"pointer to int", ptrVal("*int", 1, intVal("3")), "func() *int { v := 3; return &v }()"},
		{"pointer to nil", ptrVal("**int", 1, nilVal("*int", report.KindPointer)), "new(*int)"},
		{"pointer to pointer", ptrVal("**main.Point", 1, ptrVal("*main.Point", 2, point)), "func() **Point { v := &Point{X: 1, Y: 2}; return &v }()"},
		{"pointer to interface", ptrVal("*error", 1, ifaceVal("error", plain)), "func() *error { var v error = errors.New(\"100% gone\"); return &v }()"},
		{"named pointer", ptrVal("main.P", 1, point), "func() (v P) { v = &Point{X: 1, Y: 2}; return }()"},
		{"pointer to nothing known", ptrVal("*main.Point", 1, stateVal("main.Point", report.KindStruct, report.StateAbsent, "page")), "-not in core: page"},
		{"cycle", ptrVal("*main.T", 1, stateVal("main.T", report.KindStruct, report.StateCycle, "")), "-it leads back to a value around it"},
		{"nil pointer", nilVal("*main.T", report.KindPointer), "(*T)(nil)"},
		{"nil func", nilVal("func(int) error", report.KindFunc), "(func(int) error)(nil)"},
		{"func", report.Value{State: report.StateOK, Kind: report.KindFunc, Type: "func()", Text: "main.f"}, "-func main.f can't be rebuilt"},
		{"chan", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan int", Len: 1, Cap: 2}, "-a chan (len 1, cap 2) can't be rebuilt"},
		{"interface", ifaceVal("any", numVal(report.KindUint, "uint8", "7")), "uint8(7)"},
		{"typed nil", ifaceVal("error", nilVal("*main.T", report.KindPointer)), "(*T)(nil)"},
		{"list", listVal("[]main.Point", report.KindSlice, point, origin), "[]Point{{X: 1, Y: 2}, {}}"},
		{"list of pointers", listVal("[]*main.Point", report.KindSlice, ptrVal("*main.Point", 1, point)), "[]*Point{{X: 1, Y: 2}}"},
		{"list of interfaces", listVal("[]interface {}", report.KindSlice, ifaceVal("interface {}", point)), "[]any{Point{X: 1, Y: 2}}"},
		{"list with a hole", listVal("[]string", report.KindSlice, strVal("a"), redacted, strVal("c")), "[]string{\n\t\"a\",\n\t// [1]: redacted\n\t2: \"c\",\n}"},
		{"list of nothing known", listVal("[]string", report.KindSlice, redacted), "-nothing of it can be rebuilt: redacted"},
		{"cut list", report.Value{State: report.StateTruncated, Kind: report.KindSlice, Type: "[]int", Len: 40, Children: []report.Child{{Value: intVal("1")}}},
			"[]int{\n\t1,\n\t// 39 of 40 elements are left out: cut by a limit\n}"},
		{"map", mapVal("map[main.K]main.Point", numVal(report.KindInt, "main.K", "1"), point), "map[K]Point{1: {X: 1, Y: 2}}"},
		{"map with equal keys", mapVal("map[string]int", strVal("a"), intVal("1"), strVal("a"), intVal("2")), "map[string]int{\n\t\"a\": 1,\n\t// an entry: another one has the same key\n}"},
		{"map with a redacted key", mapVal("map[string]int", redacted, intVal("1"), strVal("a"), intVal("2")), "map[string]int{\n\t// an entry: its key can't be rebuilt: redacted\n\t\"a\": 2,\n}"},
		{"foreign struct", foreign, "http.Cookie{\n\tName: \"a\",\n\t// raw: package net/http keeps it to itself\n}"},
		{"not exported", structVal("net/http.body", field("X", intVal("1"))), "-package net/http does not export body"},
		{"internal", structVal("internal/x.T", field("X", intVal("1"))), "-package internal/x can't be imported"},
		{"idle lock", unlocked, "sync.Mutex{}"},
		{"held lock", locked, "-locked, which a literal can't be"},
		{"lock in a struct", structVal("main.S", field("mu", unlocked), field("N", intVal("1"))), "S{N: 1}"},
		{"time", summed(structVal("time.Time", field("wall", intVal("1"))), "2026-11-20T23:59:58.5Z"), "time.Date(2026, time.November, 20, 23, 59, 58, 500000000, time.UTC)"},
		{"big", ptrVal("*math/big.Int", 1, summed(structVal("math/big.Int", field("neg", intVal("0"))), "-5")), "big.NewInt(-5)"},
		{"error", plain, `errors.New("100% gone")`},
		{"wrapped error", wrapped, `fmt.Errorf("50%%: %w", errors.New("100% gone"))`},
		{"joined errors", ptrVal("*errors.joinError", 3, structVal("errors.joinError", field("errs", listVal("[]error", report.KindSlice, ifaceVal("error", plain), ifaceVal("error", wrapped))))),
			`errors.Join(errors.New("100% gone"), fmt.Errorf("50%%: %w", errors.New("100% gone")))`},
		{"IP", summed(listVal("net.IP", report.KindSlice, intVal("10"), intVal("0"), intVal("0"), intVal("1")), "10.0.0.1"), `net.ParseIP("10.0.0.1").To4()`},
		{"prefix", summed(structVal("net/netip.Prefix", field("bitsPlusOne", intVal("17"))), "10.1.0.0/16"), `netip.MustParsePrefix("10.1.0.0/16")`},
		{"zero address", summed(structVal("net/netip.AddrPort", field("port", intVal("0"))), "invalid AddrPort"), "netip.AddrPort{}"},
		{"no address", summed(structVal("net/netip.Addr", field("z", intVal("1"))), "x"), "-its address is not known"},
		{"generic number", numVal(report.KindInt, "main.id[int]", "5"), "func() (v id[int]) { v = 5; return }()"},
		{"function for a type", strOf("os.RemoveAll", "/"), "func() (v os.RemoveAll) { v = \"/\"; return }()"},
		{"generic", structVal("main.pair[string,example.com/x/y.T]", field("K", strVal("a"))), `pair[string, y.T]{K: "a"}`},
		{"version in the path", structVal("gopkg.in/yaml.v3.Node", field("Kind", intVal("1"))), "yaml.Node{Kind: 1}"},
		{"code in a type", structVal("[f(os.Exit)]int", field("K", strVal("a"))), "-its type can't be written"},
		{"shape", listVal("[]go.shape.int", report.KindSlice, intVal("1")), "-its type is that of a generic function's shape"},
		{"stale", report.Value{State: report.StateStale, Kind: report.KindInt, Type: "int", Text: "1"}, "1"},
		{"redacted", redacted, "-redacted"},
		{"no state", report.Value{Kind: report.KindInt, Text: "0"}, "-unknown state"},
		{"text", report.Value{State: report.StateOK, Kind: report.KindText, Text: "x"}, "-only its rendering is known: x"},
	} {
		g := newGoWriter("main")
		l := g.expr(&c.v, true, 0)
		got := l.full()
		if l.lost != "" {
			got = "-" + l.lost
		} else if text, err := format.Source([]byte("_ = " + got)); err == nil {
			got = strings.TrimPrefix(string(text), "_ = ")
		} else {
			t.Errorf("%s: %v", c.name, err)
		}
		if got != c.want {
			t.Errorf("%s: got\n%s\nwant\n%s", c.name, got, c.want)
		}
		if (c.name == "stale") != (len(l.notes) > 0) {
			t.Errorf("%s: notes %q", c.name, l.notes)
		}
	}
}

// TestGoNames checks the names of statements: each its own, none hiding what is
// used behind it.
func TestGoNames(t *testing.T) {
	point := structVal("main.point", field("X", intVal("1")))
	month := numVal(report.KindInt, "time.Month", "11")
	r := deepReport(0)
	r.Goroutines[0].Frames[0].Package = "main"
	r.Goroutines[0].Frames[0].Vars = []report.Variable{
		local("point", point), local("x", intVal("1")), local("x#2", intVal("2")), local("time", month), local("~r0", intVal("3")),
		local("type", intVal("4")), local("last", point), local("x_2", intVal("5")), local("rune", ptrVal("*int", 1, intVal("6"))),
	}
	var b bytes.Buffer
	if err := writeGo(&b, r, GoOptions{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"point_ := point{X: 1}", "x := 1", "x_2_ := 2", "time_ := time.Month(11)", "r0 := 3", "vtype := 4", "last := point{", "x_2 := 5", `// Imports: "time"`} {
		if !strings.Contains(b.String(), want+"\n") && !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}

func TestGoFrames(t *testing.T) {
	for n, want := range map[int]string{0: "In main.charge,", 1: "In main.handle,", 3: "In runtime.main,"} {
		var b bytes.Buffer
		if err := writeGo(&b, payReport(), GoOptions{Frame: n}); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("frame %d: %v\n%s", n, err, b.String())
		}
	}
	var b bytes.Buffer
	if err := writeGo(&b, payReport(), GoOptions{All: true}); err != nil || strings.Contains(b.String(), "runtime.main,") || strings.Count(b.String(), "\n{\n") != 3 {
		t.Errorf("all frames: %v\n%s", err, b.String())
	}
	for _, o := range []GoOptions{{Frame: 4}, {Frame: -1}, {Frame: math.MaxInt}} {
		if err := writeGo(&b, payReport(), o); !errors.Is(err, ErrNoFrame) {
			t.Errorf("frame %d: %v", o.Frame, err)
		}
	}
	if err := writeGo(&b, &report.Report{}, GoOptions{}); !errors.Is(err, ErrNoFrame) {
		t.Errorf("no frames: %v", err)
	}
}

// TestGoHostile checks that whatever a report holds, the literals are Go source
// that calls nothing but what makes values.
func TestGoHostile(t *testing.T) {
	deep := deepReport(10_000)
	deep.Goroutines[0].Frames[0].Package = "main"
	// Pointers to interfaces and to pointers with names, as deep as a file has them.
	shallow := deepReport(0)
	shallow.Goroutines[0].Frames[0].Package = "main"
	v := intVal("1")
	for range report.MaxValueDepth / 3 {
		v = ptrVal("main.P", 1, ptrVal("*any", 2, ifaceVal("any", v)))
	}
	shallow.Goroutines[0].Frames[0].Vars[0].Value = v
	for _, r := range []*report.Report{payReport(), hostileReport(), threadReport(), deep, shallow} {
		checkGo(t, r)
	}
}

func checkGo(t *testing.T, r *report.Report) {
	t.Helper()
	var b bytes.Buffer
	if err := writeGo(&b, r, GoOptions{All: true}); errors.Is(err, ErrNoFrame) {
		return
	} else if err != nil {
		t.Fatal(err)
	}
	if bad := unprintable(strings.ReplaceAll(b.String(), "\t", "")); bad != "" {
		t.Fatalf("the literals hold %s", bad)
	}
	f, err := parser.ParseFile(token.NewFileSet(), "", "package p\nfunc f() {\n"+b.String()+"\n}", 0)
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && !harmless(call.Fun) {
			var b bytes.Buffer
			_ = format.Node(&b, token.NewFileSet(), call)
			t.Errorf("the call %s", b.String())
		}
		return true
	})
}

// harmless reports whether a call converts to what can only be a type, or is
// one of those that the literals make themselves.
func harmless(fun ast.Expr) bool {
	switch fun := fun.(type) {
	case *ast.FuncLit, *ast.ArrayType, *ast.MapType, *ast.StructType, *ast.InterfaceType:
		return true
	case *ast.ParenExpr:
		switch fun := fun.X.(type) {
		case *ast.StarExpr, *ast.FuncType, *ast.ChanType:
			return true
		default:
			return harmless(fun)
		}
	case *ast.Ident:
		return predeclared(fun.Name)
	case *ast.SelectorExpr:
		pkg, _ := fun.X.(*ast.Ident)
		if pkg == nil { // a method: only of what was just made
			return fun.Sel.Name == "SetString" || fun.Sel.Name == "To4"
		}
		switch pkg.Name + "." + fun.Sel.Name {
		case "time.Date", "time.Duration", "time.Month", "time.Weekday", "syscall.Errno", "syscall.Signal", "fs.FileMode", "json.Number", "json.RawMessage",
			"fmt.Errorf", "errors.New", "errors.Join", "big.NewInt", "net.ParseIP", "netip.MustParseAddr", "netip.MustParseAddrPort", "netip.MustParsePrefix",
			"math.NaN", "math.Inf", "math.Copysign", "context.Background", "context.TODO":
			return true
		}
	}
	return false
}

// FuzzGoLiterals writes variables of any shape.
func FuzzGoLiterals(f *testing.F) {
	for _, r := range []*report.Report{payReport(), hostileReport()} {
		for i := range r.Goroutines[0].Frames {
			b, err := json.Marshal(r.Goroutines[0].Frames[i].Vars)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := deepReport(0)
		fr := &r.Goroutines[0].Frames[0]
		fr.Package = "main"
		if json.Unmarshal(data, &fr.Vars) != nil {
			return
		}
		checkGo(t, r)
	})
}
