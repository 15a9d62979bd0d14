package redact

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/safedump/sdcore/report"
)

// What the walk over value trees does, as the strings of a value have to read. It
// is written out in value.go and children.go; where the model says something
// else, New fails.
const valuePlan = "state:safe kind:safe type:code text:value children[name:name Tag:safe key:tree value:tree] note:text"

// checkTree makes sure that there is no string in a value tree that the walk
// knows nothing of.
func checkTree() error {
	got, err := treePlan(reflect.TypeFor[report.Value]())
	if err == nil && got != valuePlan {
		err = fmt.Errorf("a value is %s, but it is walked as %s", got, valuePlan)
	}
	return err
}

// treePlan writes down the strings of a struct of a value tree with their
// decisions.
func treePlan(t reflect.Type) (string, error) {
	var list []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			name = f.Name
		}
		typ := f.Type
		if typ.Kind() == reflect.Pointer {
			typ = typ.Elem()
		}
		switch {
		case scalar(f.Type):
			continue
		case typ == reflect.TypeFor[report.Value]():
			list = append(list, name+":tree")
		case typ.Kind() == reflect.String:
			d, err := decisionOf(f)
			if err != nil {
				return "", fmt.Errorf("%s.%s: %w", t, f.Name, err)
			}
			list = append(list, name+":"+d.String())
		case f.Type == reflect.TypeFor[[]report.Child]():
			parts, err := treePlan(typ.Elem())
			if err != nil {
				return "", err
			}
			list = append(list, name+"["+parts+"]")
		default:
			return "", fmt.Errorf("%s.%s: no way is known to redact a %s", t, f.Name, f.Type)
		}
	}
	return strings.Join(list, " "), nil
}
