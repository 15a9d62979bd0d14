package export

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/pprof/profile"

	"github.com/safedump/sdcore/report"
)

// heapParts are the screens of a heap, by name.
func heapParts() map[string]HeapPart {
	return map[string]HeapPart{
		"overview": HeapOverview, "histogram": HeapHistogram, "retained": HeapRetained, "paths": HeapPaths, "suspects": HeapSuspects,
		"strings": HeapStrings, "waste": HeapWaste, "diff": HeapDifference, "sites": HeapSites,
	}
}

func TestHeapGolden(t *testing.T) {
	for part, p := range heapParts() {
		t.Run(part, func(t *testing.T) {
			var b bytes.Buffer
			if err := writeHeap(&b, heapReport(), HeapOptions{TextOptions: TextOptions{Width: 100}, Part: p, Of: "store.Session"}); err != nil {
				t.Fatal(err)
			}
			golden(t, "heap-"+part+".txt", b.Bytes())
		})
	}
	for file, write := range map[string]func(w io.Writer, r *report.Report) error{
		"heap-types.txt": func(w io.Writer, r *report.Report) error {
			r.Heap.Packages = nil
			return writeHeap(w, r, HeapOptions{TextOptions: TextOptions{Width: 100}, Part: HeapHistogram})
		},
		"heap-retained-types.txt": func(w io.Writer, r *report.Report) error {
			r.Heap.Retained, r.Heap.Owners = nil, nil
			return writeHeap(w, r, HeapOptions{TextOptions: TextOptions{Width: 100}, Part: HeapRetained})
		},
		"heap.json": writeHeapJSON,
		"heap.md":   writeMarkdown,
		"heap-summary.txt": func(w io.Writer, r *report.Report) error {
			s := newScreen(r, TextOptions{Width: 100})
			s.heapSummary()
			return s.flush(w)
		},
		"heap-held.pprof.txt": func(w io.Writer, r *report.Report) error {
			_, err := io.WriteString(w, heldProfile(r).String())
			return err
		},
		"heap-sites.pprof.txt": func(w io.Writer, r *report.Report) error {
			_, err := io.WriteString(w, siteProfile(r).String())
			return err
		},
	} {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			if err := write(&b, heapReport()); err != nil {
				t.Fatal(err)
			}
			golden(t, file, b.Bytes())
		})
	}
}

// TestEmptyHeap: a screen of nothing says so.
func TestEmptyHeap(t *testing.T) {
	for part, p := range heapParts() {
		for _, h := range []*report.Heap{nil, {}} {
			var b bytes.Buffer
			if err := writeHeap(&b, &report.Report{Complete: true, Heap: h}, HeapOptions{Part: p, Of: "main.T"}); err != nil || b.Len() < 30 {
				t.Errorf("%s: %v\n%s", part, err, b.String())
			}
		}
	}
}

func field1(name string) report.HeapStep { return report.HeapStep{Kind: "field", Name: name} }

func times(n int, steps ...report.HeapStep) []report.HeapStep {
	var out []report.HeapStep
	for range n {
		out = append(out, steps...)
	}
	return out
}

