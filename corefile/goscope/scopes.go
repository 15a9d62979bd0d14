package goscope

import (
	"slices"
	"strings"

	"github.com/safedump/sdcore/corefile/die"
	"github.com/safedump/sdcore/report"
)

// found is the location of a variable at one address.
type found struct {
	expr  []byte // nil: no location
	where die.Range
	err   error
}

// place finds where v is at an address.
func (v *variable) place(u *die.Unit, pc uint64) found {
	if !v.hasLoc {
		return found{}
	}
	expr, where, err := u.LocationAt(v.loc, pc)
	if len(expr) == 0 {
		expr = nil
	}
	return found{expr, where, err}
}

// scopesOf computes the scopes at a PC of fn. Addresses are those of the file.
func (f *Finder) scopesOf(fn *function, pc, callPC uint64) []Scope {
	chain := fn.callsAt(callPC)
	fn.moveToCallSites(chain, f.lines.callSites(callPC))
	line := f.lines.line(callPC)
	out := make([]Scope, len(chain))
	for depth := len(chain) - 1; depth >= 0; depth-- {
		b := scopeBuilder{f: f, fn: fn, pc: pc, callPC: callPC, line: line, active: chain[depth].blocks}
		out[depth] = Scope{
			Function: fn.nodes[chain[depth].call].name, Depth: depth, Line: line, Vars: b.build(),
		}
		line = fn.nodes[chain[depth].call].callLine
	}
	return out
}

// activeCall is a call that is active at a PC, with the blocks in it that are.
type activeCall struct {
	call   int
	blocks []int // nodes: the call itself, then blocks, outer before inner
}

// callsAt lists the active calls from the physical function inwards. What
// contains something active is active too: the compiler leaves instructions of
// inlined calls out of the ranges of the blocks around them.
func (fn *function) callsAt(pc uint64) []activeCall {
	active := make([]bool, len(fn.nodes))
	for i := len(fn.nodes) - 1; i > 0; i-- {
		if active[i] || fn.nodes[i].contains(pc) {
			active[i], active[fn.nodes[i].parent] = true, true
		}
	}
	chain := []activeCall{{call: 0, blocks: []int{0}}}
	level := make([]int, len(fn.nodes)) // of the call that an active node belongs to, from 1
	level[0] = 1
	for i := 1; i < len(fn.nodes); i++ {
		n := &fn.nodes[i]
		up := level[n.parent]
		// Only the innermost call can have more inside: the calls are a chain,
		// whatever overlapping ranges claim.
		if !active[i] || up == 0 || up != len(chain) && n.call {
			continue
		}
		if n.call {
			chain = append(chain, activeCall{call: i, blocks: []int{i}})
			level[i] = len(chain)
			continue
		}
		level[i] = up
		chain[up-1].blocks = append(chain[up-1].blocks, i)
	}
	return chain
}

func (n *node) contains(pc uint64) bool {
	return slices.ContainsFunc(n.ranges, func(r die.Range) bool { return r.Contains(pc) })
}

// scopeBuilder collects the variables of one call.
type scopeBuilder struct {
	f          *Finder
	fn         *function
	pc, callPC uint64
	line       int
	active     []int
	vars       []Var
	dict       *plan
	closure    *plan
}

func (b *scopeBuilder) build() []Var {
	b.findHidden()
	for _, i := range b.active {
		n := &b.fn.nodes[i]
		for j := range n.vars {
			b.add(n, &n.vars[j])
		}
	}
	b.collapse()
	slices.SortStableFunc(b.vars, func(x, y Var) int {
		if c := roleOrder(x.Role) - roleOrder(y.Role); c != 0 || x.Role == report.RoleArg || x.Role == report.RoleResult {
			return c
		}
		return x.DeclLine - y.DeclLine
	})
	return b.vars
}

func roleOrder(r report.Role) int {
	switch r {
	case report.RoleArg:
		return 0
	case report.RoleResult:
		return 1
	case report.RoleCaptured:
		return 2
	}
	return 3
}

// findHidden finds the compiler's own variables that others are found by: the
// dictionary of a generic function and the closure of a function literal.
func (b *scopeBuilder) findHidden() {
	n := &b.fn.nodes[b.active[0]]
	for j := range n.vars {
		switch v := &n.vars[j]; v.name {
		case ".closureptr":
			p := b.plan(v)
			b.closure = &p
		case ".dict":
			p := b.plan(v)
			b.dict = &p
		}
	}
}

// hidden reports whether a variable is the compiler's and not the source's:
// ".dict", ".autotmp_3", "#yield1", "_", "~b0", and the parts "~r0.data" of an
// unnamed result of an inlined call that the compiler took apart.
func hidden(name string) bool {
	return name == "" || name == "_" || name[0] == '.' || name[0] == '#' ||
		name[0] == '~' && (!strings.HasPrefix(name, "~r") || strings.Contains(name, "."))
}

