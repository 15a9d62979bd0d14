package heapwalk

import (
	"cmp"
	"slices"
)

// Growth is the difference between two cores of a program, the newer minus the
// older one, of a type or of what an owner keeps alive.
type Growth struct {
	Type string // as TypeCount.Name has it; "" for an owner
	Root Root   // of an owner: kind, function and name; not which goroutine
	// New is what the newer core has, Objects and Bytes the difference.
	New            Count
	Objects, Bytes int64
}

// GrowthOfTypes compares two histograms by the names of types, live objects only:
// what grew most first, what shrank most last. What is as before is left out.
func GrowthOfTypes(older, newer []TypeCount) []Growth {
	return growth(older, newer, func(c *TypeCount) (Growth, Count) { return Growth{Type: c.Name()}, c.Live })
}

// growthKey is by what rows of two cores are the same one.
type growthKey struct {
	typ, function, name string
	kind                RootKind
}

// GrowthOfOwners compares what owners keep alive, by the kind, function (or
// package) and name of their roots. IDs of goroutines differ from core to core:
// those with the same Root.Function count as one, which the caller sets for owners
// that stand for all roots of a goroutine.
func GrowthOfOwners(older, newer []Owner) []Growth {
	return growth(older, newer, func(o *Owner) (Growth, Count) {
		kind := o.Root.Kind
		if o.All {
			kind = RootGoroutine
		}
		return Growth{Root: Root{Kind: kind, Function: o.Root.Function, Name: o.Root.Name, Frame: -1}}, o.Retained
	})
}

// growth adds up both lists by what row says a member is.
func growth[T any](older, newer []T, row func(*T) (Growth, Count)) []Growth {
	by := map[growthKey]*Growth{}
	of := func(m *T) (*Growth, Count) {
		g, c := row(m)
		key := growthKey{typ: g.Type, function: g.Root.Function, name: g.Root.Name, kind: g.Root.Kind}
		if by[key] == nil {
			by[key] = &g
		}
		return by[key], c
	}
	for i := range older {
		g, c := of(&older[i])
		g.Objects -= int64(c.Objects)
		g.Bytes -= int64(c.Bytes)
	}
	for i := range newer {
		g, c := of(&newer[i])
		g.Objects += int64(c.Objects)
		g.Bytes += int64(c.Bytes)
		g.New.plus(c)
	}
	var out []Growth
	for _, g := range by {
		if g.Objects != 0 || g.Bytes != 0 {
			out = append(out, *g)
		}
	}
	slices.SortFunc(out, func(a, b Growth) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(b.Objects, a.Objects), cmp.Compare(a.Type, b.Type),
			cmp.Compare(a.Root.Kind, b.Root.Kind), cmp.Compare(a.Root.Function, b.Root.Function), cmp.Compare(a.Root.Name, b.Root.Name))
	})
	return out
}
