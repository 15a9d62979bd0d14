package heapwalk

import (
	"cmp"
	"context"
	"slices"

	"github.com/safedump/sdcore/heapwalk/shape"
)

// Sample is what the objects take that are reached on equal ways: the shortest one
// of each, told in names and types without indexes and keys.
type Sample struct {
	// Root is where the way begins. Of many roots of the same name in different
	// goroutines it is the first.
	Root Root
	// Steps are the parts on the way, each with the type of what it leads to:
	// ".sessions map[string]*main.session".
	Steps []string
	Count Count
}

// noNode is the parent of what has none.
const noNode = ^uint32(0)

const (
	maxSampleDepth = 64      // steps told of a way
	maxSampleNodes = 1 << 20 // different beginnings of ways
)

// sampleTree are the ways, those with the same beginning joined.
type sampleTree struct {
	l      *Live
	nodes  []sampleNode
	child  map[sampleKey]uint32
	labels map[labelKey]uint32
	names  []string
	byName map[string]uint32
}

type sampleNode struct {
	parent uint32 // noNode: a root
	label  uint32
	depth  uint32
	root   uint32 // of the graph
	count  Count
}

type sampleKey struct{ parent, label uint32 }

// labelKey is what the name of a step depends on.
type labelKey struct {
	from typing
	off  uint64
	to   typing
	size uint64
}

// Samples adds up all live objects by the ways that lead to them, the largest
// first. A list or tree shows once: a step that is on the way already does not
// come again.
func (r *Retained) Samples(ctx context.Context) ([]Sample, error) {
	t := &sampleTree{l: r.l, child: map[sampleKey]uint32{}, labels: map[labelKey]uint32{}, byName: map[string]uint32{}}
	at := make([]uint32, r.l.h.n) // nodes of objects
	rootNames, err := t.rootNames(ctx, r.graph)
	if err != nil {
		return nil, err
	}
	n := r.l.h.n
	if err := r.graph.breadthFirst(ctx, func(parent uint32, off uint64, o Object) bool {
		size := r.l.h.spanOf(o).elem
		from := noNode
		var label uint32
		if parent >= n {
			from = t.rootNode(rootNames[parent-n], parent-n)
			label = t.label(labelKey{to: r.l.typing(o), size: size})
		} else {
			from = at[parent]
			label = t.edge(Object(parent), off, o, size)
		}
		at[o] = t.step(from, label)
		t.nodes[at[o]].count.add(1, size)
		return true
	}); err != nil {
		return nil, err
	}
	return t.samples(r), nil
}

// rootNames gives each root of the graph the number of its name.
func (t *sampleTree) rootNames(ctx context.Context, g *graph) ([]uint32, error) {
	names := make([]uint32, 0, g.roots())
	count, next := uint32(0), 0
	t.l.eachRoot(func(r *Root) bool {
		if next < len(g.order) && g.order[next] == count {
			next++
			names = append(names, t.name(r.Kind.String()+" "+r.Function+" "+r.Name))
		}
		count++
		return ctx.Err() == nil && next < len(g.order)
	})
	return names, ctx.Err()
}

func (t *sampleTree) name(s string) uint32 {
	i, ok := t.byName[s]
	if !ok {
		i = uint32(len(t.names))
		t.names = append(t.names, s)
		t.byName[s] = i
	}
	return i
}

func (t *sampleTree) rootNode(name, root uint32) uint32 {
	key := sampleKey{noNode, name}
	i, ok := t.child[key]
	if !ok {
		i = uint32(len(t.nodes))
		t.nodes = append(t.nodes, sampleNode{parent: noNode, label: name, root: root})
		t.child[key] = i
	}
	return i
}

