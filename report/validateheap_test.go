package report_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// heapSample is a heap with one of each, as a reader of cores would fill it.
func heapSample() *report.Heap {
	key := report.Value{State: report.StateOK, Kind: report.KindString, Type: "string", Text: "u17", Len: 3}
	path := report.HeapPath{
		Root:  report.HeapRoot{Kind: "global", Package: "main", Name: "server"},
		Steps: []report.HeapStep{{Kind: "field", Name: "sessions"}, {Kind: "value", Key: &key, Addr: 0xc000010000, Type: "main.Session", Bytes: 64}},
	}
	object := report.HeapObject{Addr: 0xc000010000, Type: "main.Session", Confidence: report.HeapExact, Bytes: 64, Path: path, Len: -1, Cap: -1}
	return &report.Heap{
		Types:    []report.HeapType{{Type: "main.Session", Package: "main", Confidence: report.HeapStrong}},
		Packages: []report.HeapPackage{{Package: "main"}},
		Owners:   []report.HeapOwner{{Root: path.Root}},
		Retained: []report.HeapObject{object},
		Paths:    []report.HeapPath{path},
		Suspects: []report.HeapSuspect{{Kind: "owner", Object: &object, Share: 1}, {Kind: "goroutines", Goroutines: 3, Share: 0}},
		Strings:  []report.HeapString{{Value: key, Holder: path}},
		Waste:    []report.HeapWaste{{Kind: "map", Holder: path}},
		Growth:   []report.HeapGrowth{{Kind: "owner", Root: path.Root}},
		Before:   &report.HeapTotals{},
		Sites:    []report.HeapSite{{Frames: []report.FrameRef{{Function: "main.f", Line: 3}}}},
		Samples:  []report.HeapSample{{Stack: []string{"main.server", ".sessions"}}},
	}
}

func TestValidateHeap(t *testing.T) {
	r := &report.Report{Schema: report.Schema, Heap: heapSample()}
	if err := r.Validate(); err != nil {
		t.Fatal(err)
	}
	for where, spoil := range map[string]func(h *report.Heap){
		"heap.types[0]":            func(h *report.Heap) { h.Types[0].Confidence = "sure" },
		"heap.owners[0].root":      func(h *report.Heap) { h.Owners[0].Root.Kind = "moon" },
		"heap.retained[0]":         func(h *report.Heap) { h.Retained[0].Len = -2 },
		"heap.paths[0].steps[0]":   func(h *report.Heap) { h.Paths[0].Steps[0].Kind = "jump" },
		"heap.paths[0].steps[1]":   func(h *report.Heap) { h.Paths[0].Steps[1].Repeat = -1 },
		"steps[1].key":             func(h *report.Heap) { h.Paths[0].Steps[1].Key.Len = -1 },
		"heap.suspects[0]":         func(h *report.Heap) { h.Suspects[0].Share = 1.01 },
		"heap.suspects[1]":         func(h *report.Heap) { h.Suspects[1].Share = math.NaN() },
		"heap.suspects[0].object":  func(h *report.Heap) { h.Suspects[0].Object.Confidence = "" },
		"heap.strings[0].value":    func(h *report.Heap) { h.Strings[0].Value.State = "?" },
		"heap.waste[0]":            func(h *report.Heap) { h.Waste[0].Kind = "array" },
		"heap.growth[0]":           func(h *report.Heap) { h.Growth[0].Kind = "" },
		"heap.sites[0].frames[0]":  func(h *report.Heap) { h.Sites[0].Frames[0].Line = -1 },
		"heap.sample_rate":         func(h *report.Heap) { h.SampleRate = -1 },
		"suspects[1]: has an obj":  func(h *report.Heap) { h.Suspects[1].Object = h.Suspects[0].Object },
		"suspects[0]: has an obje": func(h *report.Heap) { h.Suspects[0].Object = nil },
	} {
		r := &report.Report{Schema: report.Schema, Heap: heapSample()}
		spoil(r.Heap)
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), where) {
			t.Errorf("%s: %v", where, err)
		}
	}
}

// TestHeapComesBack: what is written is read as it was.
func TestHeapComesBack(t *testing.T) {
	want := heapSample()
	b, err := report.EncodeCompact(want)
	if err != nil {
		t.Fatal(err)
	}
	got := &report.Heap{}
	if err := json.Unmarshal(b, got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(want, got) {
		t.Errorf("wrote %+v, read %+v", want, got)
	}
}
