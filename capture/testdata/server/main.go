// Command server is a program that is captured while it runs: some goroutines
// wait, two are busy, one reads the clock, and it answers what it is asked on
// its standard input.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"time"
)

var (
	turns    atomic.Uint64
	handlers atomic.Int64
	now      atomic.Int64
)

// wait parks with something to be found in the core.
//
//go:noinline
func wait(number int, jobs chan int) {
	order := fmt.Sprintf("order-%d", number)
	handlers.Add(1)
	total := <-jobs
	fmt.Println(order, total)
	runtime.KeepAlive(order)
}

func spin() {
	for {
		turns.Add(1)
	}
}

// clock is mostly in the code that the kernel shares with each process.
//
//go:noinline
func clock() {
	for {
		now.Store(time.Now().UnixNano())
	}
}

func main() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		panic(err)
	}
	jobs := make(chan int)
	for i := range n {
		go wait(i, jobs)
	}
	go spin()
	go spin()
	go clock()
	for handlers.Load() < int64(n) {
		time.Sleep(time.Millisecond)
	}
	ballast := make([]byte, 1<<20)
	for i := range ballast {
		ballast[i] = byte(i * i >> 3)
	}
	fmt.Println("ready")
	in := bufio.NewScanner(os.Stdin)
	for in.Scan() {
		switch in.Text() {
		case "ping":
			fmt.Println("pong", turns.Load())
		case "stacks":
			b := make([]byte, 64<<20)
			fmt.Printf("%s\nEND\n", b[:runtime.Stack(b, true)])
		}
	}
	runtime.KeepAlive(ballast)
}
