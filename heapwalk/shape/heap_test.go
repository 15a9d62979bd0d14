package shape_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/heapwalk/shape"
	"github.com/safedump/sdcore/internal/coretest"
)

// walk is a simple walk of a heap from package variables, to hold what this
// package says of each object against what the collector says.
type walk struct {
	t      testing.TB
	core   *corefile.Core
	heap   *heapwalk.Heap
	table  *shape.Table
	walker *shape.Walker

	types   map[heapwalk.Object]shape.ID // of all objects that were reached
	header  map[heapwalk.Object]uint64   // bytes before the values
	typed   []heapwalk.Object
	others  []heapwalk.Object // reached by a pointer that says nothing of its target
	unknown map[string]int    // bytes of those, by the place of that pointer
	wild    int               // pointers to no mapped memory
	missed  int               // pointers of the collector's that are none here
	checked int
	version string
}

func newWalk(t testing.TB, f coretest.Files) (*walk, *goscope.Finder) {
	t.Helper()
	c, err := corefile.Open(context.Background(), f.Core, f.Bin, corefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	types, err := gotype.New(c)
	if err != nil {
		t.Fatal(err)
	}
	finder, err := goscope.New(c, types)
	if err != nil {
		t.Fatal(err)
	}
	rt, err := goruntime.New(c, types, finder)
	if err != nil {
		t.Fatal(err)
	}
	w := &walk{t: t, core: c, version: rt.BuildVersion(), types: map[heapwalk.Object]shape.ID{}, header: map[heapwalk.Object]uint64{}, unknown: map[string]int{}}
	if w.heap, err = heapwalk.Open(context.Background(), heapwalk.Input{Core: c, Types: types, Finder: finder, Runtime: rt}, heapwalk.Options{}); err != nil {
		t.Fatal(err)
	}
	if w.table, err = shape.New(c, types, finder, rt); err != nil {
		t.Fatal(err)
	}
	w.walker = w.table.Walker()
	return w, finder
}

// globals walks from the package variables.
func (w *walk) globals(finder *goscope.Finder) {
	w.t.Helper()
	globals, err := finder.Globals()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, g := range globals {
		if g.Type == nil || g.Type.Err != nil || g.Type.Size <= 0 || g.Type.Size > 1<<24 {
			continue
		}
		if b, _, ok := w.core.Memory().View(g.Addr, int(g.Type.Size)); ok {
			id := w.table.Of(g.Type)
			w.walker.Edges(id, b, func(e *shape.Edge) { w.reach(e, g.Package+"."+g.Name, e.Off) })
		}
	}
	for len(w.typed)+len(w.others) > 0 {
		if n := len(w.typed); n > 0 {
			o := w.typed[n-1]
			w.typed = w.typed[:n-1]
			w.expand(o)
			continue
		}
		n := len(w.others)
		o := w.others[n-1]
		w.others = w.others[:n-1]
		if w.types[o] == shape.Unknown {
			w.expand(o)
		}
	}
}

// reach notes the object that an edge points to.
func (w *walk) reach(e *shape.Edge, from string, off uint64) {
	if _, p, ok := w.core.Memory().View(e.Ptr, 1); !ok && p == corefile.Unmapped {
		if w.wild++; w.wild < 5 {
			w.t.Logf("%s+%d points to 0x%x (%s, %d of %d)", from, off, e.Ptr, w.table.Info(e.Elem).Name, e.Len, e.Count)
		}
	}
	o, base, ok := w.heap.Find(e.Ptr)
	if !ok || !w.heap.Allocated(o) {
		return
	}
	id, seen := w.types[o]
	if seen && id != shape.Unknown {
		return
	}
	_, size := w.heap.Place(o)
	if in := w.table.Info(e.Elem); e.Elem != shape.Unknown && (base == e.Ptr || size > 512 && base+8 == e.Ptr) && in.Size <= size {
		w.types[o], w.header[o] = e.Elem, e.Ptr-base
		w.typed = append(w.typed, o)
		return
	}
	if !seen {
		w.types[o] = shape.Unknown
		w.others = append(w.others, o)
		w.unknown[fmt.Sprintf("%s+%d %s interior %v", from, off, w.table.Info(e.Elem).Name, base != e.Ptr)] += int(size)
	}
}

// expand follows the pointers of an object, and holds them against the
// collector's.
func (w *walk) expand(o heapwalk.Object) {
	id := w.types[o]
	base, size := w.heap.Place(o)
	head := w.header[o]
	if w.types[o] == shape.Unknown && size > 512 && size <= 32<<10 {
		head = 8 // the header of an object with pointers
	}
	base, size = base+head, size-head
	b, _, ok := w.core.Memory().View(base, int(size))
	if !ok {
		return
	}
	real := map[uint64]bool{}
	w.heap.Pointers(o, func(off uint64, _ heapwalk.Object) { real[off] = true })
	in := w.table.Info(id)
	w.walker.Edges(id, b, func(e *shape.Edge) {
		if real[e.Off] {
			delete(real, e.Off)
			w.reach(e, in.Name, e.Off)
		}
	})
	// A *reflect.rtype is the head of one of internal/abi's larger structs.
	if id != shape.Unknown && !in.Partial && in.Name != "reflect.rtype" {
		w.checked++
		for off := range real {
			if w.missed++; w.missed < 20 {
				w.t.Errorf("%s at 0x%x of %d bytes has a pointer at %d", in.Name, base, size, off)
			}
		}
	}
	offs := make([]uint64, 0, len(real))
	for off := range real {
		offs = append(offs, off)
	}
	slices.Sort(offs)
	for _, off := range offs {
		p, err := w.core.Memory().Uint64(base + off)
		if err == nil {
			w.reach(&shape.Edge{Off: off, Ptr: p}, in.Name, off)
		}
	}
}

func (w *walk) report() (share float64) {
	var typed, all int
	for o, id := range w.types {
		_, size := w.heap.Place(o)
		all += int(size)
		if id != shape.Unknown {
			typed += int(size)
		}
	}
	w.t.Logf("%d objects reached of %d, %d of %d bytes typed; %d objects checked", len(w.types), w.heap.Len(), typed, all, w.checked)
	if os.Getenv("SHAPE_VERBOSE") != "" {
		var keys []string
		for k := range w.unknown {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b string) int { return w.unknown[b] - w.unknown[a] })
		for _, k := range keys[:min(40, len(keys))] {
			w.t.Logf("%8d %s", w.unknown[k], k)
		}
	}
	return float64(typed) / float64(max(all, 1))
}