func TestPathText(t *testing.T) {
	root := report.HeapRoot{Kind: "global", Package: "a.b/c", Name: "v"}
	repeated := field1("next")
	repeated.Repeat = 9998
	twice := field1("next")
	twice.Repeat = 2
	gone := report.Value{State: report.StateRedacted, Kind: report.KindString, Secret: 3}
	hidden := report.Value{State: report.StateBudget, Kind: report.KindString, Note: "not followed at tier 1"}
	number := intVal("7")
	for want, steps := range map[string][]report.HeapStep{
		"c.v":                         nil,
		"c.v.next":                    {field1("next")},
		"c.v.next.next":               times(2, field1("next")),
		"c.v.next (x 3)":              times(3, field1("next")),
		"c.v.next (x 9998).item":      {repeated, field1("item")},
		"c.v.next (x 9999).item":      {field1("next"), repeated, field1("item")},
		"c.v.next.next.item":          {twice, field1("item")},
		"c.v.a (.next.(T)) (x 4).b":   append(append([]report.HeapStep{field1("a")}, times(4, field1("next"), report.HeapStep{Kind: "dynamic", Type: "x/T"})...), field1("b")),
		"c.v.next (x 4)":              times(4, report.HeapStep{Kind: "pointer"}, field1("next")),
		`c.v[7].x`:                    {{Kind: "value", Key: &number}, field1("x")},
		`c.v[REDACTED#3].x`:           {{Kind: "value", Key: &gone}, field1("x")},
		`c.v[…].x`:                    {{Kind: "value", Key: &hidden}, field1("x")},
		`c.v[…].y`:                    {{Kind: "value"}, field1("y")},
		`c.v[key 7]`:                  {{Kind: "key", Key: &number}},
		"c.v{conn}<-[3].(*T)[2]+0x18": {{Kind: "captured", Name: "conn"}, {Kind: "element", Index: 3}, {Kind: "dynamic", Type: "*p/T"}, {Kind: "index", Index: 2}, {Kind: "word", Index: 24}},
		"c.v.a … 12 steps … .b":       {field1("a"), {Kind: "omitted", Repeat: 12}, field1("b")},
	} {
		if got := pathText(&report.HeapPath{Root: root, Steps: steps}, 80); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestRootText(t *testing.T) {
	for want, r := range map[string]report.HeapRoot{
		"main.server":                      {Kind: "global", Package: "main", Name: "server"},
		"goroutine 18 main.worker: req":    {Kind: "local", Goroutine: 18, Function: "main.worker", Name: "req"},
		"goroutine 18 main.w: (stack)":     {Kind: "stack", Goroutine: 18, Function: "main.w"},
		"goroutine 18":                     {Kind: "local", Goroutine: 18},
		"(timer) time.sendTime":            {Kind: "timer", Name: "time.sendTime"},
		"maybe goroutine 3: (register) r8": {Kind: "register", Goroutine: 3, Name: "r8", Conservative: true},
		"goroutine 19":                     {Kind: "goroutine", Goroutine: 19},
		"(unknown root)":                   {},
	} {
		if got := rootText(&r); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestPathTextKeepsToALine: whatever the path, it is about as long as asked for
// and says how much is missing.
func TestPathTextKeepsToALine(t *testing.T) {
	var steps []report.HeapStep
	for i := range 5000 {
		steps = append(steps, field1("f"+strings.Repeat("x", i%40)))
	}
	for _, limit := range []int{20, 40, 80, 200} {
		got := pathText(&report.HeapPath{Root: report.HeapRoot{Kind: "global", Package: "main", Name: "v"}, Steps: steps}, limit)
		if n := utf8.RuneCountInString(got); n > limit+60 || !strings.Contains(got, " steps … ") || !strings.HasPrefix(got, "main.v") {
			t.Errorf("limit %d: %d runes: %s", limit, n, got)
		}
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[uint64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536: "1.5 KiB", 10 << 10: "10 KiB", 1<<20 - 1: "1.0 MiB", 12 << 20: "12 MiB",
		1 << 30: "1.0 GiB", math.MaxUint64: "16 EiB",
	} {
		if got := sizeText(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
	if got := signedSize(math.MinInt64); got != "-8.0 EiB" {
		t.Error(got)
	}
	if got := percent(1, 0) + ratio(math.NaN()) + ratio(0.5); got != "-?50.0 %" {
		t.Error(got)
	}
}

// TestHeapProfiles: pprof reads them, the leaf first, and the values are there.
func TestHeapProfiles(t *testing.T) {
	for _, p := range []*profile.Profile{heldProfile(heapReport()), siteProfile(heapReport()), heldProfile(payReport()), siteProfile(hostileReport())} {
		var b bytes.Buffer
		if err := writeProfile(&b, p); err != nil {
			t.Fatal(err)
		}
		got, err := profile.Parse(&b)
		if err != nil {
			t.Fatal(err)
		}
		if got.DefaultSampleType != "inuse_space" || len(got.Sample) != len(p.Sample) {
			t.Errorf("%+v", got)
		}
	}
	s := heldProfile(heapReport()).Sample[1]
	if leaf, root := s.Location[0].Line[0].Function.Name, s.Location[4].Line[0].Function.Name; leaf != "[]uint8" || root != "store.server" || s.Value[1] != 700<<20 {
		t.Errorf("leaf %s, root %s, %v", leaf, root, s.Value)
	}
}

// TestHeapFits: a file with a heap keeps to its size, and counts what it lacks.
func TestHeapFits(t *testing.T) {
	r := heapReport()
	for range 5000 {
		r.Heap.Types = append(r.Heap.Types, r.Heap.Types[1])
		r.Heap.Paths = append(r.Heap.Paths, sessionPath())
		r.Heap.Samples = append(r.Heap.Samples, r.Heap.Samples[0])
	}
	for _, size := range []int64{64 << 10, 256 << 10, 8 << 20} {
		var b bytes.Buffer
		if err := writeJSON(&b, r, Options{MaxSize: size}); err != nil {
			t.Fatal(err)
		}
		if int64(b.Len()) > size {
			t.Errorf("%d bytes, at most %d are allowed", b.Len(), size)
		}
		f, err := report.Decode(&b, report.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		missing := map[string]int64{}
		for _, o := range f.Report.Omitted {
			missing[o.What] += o.Count
		}
		h := f.Report.Heap
		if int64(len(h.Types))+missing["types of the heap"] != 5003 || int64(len(h.Samples))+missing["heap samples"] != 5002 || len(h.Suspects) != 2 {
			t.Errorf("%d bytes: %d types, %d samples, %v", size, len(h.Types), len(h.Samples), missing)
		}
	}
	if len(r.Heap.Types) != 5003 {
		t.Error("the report was changed")
	}
}

func TestRetainedIsShown(t *testing.T) {
	v := ptrVal("*main.Cache", 0xc000010000, structVal("main.Cache", field("N", intVal("3"))))
	v.Retained = 12 << 20
	if got, _ := oneLine(&v, 80, false); got != "&{N: 3} (retains 12 MiB)" {
		t.Error(got)
	}
	if got := docLocal(&v).Value; strings.Contains(got, "retains") {
		t.Error(got)
	}
	if b, err := json.Marshal(v); err != nil || !strings.Contains(string(b), `"retained":12582912`) {
		t.Error(string(b), err)
	}
}
