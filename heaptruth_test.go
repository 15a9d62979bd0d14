package sdcore

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// TestHeapTruth holds what heap fixtures said of their structures before they died
// against what the core shows.
func TestHeapTruth(t *testing.T) {
	for _, name := range coretest.Names(t) {
		if !strings.HasPrefix(name, "heapgraph") && !strings.HasPrefix(name, "heaplocals") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h := truthHeap(t, name)
			structures, _ := coretest.HeapTruths(t, name)
			if len(structures) == 0 {
				t.Fatal("the fixture said nothing")
			}
			for i := range structures {
				h.structure(t, &structures[i])
			}
		})
	}
}

// truthHeap is a heap with its dominators.
func truthHeap(t *testing.T, name string) *heapTruth {
	t.Helper()
	ctx := context.Background()
	f := coretest.Core(t, name)
	s, err := Open(ctx, f.Core, f.Bin, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	rep := &report.Report{}
	h, err := s.openHeap(ctx, rep)
	if err != nil {
		t.Fatal(err)
	}
	if len(rep.Problems) > 0 {
		t.Errorf("problems %v", rep.Problems)
	}
	r, err := h.live.Retain(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ht := &heapTruth{heapEngine: h, r: r, owners: map[string]heapwalk.Count{}}
	for _, o := range r.Owners(1<<20, false) {
		key := o.Root.Function + "." + o.Root.Name
		if o.Root.Goroutine != 0 {
			key = fmt.Sprint(o.Root.Goroutine, " ", o.Root.Name)
		}
		ht.owners[key] = o.Retained
	}
	return ht
}

type heapTruth struct {
	*heapEngine
	r      *heapwalk.Retained
	owners map[string]heapwalk.Count
}

func (h *heapTruth) structure(t *testing.T, s *coretest.HeapStructure) {
	t.Helper()
	for _, head := range s.Heads {
		o, _, ok := h.heap.Find(uint64(head))
		switch s.State {
		case "live":
			if !ok || !h.live.Has(o) {
				t.Errorf("%s: head %#x is not live", s.Name, uint64(head))
			}
		case "garbage", "freed":
			if ok && h.live.Has(o) && !h.queued(t, o) {
				t.Errorf("%s: head %#x is live, it is %s", s.Name, uint64(head), s.State)
			}
		}
	}
	for _, e := range s.Samples {
		h.sample(t, s, &e)
	}
	if s.State != "live" {
		return
	}
	if len(s.Heads) == 1 {
		o, _, _ := h.heap.Find(uint64(s.Heads[0]))
		if c := h.r.Of(o); s.Name == "spinning" {
			// Registers hold a part of it beside the head.
			if c.Objects == 0 || c.Objects > uint64(s.Objects) || c.Bytes > s.Rounded {
				t.Errorf("%s: head retains %v of %d objects of %d bytes", s.Name, c, s.Objects, s.Rounded)
			}
		} else if c.Objects != uint64(s.Objects) || c.Bytes != s.Rounded {
			t.Errorf("%s: head retains %v, want %d objects of %d bytes (extra %d, %d)", s.Name, c, s.Objects, s.Rounded, s.Extra, s.ExtraBytes)
		}
	}
	for _, p := range s.Paths {
		o, _, ok := h.heap.Find(uint64(p.Addr))
		if !ok {
			t.Errorf("%s: %s at %#x is no object", s.Name, p.Path, uint64(p.Addr))
			continue
		}
		if c := h.r.Of(o); c.Objects != uint64(p.Objects) || c.Bytes != p.Rounded {
			t.Errorf("%s: %s retains %v, want %d objects of %d bytes", s.Name, p.Path, c, p.Objects, p.Rounded)
		}
	}
}

// untold are structures of which no pointer tells the type, and why. What is known
// of them must not claim to be sure.
var untold = map[string]string{
	"firstField":   "only the first field is pointed to",
	"unsafeWord":   "held by an unsafe.Pointer",
	"interiorPart": "only a part in the middle is pointed to",
	"temporary":    "in a slot of the stack that is no variable's",
	"sender":       "in the slot of the value that is being sent",
	"stackClosure": "the closure lies on the stack, in no variable",
	"inInterface":  "only the data word of the interface is kept",
}

// queued reports whether an object lives only until its finalizer has run.
func (h *heapTruth) queued(t *testing.T, o heapwalk.Object) bool {
	t.Helper()
	ps, err := h.r.Shortest(context.Background(), func(x heapwalk.Object) bool { return x == o }, 2)
	return err == nil && len(ps) > 0 && !slices.ContainsFunc(ps, func(p heapwalk.Path) bool { return p.Root.Kind != heapwalk.RootQueue })
}

func (h *heapTruth) sample(t *testing.T, s *coretest.HeapStructure, e *coretest.HeapEntry) {
	t.Helper()
	o, _, ok := h.heap.Find(uint64(e.Addr))
	if !ok {
		if s.State == "live" {
			t.Errorf("%s: %s %s at %#x is no object", s.Name, e.Kind, e.Type, uint64(e.Addr))
		}
		return
	}
	if _, size := h.heap.Place(o); size != e.Rounded {
		t.Errorf("%s: %s %s at %#x takes %d bytes, want %d", s.Name, e.Kind, e.Type, uint64(e.Addr), size, e.Rounded)
	}
	if s.State != "live" {
		return
	}
	if got, c := h.typeOf(o); !sameHeapType(got, e) && (untold[s.Name] == "" || c != report.HeapUnknown && c != report.HeapWeak) {
		t.Errorf("%s: %s %s at %#x of %d bytes is %s (%s)", s.Name, e.Kind, e.Type, uint64(e.Addr), e.Bytes, got, c)
	}
}

// sameHeapType compares our name of an object's type with that of a fixture, which
// names packages without their path.
func sameHeapType(got string, e *coretest.HeapEntry) bool {
	want := e.Type
	got = strings.TrimPrefix(got, "[1]") // reflection makes arrays of one of them
	switch e.Kind {
	case "string":
		return got == "string bytes"
	case "chan":
		if got == "chan "+want {
			return true // of a type with a name
		}
	case "closure":
		return strings.HasPrefix(got, "closure of ")
	case "tiny":
		return true // several values
	case "array":
		return got == want || shortNames(got) == want || got == "[]"+want || shortNames(got) == "[]"+want
	case "chan.buf":
		want = "[]" + strings.TrimPrefix(want, "chan ")
	case "map.dir":
		want = "[]" + want + " directory"
	case "map.table":
		want += " table"
	case "map.groups":
		want += " group"
		got = strings.TrimPrefix(got, "[]")
	}
	return got == want || shortNames(got) == want
}

// shortNames leaves out the paths of packages.
func shortNames(name string) string {
	var out strings.Builder
	word := 0
	for i, r := range name {
		switch {
		case r == '/':
			word = i + 1
		case strings.ContainsRune("[]*(){}, ", r):
			out.WriteString(name[word : i+1])
			word = i + 1
		}
	}
	out.WriteString(name[word:])
	return out.String()
}