// TestHeaders: the types of objects that were found edge by edge are those that
// the runtime wrote before the objects.
func TestHeaders(t *testing.T) {
	for _, name := range []string{"shapes", "stdvalues", "kinds", "payment"} {
		t.Run(name, func(t *testing.T) {
			w, finder := newWalk(t, coretest.Core(t, name))
			w.globals(finder)
			compared := 0
			for o, id := range w.types {
				base, _ := w.heap.Place(o)
				if w.header[o] == 0 || id == shape.Unknown {
					continue
				}
				desc, err := w.core.Memory().Uint64(base)
				if err != nil {
					t.Fatal(err)
				}
				compared++
				exact, found := w.table.Info(w.table.OfDescriptor(desc)).Name, w.table.Info(id).Name
				if exact != found && !(exact == "runtime.mPadded" && found == "runtime.m") { // an m and what follows it
					t.Errorf("0x%x: %s by its header, %s by what points to it", base, exact, found)
				}
			}
			t.Logf("%d objects compared", compared)
			if compared == 0 {
				t.Error("no object with a header was reached")
			}
		})
	}
}

func TestGlobals(t *testing.T) {
	for _, name := range []string{"stdvalues", "kinds", "payment", "kinds.pie", "stdvalues.noopt"} {
		t.Run(name, func(t *testing.T) {
			w, finder := newWalk(t, coretest.Core(t, name))
			w.globals(finder)
			w.report()
			if w.wild > 0 {
				t.Errorf("%d pointers to nowhere", w.wild)
			}
		})
	}
}

// shapes are the types that generic code does not tell.
var shapes = map[string]string{"main.inGeneric": "go.shape.struct { a *string; b *string }"}

// TestShapes: the objects of the fixture are of the types that it says.
func TestShapes(t *testing.T) {
	f := coretest.Core(t, "shapes")
	w, finder := newWalk(t, f)
	w.globals(finder)
	share := w.report()
	out, err := os.ReadFile(f.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	for line := range strings.Lines(string(out)) {
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "OBJECT ")
		if !ok {
			continue
		}
		told++
		addr, want, _ := strings.Cut(rest, " ")
		p, err := strconv.ParseUint(addr, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		o, _, ok := w.heap.Find(p)
		id, reached := w.types[o]
		if want == "main.inByValue" && strings.HasPrefix(w.version, "go1.27") {
			continue // its debug information has no place for what that closure captured
		}
		if got := w.table.Info(id).Name; !ok || !reached || got != want && got != shapes[want] {
			t.Errorf("%s: found %v, reached %v, %s, want %s", addr, ok, reached, got, want)
		}
	}
	if told < 50 || share < 0.9 {
		t.Errorf("%d objects told, %.3f of the bytes typed", told, share)
	}
}
