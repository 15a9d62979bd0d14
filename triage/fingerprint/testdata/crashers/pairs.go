package main

import (
	"errors"
	"fmt"
	"sort"
	"strconv"
	"sync"
	"time"

	"example.com/crashers/parse"
	"example.com/crashers/store"
	"example.com/third"
)

// 101, 102: one function, two lines.

func nameMissing(seed int) { fmt.Println(store.New(seed).Name(seed + 1)) }
func nameNil(seed int)     { fmt.Println(store.New(seed).Name(0)) }

//shift

// 103, 104: one function, two errors of one type.

func validate(n int, name string) {
	if n > 100 {
		panic(errors.New("too many"))
	}
	if name == "" {
		panic(errors.New("no name"))
	}
}

func firstReason(seed int)  { validate(100+seed, "x") }
func secondReason(seed int) { validate(seed, "") }

//shift

// 105, 106: one helper, two callers that give it what it can't take.

func callerOne(seed int) {
	victim := make([]int, seed)
	fmt.Println(store.Numbers(victim, len(victim)))
}

func callerTwo(seed int) {
	fmt.Println(store.Numbers(nil, seed))
}

//shift

// 107, 108: the same two functions on top, called from two others.

func deepOne(seed int) { fmt.Println(store.New(seed).Lookup(0)) }
func deepTwo(seed int) { showTitle(store.New(seed), 0) }

func showTitle(s *store.Store, id int) { fmt.Println("title", s.Lookup(id)) }

//shift

// 109, 110: two literals in one function, alike to the line.

func literals(n int) {
	if n%2 == 0 {
		apply(func(c *config) {
			fmt.Println(*c.name)
		})
	}
	apply(func(c *config) {
		fmt.Println(*c.name)
	})
}

func apply(f func(*config)) { f(&config{}) }

func literalOne(seed int) { literals(2 * seed) }
func literalTwo(seed int) { literals(2*seed + 1) }

//shift

// 111, 112: literals in methods of one name.

func counterRun(int) { store.Counter{}.Run() }
func gaugeRun(int)   { store.Gauge{}.Run() }

//shift

// 113, 114: one generic function.

func firstOfNames(int)   { fmt.Println(parse.First([]string{})) }
func firstOfNumbers(int) { fmt.Println(parse.First([]int{})) }

//shift

// 115, 116: one helper that panics for others.

func mustPort(seed int)  { fmt.Println("port", mustNumber("p"+strconv.Itoa(seed))) }
func mustLimit(seed int) { fmt.Println("limit", mustNumber("l"+strconv.Itoa(seed))) }

//shift

// 117, 118: two bugs below one middleware.

func middlewareOne(seed int) { guard("one", func() { chargeCard(seed) }) }
func middlewareTwo(seed int) { guard("two", func() { sendMail(seed) }) }

func chargeCard(n int) { fmt.Println(make([]int, n)[n]) }
func sendMail(n int)   { fmt.Println(make([]int, n)[n+1]) }

//shift

// 119, 120: two deadlocks in one function.

func both(first, second *sync.Mutex) {
	first.Lock()
	fmt.Println("first")
	second.Lock()
	fmt.Println("second")
}

func lockFirst(int) {
	var a, b sync.Mutex
	a.Lock()
	both(&a, &b)
}

func lockSecond(int) {
	var a, b sync.Mutex
	b.Lock()
	both(&a, &b)
}

//shift

// 121, 122: two bounds of one type on one line.

func window(xs []int, from, to, at int) int {
	return xs[from:to][at]
}

func indexOfBoth(seed int) { window(make([]int, 10), 0, 5, 5+seed) }
func sliceOfBoth(seed int) { window(make([]int, 10), 0, 10+seed, 0) }

//shift

// 123, 124: functions of one name in two packages.

func parseHere(int)  { fmt.Println(store.Parse([]string{"a"})) }
func parseThere(int) { fmt.Println(parse.Parse([]string{"a"})) }

//shift

// 125, 126: two endless recursions through one function.

type tree struct{ left, right *tree }

func (t *tree) walk(left bool) int {
	if left {
		return t.walkLeft() + 1
	}
	return t.walkRight() + 1
}

func (t *tree) walkLeft() int  { return t.left.walk(true) * 2 }
func (t *tree) walkRight() int { return t.right.walk(false) * 3 }

func walkLeft(int)  { t := &tree{}; t.left = t; fmt.Println(t.walk(true)) }
func walkRight(int) { t := &tree{}; t.right = t; fmt.Println(t.walk(false)) }

//shift

// 127, 128: one function of somebody else's.

func decodeHead(seed int) { fmt.Println(third.Decode(make([]byte, seed%3))) }
func decodeBody(seed int) { fmt.Println(1 + third.Decode(make([]byte, seed%3))) }

//shift

// 129, 130: two hangs in one function.

type link struct{ in, out chan int }

func (l *link) pump() {
	for {
		n := <-l.in
		l.out <- n
	}
}

func hangReader(seed int) {
	for range seed {
		go (&link{make(chan int), make(chan int)}).pump()
	}
	hang()
}

func hangWriter(seed int) {
	for range seed {
		l := &link{make(chan int, 1), make(chan int)}
		l.in <- 1
		go l.pump()
	}
	hang()
}

//shift

// 131, 132: two callbacks of one standard function in one function.

func order(byName bool) {
	xs := []*config{{}, {}}
	if byName {
		sort.Slice(xs, func(i, j int) bool {
			return *xs[i].name < *xs[j].name
		})
	}
	sort.Slice(xs, func(i, j int) bool {
		return *xs[i].inner.name < *xs[j].inner.name
	})
}

func lessOne(int) { order(true) }
func lessTwo(int) { order(false) }

//shift

// 133, 134: two goroutines of one function, alike to the line.

func spawn(first bool) {
	if first {
		go func() {
			var c *config
			fmt.Println(*c.name)
		}()
		time.Sleep(time.Minute)
	}
	go func() {
		var c *config
		fmt.Println(*c.name)
	}()
	time.Sleep(time.Minute)
}

func goOne(int) { spawn(true) }
func goTwo(int) { spawn(false) }
