package main

import "fmt"

type config struct {
	name  *string
	inner *config
}

//shift

func (c *config) title() string { return *c.inner.name }

func nilField(seed int) {
	victim := &config{}
	if seed > 5 {
		victim.inner = &config{}
	}
	fmt.Println(victim.title())
}

//shift

type registry struct{ byName map[string]int }

func (r *registry) add(name string, n int) {
	r.byName[name] = n
}

func nilMap(seed int) {
	var r registry
	r.add(fmt.Sprint("name", seed), seed)
}

//shift

func sum(xs []int, n int) int {
	victim := 0
	for i := range n {
		victim += xs[i]
	}
	return victim
}

func indexInLoop(seed int) {
	fmt.Println(sum(make([]int, seed), seed+3))
}

//shift

func prefix(s string, n int) string {
	return s[:n]
}

func sliceBounds(seed int) {
	fmt.Println(prefix("short", 10+seed))
}

//shift

func average(total, n int) int {
	return total / n
}

func division(seed int) {
	fmt.Println(average(seed, seed-seed))
}

//shift

type shape interface{ area() float64 }

type square struct{ side float64 }
type circle struct{ r float64 }

func (s square) area() float64 { return s.side * s.side }
func (c circle) area() float64 { return c.r * c.r * 3 }

func side(s shape) float64 {
	return s.(square).side
}

func wrongType(seed int) {
	fmt.Println(side(circle{float64(seed)}))
}

//shift

func noType(seed int) {
	var s shape
	if seed < 0 {
		s = square{1}
	}
	fmt.Println(radius(s))
}

func radius(s shape) float64 {
	return s.(circle).r
}

//shift

func finish(c chan int) {
	close(c)
}

func closeClosed(seed int) {
	victim := make(chan int, seed)
	finish(victim)
	finish(victim)
}

//shift

type pipe struct{ c chan int }

func (p *pipe) stop() { close(p.c) }

func closeNil(int) {
	(&pipe{}).stop()
}

//shift

func (p *pipe) send(n int) {
	p.c <- n
}

func sendOnClosed(seed int) {
	p := &pipe{make(chan int, 1)}
	p.stop()
	p.send(seed)
}

//shift

func makeLength(seed int) {
	fmt.Println(len(buffer(-seed)))
}

func buffer(n int) []byte {
	return make([]byte, n)
}

//shift

func toArray(seed int) {
	fmt.Println(key(make([]byte, seed)))
}

func key(b []byte) [16]byte {
	return [16]byte(b)
}

//shift

func unhashable(seed int) {
	index(map[any]int{}, []int{seed})
}

func index(m map[any]int, k any) {
	m[k]++
}

//shift

func uncomparable(seed int) {
	fmt.Println(same([]int{seed}, []int{seed}))
}

func same(a, b any) bool {
	return a == b
}

//shift

func negativeShift(seed int) {
	fmt.Println(flag(1 - 2*seed))
}

func flag(n int) int {
	return 1 << n
}

//shift

func switchedType(seed int) {
	fmt.Println(describe(circle{float64(seed)}))
}

func describe(s shape) string {
	switch v := s.(type) {
	case square:
		return fmt.Sprint(v.side)
	case circle:
		var victim []string
		return victim[int(v.r)]
	}
	return ""
}

//shift

func copiedFunction(seed int) {
	fmt.Println(duplicate(make([]int, seed), 2*seed+1))
}

func duplicate(xs []int, n int) []int {
	victim := make([]int, 0, n)
	victim = append(victim, xs...)
	return victim[:n+1]
}
