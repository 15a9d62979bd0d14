package waits

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"github.com/safedump/sdcore/corefile/gotype"
	"github.com/safedump/sdcore/report"
)

// How far values are followed to give names.
const (
	maxGlobalNodes = 200_000 // values from all package variables
	maxLocalNodes  = 2_000   // values from the variables of a frame
	maxGlobalHops  = 4
	maxLocalHops   = 3
	maxElements    = 32 // of an array or slice
	maxTypeFields  = 512
)

// found is a way to an object.
type found struct {
	name report.WaitName
	// holder is the address of the struct that the object or the channel's variable
	// is a field of, with its type; 0 where there is none.
	holder uint64
	typ    *gotype.Type
	hops   int
}

// places are the objects that names are wanted for.
type places struct {
	a     *analysis
	addrs []uint64         // of all that lie in memory of their own, ascending
	byAt  map[uint64][]int // objects by address
	types map[*gotype.Type][]part
}

func newPlaces(a *analysis, objects []int) *places {
	p := &places{a: a, byAt: map[uint64][]int{}, types: map[*gotype.Type][]part{}}
	for _, n := range objects {
		o := &a.objects[n]
		if o.addr == 0 {
			continue
		}
		if o.kind != report.WaitChannel && len(p.byAt[o.addr]) == 0 {
			p.addrs = append(p.addrs, o.addr)
		}
		p.byAt[o.addr] = append(p.byAt[o.addr], n)
	}
	slices.Sort(p.addrs)
	return p
}

// part is a part of values of a type that leads on.
type part struct {
	off  uint64
	path string
	typ  *gotype.Type
	// in is the struct that the part is a field of, with its offset.
	in      *gotype.Type
	inOff   uint64
	inField string
}

// node is a value on the way.
type node struct {
	addr  uint64
	typ   *gotype.Type
	root  *report.WaitName
	path  string
	hops  int
	word  uint64 // the value itself, where addr is 0
	known bool
	in    part // the part of the struct at inAt that points here
	inAt  uint64
}

// search follows values breadth first, so that the shortest way is found first,
// and calls each for every way to an object. It returns false when the bound ended
// it.
func (p *places) search(roots []node, maxNodes, maxHops int, each func(object int, f found)) bool {
	type visit struct {
		addr uint64
		typ  *gotype.Type
	}
	seen := map[visit]bool{}
	queue := roots
	for i := 0; i < len(queue); i++ {
		n := queue[i]
		v := visit{n.addr, n.typ}
		if n.addr != 0 && seen[v] {
			continue
		}
		if len(seen) >= maxNodes || p.a.ctx.Err() != nil {
			return false
		}
		seen[v] = true
		if n.addr != 0 {
			p.within(&n, each)
		}
		for _, part := range p.parts(n.typ) {
			queue = p.follow(queue, &n, &part, maxHops, each)
		}
	}
	return true
}

// within tells of the objects that lie in a value.
func (p *places) within(n *node, each func(int, found)) {
	i, _ := slices.BinarySearch(p.addrs, n.addr)
	for ; i < len(p.addrs) && p.addrs[i] < n.addr+uint64(n.typ.Size); i++ {
		for _, o := range p.byAt[p.addrs[i]] {
			if f, ok := p.inside(n, &p.a.objects[o]); ok {
				each(o, f)
			}
		}
	}
}

// inside describes the way from a value to an object in it. What is there has to be
// of the object's type.
func (p *places) inside(n *node, o *object) (found, bool) {
	f := found{name: *n.root, hops: n.hops}
	if n.in.in != nil { // of an object of its own
		f.holder, f.typ, f.name.Owner, f.name.Field = n.inAt+n.in.inOff, n.in.in, n.in.in.Name, n.in.inField
	}
	path, at, typ := n.path, n.addr, n.typ
	want := typeName(o.kind)
	for depth := 0; depth < 64; depth++ {
		if at == o.addr && (want == "" && typ.Kind != reflect.Struct && typ.Kind != reflect.Array || typ.Name == want) {
			f.name.Path = path
			return f, true
		}
		switch {
		case typ.Kind == reflect.Struct:
			i := slices.IndexFunc(typ.Fields, func(s gotype.Field) bool {
				return s.Type != nil && s.Offset >= 0 && at+uint64(s.Offset) <= o.addr && o.addr < at+uint64(s.Offset)+uint64(max(s.Type.Size, 0))
			})
			if i < 0 {
				return f, false
			}
			s := &typ.Fields[i]
			if typ.Package != "sync" && typ.Package != "internal/sync" {
				f.holder, f.typ, f.name.Owner, f.name.Field = at, typ, typ.Name, s.Name
			}
			path += "." + s.Name
			at, typ = at+uint64(s.Offset), s.Type
		case typ.Kind == reflect.Array && typ.Elem != nil && typ.Elem.Size > 0:
			k := (o.addr - at) / uint64(typ.Elem.Size)
			path += fmt.Sprintf("[%d]", k)
			at, typ = at+k*uint64(typ.Elem.Size), typ.Elem
		default:
			return f, false
		}
	}
	return f, false
}

// typeName is the type of objects of a kind, "" for those that have none of their
// own.
func typeName(k report.WaitKind) string {
	switch k {
	case report.WaitMutex:
		return "sync.Mutex"
	case report.WaitRWMutex:
		return "sync.RWMutex"
	case report.WaitWaitGroup:
		return "sync.WaitGroup"
	case report.WaitCond:
		return "sync.Cond"
	case report.WaitOnce:
		return "sync.Once"
	}
	return ""
}

