package report

import "bytes"

// Constant is a part of goroutines that many of them have alike: the head of a
// frame, or a variable that has no location at its PC. It goes with that part,
// so that its JSON is made once. Who changes the part has to drop it.
type Constant struct {
	json   []byte
	number int
}

// Number tells it from the others of the same [Constants], which count from 0.
func (c *Constant) Number() int { return c.number }

// Constants makes constants, equal ones once. The zero value has none yet.
// Not safe for concurrent use; what it made may be read by many.
type Constants struct{ all map[string]*Constant }

// MaxConstants bounds what a Constants makes: damaged stacks have many frames.
const MaxConstants = 1 << 14

func (m *Constants) of(json []byte) *Constant {
	c, ok := m.all[string(json)]
	if !ok && len(m.all) < MaxConstants {
		if m.all == nil {
			m.all = map[string]*Constant{}
		}
		c = &Constant{json, len(m.all)}
		m.all[string(json)] = c
	}
	return c
}

// Head makes a constant of what a frame has of its function, and of its place.
func (m *Constants) Head(f *Frame) { f.constant = m.of(f.appendHead(nil)) }

// Whole makes a constant of a variable.
func (m *Constants) Whole(v *Variable) { v.constant = m.of(v.appendFields(nil)) }

// Constant is what Head made of f or of the frame that f is a copy of, or nil.
func (f *Frame) Constant() *Constant { return f.constant }

// Constant is what Whole made of v or of the variable that v is a copy of, or nil.
func (v *Variable) Constant() *Constant { return v.constant }

// DropConstant has to be called when the head of f was changed.
func (f *Frame) DropConstant() { f.constant = nil }

// DropConstant has to be called when v was changed.
func (v *Variable) DropConstant() { v.constant = nil }

// ConstantHolds reports whether the constant of f says what its fields do.
func (f *Frame) ConstantHolds() bool {
	return f.constant != nil && bytes.Equal(f.constant.json, f.appendHead(nil))
}

// ConstantHolds reports whether the constant of v says what its fields do.
func (v *Variable) ConstantHolds() bool {
	return v.constant != nil && bytes.Equal(v.constant.json, v.appendFields(nil))
}
