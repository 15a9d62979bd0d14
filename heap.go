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

// HeapQuery says what to find out about the heap. The zero value asks for the
// totals and the types.
type HeapQuery struct {
	// Top is how many rows each list has; 0 is 20, negative all there are.
	Top int
	// Retained computes what types, roots, goroutines and objects keep alive.
	Retained bool
	// Of is an address ("0xc000123450") or the name of a type ("main.session",
	// "[]uint8"): Paths then lead to that object, or to the nearest ones of the type,
	// each from another root.
	Of string
	// Paths is how many; 0 is 3.
	Paths int
	// Suspects, Strings, Waste and Sites fill the lists of these names, Samples that of a
	// profile.
	Suspects, Strings, Waste, Sites, Samples bool
}

func (q *HeapQuery) top(n int) int {
	switch {
	case q.Top < 0:
		return n
	case q.Top == 0:
		return min(n, 20)
	}
	return min(n, q.Top)
}

func (q *HeapQuery) dominators() bool {
	return q.Retained || q.Of != "" || q.Suspects || q.Samples
}

// Heap reports what takes the memory of the heap, and what holds it.
func (s *Session) Heap(ctx context.Context, q HeapQuery) (*report.Report, error) {
	rep := s.base()
	h, err := s.openHeap(ctx, rep)
	if err != nil {
		return nil, err
	}
	if err := h.fill(ctx, rep, &q); err != nil {
		return nil, err
	}
	return rep, ctx.Err()
}

// fill answers a query.
func (h *heapEngine) fill(ctx context.Context, rep *report.Report, q *HeapQuery) error {
	list, sums, err := h.live.Histogram(ctx)
	if err != nil {
		return err
	}
	out := &report.Heap{Totals: h.totals(&sums)}
	rep.Heap = out
	var retained []uint64
	if q.dominators() {
		if h.retained, err = h.live.Retain(ctx); err != nil {
			return err
		}
	}
	if q.Retained {
		retained = h.retained.ByType(list)
		h.owners(out, q)
	}
	out.Types = heapTypes(list[:q.top(len(list))], retained)
	out.Packages = heapPackages(list, q)
	if q.Of != "" {
		if err := h.paths(ctx, out, q); err != nil {
			return err
		}
	}
	if q.Samples {
		if err := h.samples(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

func (h *heapEngine) totals(s *heapwalk.Sums) report.HeapTotals {
	t := h.heap.Totals()
	return report.HeapTotals{
		SpanBytes: t.SpanBytes, Objects: t.Objects, Bytes: t.ObjectBytes,
		LiveObjects: s.Live.Objects, LiveBytes: s.Live.Bytes,
		GarbageObjects: s.Garbage.Objects, GarbageBytes: s.Garbage.Bytes,
		CondemnedObjects: t.Condemned, CondemnedBytes: t.CondemnedBytes,
		RuntimeSpanBytes: t.RuntimeSpanBytes, RuntimeBytes: t.RuntimeObjectBytes,
		ExactBytes: s.Exact.Bytes, StrongBytes: s.Strong.Bytes, WeakBytes: s.Weak.Bytes,
		ConservativeObjects: s.Conservative.Objects, ConservativeBytes: s.Conservative.Bytes,
	}
}

// heapTypes are the rows of a histogram; retained may be nil.
func heapTypes(list []heapwalk.TypeCount, retained []uint64) []report.HeapType {
	out := make([]report.HeapType, len(list))
	for i := range list {
		c := &list[i]
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
		out[i] = t
	}
	return out
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

func heapPackages(list []heapwalk.TypeCount, q *HeapQuery) []report.HeapPackage {
	by := map[string]*report.HeapPackage{}
	var out []*report.HeapPackage
	for i := range list {
		name := ""
		if t := list[i].Type; t != nil {
			name = t.Package
		}
		p := by[name]
		if p == nil {
			p = &report.HeapPackage{Package: name}
			by[name] = p
			out = append(out, p)
		}
		p.Objects += list[i].Live.Objects
		p.Bytes += list[i].Live.Bytes
		p.GarbageObjects += list[i].Garbage.Objects
		p.GarbageBytes += list[i].Garbage.Bytes
	}
	slices.SortFunc(out, func(a, b *report.HeapPackage) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Package, b.Package))
	})
	rows := make([]report.HeapPackage, q.top(len(out)))
	for i := range rows {
		rows[i] = *out[i]
	}
	return rows
}

// owners fills the lists of roots and objects that keep much alive.
func (h *heapEngine) owners(out *report.Heap, q *HeapQuery) {
	n := q.top(1 << 20)
	for _, goroutines := range []bool{false, true} {
		for _, o := range h.retained.Owners(n, goroutines) {
			row := report.HeapOwner{Root: h.root(&o.Root), Objects: o.Retained.Objects, Retained: o.Retained.Bytes}
			if o.All {
				row.Root = report.HeapRoot{Kind: "goroutine", Goroutine: o.Root.Goroutine, Function: h.startOf(o.Root.Goroutine)}
			}
			if t := o.Root.Type; t != nil {
				row.Type = t.Name
			}
			out.Owners = append(out.Owners, row)
		}
	}
	slices.SortStableFunc(out.Owners, func(a, b report.HeapOwner) int { return cmp.Compare(b.Retained, a.Retained) })
	for _, o := range h.retained.Objects(n) {
		out.Retained = append(out.Retained, h.object(o))
	}
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
	i, ok := slices.BinarySearchFunc(h.all, id, func(st stacked, id uint64) int { return cmp.Compare(st.g.ID, id) })
	if !ok {
		return ""
	}
	return h.all[i].g.Start
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

// paths fills the paths to what was asked for.
func (h *heapEngine) paths(ctx context.Context, out *report.Heap, q *HeapQuery) error {
	want, err := h.wanted(q.Of)
	if err != nil {
		return err
	}
	ps, err := h.retained.Shortest(ctx, want, cmp.Or(q.Paths, 3))
	if err != nil {
		return err
	}
	for i := range ps {
		out.Paths = append(out.Paths, h.path(&ps[i]))
	}
	return nil
}

// wanted selects objects by an address or the name of a type.
func (h *heapEngine) wanted(of string) (func(heapwalk.Object) bool, error) {
	if digits, ok := strings.CutPrefix(of, "0x"); ok {
		addr, err := strconv.ParseUint(digits, 16, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is no address", of)
		}
		o, _, ok := h.heap.Find(addr)
		switch {
		case !ok || !h.heap.Allocated(o):
			return nil, fmt.Errorf("no object at %#x", addr)
		case !h.live.Has(o):
			return nil, fmt.Errorf("the object at %#x is garbage: nothing keeps it alive", addr)
		}
		return func(x heapwalk.Object) bool { return x == o }, nil
	}
	match, ok := h.live.OfType(of)
	if !ok {
		return nil, fmt.Errorf("no live object of type %q: the histogram lists the types", of)
	}
	return match, nil
}

// path is a path as the report has it.
func (h *heapEngine) path(p *heapwalk.Path) report.HeapPath {
	out := report.HeapPath{Root: h.root(&p.Root)}
	for i := range p.Steps {
		out.Steps = append(out.Steps, h.step(&p.Steps[i]))
	}
	return out
}
