package export

import (
	"io"
	"time"

	"github.com/safedump/sdcore/report"
)

// Shorthands for literal values.

func intVal(text string) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindInt, Type: "int", Text: text}
}

func strVal(s string) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Len: int64(len(s))}
	v.SetContents(s)
	return v
}

func stateVal(typ string, k report.Kind, st report.State, note string) report.Value {
	return report.Value{State: st, Kind: k, Type: typ, Note: note}
}

func ptrVal(typ string, target report.Addr, v report.Value) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindPointer, Type: typ, Target: target, Children: []report.Child{{Value: v}}}
}

func nilVal(typ string, k report.Kind) report.Value {
	return report.Value{State: report.StateOK, Kind: k, Type: typ, Nil: true}
}

func ifaceVal(typ string, v report.Value) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindInterface, Type: typ, Children: []report.Child{{Value: v}}}
}

func structVal(typ string, children ...report.Child) report.Value {
	return report.Value{State: report.StateOK, Kind: report.KindStruct, Type: typ, Children: children}
}

func listVal(typ string, k report.Kind, vals ...report.Value) report.Value {
	v := report.Value{State: report.StateOK, Kind: k, Type: typ, Len: int64(len(vals)), Cap: int64(len(vals))}
	for _, x := range vals {
		v.Children = append(v.Children, report.Child{Value: x})
	}
	return v
}

func mapVal(typ string, pairs ...report.Value) report.Value {
	v := report.Value{State: report.StateOK, Kind: report.KindMap, Type: typ, Len: int64(len(pairs) / 2)}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Children = append(v.Children, report.Child{Key: &pairs[i], Value: pairs[i+1]})
	}
	return v
}

func field(name string, v report.Value) report.Child { return report.Child{Name: name, Value: v} }

func local(name string, v report.Value) report.Variable {
	return report.Variable{Name: name, Role: report.RoleLocal, Value: v}
}

// crashTime is when the sample crashed.
func crashTime() time.Time { return time.Date(2026, 11, 22, 12, 11, 53, 45780000, time.UTC) }

// redactTime is when the sample was redacted.
const redactTime = "2026-11-22T12:12:00.000000+00:00"

