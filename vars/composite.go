package vars

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// structure decodes a struct field by field.
func (d *decoder) structure(tk task) {
	v, fields := tk.dst, tk.t.Fields
	if f := d.probe(tk.src); f.bad() {
		fail(v, f)
		return
	}
	if tk.t.Package != "" {
		d.summarize(tk)
	}
	if len(fields) == 0 {
		return
	}
	if tk.level >= hardLevel {
		cut(v, tk.t, tk.src, noteDepth)
		return
	}
	cs := d.children(v, int64(len(fields)))
	if len(cs) < len(fields) {
		v.State = report.StateBudget
		v.Note = noteNodes + ": " + strconv.Itoa(len(fields)-len(cs)) + " of " + strconv.Itoa(len(fields)) + " fields are left out"
	}
	d.r.tag(tk.t, cs)
	for i := range cs {
		fd := &fields[i]
		cs[i].Name, cs[i].Embedded = fd.Name, fd.Embedded
		d.part(tk, &cs[i].Value, pointee(tk.t, fd), fd.Offset)
	}
}

// pointee is the type of a field: in an atomic.Pointer[T], whose field v is an
// unsafe.Pointer, the *T that another one of no length mentions (Go 1.26.8,
// sync/atomic/type.go).
func pointee(t *gotype.Type, fd *gotype.Field) *gotype.Type {
	if fd.Name != "v" || fd.Type == nil || fd.Type.Kind != reflect.UnsafePointer || !strings.HasPrefix(t.Name, "sync/atomic.Pointer[") {
		return fd.Type
	}
	if m, ok := fieldNamed(t, "_"); ok && m.Type.Kind == reflect.Array && m.Type.Elem != nil && m.Type.Elem.Kind == reflect.Pointer {
		return m.Type.Elem
	}
	return fd.Type
}

// part queues the value of type t that lies at an offset inside of tk's value.
func (d *decoder) part(tk task, dst *report.Value, t *gotype.Type, off int64) {
	var size int64
	if t != nil {
		size = t.Size
	}
	src, ok := tk.src.sub(off, size)
	if !ok {
		cut(dst, t, region{}, "")
		garbage(dst, "%d bytes at offset %d do not lie in a value of %d", size, off, tk.src.size)
		return
	}
	d.push(tk, dst, t, src)
}

// probe reports why no byte of a composite in memory can be had, so that it
// is said once and not for each of its parts. It looks at both ends: what lies
// between them is found out part by part.
func (d *decoder) probe(src region) fault {
	if src.parts != nil || src.size <= 0 {
		return fault{}
	}
	_, f := view(d.r.mem, src.addr, 1)
	if !f.bad() {
		return fault{}
	}
	if _, last := view(d.r.mem, src.addr+uint64(src.size)-1, 1); !last.bad() {
		return fault{}
	}
	return f
}

// array decodes an array.
func (d *decoder) array(tk task) {
	v, t := tk.dst, tk.t
	if t.Elem == nil || t.Len < 0 || t.Elem.Size < 0 {
		garbage(v, "the array type has no element type or length")
		return
	}
	if f := d.probe(tk.src); f.bad() {
		fail(v, f)
		return
	}
	v.Len = t.Len
	if isBytes(t) {
		src, ok := tk.src.sub(0, t.Len)
		if !ok {
			garbage(v, "%d elements do not lie in %d bytes", t.Len, tk.src.size)
			return
		}
		d.text(v, src)
		return
	}
	if t.Package != "" {
		d.summarize(tk)
	}
	inner := tk
	inner.depth++
	if !d.deeper(tk) {
		v.State, v.Note = report.StateTruncated, noteDepth
		return
	}
	cs := d.items(tk, t.Len)
	for i := range cs {
		d.part(inner, &cs[i].Value, t.Elem, int64(i)*t.Elem.Size)
	}
}

// header is a slice's header as far as it is known.
type header struct {
	ptr, n, cap uint64
	noCap       fault
}

