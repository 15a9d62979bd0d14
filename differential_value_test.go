package sdcore_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"go/constant"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-delve/delve/pkg/proc"

	"github.com/safedump/sdcore/corefile"
	"github.com/safedump/sdcore/internal/coretest"
	"github.com/safedump/sdcore/report"
)

// comparison is what became of comparing one value of delve's with ours.
type comparison struct {
	memory  proc.MemoryReader
	same    int      // scalars, strings, addresses and lengths that are equal
	cut     int      // parts that one of the two left out: a limit, a cycle
	silent  int      // parts that delve could not read
	unknown []string // parts that delve shows and we say we do not know
	differ  []string // parts that both show, differently
}

// maxParts bounds what is kept of one value's disagreements.
const maxParts = 8

func (c *comparison) unequal(path string, dv *proc.Variable, format string, args ...any) {
	if len(c.differ) < maxParts {
		c.differ = append(c.differ, fmt.Sprintf("%s (%s): %s", path, dv.Kind, fmt.Sprintf(format, args...)))
	}
}

func (c *comparison) equal(path string, dv *proc.Variable, got, want any) {
	if got == want {
		c.same++
		return
	}
	c.unequal(path, dv, "%v, delve has %v", got, want)
}

// value compares a value that delve's loader read with ours, as deep as both
// go.
func (c *comparison) value(path string, dv *proc.Variable, v *report.Value) {
	switch {
	case dv.Unreadable != nil:
		c.silent++
		return
	case dv.OnlyAddr, v.State == report.StateBudget, v.State == report.StateCycle:
		c.cut++
		return
	case !known(v):
		if len(c.unknown) < maxParts && loaded(dv) {
			c.unknown = append(c.unknown, fmt.Sprintf("%s (%s): %s: %s, delve has %s", path, dv.Kind, v.State, v.Note, delveText(dv)))
		}
		return
	}
	switch dv.Kind {
	case reflect.Pointer, reflect.UnsafePointer:
		c.pointer(path, dv, v)
	case reflect.Interface:
		c.iface(path, dv, v)
	case reflect.Struct:
		c.structure(path, dv, v)
	case reflect.Slice, reflect.Array:
		c.list(path, dv, v)
	case reflect.Map:
		c.mapping(path, dv, v)
	case reflect.Chan:
		c.channel(path, dv, v)
	case reflect.String:
		c.str(path, dv, v)
	case reflect.Func:
		c.function(path, dv, v)
	default:
		if dv.Value == nil {
			c.cut++
			return
		}
		c.equal(path, dv, scalarText(v), c.exactText(dv))
	}
}

// known reports whether a value has contents.
func known(v *report.Value) bool {
	return v.State == report.StateOK || v.State == report.StateTruncated || v.State == report.StateStale
}

// loaded reports whether delve read the value at all, and not its address only.
func loaded(dv *proc.Variable) bool {
	switch dv.Kind {
	case reflect.Pointer, reflect.UnsafePointer, reflect.Interface, reflect.Chan:
		return len(dv.Children) > 0
	case reflect.Struct, reflect.Slice, reflect.Array, reflect.Map:
		return len(dv.Children) > 0 || dv.Len == 0
	}
	return dv.Value != nil
}

// pointer compares an address, and what is there. Where delve has looked at a
// pointer it has one child, at the address.
func (c *comparison) pointer(path string, dv *proc.Variable, v *report.Value) {
	if len(dv.Children) == 0 {
		c.cut++
		return
	}
	target := &dv.Children[0]
	if v.Nil != (target.Addr == 0) || uint64(v.Target) != target.Addr {
		c.unequal(path, dv, "0x%x, delve has 0x%x", uint64(v.Target), target.Addr)
		return
	}
	c.same++
	if target.Addr == 0 || dv.Kind == reflect.UnsafePointer || len(v.Children) == 0 {
		return
	}
	c.value("*"+path, target, &v.Children[0].Value)
}

func (c *comparison) iface(path string, dv *proc.Variable, v *report.Value) {
	if len(dv.Children) == 0 {
		c.cut++
		return
	}
	inner := &dv.Children[0]
	isNil := inner.Kind == reflect.Invalid && inner.Addr == 0
	if v.Nil != isNil {
		c.unequal(path, dv, "nil is %v, delve says %v", v.Nil, isNil)
		return
	}
	c.same++
	if v.Nil || len(v.Children) == 0 {
		return
	}
	c.value(path+".(data)", inner, &v.Children[0].Value)
}

