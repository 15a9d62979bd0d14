package shape

import (
	"reflect"
	"strconv"
	"strings"

	"github.com/safedump/sdcore/corefile/gotype"
)

// StepKind says what a step of a path is.
type StepKind uint8

// The kinds of steps.
const (
	StepField    StepKind = iota // a field of a struct, by its Name
	StepIndex                    // an element of an array, by its Index
	StepCaptured                 // a variable that a closure captured, by its Name
	StepMapKey                   // the key in slot Index of a map's group; the key itself is contents
	StepMapElem                  // the element in that slot
	StepHidden                   // a part that the language has no name for: of a map, a channel, an interface
)

// Step is one step from a value to a part of it. A Name is a name of the
// source, never contents.
type Step struct {
	Kind  StepKind
	Name  string
	Index uint64
	// Struct is the type that a field is one of, Field its number there: who wants
	// to know its tag.
	Struct *gotype.Type
	Field  int
}

// maxSteps bounds a path; deeper parts are not named.
const maxSteps = 64

// Path names the part of a value of type id that lies at off: the steps to the
// smallest part that begins there or holds that byte, and its type. For an off
// behind the value, which an object of several values has, the first step is
// its index. It is for the few places that are shown, and allocates.
func (t *Table) Path(id ID, off uint64) (steps []Step, inner ID) {
	in := t.Info(id)
	if in.Size > 0 && off >= in.Size && in.Kind != KindClosure && in.Kind != KindChan {
		if t.Indexed(in) {
			steps = append(steps, Step{Kind: StepIndex, Index: off / in.Size})
		}
		off %= in.Size
	}
	if in.Type == nil || off >= in.Size {
		return steps, id
	}
	ty, kind, group := in.Type, in.Kind, groupPath{role: StepHidden}
	for len(steps) < maxSteps {
		next, step, rest, ok := part(ty, off)
		if !ok {
			break
		}
		switch kind {
		case KindMapGroup:
			if step = group.step(step); step.Kind != StepHidden {
				kind = KindValue // what follows is in the key or element
			}
		case KindClosure:
			step.Kind, kind = StepCaptured, KindValue
		case KindMap, KindMapTable, KindChan:
			step.Kind = StepHidden
		}
		if step != (Step{Kind: StepHidden}) {
			steps = append(steps, step)
		}
		ty, off = next, rest
	}
	return steps, t.Of(ty)
}

// Indexed reports whether an array of the type is one that the language has an
// index for: the groups and tables of a map are not.
func (t *Table) Indexed(in *Info) bool {
	if in.Kind != KindValue || in.Type == nil {
		return in.Kind == KindUnknown
	}
	return in.Type.Kind != reflect.Pointer || in.Type.Elem == nil || t.Info(t.Of(in.Type.Elem)).Kind != KindMapTable
}

// part finds the field or element of a value that holds the byte at off.
func part(ty *gotype.Type, off uint64) (next *gotype.Type, s Step, rest uint64, ok bool) {
	switch {
	case ty.Err != nil:
		return nil, s, 0, false
	case ty.Kind == reflect.Array && ty.Elem != nil && ty.Elem.Size > 0:
		size := uint64(ty.Elem.Size)
		return ty.Elem, Step{Kind: StepIndex, Index: off / size}, off % size, true
	case ty.Kind != reflect.Struct:
		return nil, s, 0, false
	}
	for i := range ty.Fields {
		f := &ty.Fields[i]
		if f.Type != nil && off >= uint64(f.Offset) && off-uint64(f.Offset) < uint64(max(f.Type.Size, 0)) {
			return f.Type, Step{Name: f.Name, Struct: ty, Field: i}, off - uint64(f.Offset), true
		}
	}
	return nil, s, 0, false
}

// groupPath is the way into a map's group so far: a group is ctrl and slots of key
// and elem, or ctrl, keys and elems (internal/runtime/maps/group.go;
// cmd/compile/internal/reflectdata/map.go).
type groupPath struct {
	slot uint64
	role StepKind // of the array that the next step is an index of
}

// step gives a step inside a group its meaning.
func (g *groupPath) step(s Step) Step {
	switch {
	case s.Kind == StepIndex:
		g.slot = s.Index
		if g.role != StepHidden {
			return Step{Kind: g.role, Index: g.slot}
		}
	case s.Name == "keys":
		g.role = StepMapKey
	case s.Name == "elems":
		g.role = StepMapElem
	case s.Name == "key":
		return Step{Kind: StepMapKey, Index: g.slot}
	case s.Name == "elem":
		return Step{Kind: StepMapElem, Index: g.slot}
	}
	return Step{Kind: StepHidden}
}

// PathString writes steps as Go would: ".sessions[3].buf"; a key or element of
// a map is "[key]" or "[...]", for who has no better.
func PathString(steps []Step) string {
	var b strings.Builder
	for _, s := range steps {
		switch s.Kind {
		case StepField, StepCaptured, StepHidden:
			b.WriteString("." + s.Name)
		case StepIndex:
			b.WriteString("[" + strconv.FormatUint(s.Index, 10) + "]")
		case StepMapKey:
			b.WriteString("[key]")
		case StepMapElem:
			b.WriteString("[...]")
		}
	}
	return b.String()
}
