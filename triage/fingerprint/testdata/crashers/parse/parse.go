// Package parse has a function of the same name as package store.
package parse

// Parse dies of short input.
func Parse(fields []string) string {
	return fields[0] + fields[2]
}

// Map applies f to each element.
func Map[T, U any](in []T, f func(T) U) []U {
	out := make([]U, 0, len(in))
	for _, x := range in {
		out = append(out, f(x))
	}
	return out
}

// First returns the first element.
func First[T any](in []T) T {
	return in[0]
}

// Stack is a stack.
type Stack[T any] struct{ items []T }

// Push adds x.
func (s *Stack[T]) Push(x T) { s.items = append(s.items, x) }

// Pop dies of an empty stack.
func (s *Stack[T]) Pop() T {
	x := s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return x
}

// Later returns a literal that pops.
func (s *Stack[T]) Later() func() T {
	return func() T {
		return s.Pop()
	}
}
