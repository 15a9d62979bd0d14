package goruntime

import (
	"fmt"

	"github.com/safedump/sdcore/corefile"
)

// SpecialKind is the kind of a special (runtime/mheap.go, _KindSpecial*; the same
// numbers from Go 1.25 to 1.27).
type SpecialKind uint8

// The kinds of specials that matter here.
const (
	SpecialTinyBlock  SpecialKind = 1
	SpecialFinalizer  SpecialKind = 2
	SpecialWeakHandle SpecialKind = 3
	SpecialProfile    SpecialKind = 4
	SpecialCleanup    SpecialKind = 7
	SpecialSecret     SpecialKind = 10
)

// Special is a runtime.special: what else is recorded of an object.
type Special struct {
	Addr uint64
	// Offset of the object, or of a part of it, from the start of its span.
	Offset uint64
	Kind   SpecialKind
	// Root and RootSize are the part of the record that the collector takes for
	// pointers into the heap: the function of a finalizer, function and argument
	// of a cleanup, the handle of weak pointers. Size 0: it has none.
	Root, RootSize uint64
	// PointerType is the address of the type of pointer that a finalizer was set
	// on, 0 when unknown.
	PointerType uint64
}

// specialLayout is where the fields of the records are.
type specialLayout struct {
	next, offset, kind       field
	size                     int64
	finalizer, handle        field // the pointers
	pointerType              field
	cleanupAt, cleanupLength uint64
	kindSecret               SpecialKind
	ok                       bool
}

// maxSpecials bounds how many specials are followed in all: more are damage.
const maxSpecials = 1 << 24

func (l *specialLayout) read(t types) error {
	var err error
	if l.size, err = fields(t, "runtime.special", []need{
		{&l.next, "next", true}, {&l.offset, "offset", true}, {&l.kind, "kind", true},
	}); err != nil {
		return err
	}
	// A program without one of them may lack its type.
	_, _ = fields(t, "runtime.specialfinalizer", []need{{&l.finalizer, "fn", true}, {&l.pointerType, "ot", false}})
	_, _ = fields(t, "runtime.specialWeakHandle", []need{{&l.handle, "handle", true}})
	if c, err := t.ByName("runtime.specialCleanup"); err == nil && c != nil {
		// Go 1.26 has function and argument there, 1.25 a closure.
		for _, name := range []string{"cleanup", "fn"} {
			if f, ok := c.Field(name); ok && f.Type != nil && f.Offset >= 0 && f.Type.Size > 0 && f.Type.Size <= 64 {
				l.cleanupAt, l.cleanupLength = uint64(f.Offset), uint64(f.Type.Size)
				break
			}
		}
	}
	l.kindSecret = SpecialSecret
	if k, ok := t.Constant("runtime._KindSpecialSecret"); ok && k > 0 && k < 256 {
		l.kindSecret = SpecialKind(k)
	}
	l.ok = true
	return nil
}

// Specials calls visit with the specials of a span in their order. The error is
// for a list that is damaged; those before the damage were given.
func (a *Allocator) Specials(s *Span, visit func(Special)) error {
	l := &a.special
	if !l.ok {
		if err := l.read(a.r.types); err != nil {
			return err
		}
	}
	var c circle
	for at := s.Specials; at != 0; {
		o, err := a.r.object(at, l.size)
		if err != nil {
			return err
		}
		off := o.get(l.offset)
		if a.steps++; a.steps > maxSpecials || off >= s.Pages*PageSize || c.closed(at) {
			return fmt.Errorf("special at %#x of the span at %#x: %w", at, s.Start, corefile.ErrUnmapped)
		}
		sp := Special{Addr: at, Offset: off, Kind: SpecialKind(o.get(l.kind))}
		switch sp.Kind {
		case SpecialFinalizer:
			sp.Root, sp.RootSize = at+uint64(l.finalizer.off), uint64(l.finalizer.size)
			if l.pointerType.ok {
				sp.PointerType, _ = a.r.mem.Uint64(at + uint64(l.pointerType.off)) // 0 is unknown
			}
		case SpecialWeakHandle:
			sp.Root, sp.RootSize = at+uint64(l.handle.off), uint64(l.handle.size)
		case SpecialCleanup:
			sp.Root, sp.RootSize = at+l.cleanupAt, l.cleanupLength
		case l.kindSecret:
			sp.Kind = SpecialSecret
		}
		visit(sp)
		at = o.get(l.next)
	}
	return nil
}
