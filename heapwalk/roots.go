package heapwalk

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/safedump/sdcore/corefile/goruntime"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/heapwalk/shape"
	"github.com/safedump/sdcore/report"
)

// ownRoots gives the roots that are found without walking stacks: package
// variables, and what the runtime keeps outside of the heap.
type ownRoots struct {
	h        *Heap
	segments []goruntime.Segment
	globals  []static // ascending by address
	queues   []goruntime.Queued
	specials []specialRoot
	problems []report.Problem
}

// specialRoot is a special with pointers, and the object that it is about.
type specialRoot struct {
	goruntime.Special
	object Object
}

// static is a package variable, or a value that one points to and that the
// compiler laid out beside them.
type static struct {
	pkg, name  string
	addr, size uint64
	typ        *gotype.Type // of it, or of its elements
}

func newOwnRoots(h *Heap, table *shape.Table) *ownRoots {
	r := &ownRoots{h: h}
	var problems []report.Problem
	r.segments, problems = h.in.Runtime.Segments()
	r.problems = append(r.problems, problems...)
	r.dropOverlapping()
	r.queues, problems = h.in.Runtime.Queues()
	r.problems = append(r.problems, problems...)
	if f := h.in.Finder; f != nil {
		globals, err := f.Globals()
		if err != nil {
			r.problem("package variables", err)
		}
		for _, g := range globals {
			if g.Type != nil && g.Type.Err == nil && g.Type.Size > 0 {
				r.globals = append(r.globals, static{g.Package, g.Name, g.Addr, uint64(g.Type.Size), g.Type})
			}
		}
		r.sortGlobals()
		r.findStatics(table)
	}
	r.readSpecials()
	return r
}

func (r *ownRoots) sortGlobals() {
	slices.SortStableFunc(r.globals, func(a, b static) int { return cmp.Compare(a.addr, b.addr) })
}

// maxStatics bounds what is found behind package variables.
const maxStatics = 1 << 20

// findStatics adds what package variables point to in the data of the program:
// `var x = &T{...}` makes a pointer and a value without a name.
func (r *ownRoots) findStatics(table *shape.Table) {
	reader := newRootReader(r.h, table)
	for from := r.globals; len(from) > 0 && len(r.globals) < maxStatics; {
		var found []static
		for i := range from {
			g := &from[i]
			id := table.Of(g.typ)
			reader.each(&Root{Addr: g.addr, Size: g.size, Type: g.typ}, func(e *shape.Edge) {
				in := table.Info(e.Elem)
				if in.Type == nil || in.Size == 0 || in.PtrBytes == 0 || e.Count > 1<<32/in.Size || r.staticAt(e.Ptr) {
					return
				}
				size := in.Size * max(e.Count, 1)
				if s := r.segmentOf(e.Ptr); s != nil && size <= s.End-e.Ptr {
					steps, _ := table.Path(id, e.Off)
					found = append(found, static{g.pkg, g.name + shape.PathString(steps), e.Ptr, size, in.Type})
				}
			})
		}
		slices.SortStableFunc(found, func(a, b static) int { return cmp.Or(cmp.Compare(a.addr, b.addr), cmp.Compare(b.size, a.size)) })
		found = slices.CompactFunc(found, func(a, b static) bool { return a.addr == b.addr })
		r.globals = append(r.globals, found...)
		r.sortGlobals()
		from = found
	}
}

// staticAt reports whether an address lies in a variable that is known.
func (r *ownRoots) staticAt(addr uint64) bool {
	i, ok := slices.BinarySearchFunc(r.globals, addr, func(g static, a uint64) int { return cmp.Compare(g.addr, a) })
	return ok || i > 0 && addr < r.globals[i-1].addr+r.globals[i-1].size
}

func (r *ownRoots) segmentOf(addr uint64) *goruntime.Segment {
	for i := range r.segments {
		if s := &r.segments[i]; addr >= s.Start && addr < s.End {
			return s
		}
	}
	return nil
}

