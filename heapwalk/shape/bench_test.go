package shape

import (
	"reflect"
	"testing"
)

// BenchmarkEdges is what an object costs: a node of a tree, a struct with an
// interface, one with a func.
func BenchmarkEdges(b *testing.B) {
	f := newFakes()
	i, _, str, _, fn, eface, _ := basics()
	node := typeOf("main.node", reflect.Struct, 24)
	*node = *structOf("main.node", "left", ptrTo(node), "right", ptrTo(node), "n", i)
	thing := structOf("main.thing", "p", ptrTo(i))
	desc := f.describe(thing, 8, 0)
	f.funcs[0x1000] = "main.f.func1"
	closure := f.mem.put(0x1000)
	for _, bb := range []struct {
		name  string
		id    func(t *Table) ID
		words []uint64
	}{
		{"node", func(t *Table) ID { return t.Of(node) }, []uint64{5, 6, 7}},
		{"leaf", func(t *Table) ID { return t.Of(node) }, []uint64{0, 0, 7}},
		{"string", func(t *Table) ID { return t.Of(str) }, []uint64{5, 6}},
		{"interface", func(t *Table) ID { return t.Of(eface) }, []uint64{desc, 5}},
		{"func", func(t *Table) ID { return t.Of(fn) }, []uint64{closure}},
		{"array", func(t *Table) ID { return t.Of(arrayOf(100, ptrTo(i))) }, make([]uint64, 100)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			tab := f.table()
			id, value, w, n := bb.id(tab), wordBytes(bb.words...), tab.Walker(), 0
			visit := func(*Edge) { n++ }
			b.ReportAllocs()
			for b.Loop() {
				w.Edges(id, value, visit)
			}
		})
	}
}
