package report

import (
	"fmt"
	"strconv"
	"strings"
)

// maxHops bounds how many pointers and interfaces one step follows, and how
// deep promoted fields are looked for.
const maxHops = 64

// At returns the part of v that the path leads to, every name in it a field.
// Pointers and interfaces are followed where Go's selectors and indexes do, and
// interfaces also where Go would ask for an assertion. The result is part of v
// but for lengths, types and bytes of strings. The error says which step fails
// and matches ErrPath; it holds names, types and states, no contents.
func (v *Value) At(p Path) (*Value, error) {
	for i, s := range p.Steps {
		next, err := v.step(s)
		if err != nil {
			return nil, fmt.Errorf("%w %s: %w", ErrPath, Path{p.Steps[:i+1]}, err)
		}
		v = next
	}
	return v, nil
}

// At returns what the path leads to, its first name being a variable.
func (f *Frame) At(p Path) (*Value, error) {
	if len(p.Steps) == 0 || p.Steps[0].Op != StepName {
		return nil, fmt.Errorf("%w: does not start with a variable", ErrPath)
	}
	for i := range f.Vars {
		if f.Vars[i].Name == p.Steps[0].Name {
			return f.Vars[i].Value.At(Path{p.Steps[1:]})
		}
	}
	return nil, fmt.Errorf("%w: %s has no variable %q", ErrPath, f.Function, p.Steps[0].Name)
}

// Resolve splits a path that starts with a function's full name, such as
// main.(*Server).handle.req.User, or with a global's, such as
// main.gateways["basic"]. It returns the name, of as many steps as have a
// function or global according to known, and the rest of the path; ok is
// false where no start of the path is known.
func (p Path) Resolve(known func(name string) bool) (name string, rest Path, ok bool) {
	joined := ""
	for i, s := range p.Steps {
		if s.Op != StepName {
			break
		}
		if i > 0 {
			joined += "."
		}
		joined += s.Name
		if known(joined) {
			name, rest, ok = joined, Path{p.Steps[i+1:]}, true
		}
	}
	return name, rest, ok
}

func (v *Value) step(s Step) (*Value, error) {
	switch s.Op {
	case StepName:
		return v.field(s.Name)
	case StepIndex:
		return v.index(s)
	case StepDeref:
		return v.deref()
	case StepLen, StepCap:
		return v.size(s.Op)
	case StepType:
		return v.dynamicType()
	}
	return nil, fmt.Errorf("unknown step")
}

// known returns why v has no parts to go to, nil when it may have some.
func (v *Value) known() error {
	switch v.State {
	case StateOK, StateTruncated, StateStale:
		return nil
	}
	if len(v.Children) > 0 { // partly known
		return nil
	}
	if v.Note != "" {
		return fmt.Errorf("the value is %s: %s", v.State, v.Note)
	}
	return fmt.Errorf("the value is %s", v.State)
}

// held follows interfaces, and pointers where it may, to the value they hold.
func (v *Value) held(pointers bool) (*Value, error) {
	for range maxHops {
		if v.Kind != KindInterface && (!pointers || v.Kind != KindPointer) {
			return v, v.known()
		}
		if v.Nil {
			return nil, fmt.Errorf("nil %s", v.Kind)
		}
		if err := v.known(); err != nil {
			return nil, err
		}
		if len(v.Children) == 0 {
			return nil, fmt.Errorf("what the %s holds is not in the report", v.Kind)
		}
		v = &v.Children[0].Value
	}
	return nil, fmt.Errorf("more than %d pointers", maxHops)
}

// field finds a field or captured variable, promoted ones by breadth first.
func (v *Value) field(name string) (*Value, error) {
	s, err := v.held(true)
	if err != nil {
		return nil, err
	}
	level := []*Value{s}
	for range maxHops {
		var next []*Value
		for _, x := range level {
			for i := range x.Children {
				c := &x.Children[i]
				if c.Name == name && c.Key == nil {
					return &c.Value, nil
				}
				if !c.Embedded || len(next) >= maxHops {
					continue
				}
				if e, err := c.Value.held(true); err == nil {
					next = append(next, e)
				}
			}
		}
		if level = next; len(level) == 0 {
			break
		}
	}
	return nil, fmt.Errorf("%s has no field %q", s.Type, name)
}