// sliceHeader reads and checks the header of the slice in src.
func (d *decoder) sliceHeader(t *gotype.Type, src region) (h header, f fault) {
	if h.ptr, f = d.word(src, 0); f.bad() {
		return h, f
	}
	if h.n, f = d.word(src, 8); f.bad() {
		return h, f
	}
	h.cap, h.noCap = d.word(src, 16)
	if h.noCap.bad() {
		h.cap = h.n
	}
	if h.n > h.cap || h.cap > hardLength {
		return h, fault{report.StateUnreadable, fmt.Sprintf("length %d and capacity %d can't be", h.n, h.cap)}
	}
	if t.Elem == nil || t.Elem.Size < 0 {
		return h, fault{report.StateUnreadable, "the slice type has no element type"}
	}
	size := uint64(t.Elem.Size)
	if size > 0 && h.n > hardLength/size {
		return h, fault{report.StateUnreadable, fmt.Sprintf("length %d is absurd", h.n)}
	}
	if h.ptr == 0 && h.n > 0 && size > 0 {
		return h, fault{report.StateUnreadable, fmt.Sprintf("a nil pointer and length %d", h.n)}
	}
	return h, d.extent(h.ptr, h.n*size)
}

// slice decodes a slice.
func (d *decoder) slice(tk task) {
	v, t := tk.dst, tk.t
	h, f := d.sliceHeader(t, tk.src)
	if f.bad() {
		fail(v, f)
		return
	}
	v.Len, v.Cap, v.Target = int64(h.n), int64(h.cap), report.Addr(h.ptr)
	if h.noCap.bad() {
		v.Cap, v.Note = 0, noteNoCap
	}
	if h.ptr == 0 && h.n == 0 {
		v.Nil = true
		return
	}
	if h.n == 0 {
		return
	}
	src := at(h.ptr, int64(h.n)*t.Elem.Size)
	if isBytes(t) {
		d.text(v, src)
		return
	}
	if t.Elem.Size > 0 {
		if f := d.probe(src); f.bad() {
			fail(v, f)
			return
		}
	}
	if t.Package != "" {
		d.summarize(tk)
	}
	inner, ok := d.enter(tk, h.ptr)
	if !ok {
		return
	}
	inner.src = src
	cs := d.items(tk, int64(h.n))
	for i := range cs {
		d.part(inner, &cs[i].Value, t.Elem, int64(i)*t.Elem.Size)
	}
}

// noteNoCap is the note of a slice whose contents are known and whose capacity
// is not: Cap is 0 then.
const noteNoCap = "the capacity has no location at this pc"

// pointer decodes a pointer and what it points to.
func (d *decoder) pointer(tk task) {
	v := tk.dst
	p, f := d.word(tk.src, 0)
	if f.bad() {
		fail(v, f)
		return
	}
	if p == 0 {
		v.Nil = true
		return
	}
	v.Target = report.Addr(p)
	if e := tk.t.Elem; e != nil && e.Kind != reflect.Invalid {
		d.object(tk, e, at(p, e.Size))
	}
}

// Layout of interfaces: Go 1.26.8, runtime/runtime2.go (iface, eface) and
// internal/abi/iface.go (ITab.Type).
const (
	ifaceData = 8
	itabType  = 8
)

// Layout of type descriptors: Go 1.26.8, internal/abi/type.go (Type.TFlag,
// Type.Kind_). TFlagDirectIface took the place of the flag in Kind_ in 1.26.
const (
	typeTFlag       = 20
	typeKind        = 23
	flagDirectIface = 1 << 5
)

// iface decodes an interface and the value it holds.
func (d *decoder) iface(tk task) {
	v := tk.dst
	t, src, f := d.dynamic(tk.t, tk.src)
	switch {
	case f.bad():
		fail(v, f)
	case t == nil:
		v.Nil = true
	default:
		d.object(tk, t, src)
	}
}

