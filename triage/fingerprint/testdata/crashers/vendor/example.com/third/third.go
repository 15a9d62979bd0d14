// Package third is of somebody else's module: its functions are not the
// program's own.
package third

// Decode dies of short input.
func Decode(b []byte) int {
	return header(b)
}

func header(b []byte) int {
	return int(b[0])<<8 | int(b[3])
}

// Each calls f for each number below n.
func Each(n int, f func(int)) {
	for i := range n {
		f(i)
	}
}

// Lazy returns a literal that dies of nil.
func Lazy(p *int) func() int {
	return func() int { return *p }
}