// index finds an element, a map entry or a byte of a string.
func (v *Value) index(s Step) (*Value, error) {
	x, err := v.held(true)
	if err != nil {
		return nil, err
	}
	if x.Kind == KindMap {
		return x.entry(s)
	}
	n, err := strconv.ParseInt(s.Key, 0, 64)
	if s.KeyIsString || err != nil || n < 0 {
		return nil, fmt.Errorf("%s takes a number as index", x.Type)
	}
	if (x.Kind == KindString || x.Kind == KindBytes) && len(x.Children) == 0 {
		text, ok := x.Contents()
		if !ok || n >= int64(len(text)) {
			return nil, outOfRange(n, int64(len(text)), x.Len)
		}
		return &Value{State: StateOK, Kind: KindUint, Type: "uint8", Text: strconv.Itoa(int(text[n]))}, nil
	}
	switch x.Kind {
	case KindArray, KindSlice, KindBytes, KindChan:
		if n >= int64(len(x.Children)) {
			return nil, outOfRange(n, int64(len(x.Children)), x.Len)
		}
		return &x.Children[n].Value, nil
	}
	return nil, fmt.Errorf("%s can't be indexed", x.Type)
}

func outOfRange(n, kept, length int64) error {
	if n < length {
		return fmt.Errorf("only the first %d of %d elements are in the report", kept, length)
	}
	return fmt.Errorf("out of range with length %d", length)
}

// entry finds a map entry by its key, through interfaces.
func (v *Value) entry(s Step) (*Value, error) {
	for i := range v.Children {
		c := &v.Children[i]
		if c.Key != nil && c.Key.matches(s) {
			return &c.Value, nil
		}
	}
	if int64(len(v.Children)) < v.Len {
		return nil, fmt.Errorf("not among the %d of %d entries in the report", len(v.Children), v.Len)
	}
	return nil, fmt.Errorf("no such key in %s", v.Type)
}

// matches compares a key with the literal of an index.
func (v *Value) matches(s Step) bool {
	if s.Key == "nil" && !s.KeyIsString {
		return v.Nil
	}
	k, err := v.held(false)
	if err != nil {
		return false
	}
	switch k.Kind {
	case KindString, KindBytes:
		text, ok := k.Contents()
		return s.KeyIsString && ok && text == s.Key && k.State != StateTruncated
	case KindInt, KindUint, KindFloat, KindBool, KindComplex:
		return !s.KeyIsString && k.Text == s.Key
	case KindPointer, KindChan, KindUnsafePointer:
		return !s.KeyIsString && strings.EqualFold(k.Target.String(), s.Key)
	}
	return false
}

// deref follows exactly one pointer.
func (v *Value) deref() (*Value, error) {
	p, err := v.held(false)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Kind != KindPointer:
		return nil, fmt.Errorf("%s is no pointer", p.Type)
	case p.Nil:
		return nil, fmt.Errorf("nil pointer")
	case len(p.Children) == 0:
		return nil, fmt.Errorf("what the pointer points to is not in the report")
	}
	return &p.Children[0].Value, nil
}

// size returns the length or capacity as a value of type int.
func (v *Value) size(op StepOp) (*Value, error) {
	x, err := v.held(false)
	if err != nil {
		return nil, err
	}
	if x.Kind == KindPointer && !x.Nil && len(x.Children) > 0 && x.Children[0].Value.Kind == KindArray {
		x = &x.Children[0].Value
	}
	n := x.Len
	if op == StepCap && (x.Kind == KindSlice || x.Kind == KindBytes) && x.Cap == 0 && x.Note != "" {
		return nil, fmt.Errorf("the capacity is not known: %s", x.Note)
	}
	switch x.Kind {
	case KindSlice, KindBytes, KindArray, KindChan:
		if op == StepCap && x.Cap > 0 {
			n = x.Cap
		}
	case KindString, KindMap:
		if op == StepCap {
			return nil, fmt.Errorf("%s has no capacity", x.Type)
		}
	default:
		return nil, fmt.Errorf("%s has no length", x.Type)
	}
	return &Value{State: StateOK, Kind: KindInt, Type: "int", Text: strconv.FormatInt(n, 10)}, nil
}

// dynamicType returns the name of the type that an interface holds.
func (v *Value) dynamicType() (*Value, error) {
	name := v.Type
	if v.Kind == KindInterface {
		switch {
		case v.Nil:
			name = "nil"
		case len(v.Children) == 0:
			if err := v.known(); err != nil {
				return nil, err
			}
			return nil, fmt.Errorf("the dynamic type is not in the report")
		default:
			name = v.Children[0].Value.Type
		}
	}
	return &Value{State: StateOK, Kind: KindText, Type: "type", Text: name}, nil
}
