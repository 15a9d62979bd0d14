package vars

import (
	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/corefile/goscope"
	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// framePlan is what the frames at one PC have in common, found once.
type framePlan struct {
	of  corefile.Frame // the first one: its function, file and line are those of all
	ref report.Frame   // without what depends on the place of the frame
	lim bounds

	opened bool           // the following is known
	scope  *goscope.Scope // nil where the function declares nothing
	names  []ordered
	err    error      // why its variables can't be found
	fixed  []fixedVar // nil before a frame was seen that they hold for
}

// scopeKey is what the variables of a frame depend on.
type scopeKey struct {
	pc, callPC uint64
	depth      int
}

// maxPlans bounds the plans that are kept: stacks of garbage have many PCs.
const maxPlans = 1 << 18

// plan finds what is known of a frame by its PC.
func (r *Reader) plan(fr *corefile.Frame) *framePlan {
	near := &r.near[(fr.PC+uint64(fr.Depth))*0x9e3779b97f4a7c15>>(64-nearBits)]
	if p := *near; p != nil && p.holds(fr) {
		return p
	}
	key := scopeKey{fr.PC, fr.CallPC, fr.Depth}
	p, known := r.plans[key]
	if known && p.holds(fr) {
		*near = p
		return p
	}
	p = &framePlan{of: *fr, ref: frameRef(fr), lim: r.lim}
	if p.ref.Runtime || inRuntime(fr.File) {
		p.lim = p.lim.shallow()
	}
	if r.room.reuse {
		r.constants.Head(&p.ref)
	}
	if !known && len(r.plans) < maxPlans {
		r.plans[key] = p
	}
	return p
}

// nearBits is the logarithm of the number of plans that are found without a map.
const nearBits = 10

// holds reports whether the plan is that of a frame.
func (p *framePlan) holds(fr *corefile.Frame) bool {
	of := &p.of
	return of.PC == fr.PC && of.CallPC == fr.CallPC && of.Depth == fr.Depth &&
		of.Function == fr.Function && of.File == fr.File && of.Line == fr.Line && of.Inlined == fr.Inlined
}

// open finds the variables of the plan's PC and their order. Where there is
// debug information for none, err says so.
func (p *framePlan) open(r *Reader) error {
	if p.opened || r.scopes == nil {
		return p.err
	}
	p.opened = true
	r.shared.Lock()
	defer r.shared.Unlock()
	scopes, err := r.scopes.Scopes(p.of.PC, p.of.CallPC)
	p.err = err
	for i := range scopes {
		if scopes[i].Depth == p.of.Depth {
			p.scope = &scopes[i]
			p.names = order(p.scope)
			break
		}
	}
	return err
}

// scope finds the variables of a frame and their names in order; the scope is
// nil where the frame's function declares none.
func (r *Reader) scope(fr *corefile.Frame) (*goscope.Scope, []ordered, error) {
	p := r.plan(fr)
	err := p.open(r)
	return p.scope, p.names, err
}

// placing is how a variable is found in the frames of a plan.
type placing uint8

const (
	placedAnew    placing = iota // its location is computed for each frame
	placedNowhere                // it has none
	placedAt                     // at an offset from the frame address
	placedBehind                 // behind the pointer there
	placedInParts                // some at offsets, some nowhere
)

// fixedVar is a variable in the frames of which no registers are known but the
// base ones: the stacks of parked goroutines.
type fixedVar struct {
	out   report.Variable // whole where it is placed nowhere
	how   placing
	t     *gotype.Type
	off   uint64 // from the frame address
	parts []part // their addresses are relative to it
	size  int64
	stale bool
	doubt doubt
}

// hasFixed reports whether the plan's fixed variables are those of a frame.
func hasFixed(fr *corefile.Frame) bool { return fr.CFA != 0 && fr.Regs.OnlyBase() }

// fix compiles the variables of a plan from the first of the frames that it
// holds for.
func (p *framePlan) fix(r *Reader, fr *corefile.Frame) {
	p.fixed = make([]fixedVar, len(p.names))
	ds := r.doubts(p.scope, fr)
	for i, o := range p.names {
		v := &p.scope.Vars[o.index]
		f := fixedVar{out: report.Variable{Name: o.name, Role: v.Role, DeclLine: v.DeclLine}, doubt: ds[o.index]}
		r.shared.Lock()
		loc, ok := v.Fixed()
		r.shared.Unlock()
		if ok && v.FixedType() {
			f.place(v, loc, fr.CFA)
		}
		if f.how == placedNowhere {
			f.out.Value = r.variable(v, fr, p.lim).Value
			f.doubt.apply(&f.out.Value)
			if r.room.reuse {
				r.constants.Whole(&f.out)
			}
		}
		p.fixed[i] = f
	}
}

// place decides how v is found, whose location is relative to the frame
// address; cfa is that of some frame.
func (f *fixedVar) place(v *goscope.Var, loc corefile.Location, cfa uint64) {
	for i := range loc.Pieces {
		if loc.Pieces[i].Kind == corefile.PieceMemory {
			loc.Pieces[i].Addr += cfa
		}
	}
	f.t, f.stale = v.Type, loc.Stale
	src := place(v.Type, loc, nil)
	if v.Escaped && len(loc.Pieces) > 0 {
		src = locate(loc, 8, nil)
	}
	f.size = src.size
	switch {
	case src.missing().bad():
		f.how = placedNowhere
	case src.parts == nil && v.Escaped:
		f.how, f.off = placedBehind, src.addr-cfa
	case src.parts == nil:
		f.how, f.off = placedAt, src.addr-cfa
	case !v.Escaped:
		f.how, f.parts = placedInParts, src.parts
		for i := range f.parts {
			f.parts[i].addr -= cfa
		}
	}
}

// src is where the variable is in the frame at a frame address. It is valid
// until the next call.
func (f *fixedVar) src(r *Reader, cfa uint64) region {
	switch f.how {
	case placedBehind:
		b, bad := view(r.mem, cfa+f.off, 8)
		if bad.bad() {
			return lost(max(sizeOf(f.t), 1), bad)
		}
		return at(unsigned(b), sizeOf(f.t))
	case placedInParts:
		r.parts = append(r.parts[:0], f.parts...)
		for i := range r.parts {
			r.parts[i].addr += cfa
		}
		return region{parts: r.parts, size: f.size}
	}
	return at(cfa+f.off, f.size)
}

// fixedVariables decodes the variables of a frame by the plan.
func (p *framePlan) fixedVariables(r *Reader, fr *corefile.Frame) []report.Variable {
	if p.fixed == nil {
		p.fix(r, fr)
	}
	out := r.room.vars(len(p.fixed))
	for i := range p.fixed {
		f := &p.fixed[i]
		out[i] = f.out
		v := &out[i].Value
		switch f.how {
		case placedNowhere:
			continue
		case placedAnew:
			*v = r.variable(&p.scope.Vars[p.names[i].index], fr, p.lim).Value
		default:
			r.decodeInto(v, f.t, f.src(r, fr.CFA), p.lim)
			if f.stale {
				stale(v)
			}
		}
		f.doubt.apply(v)
	}
	return out
}

// variables decodes the variables of any frame.
func (p *framePlan) variables(r *Reader, fr *corefile.Frame) []report.Variable {
	if len(p.names) == 0 {
		return []report.Variable{}
	}
	if hasFixed(fr) {
		return p.fixedVariables(r, fr)
	}
	ds := r.doubts(p.scope, fr)
	out := r.room.vars(len(p.names))
	for i, o := range p.names {
		out[i] = r.variable(&p.scope.Vars[o.index], fr, p.lim)
		out[i].Name = o.name
		ds[o.index].apply(&out[i].Value)
	}
	return out
}
