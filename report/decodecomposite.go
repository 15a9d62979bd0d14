package report

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// list fills in elements.
func (f *filler) list(dst reflect.Value, v *Value, t *trail) {
	n := len(v.Children)
	if v.State == StateOK && int64(n) < v.Len {
		f.fail(t, StateTruncated, v.Note)
	}
	switch dst.Kind() {
	case reflect.Slice:
		dst.Set(reflect.MakeSlice(dst.Type(), n, n))
	case reflect.Array:
		if !f.sized(dst, v, n, t) {
			return
		}
	case reflect.String:
		if v.Kind != KindBytes {
			f.mismatch(dst, v, t)
			return
		}
		bytes := reflect.New(reflect.TypeFor[[]byte]()).Elem()
		f.list(bytes, v, t)
		dst.SetString(string(bytes.Bytes()))
		return
	default:
		f.mismatch(dst, v, t)
		return
	}
	for i := range v.Children {
		f.value(dst.Index(i), &v.Children[i].Value, t.to("["+strconv.Itoa(i)+"]"))
	}
}

// mapping fills in a map from a map.
func (f *filler) mapping(dst reflect.Value, v *Value, t *trail) {
	if dst.Kind() != reflect.Map {
		f.mismatch(dst, v, t)
		return
	}
	if v.State == StateOK && int64(len(v.Children)) < v.Len {
		f.fail(t, StateTruncated, v.Note)
	}
	if dst.IsNil() {
		dst.Set(reflect.MakeMap(dst.Type()))
	}
	for i := range v.Children {
		c := &v.Children[i]
		step := "[entry " + strconv.Itoa(i) + "]"
		if c.Key == nil {
			f.fail(t.to(step), StateUnreadable, "it has no key")
			continue
		}
		key := reflect.New(dst.Type().Key()).Elem()
		if !f.whole(key, c.Key, t.to("[key of entry "+strconv.Itoa(i)+"]")) {
			continue
		}
		if !key.Comparable() { // a slice or map in an interface
			f.fail(t.to(step), StateOK, "its key can't be a key of "+dst.Type().String())
			continue
		}
		f.entry(dst, key, &c.Value, t.to(step))
	}
}

// whole fills dst and reports whether all of it is known: half a key would be
// another one.
func (f *filler) whole(dst reflect.Value, v *Value, t *trail) bool {
	before := len(f.errs) + f.left
	f.value(dst, v, t)
	return len(f.errs)+f.left == before
}

// entry puts a value into a map, unless nothing of it is known.
func (f *filler) entry(dst, key reflect.Value, v *Value, t *trail) {
	elem := reflect.New(dst.Type().Elem()).Elem()
	if f.whole(elem, v, t) || !elem.IsZero() {
		dst.SetMapIndex(key, elem)
	}
}

// structure fills in a struct's fields, or the entries of a map with their
// names.
func (f *filler) structure(dst reflect.Value, v *Value, t *trail) {
	switch {
	case dst.Kind() == reflect.Struct:
		f.fields(dst, v, t, 0)
	case dst.Kind() == reflect.Map && dst.Type().Key().Kind() == reflect.String:
		if dst.IsNil() {
			dst.Set(reflect.MakeMap(dst.Type()))
		}
		for i := range v.Children {
			c := &v.Children[i]
			if c.Name == "_" {
				continue
			}
			key := reflect.New(dst.Type().Key()).Elem()
			key.SetString(c.Name)
			f.entry(dst, key, &c.Value, t.to("."+c.Name))
		}
	default:
		f.mismatch(dst, v, t)
	}
}

// maxEmbedded bounds how deep embedded structs are looked into.
const maxEmbedded = 8

// fields fills in the fields of a struct and reports whether v had any of them.
func (f *filler) fields(dst reflect.Value, v *Value, t *trail, level int) (found bool) {
	typ := dst.Type()
	for i := range typ.NumField() {
		sf := typ.Field(i)
		name := sf.Tag.Get("sdcore")
		if name == "-" || sf.Name == "_" {
			continue
		}
		tagged := name != ""
		if !tagged {
			name = sf.Name
		}
		c := v.child(name)
		switch {
		case c == nil && sf.Anonymous && !tagged && level < maxEmbedded:
			found = f.promoted(dst.Field(i), v, t, level+1) || found
		case c == nil:
		case sf.IsExported():
			found = true
			f.value(dst.Field(i), c, t.to("."+name))
		case sf.Anonymous && sf.Type.Kind() == reflect.Struct && c.Kind == KindStruct:
			// The fields of an embedded struct can be set where its own can't.
			found = true
			if step := t.to("." + name); f.usable(c, step) && step.depth <= maxDecodeDepth {
				f.fields(dst.Field(i), c, step, level+1)
			}
		case !c.IsZero():
			found = true
			f.fail(t.to("."+name), StateOK, fmt.Sprintf("the field of %s is not exported", typ))
		}
	}
	return found
}

// promoted fills in the fields of an embedded struct from fields that v has
// itself.
func (f *filler) promoted(dst reflect.Value, v *Value, t *trail, level int) bool {
	switch {
	case dst.Kind() == reflect.Struct:
		return f.fields(dst, v, t, level)
	case dst.Kind() != reflect.Pointer || dst.Type().Elem().Kind() != reflect.Struct || !dst.CanSet():
		return false
	case !dst.IsNil():
		return f.fields(dst.Elem(), v, t, level)
	}
	p := reflect.New(dst.Type().Elem())
	found := f.fields(p.Elem(), v, t, level)
	if found {
		dst.Set(p)
	}
	return found
}

// child finds a field by name, then by name in any case, then among those of
// embedded structs.
func (v *Value) child(name string) *Value {
	var folded *Value
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil || c.Name == "_" {
			continue
		}
		if c.Name == name {
			return &c.Value
		}
		if folded == nil && strings.EqualFold(c.Name, name) {
			folded = &c.Value
		}
	}
	if folded != nil {
		return folded
	}
	if c, err := v.field(name); err == nil && name != "_" {
		return c
	}
	return nil
}