// payReport is the report of a crash in a payment handler: a nil dereference
// with a signal, inlined calls, most kinds and states of values, waiting
// goroutines, problems.
func payReport() *report.Report {
	user := structVal("main.User",
		field("ID", report.Value{State: report.StateOK, Kind: report.KindInt, Type: "int64", Text: "41"}),
		field("Name", strVal("Ada")),
		field("Tier", strVal("premium_plus")),
		field("Password", report.Value{State: report.StateRedacted, Kind: report.KindString, Type: "string", Secret: 2}),
		field("Tags", listVal("[]string", report.KindSlice, strVal("a"), strVal("b"))),
	)
	body := report.Value{State: report.StateTruncated, Kind: report.KindBytes, Type: "[]uint8", Text: "aaaaaaaa", Len: 65536, Cap: 65536}
	req := ptrVal("*main.Request", 0xc0000a4000, structVal("main.Request",
		field("User", ptrVal("*main.User", 0xc0000a4100, user)),
		field("Amount", report.Value{State: report.StateOK, Kind: report.KindFloat, Type: "float64", Text: "29.99"}),
		field("Meta", mapVal("map[string]any", strVal("n"), ifaceVal("any", intVal("5")), strVal("trace"), ifaceVal("any", strVal("t-1")))),
		field("Body", body),
		field("Done", report.Value{State: report.StateOK, Kind: report.KindChan, Type: "chan int", Len: 1, Cap: 8, Target: 0xc0000b0000, Children: []report.Child{{Value: intVal("7")}}}),
		field("Next", stateVal("*main.Request", report.KindPointer, report.StateCycle, "")),
	))
	r := &report.Report{
		Schema:    report.Schema,
		Generator: report.Generator{Name: "sdcore", Version: "0.1.0", Backend: "delve"},
		Complete:  false, Tier: 1, Fingerprint: "56b0809a7e55",
		CrashTime: crashTime(), CrashTimeSource: "modification time of the core",
		Crash: report.Crash{
			Kind: report.KindPanic, Goroutine: 1, Thread: 4711,
			Exception: report.Exception{
				Type: "runtime.errorString", Module: "runtime", Message: "runtime error: invalid memory address or nil pointer dereference",
				Sub: []report.Exception{
					{Type: "*errors.errorString", Module: "errors", Message: "no such tier", Relation: report.RelationEarlier, Recovered: true},
					{Type: "*fmt.wrapError", Module: "fmt", Message: "charge: gateway down", Relation: report.RelationWrapped, Sub: []report.Exception{
						{Type: "syscall.Errno", Module: "syscall", Message: "connection refused", Relation: report.RelationWrapped}}},
				},
			},
			Signal:   &report.Signal{Number: 11, Name: "SIGSEGV", Code: 1, Addr: 0x10, HasAddr: true, PC: 0x4a9bcb, Source: "g.sig"},
			Evidence: []string{"g._panic of goroutine 1"},
		},
		Identity: report.Identity{
			Core: "/var/crash/core.4711", Binary: "/srv/pay", Match: report.MatchBuildID, Evidence: []string{"equal GNU build IDs"},
			BinaryBuildID: "8d3f0a", CoreBuildID: "8d3f0a", GoVersion: "go1.26.8", GOOS: "linux", GOARCH: "amd64", MainPackage: "example.com/pay",
			Main:     report.Module{Path: "example.com/pay", Version: "v1.4.2"},
			Deps:     []report.Module{{Path: "example.com/lib", Version: "v0.3.0"}},
			Settings: []report.Setting{{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"}},
			Segments: 31, TruncatedSegments: 1, MissingBytes: 4096,
		},
		Process: report.Process{PID: 4711, Name: "pay", EnvNames: []string{"HOME", "PATH"}},
		Threads: []report.Thread{{TID: 4711, Goroutine: 1, PC: 0x4a9bcb, Function: "main.charge", Crashed: true}, {TID: 4712, PC: 0x47b418, Function: "runtime.futex"}},
		Globals: []report.Global{
			{Package: "main", Name: "gateways", Value: mapVal("map[string]*main.Gateway", strVal("basic"),
				ptrVal("*main.Gateway", 0xc000010000, structVal("main.Gateway", field("URL", strVal("https://pay.example/basic")), field("Limit", intVal("100")))))},
			{Package: "main", Name: "mu", Value: report.Value{State: report.StateOK, Kind: report.KindStruct, Type: "sync.Mutex", Text: "locked, 3 waiting"}},
		},
		Problems: []report.Problem{{Stage: "vars", Subject: "variable main.cache", Addr: 0xc000ffe000, Message: "the core does not hold this page", Missing: true}},
		Omitted:  []report.Omission{{What: "globals", Count: 12, Why: "--max-items"}},
		Redactions: []report.Redaction{
			{Location: "crash.exception.message", Reason: "matched pattern: AKIA[0-9A-Z]{16}", Rule: "secret_pattern", Timestamp: redactTime}},
		RedactionCounts: map[string]int{"variable_name_denylist": 1, "secret_pattern": 1},
	}
	src := &report.Source{First: 34, Lines: []string{"\tamount := req.Amount * 1.2", "\tgw := gateways[user.Tier]", "\ttotal = amount * float64(gw.Limit) // nil deref", "\tfmt.Println(user, amount)"}}
	crashed := report.Goroutine{
		ID: 1, Status: "running", Crashed: true, Thread: 4711, Start: "runtime.main", Group: 1,
		Frames: []report.Frame{
			{Index: 0, Function: "runtime.sigpanic", Package: "runtime", File: "/usr/local/go/src/runtime/signal_unix.go", Line: 931, PC: 0x47b418, Runtime: true},
			{Index: 1, Function: "main.charge", Package: "main", File: "/src/pay/main.go", Line: 36, PC: 0x4a9bcb, CrashSite: true, Source: src, Vars: []report.Variable{
				{Name: "total", Role: report.RoleResult, Value: report.Value{State: report.StateOK, Kind: report.KindFloat, Type: "float64", Text: "0"}},
				{Name: "err", Role: report.RoleResult, Value: nilVal("error", report.KindInterface)},
				{Name: "req", Role: report.RoleArg, Value: req},
				{Name: "attempt", Role: report.RoleArg, Value: stateVal("int", report.KindInt, report.StateOptimizedOut, "")},
				local("user", ptrVal("*main.User", 0xc0000a4100, user)),
				local("gw", nilVal("*main.Gateway", report.KindPointer)),
				local("ids", report.Value{State: report.StateTruncated, Kind: report.KindSlice, Type: "[]int", Len: 40, Cap: 64, Children: []report.Child{{Value: intVal("1")}, {Value: intVal("2")}, {Value: intVal("3")}}}),
				local("flags", listVal("[]bool", report.KindSlice, report.Value{State: report.StateOK, Kind: report.KindBool, Type: "bool", Text: "true"})),
				local("dir", strVal("[/var/spool]")),
				local("cache", stateVal("*main.Cache", report.KindPointer, report.StateAbsent, "page 0xc000ffe000")),
				local("conn", stateVal("net.Conn", report.KindInterface, report.StateUnreadable, "no type at 0x4b0000")),
				local("apiKey", report.Value{State: report.StateRedacted, Kind: report.KindString, Type: "string", Secret: 1}),
				local("header", report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "X-Api-Key: [REDACTED#1]", Len: 23, Note: "partly redacted"}),
				local("f", report.Value{State: report.StateOK, Kind: report.KindFunc, Type: "func(int) error", Text: "main.charge.func1", Children: []report.Child{field("i", intVal("3"))}}),
				local("cause", ifaceVal("error", ptrVal("*main.PayError", 0xc000020000, structVal("main.PayError", field("Code", intVal("7")))))),
				local("v", ifaceVal("any", nilVal("*main.User", report.KindPointer))),
				{Name: "old#2", Role: report.RoleLocal, DeclLine: 33, Value: report.Value{State: report.StateStale, Kind: report.KindInt, Type: "int", Text: "9", Note: "register copy"}},
			}},
			{Index: 2, Function: "main.handle", Package: "main", File: "/src/pay/main.go", Line: 44, PC: 0x4a9cdb, Inlined: true, Vars: []report.Variable{
				local("ids", listVal("[]int", report.KindSlice, intVal("1"), intVal("2"))), local("start", stateVal("time.Time", report.KindStruct, report.StateOptimizedOut, ""))}},
			{Index: 3, Function: "main.main", Package: "main", File: "/src/pay/main.go", Line: 60, PC: 0x4aa0c6},
			{Index: 4, Function: "runtime.main", Package: "runtime", File: "/usr/local/go/src/runtime/proc.go", Line: 285, PC: 0x440000, Runtime: true},
		},
		Redactions: []report.Redaction{
			{Location: "goroutines[0].frames[1].vars.apiKey", Reason: "matched denylist: 'apikey'", Rule: "variable_name_denylist", Timestamp: redactTime}},
	}
	r.Goroutines = []report.Goroutine{crashed}
	creator := &report.Creator{Goroutine: 1, Function: "main.main", File: "/src/pay/main.go", Line: 55}
	lock := []report.FrameRef{{Function: "sync.(*Mutex).Lock", File: "/usr/local/go/src/sync/mutex.go", Line: 46}, {Function: "main.main.func1", File: "/src/pay/main.go", Line: 55}}
	group := report.Group{ID: 2, Count: 3, Status: "waiting", WaitReason: "sync.Mutex.Lock", Frames: lock, Creator: creator}
	for id := uint64(18); id <= 20; id++ {
		g := report.Goroutine{ID: id, Status: "waiting", WaitReason: "sync.Mutex.Lock", Start: "main.main.func1", Creator: creator, Group: 2,
			Labels: []report.Label{{Key: "shop", Value: "eu"}}}
		for i, f := range lock {
			g.Frames = append(g.Frames, report.Frame{Index: i, Function: f.Function, File: f.File, Line: f.Line, PC: report.Addr(0x480000 + i)})
		}
		r.Goroutines = append(r.Goroutines, g)
		group.IDs = append(group.IDs, id)
	}
	gc := report.Goroutine{ID: 2, Status: "waiting", WaitReason: "force gc (idle)", System: true, Start: "runtime.forcegchelper", Group: 3,
		Frames: []report.Frame{{Function: "runtime.gopark", File: "/usr/local/go/src/runtime/proc.go", Line: 435, PC: 0x43f000, Runtime: true}}}
	r.Goroutines = append(r.Goroutines, gc)
	r.Groups = []report.Group{
		{ID: 1, Count: 1, Status: "running", IDs: []uint64{1}, Frames: []report.FrameRef{{Function: "main.charge", File: "/src/pay/main.go", Line: 36}, {Function: "main.main", File: "/src/pay/main.go", Line: 60}}},
		group,
		{ID: 3, Count: 1, Status: "waiting", WaitReason: "force gc (idle)", System: true, IDs: []uint64{2}, Frames: []report.FrameRef{{Function: "runtime.gopark", File: "/usr/local/go/src/runtime/proc.go", Line: 435}}},
	}
	return r
}

// evil is text that must show as text everywhere.
func evil() string {
	return "\x1b]0;owned\x07\x1b[31m\u202e<script>alert(1)</script> ```\n# head *b* [x](http://e) @all | \x00\xff\u2028\u009b2J \r&amp;"
}

// hostileReport has evil text in every string, and shapes no reader made.
func hostileReport() *report.Report { return reportOf(evil()) }

// reportOf has e in every string.
func reportOf(e string) *report.Report {
	v := report.Value{State: report.StateOK, Kind: report.KindStruct, Type: e, Children: []report.Child{
		{Name: e, Value: strVal(e)},
		{Name: "[/x]", Value: report.Value{State: report.StateUnreadable, Kind: report.KindInt, Type: e, Note: e}},
		{Name: "m", Value: mapVal(e, strVal(e), ifaceVal(e, report.Value{State: report.StateOK, Kind: report.KindInt, Type: e, Text: "1" + e}))},
		{Name: "t", Value: report.Value{State: report.StateOK, Kind: report.KindText, Type: e, Text: e}},
		{Name: "s", Value: report.Value{State: report.StateOK, Kind: report.KindStruct, Type: e, Text: e}},
		{Name: "f", Value: report.Value{State: report.StateOK, Kind: report.KindFunc, Type: e, Text: e}},
		{Name: "c", Value: report.Value{State: report.StateOK, Kind: report.KindChan, Type: e, Len: 1 << 62}},
		{Name: "i", Value: report.Value{State: report.StateOK, Kind: report.KindInterface, Type: e}},
		{Name: "q", Value: report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: `\`, Quoted: true}},
		{Name: "p", Value: report.Value{State: report.StateOK, Kind: report.KindPointer, Type: e, Target: 1 << 63}},
		{Name: "n", Value: nilVal(e, report.KindMap)},
	}}
	frame := report.Frame{Function: e, Package: e, File: e, Line: 7, CrashSite: true,
		Source: &report.Source{First: 6, Lines: []string{e, e, e}},
		Vars:   []report.Variable{local(e, v), local(e, v), local("[red]", ptrVal(e, 1, v))}}
	r := &report.Report{
		Schema: report.Schema, Generator: report.Generator{Name: e, Version: e, Backend: e}, CrashTimeSource: e, CrashTime: crashTime(),
		Crash: report.Crash{Kind: report.KindPanic, Goroutine: 1, Evidence: []string{e},
			Exception: report.Exception{Type: e, Module: e, Message: e, Value: &v, Sub: []report.Exception{{Type: e, Message: e, Relation: report.RelationJoined}}},
			Signal:    &report.Signal{Name: e, Source: e, Code: -6}},
		Identity: report.Identity{Core: e, Binary: e, Match: report.MatchNone, Evidence: []string{e}, CoreBuildID: e, BinaryGoID: e, GoVersion: e, GOOS: e, GOARCH: e,
			MainPackage: e, Main: report.Module{Path: e, Version: e}, Deps: []report.Module{{Path: e, Version: e, Replaced: e}}, Settings: []report.Setting{{Key: "vcs.revision", Value: e}}},
		Process:         report.Process{Name: e, Args: []string{e}, EnvNames: []string{e}, Dir: e},
		Threads:         []report.Thread{{Function: e, Crashed: true}},
		Globals:         []report.Global{{Package: e, Name: e, Value: v}},
		Problems:        []report.Problem{{Stage: e, Subject: e, Message: e}},
		Omitted:         []report.Omission{{What: e, Why: e, Count: 3}},
		Redactions:      []report.Redaction{{Location: "crash.exception.message", Reason: e, Rule: e}},
		RedactionCounts: map[string]int{e: 3},
		Heap:            heapOf(e),
	}
	creator := &report.Creator{Goroutine: 1, Function: e, File: e, Line: 1}
	r.Goroutines = []report.Goroutine{{ID: 1, Status: e, WaitReason: e, Crashed: true, Start: e, Creator: creator, StackEnd: e, Frames: []report.Frame{frame, frame},
		Labels: []report.Label{{Key: e, Value: e}}, Group: 1}}
	r.Groups = []report.Group{{ID: 1, Count: 1, Status: e, WaitReason: e, IDs: []uint64{1}, Creator: creator, Frames: []report.FrameRef{{Function: e, File: e, Line: 7}}}}
	return r
}

// threadReport crashed on a thread outside of goroutines.
func threadReport() *report.Report {
	return &report.Report{
		Schema: report.Schema, Complete: true, CrashTime: crashTime(),
		Crash: report.Crash{Kind: report.KindSignal, Thread: 9, Exception: report.Exception{Type: "SIGABRT", Module: "runtime", Message: "SIGABRT: abort"},
			Signal: &report.Signal{Number: 6, Name: "SIGABRT", Code: -6, Source: "NT_SIGINFO"}},
		Threads: []report.Thread{{TID: 9, Crashed: true, Function: "raise", Frames: []report.Frame{
			{Function: "raise", PC: 0x7f0000001000}, {Index: 1, Function: "main.cgoCall", File: "/src/c.go", Line: 12, CrashSite: true}}}},
	}
}

// deepReport has a value of so many nested pointers.
func deepReport(n int) *report.Report {
	v := intVal("1")
	for range n {
		v = ptrVal("*T", 0xc000010000, v)
	}
	r := threadReport()
	r.Goroutines = []report.Goroutine{{ID: 1, Crashed: true, Frames: []report.Frame{{Function: "main.main", CrashSite: true, Vars: []report.Variable{local("p", v)}}}}}
	return r
}

// onPaper is a paper for a report that nothing is known of.
func onPaper(w io.Writer) *paper { return &paper{out: gate{w: w}} }
