package redact

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/report"
)

// A number can be what was found secret: a damaged core has goroutines whose ID is
// by chance a card's number, which a message about them repeats.

// numbers sets the numbers below v that show a secret to 0. Values were looked
// at before, see [dropper.numbered].
func (d *dropper) numbers(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			d.numbers(v.Elem())
		}
	case reflect.Slice:
		d.listed(v)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[report.Value]() {
			return
		}
		before := d.n.Dropped
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); f.IsExported() && name != "-" {
				d.u.loc.push(name, noIndex)
				d.numbers(v.Field(i))
				d.u.loc.pop()
			}
		}
		if c, ok := v.Addr().Interface().(constant); ok && d.n.Dropped > before {
			c.DropConstant()
		}
	default:
		if v.CanSet() && d.shows(v) {
			v.SetZero()
			d.dropped()
		}
	}
}

// listed is numbers for the elements of a list.
func (d *dropper) listed(v reflect.Value) {
	if v.Type().Elem().Kind() == reflect.String {
		return
	}
	at, sink := len(d.u.loc.parts)-1, d.u.sink
	for i := range v.Len() {
		d.u.loc.parts[at].index = i
		e := v.Index(i)
		if g, ok := e.Addr().Interface().(*report.Goroutine); ok {
			d.u.sink = &g.Redactions
		}
		d.numbers(e)
	}
	d.u.loc.parts[at].index, d.u.sink = noIndex, sink
}

// numbered reports whether one of the numbers beside the text of a value shows a
// secret.
func (d *dropper) numbered(v *report.Value) bool {
	return d.shows(reflect.ValueOf(v.Len)) || d.shows(reflect.ValueOf(v.Cap)) || d.shows(reflect.ValueOf(v.Retained)) ||
		d.shows(reflect.ValueOf(v.Addr)) || d.shows(reflect.ValueOf(v.Target))
}

// shows reports whether a number is written as a text with a secret in it: in
// decimal or, as addresses are, in hexadecimal digits.
func (d *dropper) shows(v reflect.Value) bool {
	var forms [2]string
	switch {
	case v.CanInt():
		n := v.Int()
		forms = [...]string{strconv.FormatInt(n, 10), strconv.FormatInt(n, 16)}
	case v.CanUint():
		n := v.Uint()
		forms = [...]string{strconv.FormatUint(n, 10), strconv.FormatUint(n, 16)}
	case v.CanFloat():
		n := v.Float()
		forms = [...]string{strconv.FormatFloat(n, 'g', -1, 64), strconv.FormatFloat(n, 'f', -1, 64)}
	}
	for _, s := range forms {
		if len(s) < minSpread {
			continue
		}
		for _, form := range [...]string{s, "0x" + s, strings.Repeat("0", max(0, 16-len(s))) + s} {
			if found, _ := d.scan.find(form); found {
				return true
			}
		}
	}
	return false
}
