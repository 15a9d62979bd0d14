package goscope

import (
	"debug/dwarf"
	"slices"
	"sort"

	"github.com/safedump/sdcore/corefile/die"
)

// unitIndex finds functions and package variables. Only the units that are
// asked for are read: the stacks of a crash touch a few dozen of the thousand
// packages of a service.
type unitIndex struct {
	ranges []unitRange // by Low
	ready  bool
	parts  map[*die.Unit]*unitPart
	damage error // the first defect
}

type unitRange struct {
	die.Range
	unit *die.Unit
}

// unitPart is what is at the top level of a unit.
type unitPart struct {
	funcs []funcRef      // by address
	vars  []dwarf.Offset // in the order of the unit
}

type funcRef struct {
	span die.Range
	off  dwarf.Offset
}

// function finds the physical function at an address of the file.
func (x *unitIndex) function(info *die.Info, pc uint64) (funcRef, bool) {
	x.open(info)
	i := sort.Search(len(x.ranges), func(i int) bool { return x.ranges[i].Low > pc }) - 1
	if i < 0 || !x.ranges[i].Contains(pc) {
		return funcRef{}, false
	}
	funcs := x.part(x.ranges[i].unit).funcs
	i = sort.Search(len(funcs), func(i int) bool { return funcs[i].span.Low > pc }) - 1
	if i < 0 || !funcs[i].span.Contains(pc) {
		return funcRef{}, false
	}
	return funcs[i], true
}

// open collects the ranges of the units. Units with broken ranges have none.
func (x *unitIndex) open(info *die.Info) {
	if x.ready {
		return
	}
	x.ready, x.parts = true, map[*die.Unit]*unitPart{}
	for _, u := range info.Units() {
		root, err := info.Entry(u.Root)
		if err != nil || u.Language != die.LangGo {
			continue
		}
		ranges, err := root.Ranges()
		if err != nil {
			x.addDamage(err)
			continue
		}
		for _, r := range ranges {
			if r.Low < r.High {
				x.ranges = append(x.ranges, unitRange{r, u})
			}
		}
	}
	slices.SortFunc(x.ranges, func(a, b unitRange) int { return compare(a.Low, b.Low) })
}

// part reads the top level of a unit. What follows damage is not seen.
func (x *unitIndex) part(u *die.Unit) *unitPart {
	if p, ok := x.parts[u]; ok {
		return p
	}
	p := &unitPart{}
	x.parts[u] = p
	c := u.Cursor()
	if _, ok, err := c.Next(); !ok || err != nil {
		x.addDamage(err)
		return p
	}
	for depth := 0; ; {
		e, ok, err := c.Next()
		if !ok || err != nil {
			x.addDamage(err)
			break
		}
		if e.Tag == 0 {
			depth--
			continue
		}
		if depth == 0 {
			p.add(e)
		}
		if e.Children {
			depth++
		}
	}
	slices.SortFunc(p.funcs, func(a, b funcRef) int { return compare(a.span.Low, b.span.Low) })
	return p
}

func (x *unitIndex) addDamage(err error) {
	if x.damage == nil && err != nil {
		x.damage = err
	}
}

func (p *unitPart) add(e die.Entry) {
	switch e.Tag {
	case dwarf.TagSubprogram:
		if span, ok := e.Span(); ok {
			p.funcs = append(p.funcs, funcRef{span, e.Off})
		}
	case dwarf.TagVariable:
		if e.Has(dwarf.AttrLocation) {
			p.vars = append(p.vars, e.Off)
		}
	}
}

func compare(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
