package redact

import "github.com/safedump/sdcore/report"

// constantMemo holds the constants in which neither pass has anything to do,
// by number: hundreds of thousands of frames share a few hundred.
type constantMemo []*report.Constant

func (m constantMemo) has(c *report.Constant) bool {
	return c != nil && c.Number() < len(m) && m[c.Number()] == c
}

func (m *constantMemo) add(c *report.Constant) {
	if n := c.Number(); n < report.MaxConstants {
		for len(*m) <= n {
			*m = append(*m, nil)
		}
		(*m)[n] = c
	}
}

// constant is a part of a report that can have one.
type constant interface {
	Constant() *report.Constant
	ConstantHolds() bool
	DropConstant()
}

// once takes a visitor over p by walk, unless p is known to have nothing for
// it. Such a part is written as its constant says, another one as it now is.
func (u *run) once(p constant, walk func()) {
	c := p.Constant()
	if c == nil || u.x.choices.byPlace() {
		p.DropConstant() // the same part is another one elsewhere
		walk()
		return
	}
	dirty := u.dirty
	u.dirty = false
	walk()
	if !u.dirty && p.ConstantHolds() {
		u.same.add(c)
	} else {
		p.DropConstant()
	}
	u.dirty = u.dirty || dirty
}
