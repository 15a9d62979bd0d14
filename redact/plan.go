package redact

import (
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/safedump/sdcore/report"
)

// decision is what a struct tag of the report model says about a string field;
// report/doc.go defines them.
type decision uint8

const (
	undecided decision = iota
	decideText
	decideName
	decidePath
	decideArgs
	decideValue
	decideCode
	decideSafe
)

func (d decision) String() string {
	return [...]string{"", "text", "name", "path", "args", "value", "code", "safe"}[d]
}

// shape is what a field looks like to the walk.
type shape uint8

const (
	shapeOther   shape = iota // no strings: copied with the struct
	shapeNumbers              // a slice without strings
	shapeString
	shapeStrings
	shapeStruct
	shapePointer
	shapeSlice
	shapeValue    // a report.Value
	shapeValuePtr // a *report.Value
	shapeCounts   // a map from names of rules to counts
)

// structPlan is how a struct type of the report model is walked.
type structPlan struct {
	typ    reflect.Type
	fields []fieldPlan
	// name is the index in fields of the name that decides about the values
	// beside it, -1 for none.
	name int
	// direct, where it is set, does what the plan says without reflection.
	direct func(u *run, v reflect.Value, vis visitor)
}

// String writes down what is walked and how: "name:decision" for a string,
// braces for what is in a struct, brackets for elements.
func (p *structPlan) String() string {
	var list []string
	for i := range p.fields {
		f := &p.fields[i]
		switch f.shape {
		case shapeString:
			list = append(list, f.json+":"+f.decision.String())
		case shapeStrings:
			list = append(list, f.json+"[]:"+f.decision.String())
		case shapeStruct, shapePointer:
			list = append(list, f.json+"{"+f.elem.String()+"}")
		case shapeSlice:
			list = append(list, f.json+"["+f.elem.String()+"]")
		case shapeValue, shapeValuePtr:
			list = append(list, f.json+":tree")
		}
	}
	return strings.Join(list, " ")
}

// of is the plan of the elements of a list that t is the type of, nil for none.
func (p *structPlan) of(t reflect.Type) *structPlan {
	for i := range p.fields {
		if e := p.fields[i].elem; e != nil && e.typ == t {
			return e
		}
	}
	return nil
}

type fieldPlan struct {
	index    int
	json     string
	shape    shape
	decision decision
	elem     *structPlan
}

// reportPlan plans the walk over a report. It fails when a string field has no
// decision: a report that nobody thought about is not let through.
func reportPlan() (*structPlan, error) {
	done := map[reflect.Type]*structPlan{}
	p, err := planOf(reflect.TypeFor[report.Report](), done)
	if err == nil {
		err = walkDirectly(done)
	}
	if err == nil {
		err = checkTree()
	}
	return p, err
}

func planOf(t reflect.Type, done map[reflect.Type]*structPlan) (*structPlan, error) {
	if p := done[t]; p != nil {
		return p, nil
	}
	p := &structPlan{typ: t, name: -1}
	done[t] = p
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type == reflect.TypeFor[*report.Constant]() {
			continue // judged as what it stands for, see run.once
		}
		fp, err := planField(f, done)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", t, f.Name, err)
		}
		if fp.shape == shapeOther {
			continue
		}
		fp.index = i
		fp.json, _, _ = strings.Cut(f.Tag.Get("json"), ",")
		if fp.shape == shapeString && fp.decision == decideName {
			p.name = len(p.fields)
		}
		p.fields = append(p.fields, fp)
	}
	return p, nil
}

func planField(f reflect.StructField, done map[reflect.Type]*structPlan) (fp fieldPlan, err error) {
	valueType, timeType := reflect.TypeFor[report.Value](), reflect.TypeFor[time.Time]()
	t := f.Type
	holder := t // the type that says whether there are strings
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		holder = t.Elem()
	}
	switch {
	case holder.Kind() == reflect.String:
		fp.decision, err = decisionOf(f)
		fp.shape = map[reflect.Kind]shape{reflect.String: shapeString, reflect.Slice: shapeStrings}[t.Kind()]
	case t == valueType:
		fp.shape = shapeValue
	case holder == valueType && t.Kind() == reflect.Pointer:
		fp.shape = shapeValuePtr
	case holder == timeType && t == holder, scalar(t):
		return fp, nil
	case t.Kind() == reflect.Slice && scalar(holder) && holder.Kind() != reflect.Uint8:
		fp.shape = shapeNumbers
	case t.Kind() == reflect.Map && t.Key().Kind() == reflect.String && scalar(t.Elem()):
		fp.shape = shapeCounts
		if fp.decision, err = decisionOf(f); err == nil && fp.decision != decideSafe {
			err = fmt.Errorf("keys of a map must be safe")
		}
	case holder.Kind() == reflect.Struct:
		fp.shape = map[reflect.Kind]shape{reflect.Struct: shapeStruct, reflect.Pointer: shapePointer, reflect.Slice: shapeSlice}[t.Kind()]
		fp.elem, err = planOf(holder, done)
	}
	if err == nil && fp.shape == shapeOther {
		err = fmt.Errorf("no way is known to redact a %s", t)
	}
	return fp, err
}

func scalar(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Float32, reflect.Float64:
		return true
	}
	return t.Kind() >= reflect.Int && t.Kind() <= reflect.Uintptr
}

// decisionOf reads the redact tag of a string field.
func decisionOf(f reflect.StructField) (decision, error) {
	tag, ok := f.Tag.Lookup("redact")
	if !ok {
		return undecided, fmt.Errorf("string field without a redact tag")
	}
	for d := decideText; d <= decideSafe; d++ {
		if d.String() == tag {
			return d, nil
		}
	}
	return undecided, fmt.Errorf("redact tag %q is none of the known ones", tag)
}
