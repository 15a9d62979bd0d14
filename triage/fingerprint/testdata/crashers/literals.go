package main

import (
	"encoding/json"
	"fmt"
	"iter"
	"reflect"
	"sort"
	"sync"
	"time"

	"example.com/crashers/parse"
	"example.com/ours"
	"example.com/third"
)

func lazy(p *int) func() int {
	return func() int { return *p }
}

func literal(seed int) {
	_ = func() int { return seed }
	fmt.Println(lazy(nil)())
}

//shift

func genericLiteral(seed int) {
	var s parse.Stack[string]
	for range seed {
		s.Push("x")
		s.Pop()
	}
	fmt.Println(s.Later()())
}

//shift

// generic dies of one bug, whatever the type.
func generic(seed int) {
	if seed%2 == 0 {
		fmt.Println(head([]string{}))
		return
	}
	fmt.Println(head([]int{}))
}

func head[T any](xs []T) T {
	victim := xs[:0]
	return victim[0]
}

//shift

func sortCallback(seed int) {
	xs := []*config{{}, {}, {}, {}}
	sort.Slice(xs, func(i, j int) bool {
		return *xs[i].name < *xs[j].name
	})
	fmt.Println(xs, seed)
}

//shift

var once sync.Once

func onceCallback(seed int) {
	once.Do(func() {
		setup(nil, seed)
	})
}

func setup(m map[int]bool, n int) {
	m[n] = true
}

//shift

func goLiteral(seed int) {
	done := make(chan int)
	go func(p *config) {
		done <- len(*p.name) + seed
	}(nil)
	<-done
}

//shift

type worker struct {
	jobs chan int
	last *int
}

func (w *worker) loop() {
	func() {
		for n := range w.jobs {
			*w.last = n
		}
	}()
}

func goMethod(seed int) {
	w := &worker{jobs: make(chan int)}
	go w.loop()
	w.jobs <- seed
	time.Sleep(time.Minute)
}

//shift

func thirdParty(seed int) {
	fmt.Println(readPacket(make([]byte, 1+seed%2)))
}

func readPacket(b []byte) int {
	return third.Decode(b) + 1
}

//shift

func thirdPartyCallback(seed int) {
	var totals []int
	third.Each(seed, func(i int) {
		totals[i] += i
	})
}

//shift

func thirdPartyLiteral(seed int) {
	fmt.Println(evaluate(seed))
}

func evaluate(seed int) int {
	return third.Lazy(nil)() + seed
}

//shift

func replacedModule(seed int) {
	fmt.Println((&ours.Account{}).Charge(seed))
}

//shift

func numbers(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

func rangeOverFunc(seed int) {
	var names []string
	for i := range numbers(seed) {
		fmt.Println(names[i])
	}
}

//shift

type hooks struct{ onDone func(int) }

func (h *hooks) done(n int) { h.onDone(n) }

func nilFunc(seed int) {
	(&hooks{}).done(seed)
}

//shift

type point struct{ x, y *int }

func (p point) sum() int { return *p.x + *p.y }

func nilReceiver(seed int) {
	var p *point
	if seed < 0 {
		p = &point{}
	}
	var s interface{ sum() int } = p
	fmt.Println(s.sum())
}

//shift

func methodValue(int) {
	f := point{}.sum
	call(f)
}

func call(f func() int) { fmt.Println(f()) }

//shift

type base struct{ name *string }

func (b *base) label() string { return "label " + *b.name }

type derived struct{ *base }

func promoted(int) {
	var l interface{ label() string } = derived{&base{}}
	fmt.Println(l.label())
}

//shift

type logger interface{ log(string) }

type service struct{ logger }

func embeddedInterface(seed int) {
	serve(service{}, seed)
}

func serve(l logger, n int) {
	l.log(fmt.Sprint(n))
}

//shift

var parseLevel = func(s string) int {
	return int(s[len(s)-9])
}

func packageLiteral(int) {
	fmt.Println(parseLevel("level"))
}

//shift

func (c *config) Handle(n int) { fmt.Println(*c.name, n) }

func reflected(seed int) {
	reflect.ValueOf(&config{}).MethodByName("Handle").Call([]reflect.Value{reflect.ValueOf(seed)})
}

//shift

type amount struct{ cents *int }

func (a amount) MarshalJSON() ([]byte, error) {
	return fmt.Append(nil, *a.cents), nil
}

func marshaler(int) {
	b, err := json.Marshal(map[string]any{"total": amount{}})
	fmt.Println(string(b), err)
}

//shift

func timerCallback(seed int) {
	var expired map[int]bool
	time.AfterFunc(time.Millisecond, func() {
		expired[seed] = true
	})
	time.Sleep(time.Minute)
}

//shift

func inlinedChain(seed int) {
	fmt.Println(outer(make([]int, seed), seed))
}

func outer(xs []int, n int) int  { return middle(xs, n) + 1 }
func middle(xs []int, n int) int { return inner(xs, n) * 2 }
func inner(xs []int, n int) int  { return xs[n] }

//shift

func nestedLiterals(seed int) {
	func() {
		func() {
			_ = seed
			func() {
				var p *config
				fmt.Println(*p.name)
			}()
		}()
	}()
}
