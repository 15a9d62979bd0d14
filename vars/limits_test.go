package vars

import (
	"reflect"
	"testing"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

func TestCycles(t *testing.T) {
	w := newWorld()
	r := w.reader(Options{})

	node := structOf("main.Node", 16, field("V", 0, intType))
	node.Fields = append(node.Fields, field("Next", 8, ptrTo(node)))
	a := w.words(1, 0)
	b := w.words(2, a)
	w.set(a+8, b)

	chanC := &gotype.Type{Name: "main.C", Kind: reflect.Chan, Size: 8}
	chanC.Elem = chanC
	h := w.hchan(1, 1, w.words(0), 0, 0)
	w.set(w.word(h+16), h)

	sliceS := &gotype.Type{Name: "main.S", Kind: reflect.Slice, Size: 24}
	sliceS.Elem = sliceS
	s := w.words(0, 1, 1)
	w.set(s, s)

	ptrP := &gotype.Type{Name: "main.P", Kind: reflect.Pointer, Size: 8}
	ptrP.Elem = ptrP
	p := w.words(0)
	w.set(p, p)

	iface := w.words(0, 0)
	w.set(iface, w.descriptor(anyType, false))
	w.set(iface+8, iface)

	mapM := mapOf(intType, intType)
	mapM.Elem = mapM
	m := w.words(1, 0, 0, 0, 0, 0)
	w.set(m+16, w.alloc(append([]byte{5, 128, 128, 128, 128, 128, 128, 128}, make([]byte, 128)...)))
	w.set(w.word(m+16)+16, m)

	for _, tt := range []struct {
		t    *gotype.Type
		addr uint64
	}{{node, a}, {chanC, w.words(h)}, {sliceS, s}, {ptrP, p}, {anyType, iface}, {mapM, w.words(m)}} {
		v := r.Value(tt.t, tt.addr)
		well(t, &v)
		cycles := 0
		walk(&v, func(x *report.Value) {
			if x.State == report.StateCycle {
				cycles++
			}
		})
		if cycles != 1 || count(&v) > 12 {
			t.Errorf("%s: %d values, %d cycles: %+v", tt.t.Name, count(&v), cycles, v)
		}
	}
	// By path a cycle has no end.
	v, err := r.Eval(r.AddrRoot(node, a), tailOf(mustPath(t, "x.Next.Next.Next.Next.Next.Next.Next.Next.Next.V")))
	if err != nil || v.Text != "2" {
		t.Errorf("round and round: %+v, %v", v, err)
	}
}

// word reads a word back.
func (w *world) word(addr uint64) uint64 {
	b, _, _ := w.View(addr, 8)
	return unsigned(b)
}

func TestLimits(t *testing.T) {
	w := newWorld()
	list := structOf("main.List", 16, field("V", 0, intType))
	list.Fields = append(list.Fields, field("Next", 8, ptrTo(list)))
	addr := uint64(0)
	for i := range 100 {
		addr = w.words(uint64(i), addr)
	}
	v := w.reader(Options{}).Value(list, addr)
	budget := 0
	walk(&v, func(x *report.Value) {
		if x.State == report.StateBudget {
			budget++
		}
	})
	if budget != 1 || height(&v) != 2*MaxDepth+3 {
		t.Errorf("%d cut, height %d", budget, height(&v))
	}
	v = w.reader(Options{Limits: report.Limits{MaxDepth: -1}}).Value(list, addr)
	if height(&v) > hardLevel+3 || height(&v) < 64 {
		t.Errorf("unbounded height is %d", height(&v))
	}
	many := make([]uint64, 1000)
	ints := w.words(w.words(many...), 1000, 1000)
	v = w.reader(Options{}).Value(sliceOf(intType), ints)
	if v.State != report.StateTruncated || v.Len != 1000 || len(v.Children) != MaxItems {
		t.Errorf("%s, len %d, %d children", v.State, v.Len, len(v.Children))
	}
	v = w.reader(Options{Limits: report.Limits{MaxItems: -1, MaxNodes: 100}}).Value(sliceOf(intType), ints)
	if v.State != report.StateTruncated || len(v.Children) != 100 || v.Note == "" {
		t.Errorf("%s, %d children", v.State, len(v.Children))
	}
	// What is shallow comes first: the second field is not starved.
	two := structOf("main.Two", 48, field("A", 0, sliceOf(sliceOf(intType))), field("B", 24, sliceOf(intType)))
	row := []uint64{w.word(ints), 1000, 1000}
	var rows []uint64
	for range 50 {
		rows = append(rows, row...)
	}
	v = w.reader(Options{Limits: report.Limits{MaxNodes: 300}}).Value(two, w.words(w.words(rows...), 50, 50, row[0], 1000, 1000))
	well(t, &v)
	if n := len(v.Children[1].Value.Children); n != MaxItems {
		t.Errorf("the second field has %d elements", n)
	}
	if n := count(&v); n > 301 {
		t.Errorf("%d values", n)
	}
}

func TestStructThatHoldsItself(t *testing.T) {
	w := newWorld()
	s := structOf("main.Bad", 8)
	s.Fields = []gotype.Field{field("A", 0, s), field("B", 0, s)}
	v := w.reader(Options{Limits: report.Limits{MaxNodes: 1 << 16, MaxDepth: -1, MaxItems: -1}}).Value(s, w.words(1))
	if n := count(&v); n > 1<<16+1 {
		t.Errorf("%d values", n)
	}
	s.Fields = s.Fields[:1]
	v = w.reader(Options{Limits: report.Limits{MaxNodes: -1}}).Value(s, w.words(1))
	if h := height(&v); h > hardLevel+2 {
		t.Errorf("height %d", h)
	}
	s.Fields = []gotype.Field{field("A", -8, intType), field("B", 1<<62, intType), field("C", 4, intType), field("D", 0, nil)}
	v = w.reader(Options{}).Value(s, w.words(1))
	for _, c := range v.Children {
		if c.Value.State != report.StateUnreadable {
			t.Errorf("%s: %+v", c.Name, c.Value)
		}
	}
}
