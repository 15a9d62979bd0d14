package main

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

	"example.com/crashers/store"
)

// hang waits until the others wait, and ends the process as a watchdog would.
func hang() {
	time.Sleep(50 * time.Millisecond)
	syscall.Kill(os.Getpid(), syscall.SIGQUIT)
	time.Sleep(time.Minute)
}

func hangingLock(seed int) {
	s := store.New(1)
	s.Lock()
	for range seed {
		go updateItem(s)
	}
	hang()
}

func updateItem(s *store.Store) {
	s.Lock()
	defer s.Unlock()
	fmt.Println(s.Name(0))
}

//shift

func hangingSend(seed int) {
	results := make(chan int)
	for i := range 10 * seed {
		go produce(results, i)
	}
	go tick()
	hang()
}

func produce(c chan int, n int) { c <- n }

func tick() {
	for {
		time.Sleep(time.Hour)
	}
}

//shift

type queue struct {
	mu    sync.Mutex
	ready *sync.Cond
	items []int
}

func (q *queue) take() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.items) == 0 {
		q.ready.Wait()
	}
	return q.items[0]
}

func hangingCond(seed int) {
	q := &queue{}
	q.ready = sync.NewCond(&q.mu)
	for range seed {
		go func() { fmt.Println(q.take()) }()
	}
	hang()
}
