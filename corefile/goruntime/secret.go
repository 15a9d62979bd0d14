package goruntime

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

// Bounds of what is read of the allocator's records: a heap of 1 TiB has fewer
// spans, and specials beyond are damage.
const (
	maxSpans    = 1 << 27
	maxSpecials = 1 << 22
	maxSpanSize = 1 << 47
)

// kindSpecialSecret is the kind of the records of secret objects where the debug
// information does not say (runtime/mheap.go of Go 1.26 and 1.27).
const kindSpecialSecret = 10

// secretLayout is where the records are that tell which objects were allocated
// while a goroutine ran a function of runtime/secret.Do: as long as such an
// object lives, its span has a special of a kind of its own.
type secretLayout struct {
	allSpans                                  field
	spanStart, spanPages, spanElem, spanFirst field
	next, offset, kind                        field
	spanSize, specialSize                     int64
	kindSecret                                uint64
}

func (l *secretLayout) read(t types) error {
	heap, err := t.ByName("runtime.mheap")
	if err != nil {
		return fmt.Errorf("type runtime.mheap: %w", err)
	}
	// The heap is larger than what is read as one structure.
	f, ok := heap.Field("allspans")
	if !ok || f.Offset < 0 {
		return fmt.Errorf("type runtime.mheap has no field allspans")
	}
	l.allSpans = field{off: f.Offset, size: 8, ok: true}
	if l.spanSize, err = fields(t, "runtime.mspan", []need{
		{&l.spanStart, "startAddr", true}, {&l.spanPages, "npages", true}, {&l.spanElem, "elemsize", true}, {&l.spanFirst, "specials", true},
	}); err != nil {
		return err
	}
	if l.specialSize, err = fields(t, "runtime.special", []need{
		{&l.next, "next", true}, {&l.offset, "offset", true}, {&l.kind, "kind", true},
	}); err != nil {
		return err
	}
	l.kindSecret = kindSpecialSecret
	if k, ok := t.Constant("runtime._KindSpecialSecret"); ok && k > 0 && k < 256 {
		l.kindSecret = uint64(k)
	}
	return nil
}

// SecretMemory is the memory of the objects that were allocated by functions of
// runtime/secret.Do. A program without that package has none, and nothing is
// read. Where the records can't be read, the objects of a span, or all of the
// memory, count as secret, and a problem says so.
func (r *Runtime) SecretMemory() (corefile.Extents, []report.Problem) {
	return r.secret, r.secretProblems
}

// secretLabel reports whether a text of the label at addr lies in secret memory.
func (r *Runtime) secretLabel(addr uint64) bool {
	b, err := r.view(addr, 32)
	return err != nil || r.secret.Touch(addr, 32) ||
		r.secret.Touch(binary.LittleEndian.Uint64(b), int(binary.LittleEndian.Uint64(b[8:]))) ||
		r.secret.Touch(binary.LittleEndian.Uint64(b[16:]), int(binary.LittleEndian.Uint64(b[24:])))
}

func (r *Runtime) secretMemory() (corefile.Extents, []report.Problem) {
	if !r.types.HasPackage("runtime/secret") {
		return nil, nil
	}
	s := secrets{r: r, steps: maxSpecials}
	if err := s.read(); err != nil {
		p := problem(0, "which objects runtime/secret protects is not known, so no values are shown: "+err.Error())
		p.Subject = "secret memory"
		return corefile.Extents{{Start: 0, End: math.MaxUint64}}, []report.Problem{p}
	}
	var problems []report.Problem
	if s.damaged > 0 {
		p := problem(0, fmt.Sprintf("the records of %d spans are damaged: no value in them is shown", s.damaged))
		p.Subject = "secret memory"
		problems = append(problems, p)
	}
	return corefile.NewExtents(s.found), problems
}

// secrets collects secret objects.
type secrets struct {
	r       *Runtime
	lay     secretLayout
	found   []corefile.Extent
	damaged int
	steps   int // specials that may still be looked at
}

func (s *secrets) read() error {
	if err := s.lay.read(s.r.types); err != nil {
		return err
	}
	at, _, ok := s.r.sym("runtime.mheap_")
	if !ok {
		return fmt.Errorf("variable runtime.mheap_ not found")
	}
	h, err := s.r.view(at+uint64(s.lay.allSpans.off), 16)
	if err != nil {
		return fmt.Errorf("list of spans: %w", err)
	}
	ptr, n := binary.LittleEndian.Uint64(h), binary.LittleEndian.Uint64(h[8:])
	if n > maxSpans {
		return fmt.Errorf("list of %d spans", n)
	}
	if have := s.r.mem.Available(ptr, int64(n)*8) / 8; uint64(max(have, 0)) < n {
		return fmt.Errorf("list of %d spans, of which the core holds %d: %w", n, have, corefile.ErrTruncated)
	}
	for i := range n {
		span, err := s.r.mem.Uint64(ptr + 8*i)
		if err != nil {
			return fmt.Errorf("list of spans: %w", err)
		}
		if err := s.span(span); err != nil {
			return err
		}
	}
	return nil
}

// span collects the secret objects of a span. When its records are damaged, it
// is secret as a whole.
func (s *secrets) span(addr uint64) error {
	l := &s.lay
	o, err := s.r.object(addr, l.spanSize)
	if err != nil {
		return fmt.Errorf("span: %w", err)
	}
	special := o.get(l.spanFirst)
	if special == 0 {
		return nil
	}
	start, pages, elem := o.get(l.spanStart), o.get(l.spanPages), o.get(l.spanElem)
	size := pages * pageSize
	if pages > maxSpanSize/pageSize || start+size < start {
		return fmt.Errorf("span at %#x of %d pages", addr, pages)
	}
	if elem == 0 || elem > size {
		elem = size
	}
	whole := corefile.Extent{Start: start, End: start + size}
	for special != 0 {
		o, err := s.r.object(special, l.specialSize)
		off := o.get(l.offset)
		if s.steps--; err != nil || s.steps < 0 || off >= size {
			s.found = append(s.found, whole)
			s.damaged++
			return nil
		}
		if o.get(l.kind) == l.kindSecret {
			from := start + off - off%elem // all of the object's place
			s.found = append(s.found, corefile.Extent{Start: from, End: min(from+elem, whole.End)})
		}
		special = o.get(l.next)
	}
	return nil
}

// pageSize is that of the allocator, on every architecture
// (internal/runtime/gc/sizeclasses.go).
const pageSize = 8192
