package goruntime

// circle finds out that a linked list goes in a circle, with no memory for each
// member (Brent's algorithm): at the latest after thrice as many as the list has.
type circle struct {
	mark         uint64
	steps, until int
}

// closed reports whether the member at an address was met before; it is asked for
// each member in order.
func (c *circle) closed(at uint64) bool {
	if c.until > 0 && at == c.mark {
		return true
	}
	if c.steps++; c.steps > c.until {
		c.mark, c.steps, c.until = at, 0, 2*c.until+1
	}
	return false
}
