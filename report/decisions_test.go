package report_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/safedump/sdcore/report"
)

// decisions are the values of a redact tag; see the package's documentation.
var decisions = []string{"text", "name", "path", "args", "value", "code", "safe"}

// undecided lists what can hold text in a type, and below it, without a decision
// about it. Whatever is not known to hold none counts as text: bytes, raw JSON,
// interfaces, functions.
func undecided(t reflect.Type, where string, tag reflect.StructTag, seen map[reflect.Type]bool) []string {
	if t == reflect.TypeFor[*report.Constant]() || t.String() == "time.Time" {
		return nil // stands for the fields beside it; a number
	}
	switch k := t.Kind(); k {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr, reflect.Float32, reflect.Float64:
		return nil
	case reflect.Pointer, reflect.Array, reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			return undecided(t.Elem(), where, tag, seen)
		}
	case reflect.Struct:
		if seen[t] {
			return nil
		}
		seen[t] = true
		var out []string
		for i := range t.NumField() {
			f := t.Field(i)
			out = append(out, undecided(f.Type, where+"."+f.Name, f.Tag, seen)...)
		}
		return out
	case reflect.Map:
		// Of a map both sides need one; the tag of the field is that of the keys.
		if decided(tag) && t.Key().Kind() == reflect.String {
			return undecided(t.Elem(), where+"[]", "", seen)
		}
	case reflect.String:
		if decided(tag) {
			return nil
		}
	}
	return []string{fmt.Sprintf("%s %s", where, t)}
}

func decided(tag reflect.StructTag) bool { return slices.Contains(decisions, tag.Get("redact")) }

// TestEveryStringOfTheModelIsDecided: the report, a file in Safedump's schema, and
// what else of this package is written.
func TestEveryStringOfTheModelIsDecided(t *testing.T) {
	// The metadata of a document: what is under "sdcore" there is a Report, and no
	// other key is read or written.
	const known = "Document.Metadata map[string]json.RawMessage"
	seen := map[reflect.Type]bool{}
	for _, typ := range []reflect.Type{reflect.TypeFor[report.Report](), reflect.TypeFor[report.Document](), reflect.TypeFor[report.Value]()} {
		for _, what := range undecided(typ, typ.Name(), "", seen) {
			if what != known {
				t.Errorf("%s has no redact tag that is known", what)
			}
		}
	}
	if len(seen) < 35 {
		t.Errorf("only %d structs were looked at", len(seen))
	}
}

// TestUndecided: the test above finds a field of any form.
func TestUndecided(t *testing.T) {
	type inner struct {
		OK string `redact:"text"`
		S  string
	}
	for _, v := range []any{
		struct{ S string }{}, struct{ S *string }{}, struct{ S []string }{}, struct{ S [][]string }{}, struct{ S [2]string }{},
		struct{ M map[string]int }{}, struct{ M map[int]string }{},
		struct {
			M map[string]string `redact:"text"`
		}{},
		struct{ R json.RawMessage }{}, struct{ B []byte }{}, struct{ A any }{}, struct{ F func() string }{}, struct{ E error }{},
		struct{ I inner }{}, struct{ I *inner }{}, struct{ I []inner }{}, struct{ I map[string]inner }{}, struct{ s string }{},
		struct {
			S string `redact:"maybe"`
		}{},
		struct{ C chan string }{},
	} {
		if got := undecided(reflect.TypeOf(v), "T", "", map[reflect.Type]bool{}); len(got) != 1 {
			t.Errorf("%T: %s", v, strings.Join(got, ", "))
		}
	}
	if got := undecided(reflect.TypeFor[struct {
		N []uint64
		S []string       `redact:"args"`
		M map[string]int `redact:"safe"`
		P *struct{ X float64 }
	}](), "T", "", map[reflect.Type]bool{}); len(got) != 0 {
		t.Errorf("decided: %s", got)
	}
}
