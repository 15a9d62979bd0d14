package export

import "github.com/safedump/sdcore/report"

// heapReport is payReport with a heap: sessions that nobody removes, a list, a
// closure, a channel, copies of strings, growth, sites and samples.
func heapReport() *report.Report {
	r := payReport()
	r.Heap = sampleHeap()
	return r
}

func heapStep(kind, name string, addr report.Addr, typ string, bytes uint64) report.HeapStep {
	return report.HeapStep{Kind: kind, Name: name, Addr: addr, Type: typ, Bytes: bytes}
}

func sessionPath() report.HeapPath {
	key := strVal("u17")
	return report.HeapPath{
		Root: report.HeapRoot{Kind: "global", Package: "example.com/pay/store", Name: "server"},
		Steps: []report.HeapStep{
			heapStep("pointer", "", 0xc0000a0000, "example.com/pay/store.Server", 128),
			heapStep("field", "sessions", 0xc0000b0000, "map[string]*example.com/pay/store.Session", 48),
			{Kind: "value", Key: &key, Addr: 0xc0000c0000, Type: "*example.com/pay/store.Session", Bytes: 96},
			heapStep("field", "conn.buf", 0xc000100000, "[]uint8", 65536),
		},
	}
}

func listPath() report.HeapPath {
	p := report.HeapPath{Root: report.HeapRoot{Kind: "local", Goroutine: 18, Function: "main.worker", Frame: 2, Name: "head"}}
	next := heapStep("field", "next", 0xc000200000, "main.node", 32)
	next.Repeat = 9998
	p.Steps = []report.HeapStep{next, heapStep("field", "value", 0xc000300000, "main.Item", 64)}
	return p
}

func registerPath() report.HeapPath {
	return report.HeapPath{
		Root: report.HeapRoot{Kind: "register", Goroutine: 20, Function: "main.spin", Name: "rax", Conservative: true},
		Steps: []report.HeapStep{
			{Kind: "captured", Name: "conn"}, {Kind: "element", Index: 3}, {Kind: "dynamic", Type: "*example.com/pay.Job"},
			{Kind: "index", Index: 2}, {Kind: "word", Index: 24, Addr: 0xc000400000, Type: "unknown, 64 bytes", Bytes: 64},
		},
	}
}

