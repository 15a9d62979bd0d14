package vars

import (
	"encoding/binary"
	"fmt"
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// task is a value that is still to be decoded.
type task struct {
	dst   *report.Value
	t     *gotype.Type
	src   region
	depth int // pointers, interfaces and containers followed so far
	level int // values around this one
	up    *ancestor
}

// ancestor is an object on the way to a value, to notice when it contains
// itself.
type ancestor struct {
	addr uint64
	t    *gotype.Type
	up   *ancestor
}

// has reports whether the object of type t at addr is a or above it.
func (a *ancestor) has(addr uint64, t *gotype.Type) bool {
	for ; a != nil; a = a.up {
		if a.addr == addr && a.t == t {
			return true
		}
	}
	return false
}

// decoder decodes one variable. It works breadth first: when the budget ends,
// what is missing is what is deep, and no input makes it recurse.
type decoder struct {
	r     *Reader
	lim   bounds
	nodes int // values that may still be made
	bytes int // bytes of strings that may still be read
	steps int // tables and groups of maps that may still be looked at
	queue []task
	ups   slab[ancestor]
	found []entry // of the map at hand
	keys  []sortKey
}

// begin gives the decoder whole budgets.
func (d *decoder) begin(lim bounds) {
	d.lim, d.nodes, d.bytes, d.steps = lim, lim.nodes, max(hardBytes, lim.scan), hardSteps
	d.queue = d.queue[:0]
	d.ups.reset()
}

// end lets go of what was decoded: it is the caller's.
func (d *decoder) end() {
	clear(d.queue)
	if cap(d.queue) > 4*MaxNodes {
		d.queue = nil
	}
}

// below makes an ancestor of what is decoded next.
func (d *decoder) below(addr uint64, t *gotype.Type, up *ancestor) *ancestor {
	a := &d.ups.take(1)[0]
	*a = ancestor{addr, t, up}
	return a
}

// decode decodes the value of type t in src.
func (r *Reader) decode(t *gotype.Type, src region) report.Value {
	return r.decodeWithin(t, src, r.lim)
}

// decodeWithin is decode with limits of its own.
func (r *Reader) decodeWithin(t *gotype.Type, src region, lim bounds) (v report.Value) {
	r.decodeInto(&v, t, src, lim)
	return v
}

// decodeInto decodes into a zero value.
func (r *Reader) decodeInto(v *report.Value, t *gotype.Type, src region, lim bounds) {
	if f := src.missing(); f.bad() && t != nil && t.Kind != reflect.Invalid {
		// Half of the variables in optimized code: no decoder is needed to say so.
		*v = report.Value{Type: t.Name, Kind: kindOf(t), State: f.state, Note: f.note}
		return
	}
	d := &r.decoder
	d.begin(lim)
	tk := task{dst: v, t: t, src: src}
	if t != nil && t.Kind < firstComposite {
		d.value(tk) // leads nowhere: no ancestor is needed
		return
	}
	tk.up = d.below(uint64(src.address()), t, nil)
	d.value(tk)
	for i := 0; i < len(d.queue); i++ {
		d.value(d.queue[i])
	}
	d.end()
}

// firstComposite is the first kind in package reflect that may have children.
// A named number (time.Duration) has one that is made, not queued.
const firstComposite = reflect.Array

// value decodes one value and queues what it contains.
func (d *decoder) value(tk task) {
	if d.r.guard != nil {
		d.guarded(tk)
		return
	}
	d.one(tk)
}

func (d *decoder) one(tk task) {
	v := tk.dst
	if !begun(v, tk.t, tk.src) {
		return
	}
	switch tk.t.Kind {
	case reflect.String:
		d.str(tk)
	case reflect.Slice:
		d.slice(tk)
	case reflect.Array:
		d.array(tk)
	case reflect.Struct:
		d.structure(tk)
	case reflect.Pointer:
		d.pointer(tk)
	case reflect.Invalid:
		garbage(v, "its type is described wrongly")
	case reflect.Interface:
		d.iface(tk)
	case reflect.Map:
		d.mapping(tk)
	case reflect.Chan:
		d.channel(tk)
	case reflect.Func:
		d.function(tk)
	case reflect.UnsafePointer:
		if p, f := d.word(tk.src, 0); f.bad() {
			fail(v, f)
		} else {
			v.Nil, v.Target = p == 0, report.Addr(p)
		}
	default:
		d.scalar(v, tk.t, tk.src)
		if tk.t.Package != "" && v.Text != "" {
			d.summarize(tk)
		}
	}
}

// begun gives v what is said of every value. It is false when there is no more
// to be said.
func begun(v *report.Value, t *gotype.Type, src region) bool {
	v.State, v.Addr = report.StateOK, src.address()
	if t == nil {
		v.Kind = report.KindInvalid
		fail(v, fault{report.StateUnreadable, "its type is not described"})
		return false
	}
	v.Type, v.Kind = t.Name, kindOf(t)
	if f := src.missing(); f.bad() {
		fail(v, f)
		return false
	}
	return true
}

// fail gives v a state other than ok.
func fail(v *report.Value, f fault) { v.State, v.Note = f.state, f.note }

// garbage marks a value whose bytes make no sense as its type.
func garbage(v *report.Value, format string, args ...any) {
	v.State, v.Note = report.StateUnreadable, fmt.Sprintf(format, args...)
}

// word reads a pointer-sized word of src.
func (d *decoder) word(src region, off int64) (uint64, fault) {
	b, f := src.read(d.r.mem, off, 8)
	if f.bad() {
		return 0, f
	}
	return binary.LittleEndian.Uint64(b), fault{}
}

// children gives v room for n children, fewer when the node budget ends, and
// returns them.
func (d *decoder) children(v *report.Value, n int64) []report.Child {
	n = min(n, int64(d.nodes))
	if n <= 0 {
		return nil
	}
	d.nodes -= int(n)
	v.Children = d.r.room.children(int(n))
	return v.Children
}

// push queues a value inside of the one of tk, in the same object. A plain
// number uses up nothing that others could lack, and is decoded at once.
func (d *decoder) push(tk task, dst *report.Value, t *gotype.Type, src region) {
	if t != nil && t.Package == "" && t.Kind < firstComposite && t.Kind != reflect.Invalid {
		if begun(dst, t, src) {
			d.scalar(dst, t, src)
		}
		return
	}
	d.queue = append(d.queue, task{dst: dst, t: t, src: src, depth: tk.depth, level: tk.level + 1, up: tk.up})
}

// deeper reports whether a value may lead to others behind a pointer,
// interface or container.
func (d *decoder) deeper(tk task) bool {
	return tk.depth < d.lim.depth && tk.level < hardLevel
}

// cut makes v a value that was left out because of the depth or node limit.
func cut(v *report.Value, t *gotype.Type, src region, why string) {
	v.State, v.Addr, v.Note, v.Kind = report.StateBudget, src.address(), why, report.KindInvalid
	if t != nil {
		v.Type, v.Kind = t.Name, kindOf(t)
	}
}

// Notes on values that a limit left out.
const (
	noteDepth = "depth limit"
	noteNodes = "node limit"
	noteBytes = "byte limit"
)

// object queues the object of type t in src as the only child of tk's value:
// what a pointer or interface holds.
func (d *decoder) object(tk task, t *gotype.Type, src region) {
	cs := d.children(tk.dst, 1)
	if len(cs) == 0 {
		tk.dst.Note = noteNodes
		return
	}
	v := &cs[0].Value
	addr := uint64(src.address())
	switch {
	case !d.deeper(tk):
		cut(v, t, src, noteDepth)
	case addr != 0 && tk.up.has(addr, t):
		cut(v, t, src, "")
		v.State = report.StateCycle
	default:
		up := tk.up
		if addr != 0 {
			up = d.below(addr, t, up)
		}
		d.queue = append(d.queue, task{dst: v, t: t, src: src, depth: tk.depth + 1, level: tk.level + 1, up: up})
	}
}

// enter makes the task of the elements of a container whose contents lie at
// addr. ok is false when they are left out, which the value then says.
func (d *decoder) enter(tk task, addr uint64) (inner task, ok bool) {
	v := tk.dst
	switch {
	case !d.deeper(tk):
		v.State, v.Note = report.StateTruncated, noteDepth
		return tk, false
	case addr != 0 && tk.up.has(addr, tk.t):
		v.State = report.StateCycle
		return tk, false
	}
	inner = tk
	inner.depth++
	if addr != 0 {
		inner.up = d.below(addr, tk.t, tk.up)
	}
	return inner, true
}

// items gives the value of tk room for the first of n elements. It is
// truncated when there are more.
func (d *decoder) items(tk task, n int64) []report.Child {
	v := tk.dst
	cs := d.children(v, min(n, int64(d.lim.items)))
	if int64(len(cs)) < n {
		v.State = report.StateTruncated
		if len(cs) < d.lim.items {
			v.Note = noteNodes
		}
	}
	return cs
}

// kindOf translates a kind.
func kindOf(t *gotype.Type) report.Kind {
	switch t.Kind {
	case reflect.Bool:
		return report.KindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return report.KindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return report.KindUint
	case reflect.Float32, reflect.Float64:
		return report.KindFloat
	case reflect.Complex64, reflect.Complex128:
		return report.KindComplex
	case reflect.String:
		return report.KindString
	case reflect.Array:
		if isBytes(t) {
			return report.KindBytes
		}
		return report.KindArray
	case reflect.Slice:
		if isBytes(t) {
			return report.KindBytes
		}
		return report.KindSlice
	case reflect.Struct:
		return report.KindStruct
	case reflect.Pointer:
		return report.KindPointer
	case reflect.Interface:
		return report.KindInterface
	case reflect.Map:
		return report.KindMap
	case reflect.Chan:
		return report.KindChan
	case reflect.Func:
		return report.KindFunc
	case reflect.UnsafePointer:
		return report.KindUnsafePointer
	}
	return report.KindInvalid
}

// isBytes reports whether the elements of t are bytes that people read as
// text. The types in package net are bytes too, but have a text of their own.
func isBytes(t *gotype.Type) bool {
	return t.Elem != nil && t.Elem.Kind == reflect.Uint8 && t.Elem.Size == 1 && t.Package != "net"
}
