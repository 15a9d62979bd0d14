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
type decision string

const (
	decideText  decision = "text"
	decideName  decision = "name"
	decidePath  decision = "path"
	decideArgs  decision = "args"
	decideValue decision = "value"
	decideCode  decision = "code"
	decideSafe  decision = "safe"
)

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
}

type fieldPlan struct {
	index    int
	json     string
	shape    shape
	decision decision
	elem     *structPlan
}

// reportPlan plans the walk over a report, and over a goroutine alone. It fails when a string field has no
// decision: a report that nobody thought about is not let through.
func reportPlan() (whole, goroutine *structPlan, err error) {
	done := map[reflect.Type]*structPlan{}
	whole, err = planOf(reflect.TypeFor[report.Report](), done)
	return whole, done[reflect.TypeFor[report.Goroutine]()], err
}

func planOf(t reflect.Type, done map[reflect.Type]*structPlan) (*structPlan, error) {
	if p := done[t]; p != nil {
		return p, nil
	}
	p := &structPlan{typ: t, name: -1}
	done[t] = p
	for i := range t.NumField() {
		f := t.Field(i)
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
		return "", fmt.Errorf("string field without a redact tag")
	}
	switch d := decision(tag); d {
	case decideText, decideName, decidePath, decideArgs, decideValue, decideCode, decideSafe:
		return d, nil
	}
	return "", fmt.Errorf("redact tag %q is none of the known ones", tag)
}
