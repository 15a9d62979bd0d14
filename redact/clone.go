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
		s := reflect.MakeSlice(f.Type(), f.Len(), f.Len())
		reflect.Copy(s, f)
		f.Set(s)
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
		v.Children = append(make([]report.Child, 0, len(v.Children)), v.Children...)
	}
	kids := v.Children
	for i := range kids {
		if k := kids[i].Key; k != nil {
			if !c.inPlace {
				k = new(report.Value)
				*k = *kids[i].Key
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
