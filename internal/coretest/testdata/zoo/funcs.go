package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

var sink func() int

// functions calls one of every kind of function, so that all are linked.
func functions(n int) {
	s, err := args(n, "x", []int{n}, map[string]int{"a": n}, 1.5, nil)
	fmt.Println(s, err)
	fmt.Println(escapes(n, "y"), sink())
	fmt.Println(ranges(n), shadows(n), loops([]string{"a"}), inlines(n, n+1))
	p := &Pair[string, int]{Key: "k"}
	fmt.Println(p.Put("q", n), generic([]MyInt{1, 2}, func(i MyInt) string { return fmt.Sprint(i, s) }))
	fmt.Println(manyResults(n))
	fmt.Println(variadic(n, "a", "b"), defers(n))
	func(a int) { fmt.Println(a, n) }(n)
}

//go:noinline
func args(a int, s string, xs []int, m map[string]int, f float64, e error) (res string, err error) {
	if e != nil {
		return "", fmt.Errorf("args %d: %w", a, e)
	}
	total := 0
	for i, x := range xs {
		y := x * i
		total += y + m[s]
		fmt.Fprintln(os.Stderr, i, x, y)
	}
	res = strings.Repeat(s, total)
	fmt.Fprintln(os.Stderr, a, f, res)
	return res, nil
}

//go:noinline
func escapes(n int, s string) (res *int) {
	local := n * 2
	byValue := s + "!"
	sink = func() int {
		local++
		n += len(byValue)
		fmt.Fprintln(os.Stderr, byValue, local)
		return n
	}
	res = &local
	fmt.Fprintln(os.Stderr, local, n, res)
	return res
}

func sequence(n int) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		for i := 0; i < n; i++ {
			if !yield(i, strings.Repeat("x", i)) {
				return
			}
		}
	}
}

//go:noinline
func ranges(limit int) (sum int) {
	total := 0
	for i, s := range sequence(limit) {
		t := i + len(s)
		total += t
		fmt.Fprintln(os.Stderr, i, s, t, total)
		if i == 77 {
			return total
		}
	}
	for i := range limit {
		total += i
		fmt.Fprintln(os.Stderr, i)
	}
	return total
}

//go:noinline
func shadows(n int) int {
	x := n
	if x > 3 {
		x := fmt.Sprint(x)
		if len(x) > 1 {
			x := []string{x, x}
			fmt.Fprintln(os.Stderr, x, n)
		}
		fmt.Fprintln(os.Stderr, x)
	}
	switch v := any(x).(type) {
	case int:
		fmt.Fprintln(os.Stderr, v)
	case error:
		fmt.Fprintln(os.Stderr, v.Error())
	}
	return x
}

//go:noinline
func loops(xs []string) (n int) {
	for i := 0; i < len(xs); i++ {
		if k, err := fmt.Sscan(xs[i], &n); err != nil {
			fmt.Fprintln(os.Stderr, k, err)
			continue
		}
		n++
	}
	return n
}

func add(a, b int) int {
	c := a + b
	d := c * os.Getpid()
	fmt.Fprintln(os.Stderr, c, d)
	return c
}

func twice(a int) (r int) {
	r = add(a, a)
	return r + 1
}

//go:noinline
func inlines(a, b int) int {
	x := add(a, b)
	y := twice(x)
	fmt.Fprintln(os.Stderr, x, y)
	return x + y
}

//go:noinline
func (p *Pair[K, V]) Put(k K, v V) (old V) {
	old = p.Val
	q := &Pair[K, V]{Key: k, Val: v}
	p.Next = q
	fmt.Fprintln(os.Stderr, old, q, k)
	return old
}

//go:noinline
func generic[T, U any](xs []T, f func(T) U) (out []U) {
	for i, x := range xs {
		u := f(x)
		out = append(out, u)
		fmt.Fprintln(os.Stderr, i, x, u)
	}
	return out
}

//go:noinline
func manyResults(n int) (a [3]int, b, c, d string, e error, f map[string]int) {
	a[n%3] = n
	b = fmt.Sprint(n)
	e = errors.New(b)
	fmt.Fprintln(os.Stderr, a, b, e)
	return a, b, b, b, e, nil
}

//go:noinline
func variadic(n int, rest ...any) int {
	fmt.Fprintln(os.Stderr, rest...)
	return n + len(rest)
}

//go:noinline
func defers(n int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered %v at %d", r, n)
		}
	}()
	var p *Outer
	if n > 3 {
		p = &Outer{name: "n"}
	}
	fmt.Fprintln(os.Stderr, p.name)
	return nil
}
