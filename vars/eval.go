package vars

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Root is where a path starts: a value in place.
type Root struct {
	t       *gotype.Type
	src     region
	isStale bool
	doubt   doubt
}

// AddrRoot is the value of type t at an address of the process.
func (r *Reader) AddrRoot(t *gotype.Type, addr uint64) Root {
	return Root{t: t, src: at(addr, sizeOf(t))}
}

// VarRoot is a variable of a frame.
func (r *Reader) VarRoot(v *goscope.Var, fr *corefile.Frame) Root {
	t, src, isStale := r.locateVar(v, fr)
	return Root{t: t, src: src, isStale: isStale}
}

// FrameRoot is a variable of a frame by the name that Frames gives it. The
// error matches report.ErrPath when the frame has no such variable.
func (r *Reader) FrameRoot(fr *corefile.Frame, name string) (Root, error) {
	sc, names, err := r.scope(fr)
	if err != nil {
		return Root{}, err
	}
	for _, o := range names {
		if o.name == name {
			root := r.VarRoot(&sc.Vars[o.index], fr)
			root.doubt = r.doubts(sc, fr)[o.index]
			return root, nil
		}
	}
	return Root{}, fmt.Errorf("%w: %s has no variable %q", report.ErrPath, fr.Function, name)
}

// GlobalRoot is a package variable by its full name, such as "main.gateways".
// The error matches report.ErrPath when there is none.
func (r *Reader) GlobalRoot(name string) (Root, error) {
	if r.scopes == nil {
		return Root{}, fmt.Errorf("%w: no package variables are known", report.ErrPath)
	}
	if r.globals == nil {
		r.shared.Lock()
		all, err := r.scopes.Globals()
		r.shared.Unlock()
		if err != nil {
			return Root{}, err
		}
		r.globals = make(map[string]*goscope.Global, len(all))
		for i := len(all) - 1; i >= 0; i-- {
			r.globals[all[i].Package+"."+all[i].Name] = &all[i]
		}
	}
	g, ok := r.globals[name]
	if !ok {
		return Root{}, fmt.Errorf("%w: no package variable %q", report.ErrPath, name)
	}
	return r.AddrRoot(g.Type, g.Addr), nil
}

// maxHops bounds how many pointers and interfaces one step follows, and how
// deep promoted fields are looked for.
const maxHops = 64

// Eval decodes the part of a value that the path leads to. Steps go through
// types and memory, not through a decoded tree: limits apply to the result
// only. The meaning of the steps is that of report.Value.At. The error matches
// report.ErrPath; it holds names, types and addresses, no contents.
func (r *Reader) Eval(root Root, path report.Path) (report.Value, error) {
	e := evaluator{d: &decoder{r: r, lim: r.lim}}
	e.d.begin(r.lim)
	if root.doubt == refuted {
		root.src = lost(max(sizeOf(root.t), 1), refutation())
	}
	e.d.steps = hardLookup
	p := spot{t: root.t, src: root.src}
	for i, s := range path.Steps {
		err := e.step(&p, s)
		if err == nil && p.done != nil && i < len(path.Steps)-1 {
			err = errors.New("nothing follows a length or type")
		}
		if err != nil {
			return report.Value{}, fmt.Errorf("%w %s: %w", report.ErrPath, report.Path{Steps: path.Steps[:i+1]}, err)
		}
	}
	if p.done != nil {
		return *p.done, nil
	}
	v := r.decode(p.t, p.src)
	if root.isStale {
		stale(&v)
	}
	root.doubt.apply(&v)
	return v, nil
}

// spot is a value on the way of a path: in place, or, at its end, made.
type spot struct {
	t    *gotype.Type
	src  region
	tag  *string // of the field that it is
	done *report.Value
}

// evaluator goes the steps of one path.
type evaluator struct{ d *decoder }