func (c *comparison) structure(path string, dv *proc.Variable, v *report.Value) {
	if len(dv.Children) == 0 || v.Kind == report.KindStruct && len(v.Children) == 0 {
		c.cut++
		return
	}
	if len(v.Children) > len(dv.Children) {
		c.unequal(path, dv, "%d fields, delve has %d", len(v.Children), len(dv.Children))
		return
	}
	for i := range v.Children {
		c.value(path+"."+v.Children[i].Name, &dv.Children[i], &v.Children[i].Value)
	}
}

func (c *comparison) list(path string, dv *proc.Variable, v *report.Value) {
	c.equal("len("+path+")", dv, v.Len, dv.Len)
	if dv.Kind == reflect.Slice {
		if v.Cap != 0 || v.Note == "" { // else its capacity is not known, and the note says so
			c.equal("cap("+path+")", dv, v.Cap, dv.Cap)
		}
		c.equal("&"+path+"[0]", dv, uint64(v.Target), dv.Base)
	}
	if v.Kind == report.KindBytes {
		c.bytes(path, dv, v)
		return
	}
	for i := range min(len(v.Children), len(dv.Children)) {
		c.value(fmt.Sprintf("%s[%d]", path, i), &dv.Children[i], &v.Children[i].Value)
	}
}

// bytes compares bytes that are shown as text with delve's, which are numbers.
func (c *comparison) bytes(path string, dv *proc.Variable, v *report.Value) {
	text, ok := v.Contents()
	if !ok {
		c.unequal(path, dv, "its text can't be unquoted")
		return
	}
	for i := range min(len(text), len(dv.Children)) {
		if dv.Children[i].Unreadable == nil && dv.Children[i].Value != nil {
			c.equal(fmt.Sprintf("%s[%d]", path, i), dv, strconv.Itoa(int(text[i])), delveText(&dv.Children[i]))
		}
	}
}

func (c *comparison) str(path string, dv *proc.Variable, v *report.Value) {
	text, ok := v.Contents()
	if !ok || dv.Value == nil {
		c.cut++
		return
	}
	c.equal("len("+path+")", dv, v.Len, dv.Len)
	want := constant.StringVal(dv.Value)
	n := min(len(text), len(want))
	c.equal(path, dv, strconv.Quote(text[:n]), strconv.Quote(want[:n]))
}

// mapping compares maps as sets: for each of delve's keys there is one of ours
// that is equal.
func (c *comparison) mapping(path string, dv *proc.Variable, v *report.Value) {
	c.equal("len("+path+")", dv, v.Len, dv.Len)
	if int64(len(v.Children)) < v.Len || int64(len(dv.Children)/2) < dv.Len {
		c.cut++
		return
	}
	taken := make([]bool, len(v.Children))
	for i := 0; i+1 < len(dv.Children); i += 2 {
		found := false
		for j := range v.Children {
			key := comparison{memory: c.memory}
			if taken[j] || v.Children[j].Key == nil {
				continue
			}
			if key.value("", &dv.Children[i], v.Children[j].Key); len(key.differ)+len(key.unknown) == 0 {
				taken[j], found = true, true
				c.same += key.same
				c.value(path+"["+delveText(&dv.Children[i])+"]", &dv.Children[i+1], &v.Children[j].Value)
				break
			}
		}
		if !found {
			c.unequal(path, dv, "no key %s, delve has one", delveText(&dv.Children[i]))
		}
	}
}

// channel compares lengths and what is buffered. Delve's children are the
// fields of runtime.hchan.
func (c *comparison) channel(path string, dv *proc.Variable, v *report.Value) {
	field := func(name string) *proc.Variable {
		for i := range dv.Children {
			if dv.Children[i].Name == name {
				return &dv.Children[i]
			}
		}
		return nil
	}
	if v.Nil || dv.Base == 0 {
		c.equal(path+" is nil", dv, v.Nil, dv.Base == 0)
		return
	}
	c.equal(path, dv, uint64(v.Target), dv.Base)
	count, size, at, buf := field("qcount"), field("dataqsiz"), field("recvx"), field("buf")
	if count == nil || size == nil || at == nil || buf == nil || count.Value == nil || size.Value == nil || at.Value == nil {
		c.cut++
		return
	}
	c.equal("len("+path+")", dv, strconv.FormatInt(v.Len, 10), delveText(count))
	c.equal("cap("+path+")", dv, strconv.FormatInt(v.Cap, 10), delveText(size))
	if len(buf.Children) == 0 || len(buf.Children[0].Children) == 0 {
		return
	}
	slots := buf.Children[0].Children
	first, _ := constant.Int64Val(at.Value)
	for i := range v.Children {
		if v.Cap == int64(len(slots)) {
			c.value(fmt.Sprintf("%s buffer %d", path, i), &slots[(first+int64(i))%v.Cap], &v.Children[i].Value)
		}
	}
}

