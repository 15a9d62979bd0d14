package vars

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// index goes to an element, a map entry, or a byte of a string.
func (e *evaluator) index(p *spot, s report.Step) error {
	if err := e.held(p, true); err != nil {
		return err
	}
	if p.t.Kind == reflect.Map {
		return e.entry(p, s)
	}
	n, err := strconv.ParseInt(s.Key, 0, 64)
	if s.KeyIsString || err != nil || n < 0 {
		return fmt.Errorf("%s takes a number as index", p.t.Name)
	}
	switch p.t.Kind {
	case reflect.String:
		return e.stringByte(p, uint64(n))
	case reflect.Array:
		return e.element(p, p.src, p.t.Len, n)
	case reflect.Slice:
		h, f := e.d.sliceHeader(p.t, p.src)
		if f.bad() {
			return f.err()
		}
		return e.element(p, at(h.ptr, int64(h.n)*p.t.Elem.Size), int64(h.n), n)
	case reflect.Chan:
		q, f := e.d.queueOf(p.t, p.src)
		if f.bad() {
			return f.err()
		}
		if uint64(n) >= q.n {
			return fmt.Errorf("out of range with length %d", q.n)
		}
		pos := int64((q.pos + uint64(n)) % q.cap)
		return e.element(p, at(q.buf, int64(q.cap)*p.t.Elem.Size), int64(q.cap), pos)
	}
	return fmt.Errorf("%s can't be indexed", p.t.Name)
}

// element goes to an element of the length that lie in src.
func (e *evaluator) element(p *spot, src region, length, n int64) error {
	el := p.t.Elem
	if el == nil || el.Size < 0 {
		return fmt.Errorf("%s has no element type", p.t.Name)
	}
	if n >= length {
		return fmt.Errorf("out of range with length %d", length)
	}
	// n is below length; what an array type of a hostile binary claims to
	// have may still not lie in the value.
	if el.Size > 0 && n > hardLength/el.Size {
		return fmt.Errorf("%s is too large", p.t.Name)
	}
	in, ok := src.sub(n*el.Size, el.Size)
	if !ok {
		return fmt.Errorf("%s is larger than its value", p.t.Name)
	}
	p.t, p.src = el, in
	return nil
}

// stringByte makes the value of a byte of a string.
func (e *evaluator) stringByte(p *spot, n uint64) error {
	length, f := e.d.word(p.src, 8)
	ptr, f2 := e.d.word(p.src, 0)
	if f.bad() || f2.bad() {
		return noPiece().err()
	}
	if n >= length {
		return fmt.Errorf("out of range with length %d", length)
	}
	b, f := view(e.d.r.mem, ptr+n, 1)
	if f.bad() {
		return f.err()
	}
	p.done = &report.Value{State: report.StateOK, Kind: report.KindUint, Type: "uint8",
		Addr: report.Addr(ptr + n), Text: strconv.Itoa(int(b[0]))}
	return nil
}

// entry goes to the entry of a map with a key.
func (e *evaluator) entry(p *spot, s report.Step) error {
	addr, f := e.d.word(p.src, 0)
	if f.bad() {
		return f.err()
	}
	if addr == 0 {
		return errors.New("nil map")
	}
	l, f := e.d.r.mapLayout(p.t)
	if f.bad() {
		return f.err()
	}
	var found *region
	f = e.d.walkMap(l, addr, func(en entry) bool {
		if e.d.steps--; e.d.steps > 0 && e.matches(p.t.Key, en.key, s) {
			found = &en.elem
		}
		return found == nil && e.d.steps > 0
	})
	switch {
	case found != nil:
		p.t, p.src = p.t.Elem, *found
		return nil
	case f.bad():
		return fmt.Errorf("not found, and a part of the map can't be had: %s", f.note)
	case e.d.steps <= 0:
		return fmt.Errorf("not among the first entries of a map that is too large")
	}
	return fmt.Errorf("no such key in %s", p.t.Name)
}