// dynamic finds type and place of the value in an interface; t is nil when
// the interface is.
func (d *decoder) dynamic(it *gotype.Type, src region) (t *gotype.Type, data region, f fault) {
	desc, f := d.word(src, 0)
	if f.bad() || desc == 0 {
		return nil, data, f
	}
	if !it.EmptyInterface {
		b, f := view(d.r.mem, desc+itabType, 8)
		if f.bad() {
			return nil, data, f
		}
		desc = unsigned(b)
	}
	if t, f = d.r.byDescriptor(desc); f.bad() {
		return nil, data, f
	}
	b, f := view(d.r.mem, desc+typeTFlag, typeKind-typeTFlag+1)
	if f.bad() {
		return nil, data, f
	}
	if (b[0]|b[typeKind-typeTFlag])&flagDirectIface != 0 {
		data, ok := src.sub(ifaceData, t.Size)
		if !ok {
			return nil, data, fault{report.StateUnreadable, fmt.Sprintf("type at 0x%x does not fit into an interface", desc)}
		}
		return t, data, fault{}
	}
	p, f := d.word(src, ifaceData)
	if f.bad() {
		// The type is known: only the value has no bytes.
		return t, lost(t.Size, f), fault{}
	}
	return t, at(p, t.Size), fault{}
}

// byDescriptor finds the type behind a descriptor. What it says does not depend
// on whether it was asked before.
func (r *Reader) byDescriptor(desc uint64) (*gotype.Type, fault) {
	t, known := r.descs[desc]
	if !known {
		r.shared.Lock()
		t, _ = r.types.ByDescriptor(desc) // why there is none is said below
		r.shared.Unlock()
		if len(r.descs) < maxDescs {
			r.descs[desc] = t
		}
	}
	switch {
	case t != nil:
		return t, fault{}
	case r.mem.Provenance(desc) == corefile.Unmapped:
		return nil, faultAt(desc, corefile.Unmapped)
	}
	return nil, noDescriptor(desc)
}

// maxDescs bounds the descriptors remembered: garbage has many.
const maxDescs = 1 << 16

func noDescriptor(desc uint64) fault {
	return fault{report.StateUnreadable, fmt.Sprintf("no type is described at 0x%x", desc)}
}

// function decodes a func value: the function's name and, for a closure, what
// it holds.
func (d *decoder) function(tk task) {
	v := tk.dst
	p, f := d.word(tk.src, 0)
	if f.bad() {
		fail(v, f)
		return
	}
	if p == 0 {
		v.Nil = true
		return
	}
	v.Target = report.Addr(p)
	b, f := view(d.r.mem, p, 8)
	if f.bad() {
		fail(v, f)
		return
	}
	pc := unsigned(b)
	fn, ok := d.r.functionAt(pc)
	if !ok {
		garbage(v, "no function begins at 0x%x", pc)
		return
	}
	v.Text = fn.Name
	if len(fn.Captured) == 0 {
		return
	}
	inner, ok := d.enter(tk, p)
	if !ok {
		v.State = report.StateOK // its name is all there is to shorten
		return
	}
	cs := d.children(v, int64(len(fn.Captured)))
	for i := range cs {
		d.capture(inner, &cs[i], p, &fn.Captured[i])
	}
}

// capture queues a variable that the closure object at addr holds.
func (d *decoder) capture(tk task, c *report.Child, addr uint64, cv *captured) {
	c.Name = cv.Name
	if cv.Type == nil {
		cut(&c.Value, nil, region{}, "")
		garbage(&c.Value, "its type is not described")
		return
	}
	addr += uint64(cv.Offset)
	if cv.ByRef {
		b, f := view(d.r.mem, addr, 8)
		if f.bad() {
			cut(&c.Value, cv.Type, region{}, "")
			fail(&c.Value, f)
			return
		}
		addr = unsigned(b)
	}
	if tk.up.has(addr, cv.Type) {
		cut(&c.Value, cv.Type, at(addr, cv.Type.Size), "")
		c.Value.State = report.StateCycle
		return
	}
	tk.up = d.below(addr, cv.Type, tk.up)
	d.push(tk, &c.Value, cv.Type, at(addr, cv.Type.Size))
}