// function compares the name of a func value, and what the closure holds.
func (c *comparison) function(path string, dv *proc.Variable, v *report.Value) {
	if v.Nil || dv.Base == 0 {
		c.equal(path+" is nil", dv, v.Nil, dv.Base == 0)
		return
	}
	if dv.Value == nil {
		c.cut++
		return
	}
	c.equal(path, dv, v.Text, shapeless(constant.StringVal(dv.Value)))
	for i := range v.Children {
		for j := range dv.Children {
			if dv.Children[j].Name == v.Children[i].Name {
				c.value(path+"."+v.Children[i].Name, &dv.Children[j], &v.Children[i].Value)
			}
		}
	}
}

// scalarText is a scalar of ours in the form of exactText.
func scalarText(v *report.Value) string {
	text, _ := canonical(v)
	return text
}

// exactText is delveText for numbers that go/constant has no form for: negative
// zeros, infinities and complex numbers with such parts. They are what the bits
// at delve's address are.
func (c *comparison) exactText(dv *proc.Variable) string {
	size := dv.RealType.Size()
	bits := make([]byte, 16)
	if k := dv.Kind; k != reflect.Float32 && k != reflect.Float64 && k != reflect.Complex64 && k != reflect.Complex128 || size > 16 {
		return delveText(dv)
	}
	if n, err := c.memory.ReadMemory(bits[:size], dv.Addr); err != nil || n != int(size) {
		return delveText(dv)
	}
	word := binary.LittleEndian.Uint64
	f32 := func(i int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(bits[i:]))) }
	switch dv.Kind {
	case reflect.Float32:
		return strconv.FormatFloat(f32(0), 'g', -1, 32)
	case reflect.Float64:
		return strconv.FormatFloat(math.Float64frombits(word(bits)), 'g', -1, 64)
	case reflect.Complex64:
		return strconv.FormatComplex(complex(f32(0), f32(4)), 'g', -1, 64)
	}
	return strconv.FormatComplex(complex(math.Float64frombits(word(bits)), math.Float64frombits(word(bits[8:]))), 'g', -1, 128)
}

// delveText writes a scalar of delve's as Go syntax.
func delveText(dv *proc.Variable) string {
	if dv.Value == nil {
		return fmt.Sprintf("%s at 0x%x with %d children, length %d", dv.Kind, dv.Addr, len(dv.Children), dv.Len)
	}
	if dv.Kind == reflect.Float32 || dv.Kind == reflect.Float64 {
		f, _ := constant.Float64Val(dv.Value)
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return strings.TrimSpace(dv.Value.ExactString())
}

// TestDifferencesAreSeen spoils each value before it is compared: each must be
// noticed.
func TestDifferencesAreSeen(t *testing.T) {
	d := openBoth(t, coretest.Core(t, "kinds"))
	spoilt := false
	d.spoil = func(v *report.Value) { spoilt = spoil(v) }
	seen := map[report.Kind]int{}
	d.judge = func(t *testing.T, where string, fr *corefile.Frame, e *evidence) {
		if spoilt && len(e.c.differ) == 0 && e.c.cut == 0 {
			t.Errorf("%s: a wrong value of %s (%s) is taken for right", where, e.dv.Name, e.dv.Kind)
		} else if spoilt {
			seen[report.Kind(e.dv.Kind.String())]++
		}
		spoilt = false
	}
	gs, _, err := d.stacks.Goroutines(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i := range gs {
		d.goroutine(t, &gs[i])
	}
	if len(seen) < 12 {
		t.Errorf("only %v were spoilt", seen)
	}
}

// spoil changes one thing about a value; false when it has nothing to change.
func spoil(v *report.Value) bool {
	if !known(v) {
		return false
	}
	switch v.Kind {
	case report.KindPointer, report.KindUnsafePointer, report.KindChan:
		v.Target, v.Nil = v.Target^8, false
	case report.KindInterface:
		v.Nil = !v.Nil
	case report.KindSlice, report.KindMap:
		v.Len++
	case report.KindStruct, report.KindArray:
		return slices.ContainsFunc(v.Children, func(c report.Child) bool { return c.Name != "_" }) && spoil(&v.Children[0].Value)
	case report.KindString, report.KindBytes:
		v.Len++
		v.Text = "!" + v.Text
	case report.KindFunc:
		v.Text, v.Nil = v.Text+"!", !v.Nil
	default:
		v.Text = "1" + v.Text
	}
	return true
}
