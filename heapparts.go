package sdcore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/heapwalk"
	"github.com/safedump/sdcore/report"
)

// types lists what objects are: most live bytes first, or most garbage, or most
// retained.
func (h *heapEngine) types(rep *report.Report, q *HeapQuery) {
	var retained []uint64
	if q.Retained {
		retained = h.retained.ByType(h.list)
	}
	order := make([]int, len(h.list))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case q.Retained:
			return cmp.Compare(retained[b], retained[a])
		case q.Garbage:
			return cmp.Compare(h.list[b].Garbage.Bytes, h.list[a].Garbage.Bytes)
		}
		return 0
	})
	order = order[:q.top(len(order))]
	for _, i := range order {
		c := &h.list[i]
		t := report.HeapType{
			Type: c.Name(), Confidence: confidenceOf(c), Objects: c.Live.Objects, Bytes: c.Live.Bytes,
			GarbageObjects: c.Garbage.Objects, GarbageBytes: c.Garbage.Bytes,
		}
		if c.Type != nil {
			t.Package = c.Type.Package
		}
		if retained != nil {
			t.Retained = retained[i]
		}
		rep.Heap.Types = append(rep.Heap.Types, t)
	}
	omitHeap(rep, "types of the heap", len(h.list)-len(order))
}

// confidenceOf is how the type of most bytes of a row is known.
func confidenceOf(c *heapwalk.TypeCount) report.HeapConfidence {
	switch best := max(c.Sure.Bytes, c.Strong.Bytes, c.Weak.Bytes); {
	case c.Type == nil:
		return report.HeapUnknown
	case best == c.Sure.Bytes && best > 0:
		return report.HeapExact
	case best == c.Strong.Bytes && best > 0:
		return report.HeapStrong
	}
	return report.HeapWeak
}

func (h *heapEngine) packages(rep *report.Report, q *HeapQuery) {
	by := map[string]*report.HeapPackage{}
	var out []*report.HeapPackage
	for i := range h.list {
		c := &h.list[i]
		name := ""
		if c.Type != nil {
			name = c.Type.Package
		}
		p := by[name]
		if p == nil {
			p = &report.HeapPackage{Package: name}
			by[name] = p
			out = append(out, p)
		}
		p.Objects += c.Live.Objects
		p.Bytes += c.Live.Bytes
		p.GarbageObjects += c.Garbage.Objects
		p.GarbageBytes += c.Garbage.Bytes
	}
	slices.SortFunc(out, func(a, b *report.HeapPackage) int {
		if q.Garbage {
			return cmp.Or(cmp.Compare(b.GarbageBytes, a.GarbageBytes), cmp.Compare(a.Package, b.Package))
		}
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Package, b.Package))
	})
	n := q.top(len(out))
	for _, p := range out[:n] {
		rep.Heap.Packages = append(rep.Heap.Packages, *p)
	}
	omitHeap(rep, "packages of the heap", len(out)-n)
}

// owners lists the roots, or goroutines, that keep most alive.
func (h *heapEngine) owners(rep *report.Report, q *HeapQuery) {
	n := q.top(maxOwners)
	for _, goroutines := range []bool{false, true} {
		if goroutines && !q.Goroutines || !goroutines && !q.Roots {
			continue
		}
		for _, o := range h.retained.Owners(n, goroutines) {
			row := report.HeapOwner{Root: h.root(&o.Root), Objects: o.Retained.Objects, Retained: o.Retained.Bytes}
			if o.All {
				row.Root = report.HeapRoot{Kind: "goroutine", Goroutine: o.Root.Goroutine, Function: h.startOf(o.Root.Goroutine)}
			}
			if t := o.Root.Type; t != nil {
				row.Type = t.Name
			}
			rep.Heap.Owners = append(rep.Heap.Owners, row)
		}
	}
	slices.SortStableFunc(rep.Heap.Owners, func(a, b report.HeapOwner) int { return cmp.Compare(b.Retained, a.Retained) })
	all := h.retained.Holding(q.Roots, q.Goroutines)
	rep.Heap.Owners = rep.Heap.Owners[:min(len(rep.Heap.Owners), n)]
	omitHeap(rep, "owners of the heap", all-len(rep.Heap.Owners))
}