// follow goes on from a part of a value: to a channel that is looked for, or to
// what the part points to.
func (p *places) follow(queue []node, n *node, part *part, maxHops int, each func(int, found)) []node {
	w := n.word
	if n.addr != 0 {
		var err error
		if w, err = p.a.in.Memory.Uint64(n.addr + part.off); err != nil {
			return queue
		}
	} else if !n.known || part.off != 0 {
		return queue
	}
	if w == 0 {
		return queue
	}
	path := n.path + part.path
	switch part.typ.Kind {
	case reflect.Chan:
		for _, o := range p.byAt[w] {
			if p.a.objects[o].kind != report.WaitChannel {
				continue
			}
			f := found{name: *n.root, hops: n.hops}
			f.name.Path = path
			if part.in != nil {
				f.holder, f.typ, f.name.Owner, f.name.Field = n.addr+part.inOff, part.in, part.in.Name, part.inField
			}
			each(o, f)
		}
	case reflect.Pointer:
		if n.hops < maxHops && part.typ.Elem != nil {
			next := node{addr: w, typ: part.typ.Elem, root: n.root, path: path, hops: n.hops + 1}
			if n.addr != 0 {
				next.in, next.inAt = *part, n.addr
			}
			queue = append(queue, next)
		}
	case reflect.Slice:
		queue = p.elements(queue, n, part, path, w, maxHops)
	case reflect.Interface:
		if n.addr != 0 && n.hops < maxHops {
			queue = p.dynamic(queue, n, part, path, w)
		}
	}
	return queue
}

// elements goes on to the first elements of a slice.
func (p *places) elements(queue []node, n *node, part *part, path string, data uint64, maxHops int) []node {
	elem := part.typ.Elem
	if n.addr == 0 || n.hops >= maxHops || elem == nil || elem.Size <= 0 || elem.Size > 1<<20 {
		return queue
	}
	count, err := p.a.in.Memory.Uint64(n.addr + part.off + 8)
	if err != nil || len(p.parts(elem)) == 0 && elem.Kind != reflect.Struct {
		return queue
	}
	for i := range min(count, maxElements) {
		queue = append(queue, node{addr: data + i*uint64(elem.Size), typ: elem, root: n.root, path: fmt.Sprintf("%s[%d]", path, i), hops: n.hops + 1})
	}
	return queue
}

// dynamic goes on to what an interface holds.
func (p *places) dynamic(queue []node, n *node, part *part, path string, tab uint64) []node {
	desc := tab
	if !part.typ.EmptyInterface {
		var err error
		if desc, err = p.a.in.Memory.Uint64(tab + 8); err != nil { // ITab: Inter, Type
			return queue
		}
	}
	data, err := p.a.in.Memory.Uint64(n.addr + part.off + 8)
	if err != nil || data == 0 {
		return queue
	}
	t, err := p.a.in.Types.ByDescriptor(desc)
	if err != nil || t == nil || t.Err != nil {
		return queue
	}
	if wordSized(t) { // the data word is the value
		if t.Kind == reflect.Pointer && t.Elem != nil {
			return append(queue, node{addr: data, typ: t.Elem, root: n.root, path: path, hops: n.hops + 1})
		}
		return append(queue, node{word: data, known: true, typ: t, root: n.root, path: path, hops: n.hops + 1})
	}
	return append(queue, node{addr: data, typ: t, root: n.root, path: path, hops: n.hops + 1})
}

// parts are the parts of values of a type that lead on: pointers, channels, slices
// and interfaces, in structs and the first elements of arrays.
func (p *places) parts(t *gotype.Type) []part {
	if t == nil || t.Err != nil {
		return nil
	}
	if list, ok := p.types[t]; ok {
		return list
	}
	type piece struct {
		part
		depth int
	}
	var out []part
	for todo := []piece{{part: part{typ: t}}}; len(todo) > 0 && len(out) < maxTypeFields; {
		at := todo[0]
		todo = todo[1:]
		switch at.typ.Kind {
		case reflect.Pointer, reflect.Chan, reflect.Slice, reflect.Interface:
			out = append(out, at.part)
		case reflect.Struct:
			if at.depth > 32 {
				continue
			}
			for i := range at.typ.Fields {
				f := &at.typ.Fields[i]
				if f.Type == nil || f.Type.Err != nil || f.Offset < 0 {
					continue
				}
				todo = append(todo, piece{part{
					off: at.off + uint64(f.Offset), path: at.path + "." + f.Name, typ: f.Type,
					in: at.typ, inOff: at.off, inField: f.Name,
				}, at.depth + 1})
			}
		case reflect.Array:
			if at.typ.Elem == nil || at.typ.Elem.Err != nil || at.depth > 32 {
				continue
			}
			for i := range min(at.typ.Len, maxElements) {
				todo = append(todo, piece{part{
					off: at.off + uint64(i*at.typ.Elem.Size), path: fmt.Sprintf("%s[%d]", at.path, i), typ: at.typ.Elem,
					in: at.in, inOff: at.inOff, inField: at.inField,
				}, at.depth + 1})
			}
		}
		if len(todo) > 16*maxTypeFields {
			break
		}
	}
	slices.SortStableFunc(out, func(a, b part) int { return cmp.Compare(a.off, b.off) })
	p.types[t] = out
	return out
}
