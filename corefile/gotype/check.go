package gotype

import (
	"fmt"
	"reflect"
)

// check proves what the debug information claims about types that were just
// compiled: nothing contains itself, fields lie inside their struct, arrays
// have the size of their elements. It also computes alignments, which DWARF
// does not have. A type that fails is turned into an invalid one, and the
// structs and arrays that contain it are not: only that part is unknown.
func check(fresh []*Type) {
	c := checker{state: make(map[*Type]checkState, len(fresh))}
	for _, ty := range fresh {
		c.state[ty] = unchecked
	}
	for _, ty := range fresh {
		c.visit(ty)
	}
}

type checkState uint8

const (
	done checkState = iota // or compiled earlier
	unchecked
	entered
)

type checker struct {
	state map[*Type]checkState
	stack []checkFrame
}

// checkFrame is a type whose parts are being checked, next the next of them.
type checkFrame struct {
	ty   *Type
	next int
}

// visit checks ty after everything that it contains by value. The stack is
// explicit, because input controls the depth.
func (c *checker) visit(ty *Type) {
	c.enter(ty)
	for len(c.stack) > 0 {
		top := &c.stack[len(c.stack)-1]
		if part, ok := partOf(top.ty, top.next); ok {
			top.next++
			if c.state[part] == entered {
				fail(top.ty, fmt.Errorf("it contains itself by value: %w", ErrBadType))
			}
			c.enter(part)
			continue
		}
		ty := top.ty
		c.stack = c.stack[:len(c.stack)-1]
		c.state[ty] = done
		if ty.Err == nil {
			if err := layout(ty); err != nil {
				fail(ty, err)
			}
		}
	}
}

func (c *checker) enter(ty *Type) {
	if c.state[ty] == unchecked {
		c.state[ty] = entered
		c.stack = append(c.stack, checkFrame{ty: ty})
	}
}

// partOf returns the i-th type that ty contains by value.
func partOf(ty *Type, i int) (*Type, bool) {
	switch {
	case ty.Kind == reflect.Array && i == 0:
		return ty.Elem, true
	case ty.Kind == reflect.Struct && i < len(ty.Fields):
		return ty.Fields[i].Type, true
	}
	return nil, false
}

// layout checks the sizes of one type and sets its alignment.
func layout(ty *Type) error {
	switch ty.Kind {
	case reflect.Array:
		return layoutArray(ty)
	case reflect.Struct:
		return layoutStruct(ty)
	case reflect.Complex64:
		ty.Align = 4
	case reflect.Complex128, reflect.String, reflect.Slice, reflect.Interface:
		ty.Align = ptrSize
	default:
		ty.Align = min(max(ty.Size, 1), ptrSize)
	}
	return nil
}

func layoutArray(ty *Type) error {
	ty.Align = max(ty.Elem.Align, 1)
	if ty.Elem.Err != nil {
		return nil // its size is not known
	}
	if n := ty.Elem.Size; n == 0 && ty.Size != 0 || n != 0 && (ty.Len > maxSize/n || ty.Len*n != ty.Size) {
		return fmt.Errorf("%d elements of %d bytes in %d bytes: %w", ty.Len, n, ty.Size, ErrBadType)
	}
	return nil
}

func layoutStruct(ty *Type) error {
	ty.Align = 1
	for i := range ty.Fields {
		f := &ty.Fields[i]
		if f.Offset > ty.Size || f.Type.Size > ty.Size-f.Offset {
			return fmt.Errorf("field %s at %d of %d bytes in %d bytes: %w",
				quoteName(f.Name), f.Offset, f.Type.Size, ty.Size, ErrBadType)
		}
		ty.Align = max(ty.Align, f.Type.Align)
	}
	return nil
}
