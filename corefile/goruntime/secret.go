package goruntime

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/report"
)

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
	s := secrets{r: r}
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

// secrets collects secret objects: as long as one lives that was allocated while
// a goroutine ran a function of runtime/secret.Do, its span has a special of a
// kind of its own.
type secrets struct {
	r       *Runtime
	found   []corefile.Extent
	damaged int
}

func (s *secrets) read() error {
	a, err := s.r.Allocator()
	if err != nil {
		return err
	}
	if err := a.special.read(s.r.types); err != nil {
		return err
	}
	if a.Missing() > 0 {
		return fmt.Errorf("list of spans, of which the core lacks %d: %w", a.Missing(), corefile.ErrTruncated)
	}
	return a.Spans(func(span *Span, err error) error {
		if err != nil {
			return fmt.Errorf("span: %w", err)
		}
		if span.Specials == 0 {
			return nil
		}
		return s.span(a, span)
	})
}

// maxSpanSize bounds a span in bytes.
const maxSpanSize = 1 << 47

// span collects the secret objects of a span. When its records are damaged, it
// is secret as a whole.
func (s *secrets) span(a *Allocator, span *Span) error {
	size := span.Pages * PageSize
	if span.Pages > maxSpanSize/PageSize || span.Start+size < span.Start {
		return fmt.Errorf("span at %#x of %d pages", span.Addr, span.Pages)
	}
	elem := span.Elem
	if elem == 0 || elem > size {
		elem = size
	}
	whole := corefile.Extent{Start: span.Start, End: span.Start + size}
	if err := a.Specials(span, func(sp Special) {
		if sp.Kind == SpecialSecret {
			from := span.Start + sp.Offset - sp.Offset%elem // all of the object's place
			s.found = append(s.found, corefile.Extent{Start: from, End: min(from+elem, whole.End)})
		}
	}); err != nil {
		s.found = append(s.found, whole)
		s.damaged++
	}
	return nil
}
