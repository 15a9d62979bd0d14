package crash

import (
	"strconv"
	"strings"
)

// bounds is the text of a runtime.boundsError (runtime/error.go, Go 1.26),
// with the program's own formats.
func (o object) bounds() (string, bool) {
	_, xAt, ok1 := o.field("x")
	_, yAt, ok2 := o.field("y")
	_, signedAt, ok3 := o.field("signed")
	_, codeAt, ok4 := o.field("code")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return "", false
	}
	xv, err1 := o.x.mem.Uint64(xAt)
	yv, err2 := o.x.mem.Uint64(yAt)
	signed, err3 := o.x.mem.Uint8(signedAt)
	code, err4 := o.x.mem.Uint8(codeAt)
	if err1 != nil || err2 != nil || err3 != nil || err4 != nil {
		return "", false
	}
	table := "runtime.boundsErrorFmts"
	if signed != 0 && int64(xv) < 0 {
		table = "runtime.boundsNegErrorFmts"
	}
	format, ok := o.x.tableText(table, uint64(code))
	if !ok {
		return "", false
	}
	xs := strconv.FormatUint(xv, 10)
	if signed != 0 {
		xs = strconv.FormatInt(int64(xv), 10)
	}
	return "runtime error: " + strings.NewReplacer("%x", xs, "%y", strconv.FormatInt(int64(yv), 10)).Replace(format), true
}

// tableText reads an entry of a package variable that is an array of strings.
func (x *explainer) tableText(name string, i uint64) (string, bool) {
	b := x.in.Core.Binary()
	if b == nil {
		return "", false
	}
	addr, size, ok := b.Symbol(name)
	if !ok || i >= size/16 {
		return "", false
	}
	s, err := x.str(addr + x.in.Core.LoadBias() + i*16)
	return s, err == nil && s != ""
}

// assertion is the text of a *runtime.TypeAssertionError. Types of one name
// are left alone: the text then says how they differ.
func (o object) assertion() (string, bool) {
	name := func(field string) (string, uint64, bool) {
		_, at, ok := o.field(field)
		if !ok {
			return "", 0, false
		}
		desc, err := o.x.mem.Uint64(at)
		if err != nil {
			return "", 0, false
		}
		if desc == 0 {
			return "", 0, true
		}
		s, ok := o.x.printedName(o.x.dyn(desc, 0, 0))
		return s, desc, ok
	}
	inter, has, ok1 := name("_interface")
	concrete, cdesc, ok2 := name("concrete")
	asserted, _, ok3 := name("asserted")
	method, ok4 := o.str("missingMethod")
	if !ok1 || !ok2 || !ok3 || !ok4 {
		return "", false
	}
	if has == 0 {
		inter = "interface"
	}
	switch {
	case cdesc == 0:
		return "interface conversion: " + inter + " is nil, not " + asserted, true
	case method != "":
		return "interface conversion: " + concrete + " is not " + asserted + ": missing method " + method, true
	case concrete == asserted:
		return "", false
	}
	return "interface conversion: " + inter + " is " + concrete + ", not " + asserted, true
}