// step is the node below another one, or the one above that has the same step.
func (t *sampleTree) step(from, label uint32) uint32 {
	key := sampleKey{from, label}
	if i, ok := t.child[key]; ok {
		return i
	}
	n := &t.nodes[from]
	for at := from; at != noNode && t.nodes[at].parent != noNode; at = t.nodes[at].parent {
		if t.nodes[at].label == label {
			t.child[key] = at
			return at
		}
	}
	if n.depth >= maxSampleDepth || len(t.nodes) >= maxSampleNodes {
		return from
	}
	i := uint32(len(t.nodes))
	t.nodes = append(t.nodes, sampleNode{parent: from, label: label, depth: n.depth + 1, root: n.root})
	t.child[key] = i
	return i
}

// edge is the label of the step from the word at off of one object to another.
func (t *sampleTree) edge(from Object, off uint64, to Object, size uint64) uint32 {
	key := labelKey{from: t.l.typing(from), off: off, to: t.l.typing(to), size: size}
	if in := t.l.table.Info(key.from.id()); key.from == 0 {
		key.off = 0 // it has no name
	} else if in.Size > 0 && in.Kind != shape.KindClosure && in.Kind != shape.KindChan {
		key.off %= in.Size
	}
	return t.label(key)
}

// find looks for the first word that leads to an object.
func (m *pointerMap) find(h *Heap, to Object, at *uint64) {
	found := false
	m.each(func(off, p uint64) {
		if !found {
			if o, ok := h.target(p); ok && o == to {
				*at, found = off, true
			}
		}
	})
}

func (t *sampleTree) label(k labelKey) uint32 {
	if i, ok := t.labels[k]; ok {
		return i
	}
	step := ""
	if k.from != 0 {
		named, _ := t.l.table.Path(k.from.id(), k.off)
		for i := range named {
			switch s := &named[i]; s.Kind {
			case shape.StepField, shape.StepCaptured:
				step += "." + s.Name
			case shape.StepIndex, shape.StepMapElem:
				step += "[...]"
			case shape.StepMapKey:
				step += "[key]"
			}
		}
	}
	c := TypeCount{Size: k.size}
	if k.to != 0 {
		c.Type, c.Many = t.l.table.Info(k.to.id()), k.to.many()
	}
	if step != "" {
		step += " "
	}
	i := t.name(step + c.Name())
	t.labels[k] = i
	return i
}

// samples lists the nodes that have objects.
func (t *sampleTree) samples(r *Retained) []Sample {
	var out []Sample
	var owners []Owner
	for i := range t.nodes {
		n := &t.nodes[i]
		if n.count.Objects == 0 {
			continue
		}
		s := Sample{Count: n.count}
		for at := n; at.parent != noNode; at = &t.nodes[at.parent] {
			s.Steps = append(s.Steps, t.names[at.label])
		}
		slices.Reverse(s.Steps)
		out = append(out, s)
		owners = append(owners, Owner{node: r.l.h.n + n.root})
	}
	r.describeAll(owners)
	for i := range out {
		out[i].Root = owners[i].Root
	}
	slices.SortStableFunc(out, func(a, b Sample) int { return cmp.Compare(b.Count.Bytes, a.Count.Bytes) })
	return out
}

// breadthFirst goes through the graph level by level in a fixed order and calls
// found when it comes to an object for the first time: parent is the object or
// root that points to it, and off which word of the object does. It ends when found
// returns false.
func (g *graph) breadthFirst(ctx context.Context, found func(parent uint32, off uint64, o Object) (more bool)) error {
	seen := newBitset(g.h.n)
	var level, next []Object
	more := true
	add := func(parent uint32, off uint64, o Object) {
		if more && !seen.has(o) {
			seen.set(o)
			more = found(parent, off, o)
			next = append(next, o)
		}
	}
	for i := range uint32(g.roots()) {
		for _, o := range g.targets[g.starts[i]:g.starts[i+1]] {
			add(g.h.n+i, 0, o)
		}
	}
	for more && len(next) > 0 {
		level, next = next, level[:0]
		for i, o := range level {
			if i%(1<<16) == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			g.h.Pointers(o, func(off uint64, to Object) { add(uint32(o), off, to) })
		}
	}
	return ctx.Err()
}
