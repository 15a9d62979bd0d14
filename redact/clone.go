package redact

import (
	"reflect"

	"github.com/safedump/sdcore/report"
)

// Bounds of what is copied: values nested deeper than maxDepth, all beyond
// maxNodes below one variable, and exceptions nested deeper than maxNested are
// dropped. report.Validate allows no more either.
const (
	maxDepth  = report.MaxValueDepth - 1
	maxNodes  = 1 << 21
	maxNested = 100
)

// cloner copies a report, so that the caller's stays as it is, and bounds it.
type cloner struct {
	maxNodes int  // of one variable
	inPlace  bool // bounds values without copying them

	nodes   int
	nested  int
	dropped int

	// Where the copies lie: what there is much of is not allocated one by one.
	frames slab[report.Frame]
	vars   slab[report.Variable]
	kids   slab[report.Child]
	keys   slab[report.Value]
}

// reuse lets the next copies lie where those before do, which are not needed any
// more.
func (c *cloner) reuse() {
	c.frames.room, c.vars.room, c.kids.room, c.keys.room = c.frames.whole, c.vars.whole, c.kids.whole, c.keys.whole
}

// slab hands out room from larger pieces of memory: what is left of the last one.
type slab[T any] struct{ whole, room []T }

// Elements of a piece.
const (
	minSlab = 1 << 5
	maxSlab = 1 << 10
)

// copyOf is a copy of a list that is not nil.
func (s *slab[T]) copyOf(list []T) []T {
	n := len(list)
	if n > maxSlab/4 {
		return append(make([]T, 0, n), list...)
	}
	for n > len(s.room) {
		s.whole = make([]T, min(max(2*len(s.whole), minSlab), maxSlab))
		s.room = s.whole
	}
	out := s.room[:n:n]
	s.room = s.room[n:]
	if n == 0 {
		out = []T{}
	}
	copy(out, list)
	return out
}

func (c *cloner) report(r *report.Report, plan *structPlan) *report.Report {
	out := *r
	c.fields(reflect.ValueOf(&out).Elem(), plan)
	return &out
}

// fields replaces what v, a shallow copy, shares with the original.
func (c *cloner) fields(v reflect.Value, plan *structPlan) {
	c.nested++
	for i := range plan.fields {
		c.field(v.Field(plan.fields[i].index), &plan.fields[i])
	}
	c.nested--
}

func (c *cloner) field(f reflect.Value, fp *fieldPlan) {
	switch fp.shape {
	case shapeStruct:
		c.fields(f, fp.elem)
	case shapeValue:
		c.root(f.Addr().Interface().(*report.Value))
	case shapeString, shapeOther:
		return
	}
	if k := f.Kind(); k != reflect.Slice && k != reflect.Map && k != reflect.Pointer || f.IsNil() {
		return
	}
	if c.nested >= maxNested && fp.elem != nil {
		if k := f.Kind(); k == reflect.Pointer || f.Len() > 0 {
			c.dropped++
		}
		f.SetZero()
		return
	}
	switch fp.shape {
	case shapeValuePtr:
		v := *f.Interface().(*report.Value)
		c.root(&v)
		f.Set(reflect.ValueOf(&v))
	case shapePointer:
		p := reflect.New(fp.elem.typ)
		p.Elem().Set(f.Elem())
		c.fields(p.Elem(), fp.elem)
		f.Set(p)
	case shapeStrings, shapeNumbers, shapeSlice:
		switch list := f.Addr().Interface().(type) {
		case *[]report.Frame:
			*list = c.frames.copyOf(*list)
		case *[]report.Variable:
			*list = c.vars.copyOf(*list)
		default:
			s := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
			reflect.Copy(s, f)
			f.Set(s)
		}
		s := f
		for i := 0; fp.shape == shapeSlice && i < s.Len(); i++ {
			c.fields(s.Index(i), fp.elem)
		}
	case shapeCounts:
		m := reflect.MakeMapWithSize(f.Type(), f.Len())
		for it := f.MapRange(); it.Next(); {
			m.SetMapIndex(it.Key(), it.Value())
		}
		f.Set(m)
	}
}

// bound drops, in place, what is below the value of one variable beyond the
// bounds, and returns how many values that were. A copy is within them.
func bound(v *report.Value) (dropped int) {
	c := cloner{maxNodes: maxNodes, inPlace: true}
	c.root(v)
	return c.dropped
}

// root copies what is below the value of one variable.
func (c *cloner) root(v *report.Value) {
	c.nodes = 0
	c.value(v, 0)
}

func (c *cloner) value(v *report.Value, depth int) {
	if c.nodes++; depth > maxDepth || c.nodes > c.maxNodes {
		if v.State == report.StateRedacted && v.Children == nil {
			return // dropped before
		}
		*v = report.Value{State: report.StateRedacted, Kind: v.Kind, Type: v.Type}
		c.dropped++
		return
	}
	if v.Children == nil {
		return
	}
	if !c.inPlace {
		v.Children = c.kids.copyOf(v.Children)
	}
	kids := v.Children
	for i := range kids {
		if k := kids[i].Key; k != nil {
			if !c.inPlace {
				k = &c.keys.copyOf([]report.Value{*k})[0]
				kids[i].Key = k
			}
			c.value(k, depth+1)
		}
		c.value(&kids[i].Value, depth+1)
		if c.nodes > c.maxNodes {
			// What is left would only be markers that say the same.
			v.Children = kids[:i+1]
			return
		}
	}
}