func (b *scopeBuilder) plan(v *variable) plan {
	return plan{
		f: b.f, unit: b.fn.unit, frameBase: b.fn.frameBase,
		pc: b.pc, callPC: b.callPC, list: v.loc,
		atPC: v.place(b.fn.unit, b.pc), atCall: v.place(b.fn.unit, b.callPC),
		captured: v.captured, offset: v.closure, dictIndex: v.dict,
		arg: v.param && !v.result,
	}
}

// foreign reports whether a variable on the heap belongs to a function that
// was inlined, although it stands in the one around it: Go 1.26 lists those
// there, with their own line but without their file (&addr of net.ParseCIDR in a
// caller; fixtures/stdvalues). Where the line lies among those of the function
// nothing gives it away.
func (b *scopeBuilder) foreign(v *variable) bool {
	if b.active[0] != 0 || v.declLine == 0 {
		return false
	}
	if !b.fn.linesKnown {
		b.fn.linesKnown = true
		if fn, ok := b.f.lines.function(b.fn.span.Low); ok {
			b.fn.firstLine, b.fn.lastLine = fn.OwnLines()
			if start := fn.StartLine(); start > 0 && b.fn.firstLine > 0 {
				b.fn.firstLine = min(b.fn.firstLine, start)
			}
		}
	}
	return b.fn.lastLine > 0 && (v.declLine < b.fn.firstLine || v.declLine > b.fn.lastLine)
}

// add appends v unless it is not declared yet or not the source's.
func (b *scopeBuilder) add(n *node, v *variable) {
	name, escaped := strings.CutPrefix(v.name, "&")
	if hidden(name) {
		return
	}
	if escaped && !v.param && b.foreign(v) {
		return
	}
	p := b.plan(v)
	p.dict, p.closure = b.dict, b.closure
	if !b.declared(v, &p) {
		return
	}
	out := Var{Name: name, Role: roleOf(v), DeclLine: v.declLine, Block: n.block, Escaped: escaped, plan: p}
	ty, err := b.f.types.ByOffset(v.typeOff)
	if err != nil {
		ty = broken(err)
	}
	if escaped && ty.Err == nil {
		if ty.Elem == nil {
			return // a reference to nothing: broken debug information
		}
		out.slot, ty = ty, ty.Elem
	}
	out.Type = ty
	b.vars = append(b.vars, out)
}

// declared decides whether the statement that declares v has been executed. On
// the line of the declaration it may be under way, and what is on the stack
// already has a location before it has a value. A location list that covers the
// call is better evidence than lines, which jump.
func (b *scopeBuilder) declared(v *variable, p *plan) bool {
	if v.param || v.captured || b.line == 0 || v.declLine < b.line {
		return true
	}
	return v.hasLoc && !v.loc.Block && p.atCall.expr != nil
}

func roleOf(v *variable) report.Role {
	switch {
	case v.captured:
		return report.RoleCaptured
	case v.param && v.result:
		return report.RoleResult
	case v.param:
		return report.RoleArg
	}
	return report.RoleLocal
}

// collapse leaves one of several entries for the same variable: results that
// are listed twice, and parameters that moved to the heap, which keep an entry
// for the register or slot in which they came.
func (b *scopeBuilder) collapse() {
	out := b.vars[:0]
	for i := range b.vars {
		v := b.vars[i]
		j := slices.IndexFunc(out, func(o Var) bool { return o.Name == v.Name && sameVariable(&o, &v) })
		if j < 0 {
			out = append(out, v)
			continue
		}
		out[j] = merge(out[j], v)
	}
	b.vars = out
}

// sameVariable reports whether two entries of one name are one variable.
func sameVariable(a, b *Var) bool {
	if a.Block != 0 || b.Block != 0 {
		return false
	}
	param := func(v *Var) bool { return v.Role == report.RoleArg || v.Role == report.RoleResult }
	switch {
	case param(a) && param(b):
		return a.Role == b.Role && a.Type == b.Type
	case param(a):
		return b.Escaped && (a.DeclLine == 0 || a.DeclLine == b.DeclLine)
	case param(b):
		return sameVariable(b, a)
	}
	return false
}

// merge chooses the better of two entries for one variable.
func merge(a, b Var) Var {
	role := a.Role
	if b.Role == report.RoleArg || b.Role == report.RoleResult {
		role = b.Role
	}
	best, other := a, b
	if b.Escaped && !a.Escaped || b.Escaped == a.Escaped && !a.plan.located() && b.plan.located() {
		best, other = b, a
	}
	if best.Escaped && !other.Escaped && !best.plan.located() && other.plan.located() {
		// The pointer is gone. What the parameter was at the call is left, which
		// may not be what it is now; a result is written through the pointer.
		best = other
		best.plan.stale = role == report.RoleArg
	}
	best.Role = role
	return best
}
