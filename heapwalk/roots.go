package heapwalk

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// ownRoots gives the roots that are found without walking stacks: package
// variables, and what the runtime keeps outside of the heap.
type ownRoots struct {
	h        *Heap
	segments []goruntime.Segment
	globals  []goscope.Global // ascending by address
	queues   []goruntime.Queued
	specials []specialRoot
	problems []report.Problem
}

// specialRoot is a special with pointers, and the object that it is about.
type specialRoot struct {
	goruntime.Special
	object Object
}

func newOwnRoots(h *Heap) *ownRoots {
	r := &ownRoots{h: h}
	var problems []report.Problem
	r.segments, problems = h.in.Runtime.Segments()
	r.problems = append(r.problems, problems...)
	r.queues, problems = h.in.Runtime.Queues()
	r.problems = append(r.problems, problems...)
	if f := h.in.Finder; f != nil {
		globals, err := f.Globals()
		if err != nil {
			r.problem("package variables", err)
		}
		r.globals = slices.DeleteFunc(slices.Clone(globals), func(g goscope.Global) bool { return g.Type == nil || g.Type.Err != nil || g.Type.Size <= 0 })
		slices.SortStableFunc(r.globals, func(a, b goscope.Global) int { return cmp.Compare(a.Addr, b.Addr) })
	}
	r.readSpecials()
	return r
}

func (r *ownRoots) problem(subject string, err error) {
	r.problems = append(r.problems, report.Problem{Stage: "heap", Subject: subject, Message: err.Error(), Missing: true})
}

func (r *ownRoots) readSpecials() {
	bad := 0
	err := r.h.allocator.Spans(func(s *goruntime.Span, err error) error {
		if err != nil || s.State != goruntime.SpanInUse || s.Specials == 0 {
			return nil
		}
		if err := r.h.allocator.Specials(s, func(sp goruntime.Special) {
			if sp.RootSize == 0 {
				return
			}
			if o, _, ok := r.h.Find(s.Start + sp.Offset); ok {
				r.specials = append(r.specials, specialRoot{sp, o})
			}
		}); err != nil {
			bad++
		}
		return nil
	})
	if err == nil && bad > 0 {
		err = fmt.Errorf("the lists of %d spans are damaged", bad)
	}
	if err != nil {
		r.problem("finalizers and cleanups", err)
	}
}

// each gives the roots in a fixed order.
func (r *ownRoots) each(yield func(*Root) bool) {
	for i := range r.segments {
		if !r.segment(&r.segments[i], yield) {
			return
		}
	}
	for i := range r.queues {
		if !r.queue(&r.queues[i], yield) {
			return
		}
	}
	for i := range r.specials {
		if !r.special(&r.specials[i], yield) {
			return
		}
	}
}

// segment gives the package variables of a segment, and the words between them
// that the collector takes for pointers.
func (r *ownRoots) segment(s *goruntime.Segment, yield func(*Root) bool) bool {
	at := s.Start
	first, _ := slices.BinarySearchFunc(r.globals, s.Start, func(g goscope.Global, addr uint64) int { return cmp.Compare(g.Addr, addr) })
	for _, g := range r.globals[first:] {
		size := uint64(g.Type.Size)
		if g.Addr >= s.End {
			break
		}
		if g.Addr < at || size > s.End-g.Addr {
			continue // one that overlaps another
		}
		if !r.unnamed(s, at, g.Addr, yield) {
			return false
		}
		at = g.Addr + size
		if !anyPointer(s, g.Addr, at) {
			continue
		}
		if !yield(&Root{Kind: RootGlobal, Frame: -1, Function: g.Package, Name: g.Name, Addr: g.Addr, Size: size, Type: g.Type, segment: s}) {
			return false
		}
	}
	return r.unnamed(s, at, s.End, yield)
}

// unnamed gives the pointers from one address to another that no variable has:
// what the compiler made up, such as the values of composite literals.
func (r *ownRoots) unnamed(s *goruntime.Segment, from, to uint64, yield func(*Root) bool) bool {
	for at := (from + 7) &^ 7; at+8 <= to; at += 8 {
		if at&511 == 0 && !anyPointer(s, at, min(at+512, to)) {
			at += 504
			continue
		}
		if isPointer(s, at) && !yield(&Root{Kind: RootGlobal, Frame: -1, Name: fmt.Sprintf("%s+%#x", s.Name, at-s.Start), Addr: at, Size: 8, segment: s}) {
			return false
		}
	}
	return true
}

// queue gives the records of a block: five words or three each, of which all but
// numbers are pointers.
func (r *ownRoots) queue(q *goruntime.Queued, yield func(*Root) bool) bool {
	typ, err := r.h.in.Types.ByName(q.Type)
	if err != nil || typ.Err != nil || uint64(typ.Size) != q.Each {
		typ = nil
	}
	name := "cleanups that wait to run"
	if q.Finalizers {
		name = "finalizers that wait to run"
	}
	for off := uint64(0); off+q.Each <= q.Size; off += q.Each {
		if !yield(&Root{Kind: RootQueue, Frame: -1, Name: name, Addr: q.Addr + off, Size: q.Each, Type: typ}) {
			return false
		}
	}
	return true
}

// special gives the pointers of a record, and for a finalizer those of its object:
// they live as long as the finalizer has not run, the object itself does not
// (runtime/mgcmark.go, gcScanFinalizer).
func (r *ownRoots) special(s *specialRoot, yield func(*Root) bool) bool {
	addr, size := r.h.Place(s.object)
	root := Root{Frame: -1, Addr: s.Root, Size: s.RootSize, Name: fmt.Sprintf("of the object at %#x", addr)}
	switch s.Kind {
	case goruntime.SpecialFinalizer:
		root.Kind = RootFinalizer
		if root.Type = r.function(); !yield(&root) {
			return false
		}
		return yield(&Root{Kind: RootFinalizer, Frame: -1, Addr: addr, Size: size, Name: root.Name, object: true})
	case goruntime.SpecialCleanup:
		root.Kind = RootCleanup
		if t, err := r.h.in.Types.ByName("runtime.cleanupFn"); err == nil && uint64(t.Size) == s.RootSize {
			root.Type = t
		} else if s.RootSize == 8 {
			root.Type = r.function()
		}
	default:
		root.Kind = RootWeak
	}
	return yield(&root)
}

// function is a type whose values are pointers to closures, as the runtime's
// *funcval are.
func (r *ownRoots) function() *gotype.Type {
	if t, err := r.h.in.Types.ByName("func()"); err == nil && t.Err == nil {
		return t
	}
	return nil
}

// isPointer reports whether the collector takes the word at an address of a segment
// for a pointer.
func isPointer(s *goruntime.Segment, addr uint64) bool {
	i := (addr - s.Start) / 8
	return i/8 < uint64(len(s.Mask)) && s.Mask[i/8]&(1<<(i%8)) != 0
}

// anyPointer reports whether one of the words between two addresses is a pointer.
func anyPointer(s *goruntime.Segment, from, to uint64) bool {
	for at := (from + 7) &^ 7; at+8 <= to; at += 8 {
		if isPointer(s, at) {
			return true
		}
	}
	return false
}