// root is a root as the report has it.
func (h *heapEngine) root(r *heapwalk.Root) report.HeapRoot {
	out := report.HeapRoot{Kind: r.Kind.String(), Goroutine: r.Goroutine, Name: r.Name, Frame: max(r.Frame, 0), Conservative: r.Conservative}
	if r.Kind == heapwalk.RootGlobal {
		out.Package = r.Function
	} else {
		out.Function = r.Function
	}
	return out
}

// startOf names the function that a goroutine began with.
func (h *heapEngine) startOf(id uint64) string {
	if i, ok := h.goroutine(id); ok {
		return h.all[i].g.Start
	}
	return ""
}

// goroutine finds a goroutine by its ID.
func (h *heapEngine) goroutine(id uint64) (int, bool) {
	i, ok := h.byID[id]
	return i, ok
}

func (h *heapEngine) object(o heapwalk.Holder) report.HeapObject {
	addr, size := h.heap.Place(o.Object)
	name, confidence := h.typeOf(o.Object)
	return report.HeapObject{
		Addr: report.Addr(addr), Type: name, Confidence: confidence, Bytes: size,
		Retained: o.Retained.Bytes, Objects: o.Retained.Objects, Len: -1, Cap: -1,
	}
}

func (h *heapEngine) typeOf(o heapwalk.Object) (string, report.HeapConfidence) {
	in, many, c := h.live.TypeOf(o)
	switch c {
	case heapwalk.Exact:
		return heapwalk.TypeName(in, many), report.HeapExact
	case heapwalk.Strong:
		return heapwalk.TypeName(in, many), report.HeapStrong
	case heapwalk.Weak:
		return heapwalk.TypeName(in, many), report.HeapWeak
	}
	_, size := h.heap.Place(o)
	return fmt.Sprintf("unknown, %d bytes", size), report.HeapUnknown
}

// objects lists the objects that keep most alive, with a way to each.
func (h *heapEngine) objects(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	list := h.retained.Objects(q.top(maxOwners))
	targets := make([]heapwalk.Object, len(list))
	for i := range list {
		targets[i] = list[i].Object
	}
	ways, err := h.live.PathsTo(ctx, targets)
	if err != nil {
		return err
	}
	for i := range list {
		o := h.object(list[i])
		o.Path = h.path(&ways[i])
		rep.Heap.Retained = append(rep.Heap.Retained, o)
	}
	return nil
}

// paths lists the paths to what was asked for.
func (h *heapEngine) paths(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	want, err := h.wanted(q.Of)
	if err != nil {
		return err
	}
	ps, err := h.retained.Shortest(ctx, want, q.top(maxPaths))
	if err != nil {
		return err
	}
	for i := range ps {
		rep.Heap.Paths = append(rep.Heap.Paths, h.path(&ps[i]))
	}
	return nil
}

// maxPaths bounds the paths when all are wanted: each is a search of its own.
const maxPaths = 100

// wanted selects objects by an address or the name of a type.
func (h *heapEngine) wanted(of string) (func(heapwalk.Object) bool, error) {
	if digits, ok := strings.CutPrefix(of, "0x"); ok {
		addr, err := strconv.ParseUint(digits, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: %q is no address", report.ErrPath, of)
		}
		o, _, ok := h.heap.Find(addr)
		switch {
		case !ok || !h.heap.Allocated(o):
			return nil, fmt.Errorf("%w: there is no object at %#x", report.ErrPath, addr)
		case !h.live.Has(o):
			return nil, fmt.Errorf("%w: the object at %#x is garbage, nothing keeps it alive", report.ErrPath, addr)
		}
		return func(x heapwalk.Object) bool { return x == o }, nil
	}
	match, ok := h.live.OfType(of)
	if !ok {
		return nil, fmt.Errorf("%w: there is no live object of type %q; sdcore heap histogram lists the types", report.ErrPath, of)
	}
	return match, nil
}