func sampleHeap() *report.Heap {
	sessions := report.HeapObject{
		Addr: 0xc0000b0000, Type: "map[string]*example.com/pay/store.Session", Confidence: report.HeapStrong, Bytes: 48,
		Retained: 734 << 20, Objects: 3_600_000, Path: sessionPath(), Len: 1_200_000,
	}
	sessions.Path.Steps = sessions.Path.Steps[:2]
	node := report.HeapObject{Addr: 0xc000200000, Type: "main.node", Confidence: report.HeapExact, Bytes: 32, Retained: 625 << 10, Objects: 19998, Path: listPath(), Len: -1, Cap: -1}
	return &report.Heap{
		Totals: report.HeapTotals{
			SpanBytes: 1400 << 20, Objects: 4_300_000, Bytes: 1380 << 20, LiveObjects: 4_200_000, LiveBytes: 1300 << 20,
			GarbageObjects: 100_000, GarbageBytes: 80 << 20, CondemnedObjects: 4000, CondemnedBytes: 3 << 20,
			RuntimeSpanBytes: 1400 << 20, RuntimeBytes: 1380<<20 + 512<<10, ExactBytes: 1000 << 20, StrongBytes: 280 << 20, WeakBytes: 10 << 20,
			ConservativeObjects: 12, ConservativeBytes: 40960,
		},
		Types: []report.HeapType{
			{Type: "[]uint8", Confidence: report.HeapStrong, Objects: 1_200_000, Bytes: 700 << 20, GarbageObjects: 900, GarbageBytes: 60 << 20, Retained: 700 << 20},
			{Type: "example.com/pay/store.Session", Package: "example.com/pay/store", Confidence: report.HeapExact, Objects: 1_200_000, Bytes: 110 << 20, Retained: 730 << 20},
			{Type: "unknown, 64 bytes", Confidence: report.HeapUnknown, Objects: 3, Bytes: 192},
		},
		Packages: []report.HeapPackage{
			{Bytes: 900 << 20, Objects: 2_000_000, GarbageBytes: 70 << 20, GarbageObjects: 99_000},
			{Package: "example.com/pay/store", Bytes: 110 << 20, Objects: 1_200_000},
		},
		Owners: []report.HeapOwner{
			{Root: sessionPath().Root, Type: "*example.com/pay/store.Server", Objects: 3_600_010, Retained: 735 << 20},
			{Root: listPath().Root, Type: "*main.node", Objects: 19998, Retained: 625 << 10},
			{Root: report.HeapRoot{Kind: "goroutine", Goroutine: 19}, Objects: 40, Retained: 5000},
		},
		Retained: []report.HeapObject{sessions, node},
		Paths:    []report.HeapPath{sessionPath(), listPath(), registerPath()},
		Suspects: []report.HeapSuspect{
			{Kind: "container", Object: &sessions, Retained: 734 << 20, Share: 0.5646},
			{Kind: "goroutines", Goroutines: 3200, Function: "example.com/pay/store.(*Server).read", Retained: 210 << 20, Share: 0.1615},
		},
		Strings: []report.HeapString{
			{Value: strVal("application/json; charset=utf-8"), Copies: 40_000, Length: 31, Wasted: 39_999 * 32, Holder: sessionPath()},
			{Value: report.Value{State: report.StateRedacted, Kind: report.KindString, Type: "string", Secret: 2}, Copies: 12, Wasted: 352, Holder: listPath()},
		},
		Waste: []report.HeapWaste{
			{Kind: "slice", Type: "[]example.com/pay.Event", Count: 800, Len: 4000, Cap: 819_200, Wasted: 49 << 20, Holder: listPath()},
			{Kind: "map", Type: "map[string]int", Count: 2, Len: 3, Cap: 1 << 20, Wasted: 24 << 20, Holder: sessionPath()},
		},
		Growth: []report.HeapGrowth{
			{Kind: "type", Type: "[]uint8", Objects: 400_000, Bytes: 230 << 20, NewObjects: 1_200_000, NewBytes: 700 << 20},
			{Kind: "type", Type: "main.node", Objects: -3, Bytes: -96, NewObjects: 9999, NewBytes: 9999 * 32},
			{Kind: "owner", Root: sessionPath().Root, Objects: 1_200_000, Bytes: 244 << 20, NewObjects: 3_600_010, NewBytes: 735 << 20},
		},
		Since: "/var/crash/core.4700", Before: &report.HeapTotals{LiveBytes: 1056 << 20, LiveObjects: 3_000_000},
		Sites: []report.HeapSite{{
			Frames:       []report.FrameRef{{Function: "example.com/pay/store.(*Server).open", File: "/src/pay/store.go", Line: 80}, {Function: "main.main", File: "/src/pay/main.go", Line: 60}},
			InUseObjects: 1_200_000, InUseBytes: 110 << 20, AllocObjects: 9_000_000, AllocBytes: 825 << 20,
		}},
		SampleRate: 512 << 10,
		Samples: []report.HeapSample{
			{Stack: []string{"store.server", ".sessions", "[]", "store.Session"}, Objects: 1_200_000, Bytes: 110 << 20},
			{Stack: []string{"store.server", ".sessions", "[]", ".conn.buf", "[]uint8"}, Objects: 1_200_000, Bytes: 700 << 20},
		},
	}
}

// heapOf has e in every string of a heap.
func heapOf(e string) *report.Heap {
	v := strVal(e)
	p := report.HeapPath{Root: report.HeapRoot{Kind: e, Package: e, Function: e, Name: e}, Steps: []report.HeapStep{
		{Kind: "field", Name: e, Addr: 1, Type: e}, {Kind: "value", Key: &v}, {Kind: "key", Key: &v}, {Kind: "captured", Name: e}, {Kind: "dynamic", Type: e}, {Kind: e}, {Kind: "omitted", Repeat: -1},
	}}
	o := report.HeapObject{Addr: 1 << 63, Type: e, Confidence: report.HeapConfidence(e), Path: p, Len: 1 << 62, Cap: 1}
	return &report.Heap{
		Totals: report.HeapTotals{LiveBytes: 1, ExactBytes: 1 << 63, RuntimeBytes: 1<<64 - 1},
		Types:  []report.HeapType{{Type: e, Package: e, Confidence: report.HeapConfidence(e), Bytes: 1<<64 - 1}}, Packages: []report.HeapPackage{{Package: e}},
		Owners: []report.HeapOwner{{Root: p.Root, Type: e}}, Retained: []report.HeapObject{o}, Paths: []report.HeapPath{p},
		Suspects: []report.HeapSuspect{{Kind: e, Object: &o, Share: -3}, {Kind: "goroutines", Function: e}},
		Strings:  []report.HeapString{{Value: v, Holder: p}}, Waste: []report.HeapWaste{{Kind: e, Type: e, Holder: p}},
		Growth: []report.HeapGrowth{{Kind: "type", Type: e, Bytes: -1 << 63}, {Kind: "owner", Root: p.Root}}, Since: e, Before: &report.HeapTotals{},
		Sites: []report.HeapSite{{Frames: []report.FrameRef{{Function: e, File: e}}, InUseBytes: -1}}, SampleRate: 1,
		Samples: []report.HeapSample{{Stack: []string{e, e}, Bytes: 1<<64 - 1}},
	}
}
