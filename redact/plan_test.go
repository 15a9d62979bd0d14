package redact

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/safedump/sdcore/report"
)

// TestEveryStringHasADecision fails when a string field is added to the report
// model without a redact tag.
func TestEveryStringHasADecision(t *testing.T) {
	plan, err := reportPlan()
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.fields) < 10 {
		t.Errorf("the plan of a report has %d fields", len(plan.fields))
	}
}

func TestUndecidedFieldsAreRefused(t *testing.T) {
	type inner struct {
		S string
	}
	for _, c := range []struct {
		v    any
		want string
	}{
		{struct{ S string }{}, "without a redact tag"},
		{struct{ S []string }{}, "without a redact tag"},
		{struct {
			S string `redact:"maybe"`
		}{}, "none of the known ones"},
		{struct{ In []inner }{}, "without a redact tag"},
		{struct{ P *inner }{}, "without a redact tag"},
		{struct{ M map[string]int }{}, "without a redact tag"},
		{struct {
			M map[string]string `redact:"text"`
		}{}, "no way is known"},
		{struct {
			M map[string]int `redact:"text"`
		}{}, "must be safe"},
		{struct{ B []byte }{}, "no way is known"},
		{struct{ A any }{}, "no way is known"},
		{struct{ F func() }{}, "no way is known"},
		{struct{ SS [][]string }{}, "no way is known"},
		{struct{ S *string }{}, ""},
	} {
		_, err := planOf(reflect.TypeOf(c.v), map[reflect.Type]*structPlan{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%T: %v, want an error with %q", c.v, err, c.want)
		}
	}
	if _, err := planOf(reflect.TypeOf(struct {
		T time.Time
		N []uint64
		S []string `redact:"text"`
	}{}), map[reflect.Type]*structPlan{}); err != nil {
		t.Errorf("a decided struct: %v", err)
	}
}

// fillStrings puts s into every string that v holds, but for the fields that
// are sdcore's own, and gives slices and pointers an element.
func fillStrings(v reflect.Value, s string, depth int) (n int) {
	if depth > 7 {
		return 0
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag := f.Tag.Get("redact")
			if !f.IsExported() || tag == "safe" || v.Type() == reflect.TypeFor[report.Redaction]() && f.Name != "Location" {
				continue
			}
			n += fillStrings(v.Field(i), s, depth+1)
		}
	case reflect.String:
		v.SetString(s)
		n++
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return 0
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		n += fillStrings(v.Index(0), s, depth+1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		n += fillStrings(v.Elem(), s, depth+1)
	}
	return n
}

// recorder is a visitor that notes what it is shown.
type recorder struct {
	u    *run
	seen []string
}

func (r *recorder) note(what string, s *string) {
	r.seen = append(r.seen, r.u.loc.String()+" "+what+" "+*s)
	*s = what + *s
}

func (r *recorder) text(s *string, d decision)     { r.note(d.String(), s) }
func (r *recorder) named(s *string, name string)   { r.note("beside "+name, s) }
func (r *recorder) root(v *report.Value, n string) { r.note("value of "+n, &v.Text) }
func (r *recorder) list(s []string, d decision, field string) []string {
	for i := range s {
		r.note(d.String()+" of "+field, &s[i])
	}
	return append(s, "one more")
}

// TestDirectWalk compares the walk without reflection with that by the plan.
func TestDirectWalk(t *testing.T) {
	n := 0
	var fill func(v reflect.Value, depth int)
	fill = func(v reflect.Value, depth int) {
		switch v.Kind() {
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					fill(v.Field(i), depth+1)
				}
			}
		case reflect.String:
			n++
			v.SetString("s" + strconv.Itoa(n))
		case reflect.Slice:
			if depth < 8 {
				v.Set(reflect.MakeSlice(v.Type(), 2, 2))
				fill(v.Index(0), depth+1)
				fill(v.Index(1), depth+1)
			}
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), depth+1)
		}
	}
	x, err := New(Default())
	if err != nil {
		t.Fatal(err)
	}
	plan, err := planOf(reflect.TypeFor[report.Goroutine](), map[reflect.Type]*structPlan{})
	if err != nil {
		t.Fatal(err)
	}
	var g report.Goroutine
	fill(reflect.ValueOf(&g).Elem(), 0)
	walked := func(walk func(u *run, g *report.Goroutine, vis visitor)) ([]string, report.Goroutine) {
		r := recorder{u: newRun(x)}
		r.u.loc.push("goroutines", 3)
		g := copyOf(&report.Report{Goroutines: []report.Goroutine{g}}).Goroutines[0]
		walk(r.u, &g, &r)
		return r.seen, g
	}
	want, changed := walked(func(u *run, g *report.Goroutine, vis visitor) { u.walk(reflect.ValueOf(g).Elem(), plan, vis) })
	got, same := walked((*run).walkGoroutine)
	if len(want) < 50 || !reflect.DeepEqual(got, want) {
		t.Errorf("walked directly:\n%s\nby the plan:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !reflect.DeepEqual(changed, same) {
		t.Error("the walks leave different goroutines behind")
	}
}

// TestDirectWalkIsChecked: a plan that says something else is refused.
func TestDirectWalkIsChecked(t *testing.T) {
	type Goroutine struct {
		Status string `json:"status" redact:"code"`
		Fresh  string `json:"fresh" redact:"text"`
	}
	other, err := planOf(reflect.TypeFor[Goroutine](), map[reflect.Type]*structPlan{})
	if err != nil {
		t.Fatal(err)
	}
	err = walkDirectly(map[reflect.Type]*structPlan{reflect.TypeFor[report.Goroutine](): other})
	if err == nil || !strings.Contains(err.Error(), "is walked as") {
		t.Errorf("error %v", err)
	}
}

// TestEveryStringIsScanned plants a provider's token in every string of a
// report and looks for it in the result.
func TestEveryStringIsScanned(t *testing.T) {
	token := "ghp_" + rep("aB3xK9", 36)
	for tier := 0; tier <= 4; tier++ {
		r := &report.Report{}
		n := fillStrings(reflect.ValueOf(r).Elem(), "x "+token+" y", 0)
		if n < 80 {
			t.Fatalf("only %d strings were filled", n)
		}
		res, err := Apply(r, Policy{Tier: tier})
		if err != nil {
			t.Fatal(err)
		}
		if s := encode(t, res.Report()); strings.Contains(s, token[4:20]) {
			i := strings.Index(s, token[4:20])
			t.Errorf("tier %d: the token is left: %s", tier, s[max(0, i-200):i+60])
		}
	}
}
