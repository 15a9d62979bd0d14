package main

import (
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

type node struct{ next *node }

func depth(n *node) int {
	if n == nil {
		return 0
	}
	return depth(n.next) + 1
}

func recursion(int) {
	n := &node{}
	n.next = n
	fmt.Println(depth(n))
}

//shift

func even(n int) bool {
	var room [100]int
	room[n&63] = n
	return odd(n+1) && room[n&31] == 0
}

func odd(n int) bool {
	return !even(n + 1)
}

func mutualRecursion(seed int) { fmt.Println(even(seed)) }

//shift

func mapWrites(int) {
	m := map[int]int{}
	for range 4 {
		go fill(m)
	}
	time.Sleep(time.Minute)
}

func fill(m map[int]int) {
	for i := 0; ; i++ {
		m[i&7] = i
	}
}

//shift

func unlockUnlocked(int) {
	var mu sync.Mutex
	leave(&mu)
}

func leave(mu *sync.Mutex) {
	mu.Unlock()
}

//shift

func wildPointer(seed int) {
	fmt.Println(peek(uintptr(0xdead0000 + seed*4096)))
}

func peek(addr uintptr) int {
	return *(*int)(*(*unsafe.Pointer)(unsafe.Pointer(&addr)))
}

//shift

func deadlockedChannel(seed int) {
	victim := make(chan int)
	for range seed {
		go collect(victim)
	}
	collect(victim)
}

func collect(c chan int) { fmt.Println(<-c) }

//shift

func deadlockedLocks(int) {
	var a, b sync.Mutex
	var wg sync.WaitGroup
	step := make(chan bool)
	wg.Add(2)
	go transfer(&a, &b, step, &wg)
	go audit(&b, &a, step, &wg)
	wg.Wait()
}

func transfer(from, to *sync.Mutex, step chan bool, wg *sync.WaitGroup) {
	defer wg.Done()
	from.Lock()
	step <- true
	to.Lock()
}

func audit(from, to *sync.Mutex, step chan bool, wg *sync.WaitGroup) {
	defer wg.Done()
	from.Lock()
	<-step
	to.Lock()
}

//shift

func deadlockedGroup(seed int) {
	var wg sync.WaitGroup
	results := make(chan int)
	for i := range seed {
		wg.Add(1)
		go func() {
			defer wg.Done()
			results <- i
		}()
	}
	wg.Wait()
	close(results)
}

//shift

func nilChannel(int) {
	var events chan int
	poll(events)
}

func poll(c chan int) {
	for range c {
		fmt.Println("event")
	}
}

//shift

func goexit(int) {
	go idle(make(chan int))
	runtime.Gosched()
	runtime.Goexit()
}

func idle(c chan int) { <-c }
