package crash

import (
	"reflect"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// Bounds of what is found below one error.
const (
	maxSubs   = 256
	maxFields = 256
	maxNested = 3 // structs within structs that are searched
)

// walker finds the errors that errors hold.
type walker struct {
	x    *explainer
	seen map[[2]uint64]bool // type and data word
	n    int
}

// subs lists the errors that d holds: what lies in its fields of type error
// and []error, which is where Unwrap methods take them from. The methods
// themselves can't be asked.
func (w *walker) subs(d dyn, depth int) []report.Exception {
	base, addr := d.target()
	if base == nil || addr == 0 || depth >= maxErrorDepth {
		return nil
	}
	key := [2]uint64{d.desc, d.data}
	if w.seen[key] {
		return nil
	}
	w.seen[key] = true
	return w.fields(base, addr, depth, 0)
}

func (w *walker) fields(t *gotype.Type, addr uint64, depth, nested int) []report.Exception {
	if t.Kind != reflect.Struct || nested > maxNested {
		return nil
	}
	var out []report.Exception
	for i, f := range t.Fields {
		if i == maxFields || f.Type == nil || f.Offset < 0 {
			break
		}
		at := addr + uint64(f.Offset)
		switch {
		case isError(f.Type):
			if d, err := w.x.iface(f.Type, at); err == nil && d.desc != 0 {
				out = w.add(out, d, report.RelationWrapped, depth)
			}
		case f.Type.Kind == reflect.Slice && isError(f.Type.Elem):
			ds, whole := w.x.slice(f.Type, at)
			for _, d := range ds {
				out = w.add(out, d, report.RelationJoined, depth)
			}
			if !whole {
				w.x.problem(at, "not all joined errors were read")
			}
		case f.Type.Kind == reflect.Struct:
			out = append(out, w.fields(f.Type, at, depth, nested+1)...)
		}
	}
	return out
}

func (w *walker) add(out []report.Exception, d dyn, rel report.Relation, depth int) []report.Exception {
	if w.n++; w.n > maxSubs {
		return out
	}
	e := report.Exception{Type: d.name(), Module: d.module(), Relation: rel, Sub: []report.Exception{}}
	if d.typ == nil {
		e.Type, _ = w.x.printedName(d)
	}
	e.Message, _ = w.x.errorText(d, 0)
	e.Value = w.x.value(d)
	e.Sub = append(e.Sub, w.subs(d, depth+1)...)
	return append(out, e)
}

// isError reports whether t is the predeclared type error.
func isError(t *gotype.Type) bool {
	return t != nil && t.Kind == reflect.Interface && t.Name == "error"
}