func (r *ownRoots) problem(subject string, err error) {
	r.problems = append(r.problems, report.Problem{Stage: "heap", Subject: subject, Message: err.Error(), Missing: true})
}

// minSpecial is less than what the record of a special takes (runtime/mheap.go).
const minSpecial = 24

func (r *ownRoots) readSpecials() {
	bad, most := 0, r.h.in.fileSize()/minSpecial
	err := r.h.allocator.Spans(func(s *goruntime.Span, err error) error {
		if err != nil || s.State != goruntime.SpanInUse || s.Specials == 0 {
			return nil
		}
		if err := r.h.allocator.Specials(s, func(sp goruntime.Special) {
			if sp.RootSize == 0 {
				return
			}
			if o, _, ok := r.h.Find(s.Start + sp.Offset); ok && uint64(len(r.specials)) < most {
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

// dropOverlapping leaves out segments that overlap others, and of each what its mask
// does not cover: a damaged list of modules may go in circles and name any size.
func (r *ownRoots) dropOverlapping() {
	all := r.segments
	slices.SortStableFunc(all, func(a, b goruntime.Segment) int { return cmp.Compare(a.Start, b.Start) })
	r.segments = nil
	end, bad := uint64(0), 0
	for _, s := range all {
		s.End = min(s.End, s.Start+uint64(len(s.Mask))*8*8)
		s.End = s.Start + uint64(r.h.mem.Available(s.Start, int64(s.End-s.Start)))
		switch {
		case s.End == s.Start:
		case s.Start < end:
			bad++
		default:
			end = s.End
			r.segments = append(r.segments, s)
		}
	}
	if bad > 0 {
		r.problem("package variables", fmt.Errorf("%d segments overlap others", bad))
	}
}

// segment gives the package variables of a segment, and the words between them
// that the collector takes for pointers.
func (r *ownRoots) segment(s *goruntime.Segment, yield func(*Root) bool) bool {
	at := s.Start
	first, _ := slices.BinarySearchFunc(r.globals, s.Start, func(g static, addr uint64) int { return cmp.Compare(g.addr, addr) })
	for _, g := range r.globals[first:] {
		if g.addr >= s.End {
			break
		}
		if g.addr < at || g.size > s.End-g.addr {
			continue // one that overlaps another
		}
		if !r.unnamed(s, at, g.addr, yield) {
			return false
		}
		at = g.addr + g.size
		if !anyPointer(s, g.addr, at) {
			continue
		}
		if !yield(&Root{Kind: RootGlobal, Frame: -1, Function: g.pkg, Name: g.name, Addr: g.addr, Size: g.size, Type: g.typ, segment: s}) {
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
	arg, ptr, typed := finalizerFields(typ, q)
	for off := uint64(0); off+q.Each <= q.Size; off += q.Each {
		if typed {
			value, err1 := r.h.mem.Uint64(q.Addr + off + arg)
			desc, err2 := r.h.mem.Uint64(q.Addr + off + ptr)
			if err1 == nil && err2 == nil && !yield(&Root{Kind: RootQueue, Frame: -1, Name: name, Value: value, descriptor: desc}) {
				return false
			}
		}
		if !yield(&Root{Kind: RootQueue, Frame: -1, Name: name, Addr: q.Addr + off, Size: q.Each, Type: typ}) {
			return false
		}
	}
	return true
}

// finalizerFields are the offsets of the object and of the type of the pointer to
// it in a record of a finalizer (runtime/mfinal.go).
func finalizerFields(t *gotype.Type, q *goruntime.Queued) (arg, ptr uint64, ok bool) {
	if t == nil || !q.Finalizers {
		return 0, 0, false
	}
	a, ok1 := t.Field("arg")
	p, ok2 := t.Field("ot")
	return uint64(a.Offset), uint64(p.Offset), ok1 && ok2
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
		return yield(&Root{Kind: RootFinalizer, Frame: -1, Addr: addr, Size: size, Name: root.Name, object: true, descriptor: s.PointerType})
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