// matches compares a key in place with the literal of an index.
func (e *evaluator) matches(t *gotype.Type, src region, s report.Step) bool {
	k := spot{t: t, src: src}
	if t.Kind == reflect.Interface {
		if desc, f := e.d.word(src, 0); f.bad() || desc == 0 {
			return !f.bad() && !s.KeyIsString && s.Key == "nil"
		}
		if e.held(&k, false) != nil {
			return false
		}
	}
	switch k.t.Kind {
	case reflect.String:
		n, f := e.d.word(k.src, 8)
		if !s.KeyIsString || f.bad() || n != uint64(len(s.Key)) {
			return false
		}
		ptr, f := e.d.word(k.src, 0)
		b, f2 := view(e.d.r.mem, ptr, int(n))
		return !f.bad() && !f2.bad() && string(b) == s.Key
	case reflect.Pointer, reflect.Chan, reflect.UnsafePointer:
		a, f := e.d.word(k.src, 0)
		if f.bad() || s.KeyIsString {
			return false
		}
		return a == 0 && s.Key == "nil" || strings.EqualFold(report.Addr(a).String(), s.Key)
	}
	w := width(k.t.Kind)
	if w == 0 || s.KeyIsString {
		return false
	}
	b, f := k.src.read(e.d.r.mem, 0, w)
	return !f.bad() && scalarText(k.t.Kind, b) == s.Key
}

// size makes the value of a length or capacity.
func (e *evaluator) size(p *spot, op report.StepOp) error {
	if err := e.held(p, false); err != nil {
		return err
	}
	if p.t.Kind == reflect.Pointer && p.t.Elem != nil && p.t.Elem.Kind == reflect.Array {
		if err := e.deref(p); err != nil {
			return err
		}
	}
	n, f := e.length(p, op)
	if f.bad() {
		return f.err()
	}
	if n < 0 {
		return fmt.Errorf("%s has no %s", p.t.Name, map[report.StepOp]string{report.StepLen: "length", report.StepCap: "capacity"}[op])
	}
	p.done = &report.Value{State: report.StateOK, Kind: report.KindInt, Type: "int", Text: strconv.FormatInt(n, 10)}
	return nil
}

// length reads a length or capacity, -1 where the type has none.
func (e *evaluator) length(p *spot, op report.StepOp) (int64, fault) {
	isCap := op == report.StepCap
	switch k := p.t.Kind; {
	case k == reflect.Array:
		return p.t.Len, fault{}
	case k == reflect.String && !isCap:
		n, f := e.d.word(p.src, 8)
		return int64(min(n, hardLength)), f
	case k == reflect.Slice:
		h, f := e.d.sliceHeader(p.t, p.src)
		if isCap && !f.bad() {
			f = h.noCap
		}
		if isCap {
			return int64(h.cap), f
		}
		return int64(h.n), f
	case k == reflect.Chan:
		q, f := e.d.queueOf(p.t, p.src)
		if isCap {
			return int64(q.cap), f
		}
		return int64(q.n), f
	case k == reflect.Map && !isCap:
		a, f := e.d.word(p.src, 0)
		if f.bad() || a == 0 {
			return 0, f
		}
		l, f := e.d.r.mapLayout(p.t)
		if f.bad() {
			return 0, f
		}
		n, f := e.d.mapUsed(l, a)
		return int64(n), f
	}
	return -1, fault{}
}

// dynamicType makes the value of the name of a type.
func (e *evaluator) dynamicType(p *spot) error {
	name := p.t.Name
	if p.t.Kind == reflect.Interface {
		t, _, f := e.d.dynamic(p.t, p.src)
		if f.bad() {
			return f.err()
		}
		if name = "nil"; t != nil {
			name = t.Name
		}
	}
	p.done = &report.Value{State: report.StateOK, Kind: report.KindText, Type: "type", Text: name}
	return nil
}