func (e *evaluator) step(p *spot, s report.Step) error {
	if p.t == nil {
		return errors.New("its type is not described")
	}
	switch s.Op {
	case report.StepName:
		return e.field(p, s.Name)
	case report.StepIndex:
		return e.index(p, s)
	case report.StepDeref:
		if err := e.held(p, false); err != nil {
			return err
		}
		if p.t.Kind != reflect.Pointer {
			return fmt.Errorf("%s is no pointer", p.t.Name)
		}
		return e.deref(p)
	case report.StepLen, report.StepCap:
		return e.size(p, s.Op)
	case report.StepType:
		return e.dynamicType(p)
	}
	return errors.New("unknown step")
}

// err turns a fault into an error.
func (f fault) err() error { return fmt.Errorf("the value is %s: %s", f.state, f.note) }

// deref follows the pointer at p.
func (e *evaluator) deref(p *spot) error {
	a, f := e.d.word(p.src, 0)
	if f.bad() {
		return f.err()
	}
	if a == 0 {
		return errors.New("nil pointer")
	}
	if p.t.Elem == nil {
		return fmt.Errorf("what %s points to is not described", p.t.Name)
	}
	p.t, p.src = p.t.Elem, at(a, sizeOf(p.t.Elem))
	return nil
}

// held follows interfaces, and pointers where it may.
func (e *evaluator) held(p *spot, pointers bool) error {
	for range maxHops {
		switch {
		case p.t.Kind == reflect.Interface:
			t, src, f := e.d.dynamic(p.t, p.src)
			if f.bad() {
				return f.err()
			}
			if t == nil {
				return errors.New("nil interface")
			}
			p.t, p.src = t, src
		case pointers && p.t.Kind == reflect.Pointer:
			if err := e.deref(p); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return fmt.Errorf("more than %d pointers", maxHops)
}

// field goes to a field, promoted ones by breadth first, or to a captured
// variable of a closure.
func (e *evaluator) field(p *spot, name string) error {
	if err := e.held(p, true); err != nil {
		return err
	}
	if p.t.Kind == reflect.Func {
		return e.captured(p, name)
	}
	typ := p.t.Name
	level := []spot{*p}
	for range maxHops {
		var next []spot
		for _, x := range level {
			for i := range x.t.Fields {
				fd := &x.t.Fields[i]
				if fd.Type == nil || fd.Name != name && !fd.Embedded {
					continue
				}
				src, ok := x.src.sub(fd.Offset, sizeOf(fd.Type))
				if !ok {
					continue
				}
				in := spot{t: pointee(x.t, fd), src: src}
				if fd.Name == name {
					if tags := e.d.r.tagsOf(x.t); tags != nil && tags[i] != "" {
						in.tag = &tags[i]
					}
					*p = in
					return nil
				}
				if len(next) < maxHops && e.held(&in, true) == nil {
					next = append(next, in)
				}
			}
		}
		if level = next; len(level) == 0 {
			break
		}
	}
	return fmt.Errorf("%s has no field %q", typ, name)
}

// captured goes to a variable that a closure holds.
func (e *evaluator) captured(p *spot, name string) error {
	obj, f := e.d.word(p.src, 0)
	if f.bad() {
		return f.err()
	}
	if obj == 0 {
		return errors.New("nil func")
	}
	b, f := view(e.d.r.mem, obj, 8)
	if f.bad() {
		return f.err()
	}
	fn, _ := e.d.r.functionAt(unsigned(b))
	for i := range fn.Captured {
		c := &fn.Captured[i]
		if c.Name != name || c.Type == nil {
			continue
		}
		addr := obj + uint64(c.Offset)
		if c.ByRef {
			if b, f = view(e.d.r.mem, addr, 8); f.bad() {
				return f.err()
			}
			addr = unsigned(b)
		}
		p.t, p.src = c.Type, at(addr, sizeOf(c.Type))
		return nil
	}
	return fmt.Errorf("%s captures no %q", p.t.Name, name)
}
